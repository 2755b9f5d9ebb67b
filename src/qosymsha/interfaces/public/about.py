"""Pages about the service: where families get help, open figures, accessibility, the design language, no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.casework import queries as casework
from qosymsha.domain.figures.queries import stored
from qosymsha.domain.insights.queries import openness, standing
from qosymsha.interfaces.ui import families
from qosymsha.interfaces.ui.doors import context, public_page

RULES = ("absent", "flagged")


@public_page
def points(request: HttpRequest) -> HttpResponse:
    """`/{language}/points/`: every consultation point with its district, address and days, as far as they are known."""
    found = [(point, [f"day.{day}" for day in point.days]) for point in casework.points()]
    return render(request, "public/points.html", context(request) | {"places": found})


@dataclass(frozen=True, slots=True)
class Fair:
    """A kind of family: children, and in words how many each rule hit; "" where fewer than ten were in all."""

    name: str
    children: int
    absent: str
    flagged: str


@public_page
def open_figures(request: HttpRequest) -> HttpResponse:
    """`/{language}/open/`: money by line and month, vouchers, words, whom the rules hit: as counted last; roots now."""
    ready = context(request)
    found = stored.open_figures()
    looks = [one for one in standing.standings() if one.is_green is not None]
    words: dict[str, object] = {
        "roots": openness.roots(),
        "checked": len(looks),
        "green": sum(one.is_green is True for one in looks),
    }
    if found is not None:
        at, content = found
        words |= _open_words(content, str(ready["language"])) | {"at": at, "year": content["year"]}
    return render(request, "public/open.html", ready | words)


def _open_words(content: Mapping[str, Any], language: str) -> dict[str, object]:
    said = content["words"]
    return {
        "lines": [(line, f"kind.{line['kind']}") for line in content["lines"]],
        "months": [
            (month, f"kind.{month['kind']}", date.fromisoformat(month["month"]) if month["month"] else None)
            for month in content["months"]
        ],
        "vouchers": content["vouchers"],
        "said": said,
        "officer_share": _percent(said["officer"], said["rows"], language),
        "shares": [
            Fair(families.name_of(row, language), row["children"], *(_hit(row, rule, language) for rule in RULES))
            for row in content["equity"]
        ],
    }


def _hit(row: Mapping[str, Any], rule: str, language: str) -> str:
    return "" if row[rule] is None else f"{row[rule]} ({_percent(row[rule], row['children'], language)})"


def _percent(part: int, whole: int, language: str) -> str:
    """A share in percent with one decimal."""
    text = f"{100 * part / whole:.1f}" if whole else "0"
    return f"{text if language == 'en' else text.replace('.', ',')}\u00a0%"


@public_page
def accessibility(request: HttpRequest) -> HttpResponse:
    """`/{language}/accessibility/`: what works, how it is checked, what is missing."""
    return render(request, "public/accessibility.html", context(request))


@public_page
def design(request: HttpRequest) -> HttpResponse:
    """`/{language}/design/`: the components with their states, as they are in use."""
    colours = ("paper", "card", "ink", "soft", "line", "deep", "sun", "tint", "good", "bad", "focus")
    return render(request, "public/design.html", context(request) | {"colours": colours})


@public_page
def offline(request: HttpRequest) -> HttpResponse:
    """`/{language}/offline/`: what to do without a network; asks the database nothing, so that it may be kept."""
    return render(request, "public/offline.html", context(request))

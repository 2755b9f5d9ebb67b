"""The text of a contract: templates by name, their hash, and the words that facts make of them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from qosymsha.kernel.canonical import digest
from qosymsha.kernel.money import Money

LANGUAGES = ("kk", "ru")  # a contract is written in both; English speakers read a summary on the page


@dataclass(frozen=True, slots=True)
class Article:
    """An article of a contract: its heading, its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


@cache
def template(name: str) -> dict[str, Any]:
    """The template of a rule set's name: `<language>` → title, articles, words."""
    text = files("qosymsha.domain.agreements").joinpath("data", f"{name}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def template_hash(name: str) -> bytes:
    """SHA-256 of the template's canonical form."""
    return digest(template(name))


def title(name: str, language: str) -> str:
    """The contract's title."""
    return str(template(name)[language]["title"])


def articles(name: str, language: str, content: Mapping[str, Any]) -> list[Article]:
    """The whole text, filled with the facts that were signed."""
    words = template(name)[language]
    facts = _facts(words, language, content)
    return [
        Article(heading, tuple(paragraph.format(**facts) for paragraph in paragraphs))
        for heading, paragraphs in words["articles"]
    ]


def _facts(words: Mapping[str, Any], language: str, content: Mapping[str, Any]) -> dict[str, str]:
    group, unit = content["group"], content["unit_tariff_tiyn"]
    amount = content["charge_tiyn"]
    charge = words["charge"].format(amount=Money(amount)) if amount else words["charge_none"]
    papers = [words["papers"][code] for code in content["papers"]]
    return {
        "provider": content["provider"]["name"],
        "activity": group[f"activity_{language}"],
        "group": group["code"],
        "programme": content["programme"][language],
        "voucher": content["voucher"],
        "address": group[f"address_{language}"],
        "hours": _hours(words["days"], group["hours"]),
        "language": words["languages"].get(group["language"], group["language"]),
        "starts_on": _day(content["starts_on"]),
        "until": _day(content["until"]) if content["until"] else words["open"],
        "unit": str(Money(unit)),
        "units": str(content["units_per_month"]),
        "month": str(Money(unit * content["units_per_month"])),
        "charge": charge,
        "refusal_days": str(content["refusal_days"]),
        "papers": ", ".join(papers) or words["no_papers"],
        "warn_after": str(content["warn_after"]),
        "release_after": str(content["release_after"]),
    }


def _hours(days: Sequence[str], hours: Sequence[Sequence[Any]]) -> str:
    return "; ".join(f"{days[weekday - 1]} {starts}–{ends}" for weekday, starts, ends in hours) or "—"


def _day(text: str) -> str:
    return f"{date.fromisoformat(text):%d.%m.%Y}"

"""`/{language}/status/`: what the system checks about itself, and how it stands now. No row of anybody is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.insights.queries import standing
from qosymsha.domain.insights.queries.standing import Look, Standing
from qosymsha.domain.insights.rules import PROMISES, SUBJECTS, Span
from qosymsha.interfaces.ui.doors import context, public_page
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock

SILENT = timedelta(minutes=15)  # the minute's run may leave one out when the machine is busy


@dataclass(frozen=True, slots=True)
class Row:
    """One promise in the page's language: green, red or (None) not looked at yet; when, where not with the others."""

    words: str
    is_green: bool | None
    minute: str
    full: str


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The promises by what they are about; `silent_since` where the checks have not spoken for a while."""

    subjects: list[tuple[str, list[Row]]]
    green: int
    broken: list[Row]
    minute: str
    full: str
    silent_since: str


@public_page
def status(request: HttpRequest) -> HttpResponse:
    """The page; what it knows of the checks is one statement."""
    ready = context(request)
    return render(request, "public/status.html", ready | {"page": status_page(str(ready["language"]), clock.read())})


def status_page(language: str, at: datetime) -> StatusPage:
    """Every promise as it stands."""
    found = {one.invariant: one for one in standing.standings()}
    words = {promise.id: getattr(promise, language) for promise in PROMISES}
    minute, full = _last(list(found.values()), Span.MINUTE), _last(list(found.values()), Span.FULL)
    last = max((look for look in (minute, full) if look), default=None)
    rows = {i: _row(words[i], one, minute, full) for i, one in found.items()}
    return StatusPage(
        [(f"status.{name}", [rows[i] for i in ids]) for name, ids in SUBJECTS],
        sum(row.is_green is True for row in rows.values()),
        [row for row in rows.values() if row.is_green is False],
        moment(minute),
        moment(full),
        moment(last) if last and at - last > SILENT else "",
    )


def _row(words: str, one: Standing, minute: datetime | None, full: datetime | None) -> Row:
    return Row(words, one.is_green, _at(one.minute, minute), _at(one.full, full))


def _at(look: Look | None, usual: datetime | None) -> str:
    return moment(look.at) if look and look.at != usual else ""


def _last(found: list[Standing], span: Span) -> datetime | None:
    looks = (one.minute if span is Span.MINUTE else one.full for one in found)
    return max((look.at for look in looks if look), default=None)

"""The checks for those who run the house: what is red, in which rows, what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.translation import get_language

from qosymsha.domain.insights.queries import machine as machines
from qosymsha.domain.insights.queries import standing
from qosymsha.domain.insights.queries.standing import Look
from qosymsha.domain.insights.rules import PROMISES, SUBJECTS
from qosymsha.interfaces.office.access import Look as Page
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.interfaces.ui.templatetags.bell import ways_of

FIGURES: Mapping[str, Callable[[machines.Machine], str]] = {
    "jobs_waiting": lambda one: str(one.jobs_waiting),
    "news_unread": lambda one: str(one.news_unread),
    "events_unlinked": lambda one: str(one.events_unlinked),
    "connections": lambda one: f"{one.connections} / {one.connections_most}",
    "standbys": lambda one: str(one.standbys),
    "money_day": lambda one: f"{one.money_day:%d.%m.%Y}" if one.money_day else "—",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One promise: its last looks, and the key of what to do where it is red."""

    id: str
    words: str
    is_green: bool | None
    minute: Look | None
    full: Look | None
    advice: str

    @property
    def looks(self) -> list[tuple[str, Look]]:
        """Each look with the key of its name."""
        named = (("status.minute", self.minute), ("status.full", self.full))
        return [(key, look) for key, look in named if look]


@allowed(Page.CHECKS)
def checks(request: SignedRequest) -> HttpResponse:
    """What is wrong first, each with what to do: the machine's troubles, red promises; then all that was looked at."""
    found, words = {one.invariant: one for one in standing.standings()}, _words()
    rows = [
        Row(i, words[i], found[i].is_green, found[i].minute, found[i].full, f"office.checks.do.{subject}")
        for subject, ids in SUBJECTS
        for i in ids
    ]
    red = [row for row in rows if row.is_green is False]
    looked_at = max((look.at for one in found.values() for look in one.looks), default=None)
    stands = machines.machine()
    troubles = [(f"office.machine.{one}", f"office.machine.{one}.do") for one in machines.troubles(stands, looked_at)]
    sending, now = ways_of(request), _now(stands)
    return page(request, "office/checks.html", red=red, rows=rows, troubles=troubles, now=now, sending=sending)


def _now(stands: machines.Machine) -> list[tuple[str, str]]:
    """What the page says of the machine: the key of its words, its figure."""
    return [(f"office.machine.now.{name}", told(stands)) for name, told in FIGURES.items()]


def _words() -> dict[str, str]:
    language = get_language() or "kk"
    return {promise.id: getattr(promise, language) for promise in PROMISES}

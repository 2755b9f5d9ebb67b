"""The checks for those who run the house: what is red, in which rows, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.translation import get_language

from qosymsha.domain.insights.queries import standing
from qosymsha.domain.insights.queries.standing import Look
from qosymsha.domain.insights.rules import PROMISES, SUBJECTS
from qosymsha.interfaces.office.access import Look as Page
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page


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
    """Red ones first, each with its examples; then all of them with what they took."""
    found, words = {one.invariant: one for one in standing.standings()}, _words()
    rows = [
        Row(i, words[i], found[i].is_green, found[i].minute, found[i].full, f"office.checks.do.{subject}")
        for subject, ids in SUBJECTS
        for i in ids
    ]
    red = [row for row in rows if row.is_green is False]
    return page(request, "office/checks.html", red=red, rows=rows)


def _words() -> dict[str, str]:
    language = get_language() or "kk"
    return {promise.id: getattr(promise, language) for promise in PROMISES}

"""What the office's pages share: filters of a queue, things chosen by an address, refusals of a batch in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from uuid import UUID

from django.http import Http404

from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.interfaces.ui.stretches import STRETCH, Stretch
from qosymsha.kernel.errors import RowOutcome

__all__ = [
    "MOST_CHOSEN",
    "Refusal",
    "Stretch",
    "Task",
    "by_number",
    "choice",
    "chosen_uuids",
    "month_filter",
    "refusals",
    "title",
]
MOST_CHOSEN = STRETCH  # as many as a page shows


@dataclass(frozen=True, slots=True)
class Refusal:
    """A thing of a batch that was not done, and why, in the reader's language."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Task:
    """What waits: `key` says it with `n`, `address` leads there; since when, over how much money, due when."""

    key: str
    n: int
    address: str
    query: str = ""
    oldest: date | datetime | None = None
    tiyn: int | None = None
    is_mine: bool = False
    due: date | None = None


def month_filter(request: SignedRequest) -> date | None:
    """The month of `?m=YYYY-MM`, or None.

    Raises:
        Http404: it is no month.
    """
    asked = request.GET.get("m", "").strip()
    try:
        return date.fromisoformat(f"{asked}-01") if asked else None
    except ValueError:
        raise Http404 from None


def choice(request: SignedRequest, name: str, of: Sequence[str], default: str = "") -> str:
    """The value of a filter, one of these; another is as good as none."""
    asked = request.GET.get(name, default)
    return asked if asked in of else default


def chosen_uuids(request: SignedRequest, name: str) -> list[UUID]:
    """The things that an address names by `?name=`, in the order given, each once.

    Raises:
        Http404: one is no outside id, or there are too many.
    """
    try:
        found = [UUID(text) for text in dict.fromkeys(request.GET.getlist(name))]
    except ValueError:
        raise Http404 from None
    if len(found) > MOST_CHOSEN:
        raise Http404
    return found


def refusals(request: SignedRequest, outcomes: Sequence[RowOutcome], name_of: Callable[[int], str]) -> list[Refusal]:
    """The refused rows of a batch, each by its name."""
    return [
        Refusal(name_of(outcome.row), texts.refusal(request.language, outcome.reason.value))
        for outcome in outcomes
        if outcome.reason is not None
    ]


def by_number(names: Sequence[str]) -> Callable[[int], str]:
    """The name of a batch's row."""
    return lambda row: names[row] if row < len(names) else ""


@cache
def _activities() -> Mapping[str, classifiers.ActivityRow]:
    return {row.code: row for row in classifiers.activities()}


def title(activity: str, language: str) -> str:
    """What a group is about, in the page's language; a direction outside the classifier is called by its code."""
    row = _activities().get(activity)
    return getattr(row, f"name_{language}", "") or activity

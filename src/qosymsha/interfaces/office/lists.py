"""What the office's pages share: filters of a queue, things chosen by an address, refusals of a batch in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import TypeVar
from uuid import UUID

from django.http import Http404

from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.kernel.errors import RowOutcome

T = TypeVar("T")
MOST_CHOSEN = 100
STRETCH = 100  # rows of a long list on one page: as many as a step may take at once
DIGITS = 7  # of the number of rows passed over: nobody turns to the millionth by hand


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a long list: `after` so many rows, at most `most`; rows `first` to `last` of `total` are shown.

    `address`: the question as it was asked, without the number of rows passed over.   total: 0 where nobody counted.
    """

    after: int
    address: str
    last: int = 0
    total: int = 0
    has_more: bool = False
    most: int = STRETCH

    @staticmethod
    def asked(request: SignedRequest) -> Stretch:
        """What `?after=` asks for; what is no number of rows is the beginning."""
        said, asked = request.GET.get("after", ""), request.GET.copy()
        asked.pop("after", None)
        is_number = said.isascii() and said.isdigit() and len(said) < DIGITS
        return Stretch(int(said) if is_number else 0, f"?{asked.urlencode()}")

    def counted(self, rows: int, total: int) -> Stretch:
        """The same with what was found: so many rows here, so many in all."""
        last = self.after + rows
        return replace(self, last=last, total=total, has_more=bool(rows) and last < total)

    def cut(self, found: list[T]) -> tuple[list[T], Stretch]:
        """The rows to show of a question asked for one row more than that, and the same with what was found."""
        shown = found[: self.most]
        return shown, replace(self, last=self.after + len(shown), has_more=len(found) > self.most)

    @property
    def one_more(self) -> int:
        """How many rows to ask for where nobody counts them all."""
        return self.most + 1

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return self.after + 1

    @property
    def following(self) -> str:
        """The address of the next stretch; blank at the end."""
        return f"{self.address}&after={self.last}" if self.has_more else ""

    @property
    def before(self) -> str:
        """The address of the stretch before; blank at the beginning."""
        return f"{self.address}&after={max(0, self.after - self.most)}" if self.after else ""


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

"""Long lists a stretch at a time, in every door: so many rows, what is before them, what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from qosymsha.interfaces.ui.signed import SignedRequest

T = TypeVar("T")
STRETCH = 100  # rows of a long list on one page: as many as a step may take at once
DIGITS = 7  # of the number of rows passed over: nobody turns to the millionth by hand


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

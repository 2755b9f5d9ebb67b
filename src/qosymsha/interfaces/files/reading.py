"""A roster's rows while they are read: values field by field, faults by row and column, what became of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from qosymsha.interfaces.files.columns import Column, Matched
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.rosters import Row

V = TypeVar("V")
D = TypeVar("D")


class Verdict(StrEnum):
    """What became of a row."""

    ADDED = "added"
    CHANGED = "changed"
    THERE = "already there"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell that could not be taken, or (as a remark) one that was taken with a change."""

    row: int
    column: str
    code: str
    advice: str


class Reading:
    """A row while it is read: values are taken field by field, faults and remarks gather."""

    def __init__(self, row: Row, matched: Matched, layout: Sequence[Column]) -> None:
        self.number = row.number
        self.faults = [Fault(row.number, fault.column, fault.code, fault.advice) for fault in row.faults]
        self.remarks: list[Fault] = []
        self._cells, self._matched = row.cells, matched
        self._required = {column.name for column in layout if column.is_required}

    def value(self, field_name: str, parse: Callable[[str], V]) -> V | None:
        """The field's value; None where it is blank, or faulty (told). A blank in a required column is a fault."""
        text = self._cells.get(self._matched.headers.get(field_name, ""), "")
        if not text:
            if field_name in self._required:
                self.fault(field_name, "empty", "must not be empty")
            return None
        try:
            return parse(text)
        except CellError as error:
            self.fault(field_name, error.code, error.advice)
            return None

    def text(self, field_name: str) -> str:
        """The field's text, blank where there is none."""
        return self.value(field_name, str) or ""

    def fault(self, field_name: str, code: str, advice: str) -> None:
        """Refuse the row for this field, in the file's own header; a formula there was told already."""
        header = self._matched.header(field_name)
        if not any(fault.column == header for fault in self.faults):
            self.faults.append(Fault(self.number, header, code, advice))

    def remark(self, field_name: str, code: str, advice: str) -> None:
        """Tell of a field that was taken with a change."""
        self.remarks.append(Fault(self.number, self._matched.header(field_name), code, advice))


@dataclass(slots=True)
class Taken(Generic[D]):
    """A row that could be read, on its way through a loader, which sets the verdict and adds faults."""

    reading: Reading
    draft: D
    verdict: Verdict = field(default=Verdict.ADDED)

    def refuse(self, field_name: str, code: str, advice: str) -> None:
        """The row is refused for this field."""
        self.verdict = Verdict.REFUSED
        self.reading.fault(field_name, code, advice)


class Loader(Protocol[D]):
    """What a roster needs beyond reading."""

    @property
    def name(self) -> str:
        """The roster's name."""
        ...

    @property
    def layout(self) -> Sequence[Column]:
        """Its columns."""
        ...

    @property
    def notes(self) -> list[str]:
        """What the report says beside the counts."""
        ...

    def read(self, reading: Reading) -> D | None:
        """The row as the room takes it; None, with faults told, where it can't be read."""
        ...

    def sort_out(self, batch: list[Taken[D]]) -> None:
        """Compare with what is stored and set verdicts: added, changed, already there, or refused. Stores nothing."""
        ...

    def store(self, batch: list[Taken[D]]) -> None:
        """Have the rooms' commands take the rows; the verdict of a row they refuse becomes refused."""
        ...


def take(loader: Loader[D], readings: Sequence[Reading], *, is_check: bool = False) -> list[Taken[D]]:
    """Have a loader read, judge and, unless it is a check, store rows; what it could read, each with its verdict."""
    batch: list[Taken[D]] = []
    for reading in readings:
        draft = loader.read(reading)
        if draft is not None and not reading.faults:
            batch.append(Taken(reading, draft))
    loader.sort_out(batch)
    fresh = [taken for taken in batch if taken.verdict in (Verdict.ADDED, Verdict.CHANGED)]
    if fresh and not is_check:
        loader.store(fresh)
    return batch

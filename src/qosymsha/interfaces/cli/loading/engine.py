"""Reads a roster in batches and has a loader take each: every batch is a transaction of its own, so a killed import has
loaded whole batches and is run again from the start: what is there already is recognised and left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from django.db import connection

from qosymsha.interfaces.cli.loading.report import Fault, Report, Verdict
from qosymsha.interfaces.cli.out import progress, remark
from qosymsha.interfaces.files.columns import Column, Matched, match
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.rosters import Row, read_roster

BATCH = 1_000
V = TypeVar("V")
D = TypeVar("D")
_LOCK_SPACE = 0x71F0  # any fixed number: keeps imports' session locks apart from others


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


def load(loader: Loader[D], path: Path, *, is_check: bool = False) -> Report:
    """Read the roster and load it batch by batch (or, with `is_check`, only say what would happen).

    Raises:
        BadInput: the file is no roster, or required columns are missing; nothing is stored then.
    """
    roster = read_roster(path)
    matched = match(roster.columns, loader.layout)
    report = Report(loader.name, roster.read_as, is_check, matched.unknown, loader.notes)
    rows = roster.rows
    with _alone(loader.name), progress() as bar:
        task = bar.add_task(f"{loader.name} from {path.name}", total=None)
        while batch := list(islice(rows, BATCH)):
            _take(loader, [Reading(row, matched, loader.layout) for row in batch], report)
            bar.update(task, advance=len(batch))
    return report


def _take(loader: Loader[D], readings: list[Reading], report: Report) -> None:
    batch: list[Taken[D]] = []
    for reading in readings:
        draft = loader.read(reading)
        if draft is not None and not reading.faults:
            batch.append(Taken(reading, draft))
    loader.sort_out(batch)
    fresh = [taken for taken in batch if taken.verdict in (Verdict.ADDED, Verdict.CHANGED)]
    if fresh and not report.is_check:
        loader.store(fresh)
    report.counts.update(taken.verdict.value for taken in batch)
    report.counts[Verdict.REFUSED] += len(readings) - len(batch)
    for reading in readings:
        report.faults += reading.faults
        if not reading.faults:
            for told in reading.remarks:
                report.remark(told)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two imports of one kind go one after the other: the second then finds what the first has stored."""
    key = sum(map(ord, name))
    with connection.cursor() as cursor:
        for attempt in range(7_200):
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, key])
            if cursor.fetchone()[0]:
                break
            if attempt == 0:
                remark(f"another import of {name} is running: waiting for it")
            time.sleep(0.5)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_SPACE, key])

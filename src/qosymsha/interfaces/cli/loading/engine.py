"""Reads a roster in batches and has a loader take each: every batch is a transaction of its own, so a killed import has
loaded whole batches and is run again from the start: what is there already is recognised and left alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.db import connection

from qosymsha.interfaces.cli.loading.report import Report
from qosymsha.interfaces.cli.out import progress, remark
from qosymsha.interfaces.files.columns import match
from qosymsha.interfaces.files.reading import Loader, Reading, Verdict, take
from qosymsha.interfaces.files.rosters import read_roster

BATCH = 1_000
D = TypeVar("D")
_LOCK_SPACE = 0x71F0  # any fixed number: keeps imports' session locks apart from others


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
    batch = take(loader, readings, is_check=report.is_check)
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

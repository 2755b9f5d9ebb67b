"""What an import answers: counts, and every refused cell by row and column with what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qosymsha.interfaces.cli.out import table
from qosymsha.interfaces.files import exports
from qosymsha.interfaces.files.reading import Fault, Verdict

SHOWN = 20


@dataclass(slots=True)
class Report:
    """An import told. `remarks` counts cells taken with a change, by column and code, with the first row of each."""

    roster: str
    read_as: str
    is_check: bool = False
    unknown_columns: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    remarks: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    first_rows: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def remark(self, fault: Fault) -> None:
        """Count a cell that was taken with a change."""
        kind = (fault.column, fault.code, fault.advice)
        self.remarks[kind] += 1
        self.first_rows.setdefault(kind, fault.row)

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return sum(self.counts.values())

    def write(self, path: Path) -> None:
        """All faults as a table beside the roster: .csv or .xlsx."""
        rows = ((f.row, f.column, f.code, f.advice) for f in self.faults)
        exports.write(path, ("row", "column", "code", "what to do"), rows)

    def as_json(self) -> dict[str, Any]:
        """The report for machines, every fault in it."""
        return {
            "roster": self.roster,
            "read_as": self.read_as,
            "check": self.is_check,
            "rows": self.rows,
            **{verdict.name.lower(): self.counts[verdict] for verdict in Verdict},
            "unknown_columns": list(self.unknown_columns),
            "notes": self.notes,
            "faults": [{"row": f.row, "column": f.column, "code": f.code, "advice": f.advice} for f in self.faults],
            "remarks": [
                {"column": c, "code": code, "advice": advice, "cells": n, "first_row": self.first_rows[c, code, advice]}
                for (c, code, advice), n in self.remarks.items()
            ],
        }

    def as_text(self) -> list[str]:
        """The report for people: counts, then the first faults."""
        would = "would be " if self.is_check else ""
        lines = [f"{self.roster}: {self.rows:,} rows read ({self.read_as})"]
        lines += [f"  {would}{verdict.value}: {self.counts[verdict]:,}" for verdict in Verdict]
        if self.unknown_columns:
            lines.append(f"  columns not read: {', '.join(self.unknown_columns)}")
        lines += [f"  note: {note}" for note in self.notes]
        for (column, code, advice), count in self.remarks.items():
            first = self.first_rows[column, code, advice]
            lines.append(f"  remark: {column}: {advice} ({count:,} cells, the first in row {first})")
        if self.faults:
            shown = self.faults[:SHOWN]
            lines += table("Refused", ("row", "column", "what to do"), ((f.row, f.column, f.advice) for f in shown))
        if len(self.faults) > SHOWN:
            lines.append(f"… and {len(self.faults) - SHOWN:,} more; --report FILE.csv writes them all")
        return lines

"""What the two readers have in common: a record as it stands in the file, before anything is tidied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the table: its number as the spreadsheet shows it, its texts, and where a formula stands instead."""

    number: int
    cells: list[str]
    formulas: frozenset[int] = frozenset()

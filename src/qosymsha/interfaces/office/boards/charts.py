"""Bars as a page draws them: lengths in a thousandth of the longest, words beside them in HTML to stay readable.

Pure: numbers in, numbers out. A chart is a list of rows; each has a label, a value in words and pieces of one bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar: `shade` names its colour (a to f), x and width in thousandths."""

    shade: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart; `note` says its value in words, `mark` is where a line is drawn across (a target), or None."""

    label: str
    note: str
    pieces: tuple[Piece, ...]
    mark: int | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row before it is measured: values by shade, stacked; `mark` a value on the same scale."""

    label: str
    note: str
    values: Sequence[tuple[str, int]]
    mark: int | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title's key, its legend (shade, key) and its bars."""

    title: str
    legend: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...] = field(default=())


def chart(title: str, legend: Sequence[tuple[str, str]], rows: Sequence[Drawn], longest: int | None = None) -> Chart:
    """The rows on one scale: `longest` in full width, or the longest of them."""
    whole = longest or max((max(sum(max(0, v) for _, v in r.values), r.mark or 0) for r in rows), default=0)
    return Chart(title, tuple(legend), tuple(_bar(row, whole) for row in rows))


def _bar(row: Drawn, whole: int) -> Bar:
    """Each piece ends where the next begins, so that rounding leaves no gap."""
    pieces, passed = [], 0
    for shade, value in row.values:
        start = _scaled(passed, whole)
        passed += max(0, value)
        if (end := _scaled(passed, whole)) > start:
            pieces.append(Piece(shade, start, end - start))
    mark = None if row.mark is None else min(_scaled(row.mark, whole), WIDTH - 1)
    return Bar(row.label, row.note, tuple(pieces), mark)


def _scaled(value: int, whole: int) -> int:
    return min(WIDTH, value * WIDTH // whole) if whole > 0 else 0

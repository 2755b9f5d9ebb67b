"""What is written once about a round: the closed list, the outcomes, the cut-offs, positions that got worse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime

from django.db import connection

_LINES = "COPY choice_line (round_id, position, choice_list_id, line, leaf) FROM STDIN"
_OUTCOMES = "COPY choice_outcome (round_id, choice_list_id, number, group_id, wish) FROM STDIN"
_CUTOFFS = "COPY choice_cutoff (round_id, group_id, places, wished, taken, last_line_id) FROM STDIN"
_SETBACKS = "COPY choice_setback (round_id, choice_list_id, group_id, was, became, cause, because_of, at) FROM STDIN"


@dataclass(frozen=True, slots=True)
class LineRow:
    """One row of the closed list."""

    position: int
    list_id: int
    line: str
    leaf: bytes


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What the run gave a list; the fields are `models.ChoiceOutcome`'s."""

    list_id: int
    number: bytes
    group_id: int | None
    wish: int | None


@dataclass(frozen=True, slots=True)
class CutoffRow:
    """A group after the run; the fields are `models.ChoiceCutoff`'s."""

    group_id: int
    places: int
    wished: int
    taken: int
    last_line_id: bytes | None


@dataclass(frozen=True, slots=True)
class SetbackRow:
    """A position that got worse; the fields are `models.ChoiceSetback`'s."""

    list_id: int
    group_id: int
    was: int
    became: int
    cause: str
    because_of: list[int]
    at: datetime


Row = LineRow | OutcomeRow | CutoffRow | SetbackRow


def store_lines(round_id: int, rows: Iterable[LineRow]) -> None:
    """Append rows to the closed list."""
    _copy(_LINES, round_id, rows)


def store_outcomes(round_id: int, rows: Iterable[OutcomeRow]) -> None:
    """Append what a run gave."""
    _copy(_OUTCOMES, round_id, rows)


def store_cutoffs(round_id: int, rows: Iterable[CutoffRow]) -> None:
    """Append the groups as a run left them."""
    _copy(_CUTOFFS, round_id, rows)


def store_setbacks(round_id: int, rows: Iterable[SetbackRow]) -> None:
    """Append positions that got worse, with their cause."""
    _copy(_SETBACKS, round_id, rows)


def _copy(statement: str, round_id: int, rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((round_id, *astuple(row)))

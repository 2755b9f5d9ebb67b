"""What is written once about a round: the closed list, the outcomes, the groups' lists and cut-offs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from django.db import connection

_LINES = "COPY choice_line (round_id, position, choice_list_id, line, leaf) FROM STDIN"
_OUTCOMES = "COPY choice_outcome (round_id, choice_list_id, number, group_id, wish) FROM STDIN"
_CUTOFFS = "COPY choice_cutoff (round_id, group_id, places, reserved, wished, taken, last_line_id) FROM STDIN"
_ENTRIES = "COPY choice_entry (round_id, group_id, place, choice_list_id, wish) FROM STDIN"


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
    reserved: int
    wished: int
    taken: int
    last_line_id: bytes | None


Row = LineRow | OutcomeRow | CutoffRow


def store_lines(round_id: int, rows: Iterable[LineRow]) -> None:
    """Append rows to the closed list."""
    _copy(_LINES, round_id, rows)


def store_outcomes(round_id: int, rows: Iterable[OutcomeRow]) -> None:
    """Append what a run gave."""
    _copy(_OUTCOMES, round_id, rows)


def store_cutoffs(round_id: int, rows: Iterable[CutoffRow]) -> None:
    """Append the groups as a run left them."""
    _copy(_CUTOFFS, round_id, rows)


def store_entries(round_id: int, chunks: Iterable[Iterable[tuple[int, int, int, int]]]) -> None:
    """Append the groups' lists: (group, place on its list, list, rank of the wish), six or seven rows a child."""
    with connection.cursor() as cursor, cursor.copy(_ENTRIES) as copy:
        for chunk in chunks:
            copy.write("".join(f"{round_id}\t{g}\t{place}\t{i}\t{wish}\n" for g, place, i, wish in chunk))


def _copy(statement: str, round_id: int, rows: Iterable[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((round_id, *astuple(row)))

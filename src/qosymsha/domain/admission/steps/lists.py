"""The two lists of a round that are written once: the closed list and the outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

_FROZEN = "COPY frozen_line (round_id, position, application_id, line, leaf) FROM STDIN"
_OUTCOMES = """
COPY outcome (application_id, round_id, segment, number, iteration, turn, rank, waiting_rank, result, how) FROM STDIN"""


def check_now() -> None:
    """Let the keys judge what the transaction has written so far; what it writes after that they judge later again.

    Otherwise all of a round is judged by its commit: a quarter of the time of half a million rows, in which nobody sees
    how far it is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """One row of the closed list."""

    position: int
    application_id: int
    line: str
    leaf: bytes


def freeze(round_id: int, rows: Sequence[FrozenRow]) -> None:
    """Append rows to the closed list."""
    with connection.cursor() as cursor, cursor.copy(_FROZEN) as copy:
        for row in rows:
            copy.write_row((round_id, row.position, row.application_id, row.line, row.leaf))


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What the run found for one application; the fields are `models.Outcome`'s."""

    application_id: int
    segment: str
    number: bytes
    iteration: int | None
    turn: int
    rank: int
    waiting_rank: int | None
    how: str

    @property
    def result(self) -> str:
        """`waiting` where it has a rank on the waiting list, else `granted`."""
        return "waiting" if self.waiting_rank else "granted"


def store_outcomes(round_id: int, rows: Sequence[OutcomeRow]) -> None:
    """Append what a run found."""
    with connection.cursor() as cursor, cursor.copy(_OUTCOMES) as copy:
        for row in rows:
            copy.write_row(
                (
                    row.application_id,
                    round_id,
                    row.segment,
                    row.number,
                    row.iteration,
                    row.turn,
                    row.rank,
                    row.waiting_rank,
                    row.result,
                    row.how,
                )
            )

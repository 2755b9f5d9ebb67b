"""What everybody sees first: a few counts and the rounds to show. A constant cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

_FIGURES = """
SELECT (SELECT count(*) FROM voucher WHERE state <> 'closed'),
       (SELECT count(*) FROM enrolment WHERE state IN ('contracted', 'active')),
       (SELECT count(*) FROM application WHERE state = 'waiting')"""
_FIRST_ROUND = "SELECT r.number, r.state, r.opens_at, r.closes_at FROM admission_round r WHERE r.state = ANY (%s)"
_COMING, _PAST = ["planned", "open"], ["closed", "drawn", "allocated", "published", "cancelled"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Children now: with a live voucher, in a group, on the waiting list; over all programmes."""

    funded: int
    in_groups: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RoundHead:
    """A round by its human number, with its intake window."""

    number: str
    state: str
    opens_at: datetime
    closes_at: datetime


def figures() -> Figures:
    """The counts, in one statement."""
    return Figures(*_rows(_FIGURES, [])[0])


def coming_round() -> RoundHead | None:
    """The round families can file in now, or else the next one planned."""
    return _first(f"{_FIRST_ROUND} ORDER BY r.state, r.opens_at LIMIT 1", _COMING)  # `open` stands before `planned`


def past_round() -> RoundHead | None:
    """The round whose window ended last: its root is known, perhaps its seed and outcome too; or it was cancelled."""
    return _first(f"{_FIRST_ROUND} ORDER BY r.closes_at DESC, r.id DESC LIMIT 1", _PAST)


def _first(statement: str, states: list[str]) -> RoundHead | None:
    found = _rows(statement, [states])
    return RoundHead(*found[0]) if found else None


def _rows(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())

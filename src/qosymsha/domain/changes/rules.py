"""What a change of a running group may be, and what becomes of the lessons planned already. Pure.

Source: docs/rules/providers.md R-30 … R-34.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.attendance.states import SessionState


class ChangeRefusal(StrEnum):
    """Why a running group stays as it is."""

    TOO_SOON = "change_too_soon"
    AFTER_THE_END = "change_after_the_end"
    MONTH_SENT = "change_month_sent"
    BELOW_TAKEN = "below_taken"
    HALL_LATER = "change_before_the_hall"
    HALL_SAME = "hall_is_the_same"
    HALL_UNKNOWN = "hall_unknown"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lesson of the wished timetable on a day."""

    on: date
    starts_at: datetime
    ends_at: datetime
    teacher_id: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of planned lessons: `handed` get another teacher, `cancelled` do not take place, `made` are new."""

    handed: tuple[tuple[SessionFacts, int], ...]
    cancelled: tuple[SessionFacts, ...]
    made: tuple[Wanted, ...]


def refuse_day(first: date, today: date, last: date | None, left: Collection[date]) -> ChangeRefusal | None:
    """A timetable changes tomorrow at the earliest, within the group's days, in months whose sheet has not left."""
    if first <= today:
        return ChangeRefusal.TOO_SOON
    if last is not None and first > last:
        return ChangeRefusal.AFTER_THE_END
    return ChangeRefusal.MONTH_SENT if any(month >= first.replace(day=1) for month in left) else None


def fate_of(standing: Sequence[SessionFacts], kept: Collection[int], wanted: Sequence[Wanted]) -> Fate:
    """Compare what stands from the day on with what is wished.

    A lesson at the same hours stays, with the wished teacher; one that is wished no more is cancelled; `kept` (ids)
    stand where somebody moved them and stay. What was cancelled, moved or held before is left alone, and no second
    lesson is made at its hour.
    """
    by_hours = {(w.starts_at, w.ends_at): w for w in wanted}
    planned = [s for s in standing if s.state == SessionState.PLANNED and s.id not in kept]
    same = [s for s in planned if (s.starts_at, s.ends_at) in by_hours]
    gone = tuple(s for s in planned if (s.starts_at, s.ends_at) not in by_hours)
    handed = tuple((s, by_hours[s.starts_at, s.ends_at].teacher_id) for s in same)
    left_out = {s.id for s in gone}
    taken = {s.starts_at for s in standing if s.id not in left_out}
    made = tuple(w for w in wanted if w.starts_at not in taken)
    return Fate(tuple((s, t) for s, t in handed if t != s.teacher_id), gone, made)

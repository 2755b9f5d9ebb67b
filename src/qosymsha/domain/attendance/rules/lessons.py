"""What may be marked: pure. Source: docs/rules/attendance.md."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.attendance.states import MarkValue, SessionState


class AttendanceRefusal(StrEnum):
    """Why a row of a batch is refused (R-1 … R-14)."""

    UNKNOWN_SESSION = "unknown_session"
    NOT_YOUR_LESSON = "not_your_lesson"
    UNKNOWN_VALUE = "unknown_value"
    NOT_ENROLLED = "not_enrolled"
    LESSON_CANCELLED = "lesson_cancelled"
    LESSON_MOVED = "lesson_moved"
    FUTURE_LESSON = "future_lesson"
    SHEET_SENT = "sheet_sent"
    DUPLICATE = "duplicate"
    WRONG_STATE = "wrong_state"
    LESSONS_TO_COME = "lessons_to_come"
    NO_MARKS = "no_marks"
    UNKNOWN_ROW = "unknown_row"
    NAMED_TWICE = "named_twice"
    NOT_GUARDIAN = "not_guardian"
    UNKNOWN_WORD = "unknown_word"
    REASON_MISSING = "reason_missing"
    ALREADY_SPOKEN = "already_spoken"
    SHEET_NOT_OPEN = "sheet_not_open"
    TOO_EARLY = "too_early"
    EVIDENCE_MISSING = "evidence_missing"
    UNKNOWN_SHEET = "unknown_sheet"
    WITH_PARENTS = "with_parents"
    ROWS_SILENT = "rows_silent"
    TEACHER_BUSY = "teacher_busy"
    GROUP_BUSY = "group_busy"
    VENUE_FULL = "venue_full"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_TEACHER = "unknown_teacher"
    LESSON_PAST = "lesson_past"
    ACROSS_MIDNIGHT = "across_midnight"
    DAY_OFF = "day_off"
    GROUP_NOT_RUNNING = "group_not_running"
    NOTHING_CHANGES = "nothing_changes"
    BATCH_TOO_LARGE = "batch_too_large"
    COUNTER_UNREADABLE = "counter_unreadable"
    COUNTER_REUSED = "counter_reused"
    CONTRADICTS = "contradicts"
    NO_MARK = "no_mark"
    UNKNOWN_OBJECTION = "unknown_objection"


REASONS: dict[str, StrEnum] = {reason.value: reason for reason in AttendanceRefusal}
VALUES = frozenset(MarkValue)
_NO_LESSON = {
    SessionState.CANCELLED: AttendanceRefusal.LESSON_CANCELLED,
    SessionState.MOVED: AttendanceRefusal.LESSON_MOVED,
}


@dataclass(frozen=True, slots=True)
class MarkRow:
    """The provider's mark of one child at one session; `value` is a `MarkValue`."""

    session_id: int
    enrolment_id: int
    value: str


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A lesson's own row; `on` is the local day."""

    id: int
    group_id: int
    on: date
    starts_at: datetime
    state: str
    territory_id: int
    programme_id: int
    ends_at: datetime
    venue_id: int
    teacher_id: int
    moved_to: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A place as a mark sees it: whose, in which group, on which days."""

    child_id: int
    group_id: int
    starts_on: date
    ends_on: date | None


def refuse_mark(
    value: str, session: SessionFacts | None, place: Place | None, sent: Collection[tuple[int, date]], at: datetime
) -> AttendanceRefusal | None:
    """The first objection to a mark, or None. `sent` holds (group, month) of sheets that have left (R-1 … R-6)."""
    if session is None:
        return AttendanceRefusal.UNKNOWN_SESSION
    if value not in VALUES:
        return AttendanceRefusal.UNKNOWN_VALUE
    if place is None or not _has_place(place, session):
        return AttendanceRefusal.NOT_ENROLLED
    if session.state in _NO_LESSON:
        return _NO_LESSON[SessionState(session.state)]
    if session.starts_at > at:
        return AttendanceRefusal.FUTURE_LESSON
    return AttendanceRefusal.SHEET_SENT if (session.group_id, session.on.replace(day=1)) in sent else None


def _has_place(place: Place, session: SessionFacts) -> bool:
    if place.group_id != session.group_id or session.on < place.starts_on:
        return False
    return place.ends_on is None or session.on <= place.ends_on

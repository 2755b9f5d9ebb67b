"""Where and when lessons may be: nobody teaches in two places, no room holds more than it may. Pure.

Source: docs/rules/lessons.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from qosymsha.domain.attendance.rules.lessons import AttendanceRefusal, SessionFacts
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.kernel.clock import local_day

_MOMENT = timedelta(seconds=1)
_DAY = timedelta(days=1)
MOVABLE = frozenset({SessionState.PLANNED, SessionState.CANCELLED})


@dataclass(frozen=True, slots=True)
class SessionMove:
    """A lesson's wish for another time, venue or teacher (None: as before); it keeps its length."""

    session_id: int
    starts_at: datetime
    venue_id: int | None = None
    teacher_id: int | None = None


@dataclass(frozen=True, slots=True)
class Substitution:
    """Another teacher for a lesson."""

    session_id: int
    teacher_id: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A lesson as it takes up a teacher, a group and a room; `children` is the group's capacity, not who came."""

    group_id: int
    teacher_id: int
    venue_id: int
    on: date
    starts_at: datetime
    ends_at: datetime
    children: int


class Diary:
    """Who teaches when and how full each room is; lessons stay within a day, so it is kept day by day."""

    def __init__(self, rooms: Mapping[int, int], bookings: Iterable[Booking] = ()) -> None:
        """`rooms`: venue → how many children it may hold."""
        self._rooms = rooms
        self._days: dict[tuple[str, int, date], list[Booking]] = defaultdict(list)
        for booking in bookings:
            self.add(booking)

    def refuse(self, wanted: Booking) -> AttendanceRefusal | None:
        """The first reason why this lesson can't take place then and there, or None (L-1, L-2, L-3)."""
        if any(_meet(b, wanted) for b in self._days["teacher", wanted.teacher_id, wanted.on]):
            return AttendanceRefusal.TEACHER_BUSY
        if any(_meet(b, wanted) for b in self._days["group", wanted.group_id, wanted.on]):
            return AttendanceRefusal.GROUP_BUSY
        return AttendanceRefusal.VENUE_FULL if self._is_full(wanted) else None

    def has_lesson(self, group_id: int, on: date) -> bool:
        """The group has some lesson on that day."""
        return bool(self._days["group", group_id, on])

    def add(self, booking: Booking) -> None:
        """Write a lesson down."""
        for key in _keys(booking):
            self._days[key].append(booking)

    def strike(self, group_id: int, starts_at: datetime) -> list[Booking]:
        """Take out the group's lesson that begins then, and give it back; nothing where it stands in nobody's way."""
        struck = [b for b in self._days["group", group_id, local_day(starts_at)] if b.starts_at == starts_at]
        for booking in struck:
            for key in _keys(booking):
                self._days[key].remove(booking)
        return struck

    def _is_full(self, wanted: Booking) -> bool:
        # The load rises only when a lesson begins: those moments of the wanted lesson are enough to look at.
        there = [b for b in self._days["venue", wanted.venue_id, wanted.on] if _meet(b, wanted)]
        moments = {wanted.starts_at, *(max(b.starts_at, wanted.starts_at) for b in there)}
        most = max(sum(b.children for b in there if b.starts_at <= m < b.ends_at) for m in moments)
        return most + wanted.children > self._rooms[wanted.venue_id]


def _keys(booking: Booking) -> tuple[tuple[str, int, date], ...]:
    return (
        ("teacher", booking.teacher_id, booking.on),
        ("group", booking.group_id, booking.on),
        ("venue", booking.venue_id, booking.on),
    )


def _meet(a: Booking, b: Booking) -> bool:
    return a.starts_at < b.ends_at and b.starts_at < a.ends_at


def booking_of(session: SessionFacts, children: int) -> Booking:
    """A stored lesson in the diary's terms."""
    return Booking(
        session.group_id,
        session.teacher_id,
        session.venue_id,
        session.on,
        session.starts_at,
        session.ends_at,
        children,
    )


def moved_booking(session: SessionFacts, move: SessionMove, children: int) -> Booking:
    """Where a lesson would be after the move."""
    ends_at = move.starts_at + (session.ends_at - session.starts_at)
    venue_id, teacher_id = move.venue_id or session.venue_id, move.teacher_id or session.teacher_id
    on = local_day(move.starts_at)
    return Booking(session.group_id, teacher_id, venue_id, on, move.starts_at, ends_at, children)


@dataclass(frozen=True, slots=True)
class MoveGround:
    """What a move is judged by: months that have left, days off, the provider's venues and teachers, the moment."""

    left: Collection[tuple[int, date]]
    days_off: Collection[date]
    venue_ids: Collection[int]
    teacher_ids: Collection[int]
    at: datetime


def refuse_move(
    move: SessionMove, session: SessionFacts | None, group: GroupFacts | None, ground: MoveGround
) -> AttendanceRefusal | None:
    """The first reason against another time for a lesson, rooms and teachers apart, or None (L-4 … L-9)."""
    if session is None or group is None:
        return AttendanceRefusal.UNKNOWN_SESSION
    wanted = moved_booking(session, move, 0)
    months = {(session.group_id, session.on.replace(day=1)), (session.group_id, wanted.on.replace(day=1))}
    checks = (
        (session.state not in MOVABLE or session.moved_to is not None, AttendanceRefusal.WRONG_STATE),
        (wanted.venue_id not in ground.venue_ids, AttendanceRefusal.UNKNOWN_VENUE),
        (wanted.teacher_id not in ground.teacher_ids, AttendanceRefusal.UNKNOWN_TEACHER),
        (wanted.starts_at <= ground.at, AttendanceRefusal.LESSON_PAST),
        (local_day(wanted.ends_at - _MOMENT) != wanted.on, AttendanceRefusal.ACROSS_MIDNIGHT),
        (wanted.on in ground.days_off, AttendanceRefusal.DAY_OFF),
        (not group.runs_on(wanted.on), AttendanceRefusal.GROUP_NOT_RUNNING),
        (bool(months & set(ground.left)), AttendanceRefusal.SHEET_SENT),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def candidates(session: SessionFacts, children: int, last: date) -> list[Booking]:
    """The same lesson on each later day up to `last`: what a lesson on a day off may be moved to."""
    days = range(1, (last - session.on).days + 1)
    return [moved_booking(session, SessionMove(session.id, session.starts_at + n * _DAY), children) for n in days]


def refuse_substitution(
    session: SessionFacts | None, teacher_id: int, teacher_ids: Collection[int], left: Collection[tuple[int, date]]
) -> AttendanceRefusal | None:
    """The first reason against another teacher, the teacher's other lessons apart, or None (L-10)."""
    if session is None:
        return AttendanceRefusal.UNKNOWN_SESSION
    checks = (
        (session.state not in (SessionState.PLANNED, SessionState.HELD), AttendanceRefusal.WRONG_STATE),
        (teacher_id not in teacher_ids, AttendanceRefusal.UNKNOWN_TEACHER),
        (teacher_id == session.teacher_id, AttendanceRefusal.NOTHING_CHANGES),
        (has_left(session, left), AttendanceRefusal.SHEET_SENT),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def refuse_reinstatement(session: SessionFacts | None, left: Collection[tuple[int, date]]) -> AttendanceRefusal | None:
    """Only a cancelled lesson that was not made up comes back, and only into a month that has not left (L-11)."""
    if session is None:
        return AttendanceRefusal.UNKNOWN_SESSION
    if session.state != SessionState.CANCELLED or session.moved_to is not None:
        return AttendanceRefusal.WRONG_STATE
    return AttendanceRefusal.SHEET_SENT if has_left(session, left) else None


def has_left(session: SessionFacts, left: Collection[tuple[int, date]]) -> bool:
    """The lesson's month has left the provider."""
    return (session.group_id, session.on.replace(day=1)) in left

"""Lessons that fit: teachers and rooms locked, then judged against every lesson that stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.rules import Booking, Diary, SessionFacts, SessionMove, moved_booking
from qosymsha.domain.attendance.steps.lessons import lock_bookings
from qosymsha.domain.providers.rules import GroupFacts, Lesson


def locked_diary(bookings: Sequence[Booking]) -> Diary:
    """Who teaches when and how full each room is, for these lessons; nobody else books there meanwhile."""
    lock_bookings({b.teacher_id for b in bookings}, {b.venue_id for b in bookings})
    return queries.diary(bookings)


def fitting(due: Sequence[Lesson], groups: Mapping[int, GroupFacts]) -> list[Lesson]:
    """Those of the lessons whose teacher and room are free, each counted for the next."""
    bookings = [
        Booking(
            one.group_id,
            one.teacher_id,
            one.venue_id,
            one.on,
            queries.start_of(one),
            queries.end_of(one),
            groups[one.group_id].capacity,
        )
        for one in due
    ]
    diary, fit = locked_diary(bookings), []
    for lesson, booking in zip(due, bookings, strict=True):
        if diary.refuse(booking) is None:
            diary.add(booking)
            fit.append(lesson)
    return fit


def without_room(sessions: Sequence[SessionFacts], venue_id: int, children: int) -> list[SessionFacts]:
    """Those of a group's lessons that the other hall has no room for at their hours."""
    wanted = [moved_booking(s, SessionMove(s.id, s.starts_at, venue_id=venue_id), children) for s in sessions]
    diary, full = locked_diary(wanted), []
    for session, booking in zip(sessions, wanted, strict=True):
        diary.strike(session.group_id, session.starts_at)
        if diary.refuse(booking) is None:
            diary.add(booking)
        else:
            full.append(session)
    return full


def free_for(handed: Sequence[tuple[SessionFacts, int]]) -> list[tuple[SessionFacts, int]]:
    """Those of the lessons that the other teacher has the hours for; the others keep whom they have."""
    wanted = [moved_booking(s, SessionMove(s.id, s.starts_at, teacher_id=teacher_id), 0) for s, teacher_id in handed]
    diary, free = locked_diary(wanted), []
    for (session, teacher_id), booking in zip(handed, wanted, strict=True):
        struck = diary.strike(session.group_id, session.starts_at)
        if diary.refuse(booking) is None:
            free.append((session, teacher_id))
            diary.add(booking)
        else:
            for one in struck:
                diary.add(one)
    return free

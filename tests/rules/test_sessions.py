"""A diary of teachers, groups and rooms: by example, and against the plain definition."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.attendance.rules import AttendanceRefusal, Booking, Diary
from qosymsha.kernel.clock import local_instant

DAY = date(2026, 9, 1)
NINE = local_instant(DAY, 9)
HOUR = timedelta(hours=1)
LESSON = Booking(1, 1, 1, DAY, NINE, NINE + HOUR, 10)


def other(**changed: object) -> Booking:
    """Another group's lesson with another teacher, at the same time in the same room."""
    return replace(LESSON, **{"group_id": 2, "teacher_id": 2, **changed})


def test_a_teacher_a_group_and_a_full_room_stand_in_the_way_and_the_next_hour_does_not() -> None:
    diary = Diary({1: 25, 2: 9}, [LESSON])
    assert diary.refuse(other(teacher_id=1)) is AttendanceRefusal.TEACHER_BUSY
    assert diary.refuse(other(group_id=1)) is AttendanceRefusal.GROUP_BUSY
    assert diary.refuse(other(children=15)) is None
    assert diary.refuse(other(children=16)) is AttendanceRefusal.VENUE_FULL
    assert diary.refuse(other(venue_id=2)) is AttendanceRefusal.VENUE_FULL
    later = {"starts_at": NINE + HOUR, "ends_at": NINE + 2 * HOUR}
    assert diary.refuse(replace(LESSON, children=25, **later)) is None
    assert diary.strike(1, NINE) == [LESSON]
    assert diary.refuse(other(teacher_id=1, children=25)) is None
    assert diary.strike(1, NINE) == []


def test_a_room_is_looked_at_at_its_fullest_moment() -> None:
    half = timedelta(minutes=30)
    first = other(group_id=3, teacher_id=3, ends_at=NINE + half)
    second = other(group_id=4, teacher_id=4, starts_at=NINE + half)
    diary = Diary({1: 20}, [first, second])  # one after the other, never twenty at once
    assert diary.refuse(LESSON) is None
    diary.add(replace(second, group_id=5, teacher_id=5, children=1))
    assert diary.refuse(LESSON) is AttendanceRefusal.VENUE_FULL


SPANS = st.tuples(st.integers(0, 20), st.integers(1, 8), st.integers(1, 9))


@given(st.lists(SPANS, max_size=8), SPANS, st.integers(1, 40))
def test_a_room_is_full_exactly_where_some_minute_would_hold_too_many(
    taken: list[tuple[int, int, int]], wish: tuple[int, int, int], room: int
) -> None:
    def booking(number: int, span: tuple[int, int, int]) -> Booking:
        start, length, children = span
        begins = NINE + timedelta(minutes=start)
        return Booking(number, number, 1, DAY, begins, begins + timedelta(minutes=length), children)

    def load(bookings: list[tuple[int, int, int]], minute: int) -> int:
        return sum(c for start, length, c in bookings if start <= minute < start + length)

    stored = [booking(n, span) for n, span in enumerate(taken)]
    is_full = any(load([*taken, wish], m) > room for m in range(wish[0], wish[0] + wish[1]))
    refused = Diary({1: room}, stored).refuse(booking(99, wish))
    assert refused is (AttendanceRefusal.VENUE_FULL if is_full else None)

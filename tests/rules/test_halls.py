"""A hall's week, hour by hour: who begins, who goes on, how full it is."""

from __future__ import annotations

from datetime import date, time
from uuid import UUID

from qosymsha.domain.providers.rules.halls import HallLesson, week_of_hall


def lesson(code: str, weekday: int, starts: str, ends: str, capacity: int = 10) -> HallLesson:
    a, z = time.fromisoformat(starts), time.fromisoformat(ends)
    return HallLesson(1, UUID(int=1), code, "boxing", capacity, 1, weekday, a, z, date(2026, 9, 6 + weekday))


def test_a_lesson_begins_in_one_hour_goes_on_in_the_next_and_does_not_touch_the_hour_of_its_end() -> None:
    week = week_of_hall([lesson("A", 1, "15:30", "17:00")], 20)
    assert [hour for hour, _ in week.rows] == [15, 16]
    first, second = (hours[0] for _, hours in week.rows)
    assert ([one.code for one in first.begin], [one.code for one in first.goes_on]) == (["A"], [])
    assert ([one.code for one in second.begin], [one.code for one in second.goes_on]) == ([], ["A"])
    assert {hours[1].state for _, hours in week.rows} == {"none"}


def test_the_load_is_the_most_children_at_one_moment_of_the_hour() -> None:
    after = [lesson("A", 2, "15:00", "15:30"), lesson("B", 2, "15:30", "16:00")]
    ((_, hours),) = week_of_hall(after, 10).rows
    assert (hours[1].children, hours[1].state) == (10, "full")
    beside = [lesson("A", 2, "15:00", "15:45"), lesson("B", 2, "15:30", "16:00")]
    week = week_of_hall(beside, 15)
    assert (week.rows[0][1][1].children, week.rows[0][1][1].state, week.crowded) == (20, "over", 1)
    assert week_of_hall(beside, 30).rows[0][1][1].state == "some"
    assert [(one.children, one.state) for one in week.lessons] == [(20, "over"), (20, "over")]
    assert [one.children for one in week_of_hall(after, 10).lessons] == [10, 10]


def test_an_empty_hall_has_no_rows_and_lessons_stand_by_day_and_time() -> None:
    assert week_of_hall([], 10).rows == ()
    week = week_of_hall([lesson("C", 3, "10:00", "11:00"), lesson("A", 1, "18:00", "19:00")], 10)
    assert [one.lesson.code for one in week.lessons] == ["A", "C"]
    assert [hour for hour, _ in week.rows] == list(range(10, 19))

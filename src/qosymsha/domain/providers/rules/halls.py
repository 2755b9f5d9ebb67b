"""A provider's halls over a week, hour by hour: who begins, who goes on, how many children there may be. Pure.

Source: docs/rules/providers.md R-24, R-36, R-37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

DAYS = range(1, 8)


@dataclass(frozen=True, slots=True)
class HallLesson:
    """A weekly lesson of an open group in a hall; `capacity`: the group's places; `is_orphan`: its teacher is gone."""

    venue_id: int
    group: UUID
    code: str
    activity: str
    capacity: int
    teacher_id: int
    weekday: int
    starts: time
    ends: time
    on: date
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class HallHour:
    """An hour of a weekday in a hall: lessons that begin in it, lessons that go on, the most children at once."""

    weekday: int
    begin: tuple[HallLesson, ...]
    goes_on: tuple[HallLesson, ...]
    children: int
    room: int

    @property
    def state(self) -> str:
        """`none`, `some`, `full` (no child more) or `over` (more than the hall may hold)."""
        return _state(self.children, self.room)


def _state(children: int, room: int) -> str:
    if not children:
        return "none"
    return "over" if children > room else "full" if children == room else "some"


@dataclass(frozen=True, slots=True)
class ListedLesson:
    """A lesson in a hall's list: the most children that are in the hall at once while it lasts."""

    lesson: HallLesson
    children: int
    room: int

    @property
    def on(self) -> date:
        """Its day."""
        return self.lesson.on

    @property
    def state(self) -> str:
        """As of an hour: `some`, `full` or `over`."""
        return _state(self.children, self.room)


@dataclass(frozen=True, slots=True)
class HallWeek:
    """A hall's week: (hour, its seven days) from the first hour with a lesson to the last; lessons by day and time."""

    rows: tuple[tuple[int, tuple[HallHour, ...]], ...]
    lessons: tuple[ListedLesson, ...]

    @property
    def crowded(self) -> int:
        """Hours in which the hall holds more than it may."""
        return sum(hour.state == "over" for _, hours in self.rows for hour in hours)


def week_of_hall(lessons: Sequence[HallLesson], room: int) -> HallWeek:
    """The hall's week of these lessons, all of one hall; `room`: how many children it may hold."""
    ordered = tuple(sorted(lessons, key=lambda one: (one.weekday, one.starts, one.code)))
    if not ordered:
        return HallWeek((), ())
    first, last = min(one.starts.hour for one in ordered), max(_last_hour(one) for one in ordered)
    rows = tuple((hour, tuple(_hour(ordered, day, hour, room) for day in DAYS)) for hour in range(first, last + 1))
    return HallWeek(rows, tuple(ListedLesson(one, _beside(ordered, one), room) for one in ordered))


def _beside(lessons: Sequence[HallLesson], lesson: HallLesson) -> int:
    there = [one for one in lessons if one.weekday == lesson.weekday and _meet(one, lesson)]
    moments = {max(one.starts, lesson.starts) for one in there}
    return max(_present(there, at) for at in moments)


def _meet(a: HallLesson, b: HallLesson) -> bool:
    return a.starts < b.ends and b.starts < a.ends


def _present(there: Sequence[HallLesson], at: time) -> int:
    return sum(one.capacity for one in there if one.starts <= at < one.ends)


def _last_hour(lesson: HallLesson) -> int:
    """The last hour that the lesson touches: one that ends at 18:00 does not touch 18."""
    return lesson.ends.hour if lesson.ends.minute or lesson.ends.second else lesson.ends.hour - 1


def _hour(lessons: Sequence[HallLesson], weekday: int, hour: int, room: int) -> HallHour:
    there = [one for one in lessons if one.weekday == weekday and one.starts.hour <= hour <= _last_hour(one)]
    begin = tuple(one for one in there if one.starts.hour == hour)
    goes_on = tuple(one for one in there if one.starts.hour < hour)
    # The load rises only when a lesson begins: the hour's own beginning and those moments are enough to look at.
    moments = {time(hour), *(one.starts for one in begin)}
    most = max(_present(there, at) for at in moments)
    return HallHour(weekday, begin, goes_on, most, room)

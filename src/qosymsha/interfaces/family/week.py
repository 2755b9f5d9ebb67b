"""What is on: the children's lessons day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.http import HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.queries import OwnChild, OwnLesson
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import sort_key

DAYS = timedelta(days=13)  # two weeks, both ends counted


@dataclass(frozen=True, slots=True)
class LessonShown:
    """A lesson of a child in words; `is_over`: it has ended."""

    name: str
    hours: str
    title: str
    address: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class DayShown:
    """A day with its lessons in order."""

    on: date
    words: str
    is_today: bool
    lessons: tuple[LessonShown, ...]


@allowed(Look.WEEK)
def week(request: SignedRequest) -> HttpResponse:
    """`/family/week/`: all children's lessons of two weeks, a day at a time; to be printed for the kitchen wall."""
    today = local_day(request.at)
    children = attendance.own_children(actor=request.actor, at=request.at)
    found = attendance.own_lessons(actor=request.actor, first=today, last=today + DAYS, at=request.at)
    is_long = len(children) > MANY  # many of one given name, and many in one lesson
    days = [
        DayShown(
            on,
            shown.week_day(request.language, on),
            on == today,
            tuple(
                LessonShown(
                    _names(children, same, whole=is_long),
                    shown.hours(one.lesson.starts_at, one.lesson.ends_at),
                    shown.in_words(request.language, one.group, "title"),
                    shown.in_words(request.language, one, "address"),
                    one.lesson.ends_at <= request.at,
                )
                for one, same in _lessons(lessons, together=is_long)
            ),
        )
        for on, lessons in groupby(found, key=lambda one: one.lesson.on)
    ]
    return page(request, "family/week.html", is_long=is_long, days=days, first=today, last=today + DAYS)


def _names(children: Mapping[int, OwnChild], same: Sequence[OwnLesson], *, whole: bool) -> str:
    """Who is in the lesson: by the given name alone, or by the whole name in its order."""
    found = [children[one.child_id] for one in same]
    return ", ".join(sorted((one.name if whole or not one.given else one.given for one in found), key=sort_key))


def _lessons(found: Iterable[OwnLesson], *, together: bool) -> Iterator[tuple[OwnLesson, list[OwnLesson]]]:
    """Each child's lesson by itself, or the children of one lesson together."""
    of: dict[object, list[OwnLesson]] = {}
    for n, one in enumerate(found):
        of.setdefault(one.lesson.id if together else n, []).append(one)
    return ((same[0], same) for same in of.values())

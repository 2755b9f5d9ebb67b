"""What is on: the children's lessons day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from django.http import HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day

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
    days = [
        DayShown(
            on,
            shown.week_day(request.language, on),
            on == today,
            tuple(
                LessonShown(
                    children[one.child_id].given or children[one.child_id].name,
                    shown.hours(one.lesson.starts_at, one.lesson.ends_at),
                    shown.in_words(request.language, one.group, "title"),
                    shown.in_words(request.language, one, "address"),
                    one.lesson.ends_at <= request.at,
                )
                for one in lessons
            ),
        )
        for on, lessons in groupby(found, key=lambda one: one.lesson.on)
    ]
    return page(request, "family/week.html", days=days, first=today, last=today + DAYS)

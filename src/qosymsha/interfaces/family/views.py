"""The family door's first page: one's children, and what needs one now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.queries import OwnLesson
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.months import shown_months
from qosymsha.interfaces.family.todo import todos
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day

_AHEAD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LessonAhead:
    """A lesson of today or of the next days."""

    one: OwnLesson
    day: str
    hours: str
    title: str
    address: str
    is_today: bool
    is_now: bool


@dataclass(frozen=True, slots=True)
class ChildCard:
    """A child with the lessons to come."""

    name: str
    lessons: tuple[LessonAhead, ...]


@allowed(Look.HOME)
def home(request: SignedRequest) -> HttpResponse:
    """`/family/`: what needs me now; my children and their lessons of the week."""
    children = queries.own_children(actor=request.actor, at=request.at)
    lessons = _lessons(request)
    names = {i: child.name for i, child in children.items()}
    cards = [
        ChildCard(child.name, tuple(one for one in lessons if one.one.child_id == child.id)[:3])
        for child in children.values()
    ]
    return page(
        request,
        "family/home.html",
        cards=cards,
        todos=todos(request, names, [m for m in shown_months(request) if m.one.is_open]),
        now=[(names[one.one.child_id], one) for one in lessons if one.is_now and not one.one.check_in],
    )


def _lessons(request: SignedRequest) -> list[LessonAhead]:
    today = local_day(request.at)
    found = queries.own_lessons(actor=request.actor, first=today, last=today + _AHEAD, at=request.at)
    return [
        LessonAhead(
            one,
            shown.week_day(request.language, one.lesson.on),
            shown.hours(one.lesson.starts_at, one.lesson.ends_at),
            shown.in_words(request.language, one.group, "title"),
            shown.in_words(request.language, one, "address"),
            one.lesson.on == today,
            one.opens_at <= request.at <= one.closes_at,
        )
        for one in found
        if one.closes_at >= request.at
    ]

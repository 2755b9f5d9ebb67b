"""The family door's first page: one's children, and what needs one now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.queries import OwnLesson
from qosymsha.domain.attendance.states import CheckInKind
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import birthday
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.months import shown_months
from qosymsha.interfaces.family.todo import todos
from qosymsha.interfaces.family.vouchers import own_vouchers
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import sort_key

_AHEAD = timedelta(days=7)
_CARDS, _TODOS = 6, 10  # who acts for a guardianship body has dozens of children: the rest is folded away
_SHOWN = 6


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
    """`/family/`: what needs me now; my children and their lessons of the week. To a child its own."""
    if request.actor.holds({Role.YOUTH}):
        return _own(request)
    children = queries.own_children(actor=request.actor, at=request.at)
    lessons = _lessons(request)
    names = {i: child.name for i, child in children.items()}
    cards = [
        ChildCard(child.name, tuple(one for one in lessons if one.one.child_id == child.id)[:3])
        for child in children.values()
    ]
    first, others = _ordered(cards)
    asked = todos(request, names, [m for m in shown_months(request) if m.one.is_open])
    return page(
        request,
        "family/home.html",
        cards=first,
        others=others,
        todos=asked[:_TODOS],
        later=asked[_TODOS:],
        now=[(names[one.one.child_id], one) for one in lessons if one.is_now and not one.one.check_in],
    )


def _ordered(cards: list[ChildCard]) -> tuple[list[ChildCard], list[ChildCard]]:
    """A family's children as they are; of many the next to have a lesson, and the rest folded away, by name."""
    if len(cards) <= _CARDS:
        return cards, []
    soon = sorted((one for one in cards if one.lessons), key=lambda one: one.lessons[0].one.lesson.starts_at)
    first = soon[:_CARDS]
    rest = sorted((one for one in cards if one not in first), key=lambda one: sort_key(one.name))
    return first, rest


def _own(request: SignedRequest) -> HttpResponse:
    lessons, me = _lessons(request), people.own_record(request.actor)
    ages, born_on = settings.YOUTH_AGES, me.born_on if me else None
    return page(
        request,
        "family/own_home.html",
        now=[one for one in lessons if one.is_now and one.one.check_in != CheckInKind.CODE],
        lessons=lessons[:_SHOWN],
        groups=[one for one in own_vouchers(request, {}) if one.group],
        until=birthday(born_on, ages[1]) if ages and born_on else None,
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

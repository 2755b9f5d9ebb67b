"""The working-day calendar of a city: a year at a look, the country's days and its own, what a day would move."""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.programmes import commands, queries
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.classifiers import CalendarDraft
from qosymsha.domain.programmes.queries import DaySeen, ProgrammeFacts
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day


@dataclass(frozen=True, slots=True)
class Square:
    """A day in its month; `kind` colours it: works, rests, national, own-rest, own-work. `day` 0 is an empty square."""

    day: int
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MonthShown:
    """A month as weeks from Monday, and how many days of it are worked."""

    first: date
    weeks: tuple[tuple[Square, ...], ...]
    working: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A deadline of the rules in force, as it falls today and as it would fall."""

    what: str
    before: date
    after: date


@allowed(Look.CALENDAR)
def calendar(request: SignedRequest) -> HttpResponse:
    """`/office/calendar/?p={uuid}&y=2026`: the year of the programme's city."""
    mine, programme = city.chosen_programme(request)
    words: dict[str, Any] = {"programmes": mine, "programme": programme}
    if programme is not None:
        year, today = _year(request), local_day(request.at)
        days = queries.calendar_days(programme.territory_id, year)
        words |= {
            "year": year,
            "before": year - 1,
            "after": year + 1,
            "months": [_month(year, number, days) for number in range(1, 13)],
            "days": [(one, one.is_own and one.day >= today) for one in days],
            "may_set": city.may(request, ALLOWED, Action.SET_CALENDAR, programme.territory_id),
        }
    return page(request, "office/calendar.html", **words)


def _year(request: SignedRequest) -> int:
    asked = request.GET.get("y", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else local_day(request.at).year
    if not 2020 <= year <= 2100:
        raise Http404
    return year


def _month(year: int, number: int, days: list[DaySeen]) -> MonthShown:
    named = {one.day: one for one in days}  # the city's own come after the country's
    weeks = []
    working = 0
    for week in months.Calendar().monthdatescalendar(year, number):
        row = tuple(_square(day, named.get(day)) if day.month == number else Square(0, "", "") for day in week)
        working += sum(one.kind in ("works", "own-work") for one in row)
        weeks.append(row)
    return MonthShown(date(year, number, 1), tuple(weeks), working)


def _square(day: date, seen: DaySeen | None) -> Square:
    if seen is None:
        return Square(day.day, "works" if day.weekday() < 5 else "rests", "")
    kind = (
        ("own-work" if seen.is_working else "own-rest") if seen.is_own else "works" if seen.is_working else "national"
    )
    return Square(day.day, kind, seen.name_ru)


class DayForm(Form):
    """A day of the city's own: what it is, and by which paper."""

    day = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    works = forms.ChoiceField(choices=[("rest", ""), ("work", "")], initial="rest")
    name_kk = forms.CharField(max_length=200)
    name_ru = forms.CharField(max_length=200)
    source = forms.CharField(max_length=300)
    looked = forms.BooleanField(required=False)


@allowed(Action.SET_CALENDAR, post=Action.SET_CALENDAR)
def set_day(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/day/`: a day of the city's own; first what it would move, then it is written."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.SET_CALENDAR])
    form = DayForm(typed(request), initial={"day": request.GET.get("d", "")})
    will_move = None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if said["day"] < local_day(request.at):
            form.add_error("day", _past(request))
        else:
            will_move = _moves(programme, said["day"], said["works"] == "work")
    if (
        will_move is not None
        and form.cleaned_data["looked"]
        and attempt(request, form, lambda: _write(request, programme, form))
    ):
        where = f"/{request.language}/office/calendar/?p={programme.uuid}&y={form.cleaned_data['day'].year}"
        return moved(request, where, said="calendar.day_saved")
    return page(
        request,
        "office/calendar_day.html",
        422 if form.errors else 200,
        programme=programme,
        form=form,
        moved=will_move,
        is_asked=will_move is not None,
    )


def _past(request: SignedRequest) -> str:
    return city.refusal(request, "day_is_past")


def _write(request: SignedRequest, programme: ProgrammeFacts, form: DayForm) -> object:
    said = form.cleaned_data
    draft = CalendarDraft(said["day"], said["works"] == "work", said["name_kk"], said["name_ru"], said["source"])
    return commands.set_calendar_days(
        actor=request.actor, territory_id=programme.territory_id, days=[draft], at=request.at, key=key_of(request)
    )


class ForgetForm(Form):
    """Why the day is no longer the city's own."""

    reason = forms.CharField(max_length=300)


@allowed(Action.SET_CALENDAR, post=Action.SET_CALENDAR)
def forget_day(request: SignedRequest, programme_uuid: UUID, day: str) -> HttpResponse:
    """`/office/programmes/{uuid}/day/{YYYY-MM-DD}/forget/`: take a day of the city's own out again."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.SET_CALENDAR])
    found = _own_day(programme, day)
    form = ForgetForm(typed(request))

    def act_on() -> object:
        return commands.forget_calendar_days(
            actor=request.actor,
            territory_id=programme.territory_id,
            days=[found.day],
            reason=form.cleaned_data["reason"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act_on):
        where = f"/{request.language}/office/calendar/?p={programme.uuid}&y={found.day.year}"
        return moved(request, where, said="calendar.day_forgotten")
    works = _without_own(programme, found.day)
    words: dict[str, object] = {"programme": programme, "day": found, "form": form}
    words["moved"] = _moves(programme, found.day, works)
    return page(request, "office/calendar_forget.html", 422 if form.errors else 200, **words)


def _own_day(programme: ProgrammeFacts, text: str) -> DaySeen:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    days = queries.calendar_days(programme.territory_id, day.year)
    found = next((one for one in days if one.day == day and one.is_own), None)
    if found is None:
        raise Http404
    return found


def _without_own(programme: ProgrammeFacts, day: date) -> bool:
    """Whether the day would be worked by the country's calendar alone."""
    days = queries.calendar_days(programme.territory_id, day.year)
    national = next((one for one in days if one.day == day and not one.is_own), None)
    return national.is_working if national else day.weekday() < 5


def _moves(programme: ProgrammeFacts, day: date, is_working: bool) -> list[Moved]:
    """Deadlines around the day that fall on another one then, by the rules in force; what was promised stays."""
    standing = queries.standing_on(programme.id, day)
    if standing is None:
        return []
    rules = queries.rules_of(standing.id).rules
    now = queries.calendar(programme.territory_id, day - timedelta(days=60), day + timedelta(days=120))
    then = Calendar({**now.overrides, day: is_working})
    first = day.replace(day=1)
    counted: Mapping[str, tuple[date, int]] = {
        "accept": (day - timedelta(days=1), rules.timers.accept_working_days),
        "choose": (day - timedelta(days=1), rules.timers.choose_working_days),
        "review": (day - timedelta(days=1), rules.timers.review_working_days),
        "offer": (day - timedelta(days=1), rules.choice.offer_working_days),
        "officer": (first - timedelta(days=1), rules.confirmation.officer_after_working_days),
    }
    found = [
        Moved(what, now.add_working_days(since, n), then.add_working_days(since, n))
        for what, (since, n) in counted.items()
    ]
    pay_day = day.replace(day=rules.pay.pay_day)
    moves = rules.papers.pay_day_moves
    found.append(Moved("pay_day", _pay_day(now, pay_day, moves), _pay_day(then, pay_day, moves)))
    return [one for one in found if one.before != one.after]


def _pay_day(of: Calendar, day: date, moves: str) -> date:
    while moves != "stay" and not of.is_working(day):
        day += timedelta(days=1 if moves == "next" else -1)
    return day

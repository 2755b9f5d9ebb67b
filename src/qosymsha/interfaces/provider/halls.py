"""The halls' week on one page, to see and to print; a group's move to another hall, looked at before it is done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.changes import commands
from qosymsha.domain.changes import queries as changes
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import halls, running, staff
from qosymsha.domain.providers.queries.running import VenueSheet
from qosymsha.domain.providers.rules import GroupFacts, ProviderRefusal
from qosymsha.domain.providers.rules.halls import DAYS, week_of_hall
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.choices import day_field, fill, own_group, venue_labels
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day

_LOOK = "look"
_WEEKS = timedelta(weeks=53)  # a page looks no further away than that
_FIELDS = {
    "change_too_soon": "first",
    "change_after_the_end": "first",
    "change_month_sent": "first",
    "hall_unknown": "venue",
    "hall_is_the_same": "venue",
    "venue_full": "venue",
}


class HallForm(Form):
    """Which hall, from which day."""

    venue = forms.ChoiceField(widget=forms.RadioSelect)
    first = day_field()


@allowed(Look.TIMETABLE)
def week(request: SignedRequest) -> HttpResponse:
    """`/provider/week/?on=`: every hall's week: a table for wide pages and paper, its list for narrow ones."""
    monday = halls.monday_of(_day(request))
    provider_id = managed(request)
    lessons = halls.house_week(actor=request.actor, provider_id=provider_id, monday=monday)
    venues = running.venue_sheets(actor=request.actor, provider_id=provider_id)
    members = staff.staff_of(actor=request.actor, provider_id=provider_id, on=monday)
    return page(
        request,
        "provider/week.html",
        monday=monday,
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7),
        days=[(day, monday + timedelta(days=day - 1)) for day in DAYS],
        halls=[(venue, week_of_hall(lessons.get(venue.id, []), venue.capacity)) for venue in venues],
        names={one.id: one.name for one in members},
        orphans=sum(one.is_orphan for found in lessons.values() for one in found),
    )


def _day(request: SignedRequest) -> date:
    asked, today = request.GET.get("on", ""), local_day(request.at)
    try:
        day = date.fromisoformat(asked) if asked else today
    except ValueError:
        raise Http404 from None
    if not today - _WEEKS <= day <= today + _WEEKS:
        raise Http404
    return day


@allowed(Look.TIMETABLE, post=Action.CHANGE_HALL)
def hall(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/hall/`: another hall from a day on; `step=look` shows what it would do."""
    facts, today = own_group(request, group_uuid), local_day(request.at)
    venues = running.venue_sheets(actor=request.actor, provider_id=facts.provider_id)
    form = HallForm(typed(request), initial={"first": max(halls.monday_of(today) + timedelta(days=7), facts.first_day)})
    fill(
        form,
        "venue",
        venue_labels([one for one in venues if one.id != facts.venue_id or _moves(facts, today)], request.language),
    )

    def act() -> int:
        return commands.change_hall(
            actor=request.actor, group_id=facts.id, venue_id=_venue(form, venues).id, first=form.cleaned_data["first"],
            at=request.at, key=key_of(request),
        )  # fmt: skip

    is_look = request.method == "POST" and request.POST.get("step") == _LOOK
    if not is_look and attempt(request, form, act, _FIELDS):
        return moved(request, "provider-group-sheet", group_uuid, said="hall.done", n=form.outcome)
    seen = _looked(facts, form, venues) if request.method == "POST" and form.is_valid() else {}
    return page(
        request,
        "provider/hall.html",
        422 if form.errors and not is_look else 200,
        form=form,
        group=facts,
        sheet=running.group_sheets([facts.id])[facts.id],
        move=halls.moves_of([facts.id], today).get(facts.id),
        has_others=len(venues) > 1,
        **seen,
    )


def _moves(facts: GroupFacts, today: date) -> bool:
    return facts.id in halls.moves_of([facts.id], today)


def _venue(form: HallForm, venues: list[VenueSheet]) -> VenueSheet:
    return next(one for one in venues if str(one.uuid) == form.cleaned_data["venue"])


def _looked(facts: GroupFacts, form: HallForm, venues: list[VenueSheet]) -> dict[str, Any]:
    """Hours at which the hall would be too full, and how many planned lessons move there."""
    venue, first = _venue(form, venues), form.cleaned_data["first"]
    clashes = changes.clashes_in_hall(facts, max(first, facts.first_day), venue.id)
    full = [clash for clash in clashes if clash.reason is ProviderRefusal.VENUE_FULL]
    lessons = changes.to_rehouse(facts, first, venue.id)
    return {
        "is_looked": True,
        "clashes": full,
        "lessons": len(lessons),
        "children": changes.children_in([facts.id])[facts.id],
    }

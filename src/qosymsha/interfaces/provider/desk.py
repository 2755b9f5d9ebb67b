"""The manager's groups and venues: lists, a group's sheet, a venue's terms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.utils.translation import get_language

from qosymsha.domain.changes import queries as changes
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers import commands
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import halls, running, staff
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.domain.providers.rules.running import Adaptation, VenueTerms
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.interfaces.files import cells
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.choices import fill, own_group, rules_of, words
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import bare_district
from qosymsha.kernel.clock import local_day

_VENUE_FIELDS = {
    "address_missing": "address_ru",
    "venue_taken": "address_ru",
    "bad_capacity": "capacity",
    "venue_full": "capacity",
    "district_unknown": "district",
    "adaptation_unknown": "adaptations",
    "place_unreadable": "place",
}


class VenueForm(Form):
    """Where lessons take place: district, address in two languages, how many children, what there is for whom."""

    district = forms.ChoiceField()
    address_kk = forms.CharField(max_length=200)
    address_ru = forms.CharField(max_length=200)
    capacity = forms.IntegerField(min_value=1, max_value=5000)
    adaptations = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    place = forms.CharField(required=False, max_length=60)

    def clean_place(self) -> tuple[float, float] | None:
        """Degrees as maps copy them, or None."""
        text = self.cleaned_data["place"]
        try:
            return cells.point(text) if text else None
        except CellError:
            sentence = texts.refusal(get_language() or "kk", ProviderRefusal.PLACE_UNREADABLE.value)
            raise forms.ValidationError(sentence) from None


@allowed(Look.GROUPS)
def groups(request: SignedRequest) -> HttpResponse:
    """`/provider/groups/`: every group with its places and week, open ones first; the venues below."""
    provider_id, today = managed(request), local_day(request.at)
    found = running.all_groups(actor=request.actor, provider_id=provider_id)
    ids = [group.id for group in found]
    free, weeks = vouchers.free_places(ids), running.week_of(ids, today)
    names = {one.id: one.name for one in staff.staff_of(actor=request.actor, provider_id=provider_id, on=today)}
    shown = [
        (group, group.capacity - free.get(group.id, 0), free.get(group.id, 0), weeks.get(group.id, []))
        for group in found
    ]
    return page(
        request,
        "provider/groups.html",
        groups=shown,
        names=names,
        today=today,
        venues=running.venue_sheets(actor=request.actor, provider_id=provider_id),
    )


@allowed(Look.GROUPS)
def group(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/`: one group: what it is, its week now and from later days, what may be changed."""
    facts, today = own_group(request, group_uuid), local_day(request.at)
    rules = rules_of(request, facts.programme_id)
    members = staff.staff_of(actor=request.actor, provider_id=facts.provider_id, on=today)
    return page(
        request,
        "provider/group_sheet.html",
        group=facts,
        sheet=running.group_sheets([facts.id])[facts.id],
        week=running.week_of([facts.id], today).get(facts.id, []),
        names={one.id: one.name for one in members},
        gone={one.id for one in members if one.is_gone},
        today=today,
        free=vouchers.free_places([facts.id])[facts.id],
        children=changes.children_in([facts.id])[facts.id],
        move=halls.moves_of([facts.id], today).get(facts.id),
        may_charge=bool(rules and rules.agreements.charge.allowed),
    )


@allowed(Look.VENUES, post=Action.CHANGE_VENUE)
def venue_new(request: SignedRequest) -> HttpResponse:
    """`/provider/venues/add/`: another venue."""
    provider_id, form = managed(request), VenueForm(typed(request))
    _prepare(request, form, provider_id)

    def act() -> object:
        return commands.add_venue(
            actor=request.actor, provider_id=provider_id, terms=_terms(form), at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, _VENUE_FIELDS):
        return moved(request, "provider-groups", said="venue.added")
    return page(request, "provider/venue.html", 422 if form.errors else 200, form=form, venue=None)


@allowed(Look.VENUES, post=Action.CHANGE_VENUE)
def venue(request: SignedRequest, venue_uuid: UUID) -> HttpResponse:
    """`/provider/venues/{uuid}/`: a venue's terms, to be changed."""
    provider_id = managed(request)
    found = next(
        (v for v in running.venue_sheets(actor=request.actor, provider_id=provider_id) if v.uuid == venue_uuid), None
    )
    if found is None:
        raise Http404
    first: dict[str, Any] = {name: getattr(found, name) for name in ("address_kk", "address_ru", "capacity")}
    first |= {"district": found.district_id, "adaptations": found.adaptations}
    if found.latitude is not None:
        first["place"] = f"{found.latitude}, {found.longitude}"
    form = VenueForm(typed(request), initial=first)
    _prepare(request, form, provider_id)

    def act() -> object:
        return commands.change_venue(
            actor=request.actor, venue_id=found.id, terms=_terms(form), at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, _VENUE_FIELDS):
        return moved(request, "provider-groups", said="venue.changed")
    return page(request, "provider/venue.html", 422 if form.errors else 200, form=form, venue=found)


def _prepare(request: SignedRequest, form: VenueForm, provider_id: int) -> None:
    territory_id = providers.provider_facts([provider_id])[provider_id].territory_id
    found = people.districts_of(territory_id, local_day(request.at))
    labels = {str(one.id): bare_district(getattr(one, f"name_{request.language}") or one.name_ru) for one in found}
    fill(form, "district", labels or {str(territory_id): "—"})
    fill(form, "adaptations", words(request, "venue.has", list(Adaptation)))


def _terms(form: VenueForm) -> VenueTerms:
    """The terms of a valid form."""
    said = form.cleaned_data
    return VenueTerms(
        int(said["district"]),
        said["address_kk"],
        said["address_ru"],
        said["capacity"],
        tuple(said["adaptations"]),
        said["place"],
    )

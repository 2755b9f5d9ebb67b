"""A group opened by a form (or as another one like it), its terms and places changed, its end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse

from qosymsha.domain.changes import commands as changes
from qosymsha.domain.changes import queries as fates
from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.providers import commands
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import running, staff
from qosymsha.domain.providers.queries.running import VenueSheet
from qosymsha.domain.providers.queries.staff import StaffMember
from qosymsha.domain.providers.rules import GroupDraft, GroupFacts, SlotDraft, VenueDraft
from qosymsha.domain.providers.rules.running import GroupTerms
from qosymsha.domain.providers.states import ContractState
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.choices import (
    WeekForm,
    day_field,
    fill,
    languages,
    modes,
    own_group,
    rules_of,
    staff_labels,
    venue_labels,
)
from qosymsha.interfaces.provider.house import managed, title
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.money import TIYN_PER_TENGE
from qosymsha.kernel.text import sort_key

_NOBODY = PersonDetails(None, "", "")
_FIELDS = {
    "code_missing": "code",
    "code_taken": "code",
    "language_unknown": "language",
    "bad_ages": "age_max",
    "bad_capacity": "capacity",
    "venue_full": "venue",
    "district_unknown": "venue",
    "days_reversed": "last",
    "teacher_busy": "teacher",
    "teacher_unknown": "teacher",
    "teacher_unreadable": "teacher",
    "activity_unknown": "activity",
    "no_contract": "first",
    "not_accredited": "first",
    "no_rules_in_force": "first",
    "tariff_above_rule": "tariff",
    "units_above_rule": "units",
    "charge_above_rule": "adds",
}


class TermsForm(Form):
    """What may be changed about a group at any time."""

    language = forms.ChoiceField()
    age_min = forms.IntegerField(min_value=0, max_value=25)
    age_max = forms.IntegerField(min_value=0, max_value=25)
    mode = forms.ChoiceField()
    is_adapted = forms.BooleanField(required=False)
    adds = forms.IntegerField(required=False, min_value=0, max_value=1_000_000)


class OpenForm(WeekForm, TermsForm):
    """A group to open: its code, what, where, who, when, how many, what a lesson costs."""

    code = forms.CharField(max_length=40)
    activity = forms.ChoiceField()
    capacity = forms.IntegerField(min_value=1, max_value=500)
    venue = forms.ChoiceField()
    teacher = forms.ChoiceField()
    first = day_field()
    last = day_field(required=False)
    tariff = forms.DecimalField(min_value=Decimal("0.01"), max_value=10_000_000, decimal_places=2)
    units = forms.IntegerField(min_value=1, max_value=62)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_week(with_teachers=False)
        self.name_faults()


@allowed(Look.GROUPS, post=Action.OPEN_GROUPS)
def opened(request: SignedRequest) -> HttpResponse:
    """`/provider/groups/open/?like=`: a group by form, empty or as another one is."""
    provider_id, today = managed(request), local_day(request.at)
    venues = running.venue_sheets(actor=request.actor, provider_id=provider_id)
    members = [one for one in staff.staff_of(actor=request.actor, provider_id=provider_id, on=today) if not one.is_gone]
    form = OpenForm(typed(request), initial=_like(request))
    fill(form, "venue", {"": "—"} | venue_labels(venues, request.language))
    fill(form, "teacher", {"": "—"} | staff_labels(members))
    fill(form, "activity", {"": "—"} | _activities(request, provider_id))
    fill(form, "language", languages(request))
    fill(form, "mode", modes(request))

    def act() -> object:
        draft = _draft(form, venues, members)
        (outcome,) = commands.open_groups(
            actor=request.actor, provider_id=provider_id, groups=[draft], at=request.at, key=key_of(request)
        )
        if outcome.reason is not None:
            raise Refused(outcome.reason)
        return outcome.id

    if attempt(request, form, act, _FIELDS):
        return moved(
            request,
            "provider-group-sheet",
            providers.group_facts([form.outcome])[form.outcome].uuid,
            said="desk.opened",
        )
    return page(
        request, "provider/group_open.html", 422 if form.errors else 200, form=form, venues=venues, teachers=members,
        may_charge=_may_charge(request, provider_id),
    )  # fmt: skip


def _may_charge(request: SignedRequest, provider_id: int) -> bool:
    programmes = {contract.programme_id for contract in providers.contracts_of_provider(provider_id)}
    found = [rules for one in programmes if (rules := rules_of(request, one)) is not None]
    return any(rules.agreements.charge.allowed for rules in found)


def _activities(request: SignedRequest, provider_id: int) -> dict[str, str]:
    """Directions of the kinds that the provider has a contract for, by name."""
    standing = [c for c in providers.contracts_of_provider(provider_id) if c.state == ContractState.SIGNED]
    kinds = {contract.kind for contract in standing}
    rows = {row.code: title(row.code, request.language) for row in classifiers.activities() if row.kind in kinds}
    return dict(sorted(rows.items(), key=lambda pair: sort_key(pair[1])))


def _like(request: SignedRequest) -> dict[str, Any]:
    """What the form begins with: another group's terms and week, all but its code; or nothing."""
    asked = request.GET.get("like", "")
    if not asked:
        return {"mode": "on_site", "language": "kk"}
    try:
        facts = own_group(request, UUID(asked))
    except ValueError:
        return {}
    sheet, today = running.group_sheets([facts.id])[facts.id], local_day(request.at)
    week = running.week_of([facts.id], today).get(facts.id, [])
    hours = {f"starts_{one.weekday}": f"{one.starts:%H:%M}" for one in week}
    hours |= {f"ends_{one.weekday}": f"{one.ends:%H:%M}" for one in week}
    return (
        _terms_of(facts, sheet)
        | hours
        | {
            "activity": facts.activity,
            "capacity": facts.capacity,
            "venue": sheet.venue,
            "teacher": week[0].teacher if week else "",
            "last": facts.last_day,
            "tariff": Decimal(facts.unit_tariff_tiyn) / TIYN_PER_TENGE,
            "units": facts.units_per_month,
        }
    )


def _terms_of(facts: GroupFacts, sheet: running.GroupSheet) -> dict[str, Any]:
    terms = {name: getattr(facts, name) for name in ("language", "age_min", "age_max", "is_adapted")}
    return terms | {"mode": sheet.mode, "adds": sheet.adds_tiyn // TIYN_PER_TENGE}


def _draft(form: OpenForm, venues: list[VenueSheet], members: list[StaffMember]) -> GroupDraft:
    said = form.cleaned_data
    venue = next(v for v in venues if str(v.uuid) == said["venue"])
    place = (venue.latitude, venue.longitude) if venue.latitude is not None and venue.longitude is not None else None
    return GroupDraft(
        code=said["code"].strip(),
        activity=said["activity"],
        language=said["language"],
        age_min=said["age_min"],
        age_max=said["age_max"],
        capacity=said["capacity"],
        unit_tariff_tiyn=int(said["tariff"] * TIYN_PER_TENGE),
        units_per_month=said["units"],
        first_day=said["first"],
        last_day=said["last"],
        venue=VenueDraft(venue.district_id, venue.address_kk, venue.address_ru, venue.capacity, place),
        teacher=_NOBODY,
        teacher_id=next(one.id for one in members if str(one.uuid) == said["teacher"]),
        slots=tuple(SlotDraft(*hours) for hours in form.hours()),
        is_adapted=said["is_adapted"],
        mode=said["mode"],
        adds_tiyn=(said["adds"] or 0) * TIYN_PER_TENGE,
    )


@allowed(Look.GROUPS, post=Action.CHANGE_GROUP)
def edited(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/edit/`: language, ages, way of teaching, what a family adds."""
    facts = own_group(request, group_uuid)
    form = TermsForm(typed(request), initial=_terms_of(facts, running.group_sheets([facts.id])[facts.id]))
    fill(form, "language", languages(request))
    fill(form, "mode", modes(request))

    def act() -> object:
        said = form.cleaned_data
        terms = GroupTerms(
            said["language"], said["age_min"], said["age_max"], said["is_adapted"], said["mode"],
            (said["adds"] or 0) * TIYN_PER_TENGE,
        )  # fmt: skip
        return commands.change_group(
            actor=request.actor, group_id=facts.id, terms=terms, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, _FIELDS | {"mode_unknown": "mode"}):
        return moved(request, "provider-group-sheet", group_uuid, said="desk.edited")
    rules = rules_of(request, facts.programme_id)
    charge = rules.agreements.charge if rules else None
    return page(
        request, "provider/group_edit.html", 422 if form.errors else 200, form=form, group=facts,
        charge=charge if charge and charge.allowed else None, children=fates.children_in([facts.id])[facts.id],
    )  # fmt: skip


class SizeForm(Form):
    """How many places."""

    capacity = forms.IntegerField(min_value=1, max_value=500)


@allowed(Look.GROUPS, post=Action.RESIZE_GROUP)
def resized(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/places/`: more or fewer places."""
    facts = own_group(request, group_uuid)
    form = SizeForm(typed(request), initial={"capacity": facts.capacity})

    def act() -> object:
        wished = form.cleaned_data["capacity"]
        return changes.resize_group(
            actor=request.actor, group_id=facts.id, capacity=wished, at=request.at, key=key_of(request)
        )

    fields = dict.fromkeys(("bad_capacity", "below_taken", "venue_full", "nothing_changed"), "capacity")
    if attempt(request, form, act, fields):
        return moved(request, "provider-group-sheet", group_uuid, said="desk.resized", n=form.cleaned_data["capacity"])
    return page(
        request, "provider/group_places.html", 422 if form.errors else 200, form=form, group=facts,
        taken=facts.capacity - vouchers.free_places([facts.id])[facts.id],
        sheet=running.group_sheets([facts.id])[facts.id],
    )  # fmt: skip


class CloseForm(Form):
    """The last day and why."""

    last = day_field()
    reason = forms.CharField(max_length=300, widget=forms.Textarea({"rows": 2}))


@allowed(Look.GROUPS, post=Action.CLOSE_GROUP)
def closed(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/close/`: what becomes of its children and lessons is said, then it is done."""
    facts, today = own_group(request, group_uuid), local_day(request.at)
    form = CloseForm(typed(request))

    def act() -> object:
        said = form.cleaned_data
        return changes.close_group(
            actor=request.actor, group_id=facts.id, last_day=said["last"], reason=said["reason"], at=request.at,
            key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, {"days_reversed": "last", "reason_missing": "reason"}):
        return moved(request, "provider-group-sheet", group_uuid, said="desk.closed", n=form.outcome)
    rules = rules_of(request, facts.programme_id)
    return page(
        request, "provider/group_close.html", 422 if form.errors else 200, form=form, group=facts,
        affected=fates.elsewhere(facts, max(today, facts.first_day)),
        lessons=sum(one.state == "planned" for one in fates.sessions_from(facts.id, fates.day_after(today))),
        choose_days=rules.timers.choose_working_days if rules else None,
    )  # fmt: skip

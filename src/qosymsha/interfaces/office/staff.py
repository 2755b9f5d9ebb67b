"""Who works here: rights with their days, given, proposed to a second person, ended; a person's visits and factors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from itertools import groupby
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.utils.translation import get_language

from qosymsha.domain.factors import commands as factors
from qosymsha.domain.factors.access import Action as Factors
from qosymsha.domain.people import commands, queries, staffing
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.rules import POWERFUL
from qosymsha.domain.people.staffing import Right
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import sessions, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput

_ROLES = [role for role in Role if role not in FAMILY | {Role.SYSTEM, Role.CHANNEL}]
_AT_PROVIDER = frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})
_FIELDS = {
    "bad_iin": "iin",
    "number_taken": "iin",
    "validity_reversed": "last",
    "role_unknown": "role",
    "right_to_oneself": "subject",
}


class AppointForm(Form):
    """Who, as what, where, from which day to which."""

    subject = forms.CharField(max_length=200, widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))
    role = forms.ChoiceField()
    kato = forms.CharField(max_length=9, required=False, widget=forms.TextInput({"inputmode": "numeric"}))
    department = forms.ChoiceField(required=False)
    provider = forms.CharField(max_length=20, required=False, widget=forms.TextInput({"inputmode": "numeric"}))
    iin = forms.CharField(max_length=14, required=False, widget=forms.TextInput({"autocomplete": "off"}))
    first = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with their rights as a list shows them."""

    uuid: UUID
    subject: str
    is_me: bool
    rights: list[tuple[Right, str]]


@allowed(Look.STAFF)
def staff(request: SignedRequest) -> HttpResponse:
    """`/office/staff/`: everybody's rights; what waits for a second operator."""
    sought, role = request.GET.get("q", "")[:80], request.GET.get("role", "")
    ended = bool(request.GET.get("ended"))
    rights = staffing.rights(actor=request.actor, at=request.at, sought=sought, role=role, ended=ended)
    return page(
        request,
        "office/staff.html",
        people=_people(request, rights),
        roles=_ROLES,
        sought=sought,
        role=role,
        ended=ended,
        is_cut=len(rights) == staffing.MOST,
        proposals=staffing.proposals(actor=request.actor),
        may_appoint=request.actor.holds(ALLOWED[Action.APPOINT]),
    )


@allowed(Action.APPOINT, post=Action.APPOINT)
def appoint(request: SignedRequest) -> HttpResponse:
    """`/office/staff/appoint/`: give a role; a powerful one is proposed to another operator."""
    form = AppointForm(typed(request))
    role = form.fields["role"]
    assert isinstance(role, forms.ChoiceField)
    named = [(one.value, texts.say(request.language, f"role.{one.value}")) for one in _ROLES]
    role.choices = [("", texts.say(request.language, "officials.choose")), *named]
    department = form.fields["department"]
    assert isinstance(department, forms.ChoiceField)
    department.choices = [("", texts.say(request.language, "officials.no_department")), *_departments(request)]
    if attempt(request, form, lambda: _appoint(request, form), _FIELDS):
        return moved(request, "office-staff", said=form.outcome)
    return page(
        request,
        "office/staff_appoint.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        form=form,
        powerful=sorted(POWERFUL),
    )


@allowed(Action.GIVE_ROLE, post=Action.GIVE_ROLE)
def proposal(request: SignedRequest, proposal_uuid: UUID) -> HttpResponse:
    """`/office/staff/proposals/…/`: another operator's proposal, given or refused by this one."""
    found = [one for one in staffing.proposals(actor=request.actor) if one.uuid == proposal_uuid]
    if not found:
        raise Http404
    form = Form(typed(request))
    is_given = "refuse" not in request.POST
    who: dict[str, Any] = {"actor": request.actor, "at": request.at}
    decide = commands.decide_role
    if attempt(request, form, lambda: decide(proposal_uuid=proposal_uuid, is_given=is_given, **who)):
        return moved(request, "office-staff", said="officials.given" if is_given else "officials.refused")
    return page(
        request,
        "office/staff_proposal.html",
        422 if form.errors else 200,
        form=form,
        one=found[0],
        place=" · ".join(_place(found[0])),
    )


@allowed(Action.DISMISS, post=Action.DISMISS)
def end(request: SignedRequest, right_id: int) -> HttpResponse:
    """`/office/staff/rights/…/end/`: what ends for whom; a POST ends it from this very moment."""
    right = staffing.right(actor=request.actor, at=request.at, membership_id=right_id)
    if right is None:
        raise Http404
    form = Form(typed(request))
    who: dict[str, Any] = {"actor": request.actor, "at": request.at}
    if attempt(request, form, lambda: commands.dismiss(membership_id=right_id, key=key_of(request), **who)):
        return moved(request, "office-staff", said="officials.ended")
    (shown,) = _people(request, [right])
    return page(request, "office/staff_end.html", 422 if form.errors else 200, form=form, person=shown)


@allowed_post(Action.END_VISITS)
def end_visits(request: SignedRequest, user_uuid: UUID) -> HttpResponse:
    """Sign somebody out at every browser."""
    user_id = _user(request, user_uuid)
    commands.record_ended_visits(actor=request.actor, user_id=user_id, at=request.at)
    ended = sessions.end_of(user_id, request.at, but=request.session.session_key or "")
    return moved(request, "office-staff", said="officials.visits_ended", n=ended)


@allowed_post(Factors.END_FACTORS)
def end_factors(request: SignedRequest, user_uuid: UUID) -> HttpResponse:
    """End all that somebody can prove with, who has lost it; their visits end too."""
    user_id = _user(request, user_uuid)
    factors.end_factors(actor=request.actor, user_id=user_id, at=request.at)
    sessions.end_of(user_id, request.at)
    return moved(request, "office-staff", said="officials.factors_ended")


def _user(request: SignedRequest, user_uuid: UUID) -> int:
    user_id = staffing.user_id_of(actor=request.actor, user_uuid=user_uuid, at=request.at)
    if user_id is None:
        raise Http404
    return user_id


def _appoint(request: SignedRequest, form: AppointForm) -> str:
    told, role = form.cleaned_data, form.cleaned_data["role"]
    is_at_provider = role in _AT_PROVIDER
    draft = commands.Appointment(
        told["subject"].strip(),
        role,
        None if is_at_provider else _territory(told, local_day(request.at)),
        None if is_at_provider or not told["department"] else _department(told["department"]).id,
        provider_id=_provider(told["provider"]) if is_at_provider else None,
        first=told["first"],
        last=told["last"],
        language=request.language,
        iin=told["iin"] or None,
    )
    who: dict[str, Any] = {"actor": request.actor, "appointment": draft, "at": request.at, "key": key_of(request)}
    if role in POWERFUL:
        commands.propose_role(**who)
        return "officials.proposed"
    commands.appoint(**who)
    return "officials.appointed"


def _territory(told: dict[str, Any], on: date) -> int | None:
    """The territory of the code; a department's own where it is bound to one."""
    found = queries.territory_by_kato(told["kato"], on) if told["kato"] else None
    if told["kato"] and found is None:
        raise BadInput("kato", "no territory has this code")
    if not told["department"]:
        return found
    own = _department(told["department"]).territory_id
    if found not in (None, own):
        raise BadInput("department", "the department is another territory's")
    return own


@dataclass(frozen=True, slots=True)
class Department:
    """A department, and whose it is."""

    id: int
    territory_id: int
    name: str


def _all_departments(language: str) -> list[Department]:
    territories = sorted({one.territory_id for one in programmes.programmes()})
    return [
        Department(one.id, territory_id, getattr(one, f"name_{language}", "") or one.name_kk)
        for territory_id in territories
        for one in programmes.departments_of(territory_id)
    ]


def _departments(request: SignedRequest) -> list[tuple[str, str]]:
    """Those of the territories in which this operator gives roles."""
    found = _all_departments(request.language)
    mine = [one for one in found if request.actor.holds(ALLOWED[Action.APPOINT], territory_id=one.territory_id)]
    return [(str(one.id), one.name) for one in mine]


def _department(chosen: str) -> Department:
    return next(one for one in _all_departments("kk") if str(one.id) == chosen)


def _provider(number: str) -> int:
    found = providers.providers_by_number([number]).get(number)
    if found is None:
        raise BadInput("provider", "no provider has this number")
    return found


def _people(request: SignedRequest, rights: list[Right]) -> list[Person]:
    """Rights by person, each with where it holds in words."""
    ids = {one.provider_id for one in rights if one.provider_id is not None}
    names = {one.id: one.name for one in providers.provider_names(ids)} if ids else {}
    return [
        Person(uuid, subject, user_id == request.actor.user_id, [(one, _scope(one, names)) for one in mine])
        for (uuid, subject, user_id), mine in (
            (key, list(some)) for key, some in groupby(rights, lambda one: (one.user_uuid, one.subject, one.user_id))
        )
    ]


def _place(right: Right | staffing.Proposal) -> list[str]:
    """The names of a right's territory and department, in the page's language."""
    language = get_language() or "kk"
    found = [
        getattr(right, f"{what}_{language}") or getattr(right, f"{what}_kk") for what in ("territory", "department")
    ]
    return [one for one in found if one]


def _scope(right: Right, names: dict[int, str]) -> str:
    language = get_language() or "kk"
    parts = _place(right)
    parts.append(names.get(right.provider_id, "") if right.provider_id is not None else "")
    return " · ".join(part for part in parts if part) or texts.say(language, "officials.everywhere")

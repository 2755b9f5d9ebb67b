"""Children for whom nobody speaks any more: who speaks next is the registry's word; and a right that has ended."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.casework.queries.unguarded import Unguarded, unguarded
from qosymsha.domain.people import asking, commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.ports import RegistryUnavailable
from qosymsha.domain.people.rules import FamilyRow, PeopleRefusal, PersonDetails
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured, Refused

_NUMBER = {"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}
_FIELDS = {
    "bad_iin": "iin",
    "synthetic_iin": "iin",
    "guardianship_not_proved": "iin",
    "name_missing": "given",
    "name_unreadable": "given",
    "phone_unreadable": "phone",
}


class GuardianForm(Form):
    """Who speaks for the child now, as the paper names that person."""

    child = forms.UUIDField(widget=forms.HiddenInput)
    iin = forms.CharField(max_length=20, widget=forms.TextInput(attrs=_NUMBER))
    surname = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    given = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    phone = forms.CharField(
        max_length=30, required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"})
    )


class EndForm(Form):
    """Whose right ends, to which child, and by which paper."""

    guardian = forms.CharField(max_length=20, widget=forms.TextInput(attrs=_NUMBER))
    child = forms.CharField(max_length=20, widget=forms.TextInput(attrs=_NUMBER))
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}))


@allowed(Look.GUARDIANS, post=Action.REGISTER_FAMILIES)
@step_up
def guardians(request: SignedRequest) -> HttpResponse:
    """`/office/guardians/`: children without a guardian; a POST registers one whom the registry names."""
    form = GuardianForm(typed(request))
    found = unguarded(actor=request.actor, at=request.at)
    try:
        if attempt(request, form, lambda: _register(request, form, found), _FIELDS):
            return moved(request, "office-guardians", said="unguarded.registered")
    except (RegistryUnavailable, NotConfigured):
        form.add_error(None, texts.say(request.language, "children.registry_silent"))
    asked = str(form["child"].value() or "") if form.is_bound else ""
    empty = GuardianForm()
    listed = [(one, form if str(one.uuid) == asked else empty) for one in found]
    return page(request, "office/guardians.html", 422 if form.errors else 200, listed=listed, asked=asked)


def _register(request: SignedRequest, form: GuardianForm, found: list[Unguarded]) -> None:
    told = form.cleaned_data
    one = next((child for child in found if child.uuid == told["child"]), None)
    if one is None:
        raise Http404
    child = people.persons(actor=request.actor, kind="child", subject_ids=[one.id], at=request.at)[one.id]
    guardian = PersonDetails(told["iin"].strip(), told["surname"], told["given"], phone=told["phone"])
    proved = asking.families_of(adapter("registry"), [guardian.iin or ""])
    if guardian.iin in proved.unanswered:
        raise RegistryUnavailable(proved.unanswered[guardian.iin])
    (outcome,) = commands.register_families(
        actor=request.actor,
        territory_id=one.territory_id,
        families=[FamilyRow(guardian, (child,), request.language)],
        proofs=proved.proved,
        at=request.at,
        key=key_of(request),
    )
    if outcome.reason is not None:
        raise Refused(outcome.reason)


@allowed(Look.GUARDIANS, post=Action.END_GUARDIANSHIP)
@step_up
def end(request: SignedRequest) -> HttpResponse:
    """`/office/guardians/end/`: a right that a court's act or the registry has ended, ends here today."""
    form = EndForm(typed(request))
    if attempt(request, form, lambda: _end(request, form, request.at), {"not_the_guardian": "guardian"}):
        return moved(request, "office-guardians", said="unguarded.ended")
    return page(request, "office/guardian_end.html", 422 if form.errors else 200, form=form)


def _end(request: SignedRequest, form: EndForm, at: datetime) -> None:
    """A number of nobody, of a stranger, of another's child: one answer."""
    told = form.cleaned_data
    guardian, child = told["guardian"].strip(), told["child"].strip()
    guardians, children = people.by_iin("guardian", [guardian]), people.by_iin("child", [child])
    if guardian not in guardians or child not in children:
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)
    commands.end_guardianship(
        actor=request.actor,
        guardian_id=guardians[guardian],
        child_id=children[child],
        reason=told["reason"],
        at=at,
        key=key_of(request),
    )

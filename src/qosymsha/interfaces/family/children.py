"""My children: whom the registry names, who else speaks for them, and how a child is linked by its number."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.http import HttpResponse

from qosymsha.domain.people import asking, commands, consenting
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.ports import RegistryFault, RegistryUnavailable
from qosymsha.domain.people.rules import GuardRefusal, PersonDetails
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured
from qosymsha.kernel.text import sort_key

_FIELDS = {
    "bad_iin": "iin",
    "synthetic_iin": "iin",
    "name_missing": "given",
    "name_unreadable": "given",
    "birth_date_missing": "born_on",
    "birth_date_impossible": "born_on",
    "birth_date_differs": "born_on",
    "child_not_proved": "iin",
}


class ChildForm(Form):
    """A child as its birth certificate names it."""

    iin = forms.CharField(
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}),
    )
    surname = forms.CharField(max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    given = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    born_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


@allowed(Action.READ_OWN_CHILDREN, post=Action.LINK_CHILD)
def children(request: SignedRequest) -> HttpResponse:
    """`/family/children/`: my children, and a form to link one; what the registry does not prove looks all the same."""
    form, status = ChildForm(typed(request)), HTTPStatus.OK
    try:
        if attempt(request, form, lambda: _link(request, form), _FIELDS):
            if form.outcome is None:
                return moved(request, "family-children", said="children.linked")
            is_over = form.outcome is GuardRefusal.TOO_MANY_NUMBERS
            status = HTTPStatus.TOO_MANY_REQUESTS if is_over else HTTPStatus.UNPROCESSABLE_ENTITY
            form.add_error(_FIELDS.get(form.outcome.value), texts.refusal(request.language, form.outcome.value))
        elif form.errors:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
    except (RegistryUnavailable, NotConfigured) as silence:
        status = _silent(request, form, silence)
    wards = people.own_wards(actor=request.actor, at=request.at)
    is_long = len(wards) > MANY
    if is_long:
        wards.sort(key=lambda ward: sort_key(ward.name))
    may_ask = not consenting.stopped_guardians([request.actor.guardian_id or 0])
    return page(
        request,
        "family/children.html",
        status,
        form=form,
        wards=wards,
        may_ask=may_ask,
        is_long=is_long,
    )


@allowed_post(Action.LINK_CHILD)
def wards(request: SignedRequest) -> HttpResponse:
    """`/family/children/wards/`: who acts for a guardianship body takes on all children whom the registry names."""
    own, guardian_id = people.own_record(request.actor), request.actor.guardian_id or 0
    try:
        proved = asking.children_of(adapter("registry"), guardian_id, own.iin) if own is not None and own.iin else []
    except (RegistryUnavailable, NotConfigured):
        return moved(request, "family-children", said="children.registry_silent")
    done = commands.link_wards(actor=request.actor, proved=proved, at=request.at, key=key_of(request))
    if not done.linked:
        return moved(request, "family-children", said="children.no_wards")
    return moved(request, "family-children", said="children.wards_linked", n=done.linked)


def _silent(request: SignedRequest, form: ChildForm, silence: RegistryUnavailable | NotConfigured) -> HTTPStatus:
    """There is no answer; where consent is withdrawn nobody was asked, and the page says so in the form's place."""
    if isinstance(silence, RegistryUnavailable) and silence.fault is RegistryFault.CONSENT_WITHDRAWN:
        return HTTPStatus.CONFLICT
    form.add_error(None, texts.say(request.language, "children.registry_silent"))
    return HTTPStatus.SERVICE_UNAVAILABLE


def _link(request: SignedRequest, form: ChildForm) -> object:
    """The registry is asked for the guardian's children, never for the number that was typed."""
    told = form.cleaned_data
    child = PersonDetails(told["iin"], told["surname"], told["given"], born_on=told["born_on"])
    own, guardian_id = people.own_record(request.actor), request.actor.guardian_id or 0
    proved = asking.children_of(adapter("registry"), guardian_id, own.iin) if own is not None and own.iin else []
    return commands.link_child(actor=request.actor, child=child, proved=proved, at=request.at, key=key_of(request))

"""A child looked up for a stated purpose: masked answers, a record opened by a second act, its categories apart."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.casework.access import ALLOWED as CASEWORK
from qosymsha.domain.casework.access import Action as CaseworkAction
from qosymsha.domain.enquiries import commands, queries
from qosymsha.domain.enquiries.access import ALLOWED, Action
from qosymsha.domain.enquiries.rules import Asked
from qosymsha.domain.enquiries.states import Purpose
from qosymsha.domain.erasure import queries as erasure
from qosymsha.domain.erasure.rules import Kind
from qosymsha.interfaces.office.access import ALLOWED as LOOKS
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page

_FIELDS = {
    "purpose_missing": "purpose",
    "reference_malformed": "reference",
    "enquiry_iin_malformed": "iin",
    "number_malformed": "number",
    "name_incomplete": "name",
}
_PROOF_MINUTES = 10


class SearchForm(Form):
    """Why, about which case, and one of three ways to name somebody."""

    purpose = forms.ChoiceField()
    reference = forms.CharField(max_length=30)
    number = forms.CharField(max_length=20, required=False)
    iin = forms.CharField(max_length=20, required=False, widget=forms.TextInput({"inputmode": "numeric"}))
    name = forms.CharField(max_length=150, required=False)
    born_on = forms.DateField(
        required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), input_formats=["%Y-%m-%d"]
    )

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _purposes(self, language)
        for one in self.fields.values():
            one.widget.attrs["autocomplete"] = "off"


class OpenForm(Form):
    """Why the record is opened."""

    purpose = forms.ChoiceField()

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _purposes(self, language)


def _purposes(form: Form, language: str) -> None:
    field = form.fields["purpose"]
    assert isinstance(field, forms.ChoiceField)
    said = [(one.value, texts.say(language, f"enquiry.purpose.{one}")) for one in Purpose]
    field.choices = [("", texts.say(language, "enquiry.choose")), *said]


@allowed(Action.SEARCH, post=Action.SEARCH)
def search(request: SignedRequest) -> HttpResponse:
    """`/office/people/`: ask for somebody; what is typed stands in no address, and is not kept."""
    form = SearchForm(typed(request), language=request.language)

    def act_on() -> UUID:
        told = form.cleaned_data
        born_on: date | None = told["born_on"]
        asked = Asked(told["purpose"], told["reference"], told["iin"], told["name"], born_on, told["number"])
        return commands.ask(actor=request.actor, asked=asked, at=request.at, key=key_of(request))

    if attempt(request, form, act_on, _FIELDS):
        return moved(request, "office-people-found", form.outcome)
    words: dict[str, Any] = {
        "form": form,
        "made": queries.asked_today(request.actor.user_id, request.at),
        "most": queries.day_limit(),
    }
    return page(request, "office/people.html", 422 if form.errors else 200, **words)


@allowed(Action.SEARCH)
def found(request: SignedRequest, enquiry_uuid: UUID) -> HttpResponse:
    """`/office/people/{uuid}/`: who was found, masked; each to be opened for a purpose."""
    shown = queries.enquiry(actor=request.actor, uuid=enquiry_uuid, at=request.at)
    if shown is None:
        raise Http404
    form = OpenForm(initial={"purpose": shown.purpose}, language=request.language)
    return page(request, "office/people_found.html", enquiry=shown, form=form)


@allowed(Action.READ, post=Action.OPEN)
def record(request: SignedRequest, hit_uuid: UUID) -> HttpResponse:
    """`/office/people/records/{uuid}/`: a POST opens it for half an hour; `?categories=1` asks for the categories."""
    enquiry = queries.own_enquiry_of(actor=request.actor, hit=hit_uuid)
    if enquiry is None:
        raise Http404
    if request.method == "POST":
        form = OpenForm(request.POST, language=request.language)

        def act_on() -> bool:
            purpose = form.cleaned_data["purpose"]
            commands.open_record(actor=request.actor, hit=hit_uuid, purpose=purpose, at=request.at, key=key_of(request))
            return True

        if attempt(request, form, act_on):
            return moved(request, "office-record", hit_uuid)
        return moved(request, "office-people-found", enquiry, said="enquiry.say_why")
    shown = queries.record(actor=request.actor, hit=hit_uuid, at=request.at)
    if shown is None:
        return moved(request, "office-people-found", enquiry, said="enquiry.open_again")
    may_check = request.actor.holds(ALLOWED[Action.READ_CATEGORIES])
    is_proved = request.visit.fresh_proof(request.at, minutes=_PROOF_MINUTES) is not None
    is_asked = may_check and request.GET.get("categories") == "1"
    words: dict[str, Any] = {
        "record": shown,
        "erased_on": erasure.erased_on(Kind.CHILD, [shown.child_id]).get(shown.child_id),
        "may_check": may_check,
        "is_proved": is_proved,
        "is_asked": is_asked and is_proved,
        "categories": _categories(request, hit_uuid) if is_asked and is_proved else [],
        "sees_vouchers": request.actor.holds(CASEWORK[CaseworkAction.READ_ENDINGS]),
        "sees_sheets": request.actor.holds(LOOKS[Look.SHEETS]),
    }
    return page(request, "office/record.html", **words)


def _categories(request: SignedRequest, hit_uuid: UUID) -> list[queries.CategoryShown]:
    return queries.categories(actor=request.actor, hit=hit_uuid, at=request.at)

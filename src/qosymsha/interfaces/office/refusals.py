"""Refusals of children that an officer looks at before they harm: upheld, or overturned with a reason."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.states import RefusalState
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch, choice
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

STATES = tuple(state.value for state in RefusalState)


class DecideForm(Form):
    """Upheld or overturned; an overturning says why, to the club and to the family."""

    overturn = forms.ChoiceField(choices=[("no", ""), ("yes", "")])
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea({"rows": 3}))


@allowed(Look.REFUSALS)
def refusals(request: SignedRequest) -> HttpResponse:
    """`/office/refusals/?state=`: those that wait first, by their day."""
    state = choice(request, "state", STATES)
    part = holding.part_of(request, Kind.REFUSAL)
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        queries.office_refusals(
            actor=request.actor, at=request.at, state=state, only=part.only, but=part.but, after=stretch.after,
            most=stretch.one_more,
        )
    )  # fmt: skip
    return page(
        request,
        "office/refusals.html",
        refusals=found,
        stretch=stretch,
        state=state,
        states=[(value, f"agr.refusal.{value}") for value in STATES],
        today=local_day(request.at),
        **holding.held(request, part, [one.id for one in found]),
    )


@allowed(Look.REFUSALS, post=Action.DECIDE_REFUSAL)
@step_up
def refusal(request: SignedRequest, refusal_uuid: UUID) -> HttpResponse:
    """`/office/refusals/{uuid}/`: what the house knows of it, the family's word, the decision."""
    found = queries.office_refusals(actor=request.actor, at=request.at, uuid=refusal_uuid)
    if not found:
        raise Http404
    one = found[0]
    form = DecideForm(typed(request))

    def act() -> None:
        commands.decide_refusal(
            actor=request.actor, refusal_id=one.id, overturn=form.cleaned_data["overturn"] == "yes",
            reason=form.cleaned_data["reason"], at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, {"agreement_reason_missing": "reason"}):
        return moved(request, "office-refusals", said="agr.decided")
    return page(
        request,
        "office/refusal.html",
        422 if form.errors else 200,
        form=form,
        refusal=one,
        age=whole_years(one.born_on, one.starts_on) if one.born_on else None,
        may_decide=request.actor.holds(ALLOWED[Action.DECIDE_REFUSAL], territory_id=one.territory_id),
        **holding.one(request, Kind.REFUSAL, one.id),
    )

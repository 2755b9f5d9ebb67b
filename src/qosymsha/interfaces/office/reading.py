"""Reading children's records: one's own day, accounts that were stopped and may be let on, alarms for the auditor."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django import forms
from django.http import HttpResponse

from qosymsha.domain.people import commands, watched
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.rules import GRANT_AT_MOST
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page

_USUAL = 50
_FIELDS = {"grant_without_reason": "reason", "grant_too_large": "children", "account_unknown": "account"}


class GrantForm(Form):
    """Whom, how many children more today, and why."""

    account = forms.ChoiceField()
    children = forms.IntegerField(min_value=1, max_value=GRANT_AT_MOST, initial=_USUAL)
    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))


@allowed(Look.READING, post=Action.GRANT_READING)
def reading(request: SignedRequest) -> HttpResponse:
    """`/office/reading/`: how many children's records I have read today; who was stopped; what must be looked at."""
    may_grant = request.actor.holds(ALLOWED[Action.GRANT_READING])
    may_watch = request.actor.holds(ALLOWED[Action.READ_ALARMS])
    stopped = watched.stopped_accounts(actor=request.actor, at=request.at) if may_grant else []
    form = GrantForm(typed(request))
    account = form.fields["account"]
    assert isinstance(account, forms.ChoiceField)
    account.choices = [(str(one.uuid), one.subject) for one in stopped]

    def grant() -> None:
        told = form.cleaned_data
        commands.grant_reading(
            actor=request.actor,
            user_uuid=UUID(told["account"]),
            children=told["children"],
            reason=told["reason"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, grant, _FIELDS):
        return moved(request, "office-reading", said="reading.granted")
    return page(
        request,
        "office/reading.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        form=form,
        day=watched.own_day(actor=request.actor, at=request.at),
        stopped=stopped,
        may_grant=may_grant,
        may_watch=may_watch,
        alarms=watched.alarms(actor=request.actor) if may_watch else [],
        grants=watched.grants(actor=request.actor) if may_watch else [],
    )

"""Money that providers paid back, recorded by one person and confirmed by another; places that lack money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries import closing as queries
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Refusal, refusals
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.money import TIYN_PER_TENGE


@allowed(Look.REFUNDS)
def refunds(request: SignedRequest) -> HttpResponse:
    """`/office/refunds/`: what is still owed, what came back, what another person must confirm."""
    found = queries.refunds(actor=request.actor)
    return page(
        request,
        "office/refunds.html",
        debts=queries.open_debts(actor=request.actor),
        refunds=[(one, one.recorded_by == request.actor.user_id) for one in found],
        may_record=request.actor.holds(ALLOWED[Action.RECORD_REFUND]),
        may_confirm=request.actor.holds(ALLOWED[Action.CONFIRM_REFUND]),
    )


class RefundForm(Form):
    """The bank's reference and the sum."""

    reference = forms.CharField(max_length=60)
    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=15, decimal_places=2)


@allowed(Action.RECORD_REFUND, post=Action.RECORD_REFUND)
@step_up
def record(request: SignedRequest, recovery_uuid: UUID) -> HttpResponse:
    """`/office/refunds/record/{recovery}/`: money that came back for a recovery; another person confirms it."""
    found = queries.open_debts(actor=request.actor, uuid=recovery_uuid)
    if not found:
        raise Http404
    (debt,) = found
    first: dict[str, Any] = {"amount": Decimal(debt.left_tiyn) / TIYN_PER_TENGE}
    form = RefundForm(typed(request), initial=first)

    def act_on() -> object:
        told = form.cleaned_data
        return commands.record_refund(
            actor=request.actor,
            programme_id=debt.programme_id,
            recovery_id=debt.id,
            reference=told["reference"],
            amount_tiyn=int(told["amount"] * TIYN_PER_TENGE),
            at=request.at,
            key=key_of(request),
        )

    fields = {"evidence_missing": "reference", "reference_reused": "reference", "more_than_owed": "amount"}
    if attempt(request, form, act_on, fields):
        return moved(request, "office-refunds", said="refunds.recorded")
    return page(request, "office/refund_record.html", 422 if form.errors else 200, debt=debt, form=form)


class NoForm(Form):
    """Nothing to fill in."""


@allowed(Action.CONFIRM_REFUND, post=Action.CONFIRM_REFUND)
@step_up
def confirm(request: SignedRequest, refund_uuid: UUID) -> HttpResponse:
    """`/office/refunds/{uuid}/confirm/`: held against the bank's statement by another person than who recorded it."""
    found = queries.refunds(actor=request.actor, uuid=refund_uuid)
    if not found:
        raise Http404
    (refund,) = found
    form = NoForm(typed(request))

    def act_on() -> bool:
        commands.confirm_refund(
            actor=request.actor,
            programme_id=refund.programme_id,
            refund_id=refund.id,
            at=request.at,
            key=key_of(request),
        )
        return True

    if attempt(request, form, act_on):
        return moved(request, "office-refunds", said="refunds.confirmed")
    is_own = refund.recorded_by == request.actor.user_id
    return page(
        request, "office/refund_confirm.html", 422 if form.errors else 200, refund=refund, form=form, is_own=is_own
    )


class CoverForm(Form):
    """By which decision the places are given what they lack."""

    decision = forms.CharField(max_length=200)


@allowed(Look.COVERS, post=Action.COVER_PLACES)
@step_up
def covers(request: SignedRequest) -> HttpResponse:
    """`/office/covers/`: confirmed months whose places hold too little; a POST covers them by a named decision."""
    mine = queries.closing_programmes(request.actor, queries.COVER_LOOK)
    shown = [(one, queries.lacking_rows(one.id)) for one in mine]
    form = CoverForm(typed(request))
    refused: list[Refusal] = []

    def act_on() -> int | None:
        asked = str(request.POST.get("programme", ""))
        programme, rows = next(((one, found) for one, found in shown if str(one.uuid) == asked), (None, []))
        chosen = [row for row in rows if str(row.row_id) in request.POST.getlist("row")]
        if programme is None or not chosen:
            form.add_error(None, texts.say(request.language, "office.nothing_chosen"))
            return None
        outcomes = commands.cover_places(
            actor=request.actor,
            programme_id=programme.id,
            sheet_row_ids=[row.row_id for row in chosen],
            decision=form.cleaned_data["decision"],
            at=request.at,
            key=key_of(request),
        )
        refused.extend(refusals(request, outcomes, lambda n: f"{chosen[n].code} · {chosen[n].month:%m.%Y}"))
        return len(outcomes) - len(refused)

    if attempt(request, form, act_on, {"evidence_missing": "decision"}) and not form.errors and not refused:
        return moved(request, "office-covers", said="covers.done", n=form.outcome)
    words: dict[str, Any] = {
        "programmes": shown,
        "form": form,
        "refused": refused,
        "may_cover": request.actor.holds(ALLOWED[Action.COVER_PLACES]),
    }
    return page(request, "office/covers.html", 422 if form.errors or refused else 200, **words)

"""What families pay beside the voucher: the charge of a group, receipts of payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.commands import Payment
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.provider.papers import day_field
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.stretches import Stretch
from qosymsha.kernel.clock import local_day, month_of
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.money import TIYN_PER_TENGE

_CHARGE = {"no_charge_here": "amount", "charge_too_high": "amount", "amount_wrong": "amount",
           "agreement_reason_missing": "what_for"}  # fmt: skip
_RECEIPT = {"amount_wrong": "amount", "no_charge_agreed": "amount"}


class ChargeForm(Form):
    """Tenge a month, and what for."""

    amount = forms.DecimalField(min_value=Decimal(0), max_digits=9, decimal_places=2)
    what_for = forms.CharField(max_length=200, required=False)


class ReceiptForm(Form):
    """How much, for which month, on which day."""

    month = forms.DateField(input_formats=["%Y-%m"], widget=forms.DateInput(format="%Y-%m", attrs={"type": "month"}))
    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=9, decimal_places=2)
    paid_on = day_field()


@allowed(Look.FAMILIES)
def payments(request: SignedRequest) -> HttpResponse:
    """`/provider/families/payments/`: whether a charge is allowed, what each group asks, who paid."""
    provider_id, today = managed(request), local_day(request.at)
    given: dict[str, Any] = {"actor": request.actor, "provider_id": provider_id, "at": request.at}
    payers = queries.payers_of_provider(**given)
    paid = queries.paid_by_family([one.enrolment_id for one in payers])
    month, stretch = month_of(today), Stretch.asked(request)
    receipts, stretch = stretch.cut(queries.receipts_of_provider(**given, after=stretch.after, most=stretch.one_more))
    return page(
        request,
        "provider/payments.html",
        ceiling=_ceiling(provider_id, request),
        charges=queries.charges_of_provider(provider_id, today),
        payers=[(one, paid.get((one.enrolment_id, month), 0)) for one in payers],
        receipts=receipts,
        stretch=stretch,
        month=month,
    )


def _ceiling(provider_id: int, request: SignedRequest) -> int:
    """The most a group may ask by the rules in force; 0 where none may. The first programme's, where there are more."""
    territory_id = providers.provider_facts([provider_id])[provider_id].territory_id
    for programme in programmes.programmes(territory_id):
        try:
            charge = programmes.rules_in_force(programme.id, local_day(request.at)).rules.agreements.charge
        except Refused:
            continue
        return charge.ceiling_tiyn if charge.allowed else 0
    return 0


@allowed(Look.FAMILIES, post=Action.SET_CHARGE)
def charge(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/families/payments/{group}/`: what the group asks from now on."""
    provider_id = managed(request)
    charges = queries.charges_of_provider(provider_id, local_day(request.at))
    one = next((c for c in charges if c.group_uuid == group_uuid), None)
    if one is None:
        raise Http404
    first = {"amount": Decimal(one.amount_tiyn) / TIYN_PER_TENGE, "what_for": one.what_for}
    form = ChargeForm(typed(request), initial=first)

    def act() -> None:
        commands.set_charge(
            actor=request.actor, group_id=one.group_id, amount_tiyn=int(form.cleaned_data["amount"] * TIYN_PER_TENGE),
            what_for=form.cleaned_data["what_for"], at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, _CHARGE):
        return moved(request, "provider-payments", said="agr.charge_set")
    ceiling = _ceiling(provider_id, request)
    return page(request, "provider/charge.html", 422 if form.errors else 200, form=form, group=one, ceiling=ceiling)


@allowed(Look.FAMILIES, post=Action.RECORD_RECEIPT)
def receipt(request: SignedRequest, place_uuid: UUID) -> HttpResponse:
    """`/provider/families/receipts/{place}/`: write a family's payment down."""
    given: dict[str, Any] = {"actor": request.actor, "provider_id": managed(request), "at": request.at}
    one = next((p for p in queries.payers_of_provider(**given) if p.place == place_uuid), None)
    if one is None:
        raise Http404
    today = local_day(request.at)
    first = {"month": month_of(today), "paid_on": today, "amount": Decimal(one.charge_tiyn) / TIYN_PER_TENGE}
    form = ReceiptForm(typed(request), initial=first)

    def act() -> int:
        typed_in = form.cleaned_data
        amount = int(typed_in["amount"] * TIYN_PER_TENGE)
        payment = Payment(one.enrolment_id, typed_in["month"], amount, typed_in["paid_on"])
        return commands.record_receipt(actor=request.actor, payment=payment, at=request.at, key=key_of(request))

    if attempt(request, form, act, _RECEIPT):
        return moved(request, "provider-payments", said="agr.receipt_recorded")
    return page(request, "provider/receipt.html", 422 if form.errors else 200, form=form, payer=one)


@allowed_post(Action.CANCEL_RECEIPT)
def cancel(request: SignedRequest, receipt_uuid: UUID) -> HttpResponse:
    """`/provider/families/receipts/{uuid}/cancel/`: a slip; the receipt stays to be seen as cancelled."""
    found = queries.receipt_id(managed(request), receipt_uuid)
    if found is None:
        raise Http404
    commands.cancel_receipt(actor=request.actor, receipt_id=found, at=request.at, key=key_of(request))
    return moved(request, "provider-payments", said="agr.receipt_cancelled")

"""What is due, why, when, and what it waits for; acts of services to sign; e-invoices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.queries import ContractFacts
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.commands.invoices import Invoice
from qosymsha.domain.settlement.ports import Writer
from qosymsha.domain.settlement.queries import ActPaper, ClaimDue, OwnAct
from qosymsha.domain.settlement.states import ActState, ClaimState, Side
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.provider.month import ReasonForm
from qosymsha.interfaces.ui import signing
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.papers.act import act_pdf
from qosymsha.interfaces.ui.papers.statement import statement_pdf
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.money import TIYN_PER_TENGE

_ENDED = {ClaimState.PAID, ClaimState.REVERSED, ClaimState.NOTHING_DUE}


@allowed(Look.PAY)
def pay(request: SignedRequest) -> HttpResponse:
    """`/provider/pay/`: the statement: each sum with its formula, its day, what it waits for and on whom."""
    provider_id = managed(request)
    found = queries.statement(actor=request.actor, provider_id=provider_id, at=request.at)
    acts = {act.number: act for act in queries.acts_of_provider(actor=request.actor, provider_id=provider_id)}
    open_claims = [claim for claim in found.claims if claim.state not in _ENDED]
    return page(
        request,
        "provider/pay.html",
        statement=found,
        claims=[
            (c, c.words.get(request.language, c.words.get("ru", [])), acts.get(c.act), c.state in _ENDED)
            for c in found.claims
        ],
        next_day=min((claim.due_on for claim in open_claims), default=None),
        to_do=[act for act in acts.values() if act.is_to_sign or act.is_to_invoice],
        acts=list(acts.values()),
        contracts=_contracts(provider_id, found.claims),
        debts=[(debt, f"{debt.plan_permille / 10:g}") for debt in queries.provider_debts(provider_id)],
    )


@dataclass(frozen=True, slots=True)
class CityContract:
    """A contract with the city: its volume, and what of it was claimed so far (tiyn)."""

    facts: ContractFacts
    claimed_tiyn: int

    @property
    def left_tiyn(self) -> int:
        """What may still be claimed under it."""
        return self.facts.volume_tiyn - self.claimed_tiyn


def _contracts(provider_id: int, claims: Sequence[ClaimDue]) -> list[CityContract]:
    """The provider's contracts, the latest first."""
    claimed: Counter[str] = Counter()
    for claim in claims:
        if claim.state != ClaimState.REVERSED:
            claimed[claim.contract] += claim.amount_tiyn
    found = providers.contracts_of_provider(provider_id)
    return [CityContract(one, claimed[one.number]) for one in reversed(found)]


@allowed(Look.PAY)
def statement(request: SignedRequest) -> HttpResponse:
    """`/provider/pay/statement.pdf`: the statement to keep."""
    found = queries.statement(actor=request.actor, provider_id=managed(request), at=request.at)
    return _pdf(statement_pdf(found, request.language), f"statement-{found.provider}.pdf")


@allowed(Look.PAY)
def act(request: SignedRequest, act_uuid: UUID) -> HttpResponse:
    """`/provider/acts/{uuid}/`: an act with its signatures, its e-invoice, and what is to be done about it."""
    own, paper = _own(request, act_uuid)
    return page(request, "provider/act.html", **_shown(own, paper, request.language))


@allowed(Look.PAY)
def act_file(request: SignedRequest, act_uuid: UUID, form: str) -> HttpResponse:
    """`/provider/acts/{uuid}/act.pdf` with the signatures attached, or `act.json`: the very bytes to sign."""
    own, paper = _own(request, act_uuid)
    if form == "pdf":
        return _pdf(act_pdf(paper), f"act-{own.number}.pdf")
    return _file(paper.document, "application/json", f"act-{own.number}.json", "attachment")


@allowed(Look.PAY, post=Action.SIGN_AS_PROVIDER)
@step_up
def sign(request: SignedRequest, act_uuid: UUID) -> HttpResponse:
    """`/provider/acts/{uuid}/sign/`: the provider's signature, verified before it is stored."""
    own, paper = _own(request, act_uuid)
    if request.method == "POST" and Side.PROVIDER in own.sides:  # a second touch is no second signature
        return moved(request, "provider-act", own.uuid, said="act.sign.done")
    form = signing.sign_form(request)

    def act_on() -> object:
        return signing.sign_act(request, own, paper.document, Side.PROVIDER, form, lambda: _writer(request))

    return _done(request, own, paper, form, act_on, "sign")


def _writer(request: SignedRequest) -> Writer:
    provider_id = managed(request)
    name = providers.provider_facts([provider_id])[provider_id].name
    return signing.trial_writer(request.actor.user_id, queries.provider_bin(provider_id), name, request.at)


@allowed(Look.PAY, post=Action.REFUSE_ACT)
def refuse(request: SignedRequest, act_uuid: UUID) -> HttpResponse:
    """`/provider/acts/{uuid}/refuse/`: the act is wrong, and why; another is drawn after it was mended."""
    own, paper = _own(request, act_uuid)
    form = ReasonForm(typed(request))

    def act_on() -> object:
        return commands.refuse_act(
            actor=request.actor, programme_id=own.programme_id, act_id=own.id, reason=form.cleaned_data["reason"],
            at=request.at, key=key_of(request),
        ) or own.id  # fmt: skip

    return _done(request, own, paper, form, act_on, "refuse")


class InvoiceForm(Form):
    """The e-invoice as the tax system gave it."""

    number = forms.CharField(max_length=60)
    issued_on = forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])
    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=15, decimal_places=2)


@allowed(Look.PAY, post=Action.RECORD_EINVOICE)
def invoice(request: SignedRequest, act_uuid: UUID) -> HttpResponse:
    """`/provider/acts/{uuid}/invoice/`: the number, day and sum of the act's e-invoice."""
    own, paper = _own(request, act_uuid)
    first: dict[str, Any] = {"amount": Decimal(own.amount_tiyn) / TIYN_PER_TENGE}
    form = InvoiceForm(typed(request), initial=first)

    def act_on() -> object:
        number, issued_on, amount = (form.cleaned_data[name] for name in ("number", "issued_on", "amount"))
        return commands.record_einvoice(
            actor=request.actor, programme_id=own.programme_id, act_id=own.id,
            invoice=Invoice(number, issued_on, int(amount * TIYN_PER_TENGE)), at=request.at, key=key_of(request),
        )  # fmt: skip

    return _done(request, own, paper, form, act_on, "invoice")


_FIELDS = {
    "einvoice_malformed": "number",
    "einvoice_repeated": "number",
    "einvoice_other_amount": "amount",
    "einvoice_date": "issued_on",
}


def _done(  # noqa: PLR0913 - the one way of these pages: what, its paper, its form, its verb
    request: SignedRequest, own: OwnAct, paper: ActPaper, form: Form, act_on: Callable[[], object], verb: str
) -> HttpResponse:
    fields = {reason: field for reason, field in _FIELDS.items() if field in form.fields}
    if attempt(request, form, act_on, fields) and not form.errors:
        return moved(request, "provider-act", own.uuid, said=f"act.{verb}.done")
    shown = [(bound, f"act.{bound.name}") for bound in form]
    status = 422 if form.errors else 200
    words = _shown(own, paper, request.language)
    return page(request, "provider/act_step.html", status, form=form, fields=shown, verb=verb, **words)


def _own(request: SignedRequest, act_uuid: UUID) -> tuple[OwnAct, ActPaper]:
    found = queries.acts_of_provider(actor=request.actor, provider_id=managed(request), uuid=act_uuid)
    if not found:
        raise Http404
    return found[0], queries.act_paper(actor=request.actor, act_id=found[0].id, at=request.at)


def _shown(own: OwnAct, paper: ActPaper, language: str) -> dict[str, Any]:
    return {
        "act": own,
        "paper": paper,
        "hash": paper.hash.hex(),
        "words": paper.content["words"].get(language) or paper.content["words"].get("ru", []),
        "drawn_on": date.fromisoformat(paper.content["drawn_on"]),
        "customer": paper.content["customer"]["name"],
        "has_force": all(s.is_legal for s in paper.signatures),
        "is_trial": signing.is_trial(),
        "may_refuse": own.state not in (ActState.DONE, ActState.REFUSED),
    }


def _pdf(content: bytes, name: str) -> HttpResponse:
    return _file(content, "application/pdf", name, "inline")


def _file(content: bytes, kind: str, name: str, disposition: str) -> HttpResponse:
    return HttpResponse(content, kind, headers={"Content-Disposition": f'{disposition}; filename="{name}"'})

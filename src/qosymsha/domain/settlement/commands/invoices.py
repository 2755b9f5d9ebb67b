"""The electronic invoice (ЭСФ) of an act: recorded by the provider, looked at by an official."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.steps import SecretRow
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.act_moves import move_acts
from qosymsha.domain.settlement.models import EInvoice, ServiceAct
from qosymsha.domain.settlement.queries.departments import is_of_department
from qosymsha.domain.settlement.queries.papers import EINVOICE
from qosymsha.domain.settlement.rules.acts import PaperRefusal, einvoice_number, refuse_einvoice, without_person
from qosymsha.domain.settlement.states import ActState, InvoiceState
from qosymsha.kernel import audit, cipher, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the provider says of its e-invoice: the number as the tax system gave it, its day and amount."""

    number: str
    issued_on: date
    amount_tiyn: int


@transaction.atomic(durable=True)
def record_einvoice(  # noqa: PLR0913 - who, where, of which act, what, when, once
    *, actor: Actor, programme_id: int, act_id: int, invoice: Invoice, at: datetime, key: UUID
) -> int:
    """Record the e-invoice of an act that both sides have signed; it waits for an official's check.

    Raises:
        Forbidden: the actor does not manage the act's provider.
        Refused: `unknown_programme`, `unknown_act`, `act_in_other_state`, `einvoice_malformed`, `einvoice_repeated`
            (a number counts once per provider, for ever), `einvoice_other_amount`, `einvoice_date`.
    """
    programme = queries.programme_of(programme_id)
    act = _locked(programme_id, act_id)
    require(actor, Action.RECORD_EINVOICE, ALLOWED, territory_id=programme.territory_id, provider_id=act.provider_id)
    papers = programme_queries.rules_of(act.claim.rule_set_id).rules.papers
    number = einvoice_number(invoice.number, papers.einvoice_format)
    lookup = cipher.lookup("einvoice", number or invoice.number)
    body = [programme_id, act_id, lookup.hex(), invoice.issued_on.isoformat(), invoice.amount_tiyn]
    seen = idempotency.repeat(actor=actor, verb="record_einvoice", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if number is None:
        raise Refused(PaperRefusal.EINVOICE_MALFORMED, form=papers.einvoice_format)
    if act.state != ActState.AWAITING_INVOICE:
        raise Refused(PaperRefusal.ACT_IN_OTHER_STATE)
    reason = refuse_einvoice(
        act.amount_tiyn, invoice.amount_tiyn, invoice.issued_on, local_day(act.drawn_at), local_day(at)
    )
    if reason is not None:
        raise Refused(reason)
    stored = _store(actor, act, number, lookup, invoice, at)
    move_acts(actor, [(act, ActState.CHECKING, "")], at)
    _record(actor, Action.RECORD_EINVOICE, stored, programme.territory_id, at)
    outbox.tell(topic=Topic.EINVOICE_RECORDED, subject_kind="service_act", subject_ids=[act.id], at=at)
    idempotency.keep(actor=actor, verb="record_einvoice", key=key, outcome=stored)
    return stored


def _store(actor: Actor, act: ServiceAct, number: str, lookup: bytes, invoice: Invoice, at: datetime) -> int:  # noqa: PLR0913
    """Store it; the provider's row is locked, so that two at once can't both find the number free."""
    list(type(act.provider).objects.select_for_update(no_key=True).filter(id=act.provider_id))
    if EInvoice.objects.filter(provider_id=act.provider_id, lookup=lookup).exists():
        raise Refused(PaperRefusal.EINVOICE_REPEATED)
    stored = EInvoice.objects.create(
        service_act=act,
        provider_id=act.provider_id,
        number=without_person(number),
        lookup=lookup,
        issued_on=invoice.issued_on,
        amount_tiyn=invoice.amount_tiyn,
        state=InvoiceState.RECORDED,
        recorded_by=actor.user_id,
        recorded_at=at,
    )
    people_steps.seal(EINVOICE, [SecretRow(stored.id, number.encode())])
    return stored.id


@transaction.atomic(durable=True)
def decide_einvoice(  # noqa: PLR0913 - who, where, of which act, how, why, when, once
    *, actor: Actor, programme_id: int, act_id: int, accept: bool, reason: str, at: datetime, key: UUID
) -> None:
    """Accept an e-invoice after looking it up in the tax system (the act is done), or reject it with a reason.

    Raises:
        Forbidden: the actor checks none here.
        Refused: `unknown_programme`, `unknown_act`, `act_in_other_state`.
    """
    programme = queries.programme_of(programme_id)
    act = _locked(programme_id, act_id)
    require(actor, Action.DECIDE_EINVOICE, ALLOWED, territory_id=programme.territory_id)
    if not is_of_department(actor, ALLOWED[Action.DECIDE_EINVOICE], "service_act", act_id):
        raise Refused(PaperRefusal.UNKNOWN_ACT)
    body = [programme_id, act_id, accept, reason]
    if idempotency.repeat(actor=actor, verb="decide_einvoice", key=key, body=body, at=at) is not None:
        return
    invoice = EInvoice.objects.filter(service_act=act, state=InvoiceState.RECORDED).first()
    if act.state != ActState.CHECKING or invoice is None:
        raise Refused(PaperRefusal.ACT_IN_OTHER_STATE)
    state, after = (
        (InvoiceState.ACCEPTED, ActState.DONE) if accept else (InvoiceState.REJECTED, ActState.AWAITING_INVOICE)
    )
    EInvoice.objects.filter(id=invoice.id).update(state=state, reason=reason, decided_by=actor.user_id, decided_at=at)
    move_acts(actor, [(act, after, reason)], at)
    _record(actor, Action.DECIDE_EINVOICE, invoice.id, programme.territory_id, at)
    outbox.tell(topic=Topic.EINVOICE_DECIDED, subject_kind="service_act", subject_ids=[act.id], at=at)
    idempotency.keep(actor=actor, verb="decide_einvoice", key=key, outcome=invoice.id)


def _locked(programme_id: int, act_id: int) -> ServiceAct:
    acts = ServiceAct.objects.filter(programme_id=programme_id, id=act_id).select_related("claim", "provider")
    found = acts.select_for_update(of=("self",), no_key=True).first()
    if found is None:
        raise Refused(PaperRefusal.UNKNOWN_ACT)
    return found


def _record(actor: Actor, action: Action, invoice_id: int, territory_id: int, at: datetime) -> None:
    audit.record(
        actor=actor, at=at, action=action, subject_kind="e_invoice", subject_ids=[invoice_id], territory_id=territory_id
    )

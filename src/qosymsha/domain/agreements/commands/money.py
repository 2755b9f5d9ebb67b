"""What a family pays beside the voucher: a group's charge within the rule set's ceiling, and receipts of payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.agreements import queries, steps
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import FamilyContract, FamilyReceipt, GroupCharge
from qosymsha.domain.agreements.rules import AgreementRefusal, refuse_charge
from qosymsha.domain.agreements.states import Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, month_of
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.numbers import human_number


@transaction.atomic(durable=True)
def set_charge(  # noqa: PLR0913 - who, which group, how much, what for, when, once
    *, actor: Actor, group_id: int, amount_tiyn: int, what_for: str, at: datetime, key: UUID
) -> None:
    """Say what a group asks of a family a month, in tiyn; it holds for contracts drawn from now on, 0 ends it.

    Raises:
        Forbidden: the actor does not manage the group's provider.
        Refused: no_charge_here, charge_too_high, amount_wrong — by the rules in force today;
            agreement_reason_missing — families are told what for.
    """
    require(actor, Action.SET_CHARGE, ALLOWED)
    group = providers.group_facts([group_id]).get(group_id)
    if group is None:
        raise Forbidden(Action.SET_CHARGE)
    require(actor, Action.SET_CHARGE, ALLOWED, territory_id=group.territory_id, provider_id=group.provider_id)
    body = [group_id, amount_tiyn, what_for]
    if idempotency.repeat(actor=actor, verb="set_charge", key=key, body=body, at=at) is not None:
        return
    rules = programmes.rules_in_force(group.programme_id, local_day(at)).rules.agreements
    reason = refuse_charge(rules, amount_tiyn)
    if reason is None and amount_tiyn and not what_for.strip():
        reason = AgreementRefusal.REASON_MISSING
    if reason is not None:
        raise Refused(reason)
    GroupCharge.objects.create(
        territory_id=group.territory_id,
        programme_id=group.programme_id,
        group_id=group_id,
        amount_tiyn=amount_tiyn,
        what_for=what_for.strip(),
        user_id=actor.user_id,
        at=at,
    )
    territory_id = group.territory_id
    steps.told(actor, Action.SET_CHARGE, Topic.CHARGE_SET, "group", [group_id], at, territory_id, tiyn=amount_tiyn)
    idempotency.keep(actor=actor, verb="set_charge", key=key, outcome=True)


@dataclass(frozen=True, slots=True)
class Payment:
    """A family's payment for a month of a place, in tiyn, on a day."""

    enrolment_id: int
    month: date
    amount_tiyn: int
    paid_on: date


@transaction.atomic(durable=True)
def record_receipt(*, actor: Actor, payment: Payment, at: datetime, key: UUID) -> int:
    """Write a family's payment down; the family sees it and keeps the receipt. No money moves here. Its id.

    Raises:
        Forbidden: the actor does not manage the place's provider.
        Refused: no_charge_agreed — the place's contract names no charge; amount_wrong — none, more than a month's
            charge with what was paid before, or a day that has not come.
    """
    require(actor, Action.RECORD_RECEIPT, ALLOWED)
    place = queries.places([payment.enrolment_id]).get(payment.enrolment_id)
    if place is None:
        raise Forbidden(Action.RECORD_RECEIPT)
    require(actor, Action.RECORD_RECEIPT, ALLOWED, territory_id=place.territory_id, provider_id=place.provider_id)
    contract = FamilyContract.objects.select_for_update(no_key=True).filter(enrolment_id=place.id).first()
    month = month_of(payment.month)
    body = [payment.enrolment_id, month.isoformat(), payment.amount_tiyn, payment.paid_on.isoformat()]
    seen = idempotency.repeat(actor=actor, verb="record_receipt", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if contract is None or not contract.charge_tiyn:
        raise Refused(AgreementRefusal.CHARGE_NOT_PAID_BY_FAMILY)
    paid = queries.paid_by_family([place.id]).get((place.id, month), 0)
    is_too_much = paid + payment.amount_tiyn > contract.charge_tiyn
    if payment.amount_tiyn <= 0 or is_too_much or payment.paid_on > local_day(at):
        raise Refused(AgreementRefusal.AMOUNT_WRONG, left_tiyn=contract.charge_tiyn - paid)
    made = FamilyReceipt.objects.create(
        number=_number(),
        territory_id=place.territory_id,
        programme_id=place.programme_id,
        enrolment_id=place.id,
        month=month,
        amount_tiyn=payment.amount_tiyn,
        paid_on=payment.paid_on,
        recorded_by=actor.user_id,
        recorded_at=at,
    )
    territory_id = place.territory_id
    steps.told(actor, Action.RECORD_RECEIPT, Topic.RECEIPT_RECORDED, "family_receipt", [made.pk], at, territory_id)
    idempotency.keep(actor=actor, verb="record_receipt", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def cancel_receipt(*, actor: Actor, receipt_id: int, at: datetime, key: UUID) -> None:
    """Cancel a receipt that was a slip; it stays to be seen as cancelled.

    Raises:
        Forbidden: the actor does not manage the place's provider.
        Refused: receipt_cancelled — it was before.
    """
    require(actor, Action.CANCEL_RECEIPT, ALLOWED)
    locked = FamilyReceipt.objects.select_for_update(of=("self",), no_key=True).select_related("enrolment")
    found = locked.filter(pk=receipt_id).first()
    if found is None:
        raise Forbidden(Action.CANCEL_RECEIPT)
    provider_id = found.enrolment.provider_id
    require(actor, Action.CANCEL_RECEIPT, ALLOWED, territory_id=found.territory_id, provider_id=provider_id)
    if idempotency.repeat(actor=actor, verb="cancel_receipt", key=key, body=[receipt_id], at=at) is not None:
        return
    if found.cancelled_at is not None:
        raise Refused(AgreementRefusal.RECEIPT_CANCELLED)
    found.cancelled_by, found.cancelled_at = actor.user_id, at
    found.save(update_fields=["cancelled_by", "cancelled_at"])
    territory_id = found.territory_id
    steps.told(actor, Action.CANCEL_RECEIPT, Topic.RECEIPT_CANCELLED, "family_receipt", [found.pk], at, territory_id)
    idempotency.keep(actor=actor, verb="cancel_receipt", key=key, outcome=True)


def _number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('family_receipt_serial')")
        (serial,) = cursor.fetchone()
    return human_number("Q", serial)

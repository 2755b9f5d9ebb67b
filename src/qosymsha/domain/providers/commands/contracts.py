"""Contracts of an akimat with a provider, one per budget line at a time, with a volume that pay stays inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.providers import queries
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import Contract
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.domain.providers.states import AccreditationState, ContractState, Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.numbers import human_number

_SUBJECT = "contract"


@dataclass(frozen=True, slots=True)
class ContractDraft:
    """A contract to sign: who, out of which line, for how much, from a first to a last day within the line's year."""

    provider_id: int
    line_id: int
    volume_tiyn: int
    first_day: date
    last_day: date


@transaction.atomic(durable=True)
def sign_contract(*, actor: Actor, draft: ContractDraft, at: datetime, key: UUID) -> int:
    """Sign a contract and return its id.

    Raises:
        Forbidden: the actor may not, in the line's territory.
        Refused: line_unknown; volume_missing; days_reversed; outside_fiscal_year; not_accredited — on the
            contract's first day, or today if later; contract_overlaps — one stands for this line in those days.
    """
    line = BudgetLine.objects.filter(id=draft.line_id).first()
    require(actor, Action.SIGN_CONTRACT, ALLOWED, territory_id=line.territory_id if line else None)
    if line is None:
        raise Refused(ProviderRefusal.LINE_UNKNOWN, line_id=draft.line_id)
    locks.exclusive(f"contract:{draft.provider_id}:{draft.line_id}")
    seen = idempotency.repeat(actor=actor, verb="sign_contract", key=key, body=[str(draft)], at=at)
    if seen is not None:
        return int(seen)
    reason = _refuse(draft, line, local_day(at))
    if reason is not None:
        raise Refused(reason, provider_id=draft.provider_id, line_id=draft.line_id)
    contract_id = _store(draft, line, at)
    _record(actor, at, Action.SIGN_CONTRACT, contract_id, line.territory_id)
    outbox.tell(topic=Topic.CONTRACT_SIGNED, subject_kind=_SUBJECT, subject_ids=[contract_id], at=at)
    idempotency.keep(actor=actor, verb="sign_contract", key=key, outcome=contract_id)
    return contract_id


@transaction.atomic(durable=True)
def end_contract(  # noqa: PLR0913 - who, which, when it ends, why, when said, once
    *, actor: Actor, contract_id: int, last_day: date, reason: str, at: datetime, key: UUID
) -> None:
    """End a contract before its time: after `last_day` its groups have no lessons and take nobody.

    Raises:
        Forbidden: the actor may not, here.
        Refused: contract_unknown; no_such_step — it has ended; reason_missing; days_reversed — past, or too late.
    """
    require(actor, Action.END_CONTRACT, ALLOWED)
    found = Contract.objects.select_for_update().filter(id=contract_id).first()
    if found is None:
        raise Refused(ProviderRefusal.CONTRACT_UNKNOWN)
    require(actor, Action.END_CONTRACT, ALLOWED, territory_id=found.territory_id)
    body = [contract_id, last_day.isoformat(), reason]
    if idempotency.repeat(actor=actor, verb="end_contract", key=key, body=body, at=at) is not None:
        return
    _refuse_ending(found, last_day, reason, local_day(at))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contract SET state = %s, valid = valid * daterange(NULL, %s, '[]') WHERE id = %s",
            [ContractState.ENDED, last_day, contract_id],
        )
    _record(actor, at, Action.END_CONTRACT, contract_id, found.territory_id, reason=reason)
    outbox.tell(topic=Topic.CONTRACT_ENDED, subject_kind=_SUBJECT, subject_ids=[contract_id], at=at)
    idempotency.keep(actor=actor, verb="end_contract", key=key, outcome=True)


def _refuse(draft: ContractDraft, line: BudgetLine, today: date) -> ProviderRefusal | None:
    if draft.volume_tiyn <= 0:
        return ProviderRefusal.VOLUME_MISSING
    if draft.last_day < draft.first_day:
        return ProviderRefusal.DAYS_REVERSED
    if draft.first_day.year != line.fiscal_year or draft.last_day.year != line.fiscal_year:
        return ProviderRefusal.OUTSIDE_FISCAL_YEAR
    if not _is_accredited(draft, line, today):
        return ProviderRefusal.NOT_ACCREDITED
    standing = Contract.objects.filter(provider_id=draft.provider_id, line_id=line.id, state=ContractState.SIGNED)
    overlaps = standing.filter(valid__overlap=DateRange(draft.first_day, draft.last_day, "[]")).exists()
    return ProviderRefusal.CONTRACT_OVERLAPS if overlaps else None


def _is_accredited(draft: ContractDraft, line: BudgetLine, today: date) -> bool:
    facts = queries.accreditations_of([draft.provider_id], line.programme_id).get(draft.provider_id)
    if facts is None or facts.state != AccreditationState.ACCREDITED or facts.first_day is None:
        return False
    day = max(today, draft.first_day)
    return facts.first_day <= day and (facts.last_day is None or day <= facts.last_day)


def _store(draft: ContractDraft, line: BudgetLine, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('contract_serial')")
        (serial,) = cursor.fetchone()
    contract = Contract.objects.create(
        number=human_number("K", serial),
        territory_id=line.territory_id,
        programme_id=line.programme_id,
        provider_id=draft.provider_id,
        line=line,
        volume_tiyn=draft.volume_tiyn,
        valid=DateRange(draft.first_day, draft.last_day, "[]"),
        state=ContractState.SIGNED,
        signed_at=at,
    )
    return contract.id


def _refuse_ending(found: Contract, last_day: date, reason: str, today: date) -> None:
    if found.state != ContractState.SIGNED:
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=found.state)
    if not reason.strip():
        raise Refused(ProviderRefusal.REASON_MISSING)
    if last_day < today or last_day not in found.valid:
        raise Refused(ProviderRefusal.DAYS_REVERSED)


def _record(actor: Actor, at: datetime, action: Action, contract_id: int, territory_id: int, **detail: object) -> None:
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=_SUBJECT,
        subject_ids=[contract_id],
        territory_id=territory_id,
        detail=detail,
    )

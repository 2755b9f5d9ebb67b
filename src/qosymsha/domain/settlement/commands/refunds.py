"""Money that providers paid back by bank, and places that lacked money: each by named decisions (LEDGER.md 10, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger_queries
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import outcomes
from qosymsha.domain.settlement.models import PlaceCover, Refund
from qosymsha.domain.settlement.queries import Uncovered
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import RecoveryState, RefundState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome

CAUSE_RECORDED = "refund"
CAUSE_CONFIRMED = "refund_confirmed"
CAUSE_COVER = "cover"


@transaction.atomic(durable=True)
def record_refund(  # noqa: PLR0913 - who, where, what for, the bank's reference, how much, when, once
    *, actor: Actor, programme_id: int, recovery_id: int, reference: str, amount_tiyn: int, at: datetime, key: UUID
) -> int:
    """Record money that came back by bank for a decided recovery: receivable → suspense, until another confirms it.

    Raises:
        Forbidden: the actor is no payer here.
        Refused: `unknown_programme`, `unknown_recovery`, `recovery_in_other_state`, `more_than_owed`,
            `evidence_missing` (no bank reference), `reference_reused`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.RECORD_REFUND, ALLOWED, territory_id=programme.territory_id)
    mine = of_department(actor, ALLOWED[Action.RECORD_REFUND], "recovery", [recovery_id])
    recovery = steps.lock_recoveries(programme_id, mine).get(recovery_id)
    body = [programme_id, recovery_id, reference, amount_tiyn]
    seen = idempotency.repeat(actor=actor, verb="record_refund", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if recovery is None:
        raise Refused(SettlementRefusal.UNKNOWN_RECOVERY)
    if recovery.state != RecoveryState.DECIDED:
        raise Refused(SettlementRefusal.RECOVERY_IN_OTHER_STATE)
    if not reference.strip():
        raise Refused(SettlementRefusal.EVIDENCE_MISSING)
    if Refund.objects.filter(reference=reference.strip()).exists():
        raise Refused(SettlementRefusal.REFERENCE_REUSED)
    left = queries.left_of(recovery_id)
    if not 0 < amount_tiyn <= left:
        raise Refused(SettlementRefusal.MORE_THAN_OWED, left_tiyn=left)
    made = Refund.objects.create(
        recovery=recovery,
        reference=reference.strip(),
        amount_tiyn=amount_tiyn,
        state=RefundState.RECORDED,
        recorded_by=actor.user_id,
        recorded_at=at,
    )
    owed = AccountKey(AccountKind.RECEIVABLE, recovery.line_id, recovery.provider_id)
    waiting = AccountKey(AccountKind.SUSPENSE, recovery.line_id, made.id)
    ledger_steps.post([Draft(CAUSE_RECORDED, str(made.id), ((owed, -amount_tiyn), (waiting, amount_tiyn)))], at=at)
    _record(actor, Action.RECORD_REFUND, Topic.REFUND_RECORDED, "refund", [made.id], programme.territory_id, at)
    idempotency.keep(actor=actor, verb="record_refund", key=key, outcome=made.id)
    return made.id


@transaction.atomic(durable=True)
def confirm_refund(*, actor: Actor, programme_id: int, refund_id: int, at: datetime, key: UUID) -> None:
    """Confirm a recorded refund against the bank's statement: suspense → released, a prior year's money → refunds.

    Raises:
        Forbidden: the actor is no approver here.
        Refused: `unknown_programme`, `unknown_refund` (or confirmed already), `same_official`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.CONFIRM_REFUND, ALLOWED, territory_id=programme.territory_id)
    waiting = Refund.objects.select_for_update(of=("self",), no_key=True).select_related("recovery__line")
    mine = of_department(actor, ALLOWED[Action.CONFIRM_REFUND], "refund", [refund_id])
    refund = waiting.filter(id__in=mine, recovery__programme_id=programme_id).first()
    body = [programme_id, refund_id]
    if idempotency.repeat(actor=actor, verb="confirm_refund", key=key, body=body, at=at) is not None:
        return
    if refund is None or refund.state != RefundState.RECORDED:
        raise Refused(SettlementRefusal.UNKNOWN_REFUND)
    if refund.recorded_by == actor.user_id:
        raise Refused(SettlementRefusal.SAME_OFFICIAL)
    Refund.objects.filter(id=refund_id).update(state=RefundState.CONFIRMED, confirmed_by=actor.user_id, confirmed_at=at)
    line = refund.recovery.line
    is_over = local_day(at).year > line.fiscal_year or queries.is_year_closed(programme_id, line.fiscal_year)
    source = AccountKey(AccountKind.SUSPENSE, line.id, refund_id)
    target = AccountKey(AccountKind.REFUNDS if is_over else AccountKind.RELEASED, line.id)
    entries = ((source, -refund.amount_tiyn), (target, refund.amount_tiyn))
    ledger_steps.post([Draft(CAUSE_CONFIRMED, str(refund_id), entries)], at=at)
    _record(actor, Action.CONFIRM_REFUND, Topic.REFUND_CONFIRMED, "refund", [refund_id], programme.territory_id, at)
    idempotency.keep(actor=actor, verb="confirm_refund", key=key, outcome=refund_id)


@transaction.atomic(durable=True)
def cover_places(  # noqa: PLR0913 - who, where, which rows, by which act, when, once
    *, actor: Actor, programme_id: int, sheet_row_ids: Sequence[int], decision: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Give the places of rows that claims call `place_not_covered` what they lack, by a named decision.

    The money comes from the voucher's held money first, then from the line's free money, under its one lock; then the
    next claim pays the row.

    Raises:
        Forbidden: the actor is no programme officer here.
        Refused: `unknown_programme`, `evidence_missing` (no act is named). Rows: `nothing_to_cover`; `not_covered`
            where neither the voucher nor the line has as much.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.COVER_PLACES, ALLOWED, territory_id=programme.territory_id)
    queries.lock_contracts(programme_id, None)
    body = [programme_id, list(sheet_row_ids), decision]
    seen = idempotency.repeat(actor=actor, verb="cover_places", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    if not decision.strip():
        raise Refused(SettlementRefusal.EVIDENCE_MISSING)
    lacking = queries.uncovered(programme_id, sheet_row_ids)
    ledger_steps.lock_commitments(sorted({one.line_id for one in lacking.values()}))
    covers = _sources(list(lacking.values()))
    stored = [
        PlaceCover(
            sheet_row_id=one.sheet_row_id,
            line_id=one.line_id,
            source=source.value,
            amount_tiyn=one.lacks_tiyn,
            decision=decision.strip(),
            decided_by=actor.user_id,
            decided_at=at,
        )
        for one, source in covers
    ]
    made = PlaceCover.objects.bulk_create(stored)
    drafts = [_covered(cover.id, one, source) for cover, (one, source) in zip(made, covers, strict=True)]
    ledger_steps.post(drafts, at=at)
    by_row = {cover.sheet_row_id: cover.id for cover in made}
    result = [
        RowOutcome(
            n, by_row.get(row_id), None if row_id in by_row else _why_not(row_id in lacking), f"sheet_row {row_id}"
        )
        for n, row_id in enumerate(sheet_row_ids)
    ]
    _record(
        actor, Action.COVER_PLACES, Topic.PLACE_COVERED, "place_cover", [c.id for c in made], programme.territory_id, at
    )
    idempotency.keep(actor=actor, verb="cover_places", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _sources(lacking: Sequence[Uncovered]) -> list[tuple[Uncovered, AccountKind]]:
    """Which account gives each what it lacks, in their order, as long as there is enough."""
    keys = {AccountKey(AccountKind.FREE, one.line_id) for one in lacking}
    keys |= {AccountKey(AccountKind.HELD, one.line_id, one.voucher_id) for one in lacking}
    left = ledger_queries.balances(sorted(keys, key=lambda k: (k.kind, k.line_id, k.subject_id)))
    found = []
    for one in lacking:
        for kind, subject in ((AccountKind.HELD, one.voucher_id), (AccountKind.FREE, 0)):
            source = AccountKey(kind, one.line_id, subject)
            if left[source] >= one.lacks_tiyn:
                left[source] -= one.lacks_tiyn
                found.append((one, kind))
                break
    return found


def _covered(cover_id: int, one: Uncovered, kind: AccountKind) -> Draft:
    source = AccountKey(kind, one.line_id, one.voucher_id if kind is AccountKind.HELD else 0)
    place = AccountKey(AccountKind.PLACE, one.line_id, one.enrolment_id, one.month)
    return Draft(CAUSE_COVER, str(cover_id), ((source, -one.lacks_tiyn), (place, one.lacks_tiyn)))


def _why_not(is_lacking: bool) -> SettlementRefusal:
    return SettlementRefusal.NO_FREE_MONEY if is_lacking else SettlementRefusal.NOTHING_TO_COVER


def _record(  # noqa: PLR0913 - the columns of an event
    actor: Actor, action: Action, topic: Topic, kind: str, ids: Sequence[int], territory_id: int, at: datetime
) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind=kind, subject_ids=ids, territory_id=territory_id)
    outbox.tell(topic=topic, subject_kind=kind, subject_ids=ids, at=at)

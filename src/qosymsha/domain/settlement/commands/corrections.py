"""Money paid that was not due: proposed, supported on evidence by one person, decided by another (LEDGER.md 11).

Before payment nothing is clawed back: `reverse_claims` takes the whole claim back, and it is drawn anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import outcomes, recovery_numbers
from qosymsha.domain.settlement.models import Claim, Recovery
from qosymsha.domain.settlement.queries import ClaimedRow
from qosymsha.domain.settlement.queries.departments import is_of_department, of_department
from qosymsha.domain.settlement.rules.corrections import Excess, excess
from qosymsha.domain.settlement.rules.pay import NOTHING, due
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState, RecoveryState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome

CAUSE = "recovery"
UPHELD = "days upheld as flagged or disputed, or rows rejected, after they were paid"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision on a recovery: claim the money back or dismiss it, the act's number, the share of each later claim."""

    recovery_id: int
    is_owed: bool
    decision: str
    plan_permille: int | None = None


@transaction.atomic(durable=True)
def propose_recoveries(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> list[RowOutcome]:
    """Propose to claw back what paid claims hold beyond today's facts; officials decide. One proposal per claim.

    Rows whose claims are not paid yet come back as `claim_not_paid`, with the claim in `detail`: those are reversed and
    drawn anew instead.

    Raises:
        Forbidden: the actor is neither the system nor an official here.
        Refused: `unknown_programme`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.PROPOSE_RECOVERIES, ALLOWED, territory_id=programme.territory_id)
    queries.lock_contracts(programme_id, None)
    seen = idempotency.repeat(actor=actor, verb="propose_recoveries", key=key, body=[programme_id], at=at)
    if seen is not None:
        return outcomes(seen)
    over = _overclaimed(programme_id)
    claims = {c.id: c for c in Claim.objects.filter(id__in=over)}
    paid = {claim_id: rows for claim_id, rows in over.items() if claims[claim_id].state == ClaimState.PAID}
    made = _store(programme, [(claims[i], rows) for i, rows in paid.items()], UPHELD, actor, at)
    result = [RowOutcome(n, recovery.id, None, recovery.number) for n, recovery in enumerate(made)]
    unpaid = [claims[claim_id].number for claim_id in over if claim_id not in paid]
    result += [
        RowOutcome(n, None, SettlementRefusal.CLAIM_NOT_PAID, number) for n, number in enumerate(unpaid, len(result))
    ]
    _record(actor, Action.PROPOSE_RECOVERIES, Topic.RECOVERY_PROPOSED, [r.id for r in made], programme, at)
    idempotency.keep(actor=actor, verb="propose_recoveries", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _overclaimed(programme_id: int) -> dict[int, list[Excess]]:
    """Claim -> what its rows hold too much, by the facts of today and each month's own rule."""
    rules = queries.month_rules(programme_id, queries.claimed_months(programme_id))
    pay = {month: rule.month_rule.pay for month, rule in rules.items()}
    found: defaultdict[int, list[Excess]] = defaultdict(list)
    for row in queries.lessened_rows(programme_id, [month for month, rule in rules.items() if rule.asks_papers]):
        for one in _excess(row, pay):
            found[one.claim_id].append(one)
    return dict(sorted(found.items()))


def _excess(row: ClaimedRow, pay: Mapping[date, Pay]) -> list[Excess]:
    now = due(pay[row.month], row.facts) if row.is_payable else NOTHING
    return excess(row.sheet_row_id, now, row.clawed, [(p.claim_id, p.units, p.amount_tiyn) for p in row.parts])


def _store(
    programme: Programme, found: Sequence[tuple[Claim, Sequence[Excess]]], reason: str, actor: Actor, at: datetime
) -> list[Recovery]:
    numbers = recovery_numbers(len(found))
    made = [
        Recovery(
            number=number,
            territory_id=programme.territory_id,
            programme_id=programme.id,
            provider_id=claim.provider_id,
            line_id=claim.line_id,
            claim=claim,
            amount_tiyn=sum(one.amount_tiyn for one in rows),
            reason=reason,
            state=RecoveryState.PROPOSED,
            proposed_by=actor.user_id,
            proposed_at=at,
        )
        for (claim, rows), number in zip(found, numbers, strict=True)
    ]
    return steps.store_recoveries(list(zip(made, (rows for _, rows in found), strict=True)))


@transaction.atomic(durable=True)
def propose_recovery(  # noqa: PLR0913 - who, which claim, which rows, why, on what, when, once
    *,
    actor: Actor,
    claim_id: int,
    amounts: Mapping[int, int],
    reason: str,
    evidence: str,
    at: datetime,
    key: UUID,
) -> int:
    """Propose by hand to claw back tiyn of a paid claim's sheet rows (an audit's finding); the proposer supports it.

    Raises:
        Forbidden: the actor is no official here.
        Refused: `unknown_claim`, `claim_not_paid`, `evidence_missing`, `more_than_paid` (of a row, or nothing at all).
    """
    claim = Claim.objects.filter(id=claim_id).select_related("programme").first()
    if claim is None or not is_of_department(actor, ALLOWED[Action.SUPPORT_RECOVERY], "claim", claim_id):
        raise Refused(SettlementRefusal.UNKNOWN_CLAIM)
    require(actor, Action.SUPPORT_RECOVERY, ALLOWED, territory_id=claim.territory_id)
    queries.lock_contracts(claim.programme_id, None)
    body = [claim_id, sorted(amounts.items()), reason, evidence]
    seen = idempotency.repeat(actor=actor, verb="propose_recovery", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if claim.state != ClaimState.PAID:
        raise Refused(SettlementRefusal.CLAIM_NOT_PAID, claim=claim.number)
    if not evidence.strip() or not reason.strip():
        raise Refused(SettlementRefusal.EVIDENCE_MISSING)
    left = queries.paid_of_rows(claim_id)
    if not amounts or any(not 0 < tiyn <= left.get(row_id, 0) for row_id, tiyn in amounts.items()):
        raise Refused(SettlementRefusal.MORE_THAN_PAID)
    rows = [Excess(claim_id, row_id, 0, tiyn) for row_id, tiyn in sorted(amounts.items())]
    (made,) = _store(claim.programme, [(claim, rows)], reason.strip(), actor, at)
    steps.support_recoveries([(made.id, evidence.strip())], user_id=actor.user_id, at=at)
    _record(actor, Action.SUPPORT_RECOVERY, Topic.RECOVERY_PROPOSED, [made.id], claim.programme, at)
    idempotency.keep(actor=actor, verb="propose_recovery", key=key, outcome=made.id)
    return made.id


@transaction.atomic(durable=True)
def support_recoveries(
    *, actor: Actor, programme_id: int, evidence: Mapping[int, str], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Support proposals with evidence (recovery id -> what it rests on): the first of two people.

    Raises:
        Forbidden: the actor is no official here.
        Refused: `unknown_programme`. Rows: `unknown_recovery`, `recovery_in_other_state`, `evidence_missing`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.SUPPORT_RECOVERY, ALLOWED, territory_id=programme.territory_id)
    mine = of_department(actor, ALLOWED[Action.SUPPORT_RECOVERY], "recovery", evidence)
    found = steps.lock_recoveries(programme_id, mine)
    body = [programme_id, sorted(evidence.items())]
    seen = idempotency.repeat(actor=actor, verb="support_recoveries", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    result, supported = [], []
    for row, (recovery_id, text) in enumerate(sorted(evidence.items())):
        reason = _refuse(found.get(recovery_id), RecoveryState.PROPOSED)
        if reason is None and not text.strip():
            reason = SettlementRefusal.EVIDENCE_MISSING
        if reason is None:
            supported.append((recovery_id, text.strip()))
        result.append(RowOutcome(row, None if reason else recovery_id, reason, f"recovery {recovery_id}"))
    steps.support_recoveries(supported, user_id=actor.user_id, at=at)
    ids = [recovery_id for recovery_id, _ in supported]
    _record(actor, Action.SUPPORT_RECOVERY, Topic.RECOVERY_SUPPORTED, ids, programme, at)
    idempotency.keep(actor=actor, verb="support_recoveries", key=key, outcome=idempotency.outcome_rows(result))
    return result


@transaction.atomic(durable=True)
def decide_recoveries(
    *, actor: Actor, programme_id: int, verdicts: Sequence[Verdict], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Decide supported recoveries by a numbered act: owed (paid → receivable, kept back by a plan) or dismissed.

    Raises:
        Forbidden: the actor is no approver here.
        Refused: `unknown_programme`. Rows: `unknown_recovery`, `recovery_in_other_state`, `same_official`,
            `evidence_missing` (no act is named).
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.DECIDE_RECOVERY, ALLOWED, territory_id=programme.territory_id)
    asked = [v.recovery_id for v in verdicts]
    found = steps.lock_recoveries(
        programme_id, of_department(actor, ALLOWED[Action.DECIDE_RECOVERY], "recovery", asked)
    )
    body = [programme_id, [[v.recovery_id, v.is_owed, v.decision, v.plan_permille] for v in verdicts]]
    seen = idempotency.repeat(actor=actor, verb="decide_recoveries", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    result, decided = [], []
    for row, verdict in enumerate(verdicts):
        recovery = found.get(verdict.recovery_id)
        reason = _refuse(recovery, RecoveryState.SUPPORTED)
        if recovery is not None and reason is None:
            if recovery.supported_by == actor.user_id:
                reason = SettlementRefusal.SAME_OFFICIAL
            elif not verdict.decision.strip():
                reason = SettlementRefusal.EVIDENCE_MISSING
            else:
                _decide(recovery, verdict, actor, at)
                decided.append(recovery)
                found.pop(recovery.id)  # a second verdict in the batch finds nothing
        result.append(
            RowOutcome(row, None if reason else verdict.recovery_id, reason, f"recovery {verdict.recovery_id}")
        )
    steps.store_verdicts(decided)
    ledger_steps.post([_receivable(r) for r in decided if r.state == RecoveryState.DECIDED], at=at)
    _record(actor, Action.DECIDE_RECOVERY, Topic.RECOVERY_DECIDED, [r.id for r in decided], programme, at)
    idempotency.keep(actor=actor, verb="decide_recoveries", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _refuse(recovery: Recovery | None, state: RecoveryState) -> SettlementRefusal | None:
    if recovery is None:
        return SettlementRefusal.UNKNOWN_RECOVERY
    return None if recovery.state == state else SettlementRefusal.RECOVERY_IN_OTHER_STATE


def _decide(recovery: Recovery, verdict: Verdict, actor: Actor, at: datetime) -> None:
    pay = programme_queries.rules_of(recovery.claim.rule_set_id).rules.pay
    plan = pay.offset_permille if verdict.plan_permille is None else verdict.plan_permille
    recovery.state = RecoveryState.DECIDED if verdict.is_owed else RecoveryState.DISMISSED
    recovery.decision, recovery.decided_by, recovery.decided_at = verdict.decision.strip(), actor.user_id, at
    recovery.plan_permille = min(max(plan, 0), MOST_PERMILLE) if verdict.is_owed else 0


MOST_PERMILLE = 900  # something of every claim is paid: the rule set's own bound


def _receivable(recovery: Recovery) -> Draft:
    paid = AccountKey(AccountKind.PAID, recovery.line_id)
    owed = AccountKey(AccountKind.RECEIVABLE, recovery.line_id, recovery.provider_id)
    return Draft(CAUSE, recovery.number, ((paid, -recovery.amount_tiyn), (owed, recovery.amount_tiyn)))


def _record(  # noqa: PLR0913 - the columns of an event
    actor: Actor, action: Action, topic: Topic, ids: Sequence[int], programme: Programme, at: datetime
) -> None:
    audit.record(
        actor=actor, at=at, action=action, subject_kind="recovery", subject_ids=ids, territory_id=programme.territory_id
    )
    outbox.tell(topic=topic, subject_kind="recovery", subject_ids=ids, at=at)

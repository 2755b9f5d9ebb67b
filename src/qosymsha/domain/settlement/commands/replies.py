"""The treasury's replies: applied once each, in any order; what is not understood moves nothing and is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import outcomes
from qosymsha.domain.settlement.models import BankReply, PaymentFile, PaymentLine
from qosymsha.domain.settlement.ports import Reply
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.rules.replies import Move, Verdict, judge
from qosymsha.domain.settlement.states import ClaimState, FileState, LineState
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

CAUSE_REPLY = "bank_reply"
_OPEN_LINES = [LineState.DRAWN, LineState.SENT]
_CLAIM_AFTER = {
    LineState.ACCEPTED: ClaimState.PAID,
    LineState.REJECTED: ClaimState.HELD,
    LineState.RETURNED: ClaimState.HELD,
}


@dataclass(slots=True)
class _Line:
    """A payment line while a batch of replies is applied: its state moves, `reason` is the last word about it."""

    line: PaymentLine
    state: LineState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A fresh reply, its place in the batch, and what it means."""

    row: int
    reply: Reply
    verdict: Verdict


@transaction.atomic(durable=True)
def apply_replies(*, actor: Actor, replies: Sequence[Reply], at: datetime, key: UUID) -> list[RowOutcome]:
    """Apply the treasury's replies, each once by its reference, in whatever order and however often they come.

    accepted: transit → paid; rejected: transit → payable; returned: paid → payable; then the claim waits as `held` with
    the treasury's reason. A reply about an unknown line, another amount or against what is known is stored as held.
    Each outcome's `detail` is a `ReplyOutcome`; the same reference with another content is refused `reference_reused`.

    Raises:
        Forbidden: the actor is neither the system nor a payer of the territory of each line spoken of.
    """
    require(actor, Action.APPLY_REPLIES, ALLOWED)
    locks.exclusive("settlement.replies")
    lines = {
        k: _Line(v, LineState(v.state))
        for k, v in queries.lines_by_end_to_end_id([r.end_to_end_id for r in replies]).items()
    }
    for territory_id in {found.line.territory_id for found in lines.values()}:
        require(actor, Action.APPLY_REPLIES, ALLOWED, territory_id=territory_id)
    body = [[r.reference, r.end_to_end_id, r.status.value, r.amount_tiyn, r.reason] for r in replies]
    seen = idempotency.repeat(actor=actor, verb="apply_replies", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    known = {b.reference: b for b in BankReply.objects.filter(reference__in=[r.reference for r in replies])}
    fresh = _judge_fresh(replies, lines, known)
    stored = BankReply.objects.bulk_create([_stored(judged, at) for judged in fresh])
    known |= {b.reference: b for b in stored}
    paid, held = _store_states([found for found in lines.values() if found.state != found.line.state])
    ledger_steps.post([_draft(j, lines[j.reply.end_to_end_id].line) for j in fresh if j.verdict.move], at=at)
    result = [_outcome(row, reply, known[reply.reference]) for row, reply in enumerate(replies)]
    audit.record(
        actor=actor, at=at, action=Action.APPLY_REPLIES, subject_kind="bank_reply", subject_ids=[b.id for b in stored]
    )
    outbox.tell(topic=Topic.CLAIM_PAID, subject_kind="claim", subject_ids=paid, at=at)
    outbox.tell(topic=Topic.CLAIM_HELD, subject_kind="claim", subject_ids=held, at=at)
    idempotency.keep(actor=actor, verb="apply_replies", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _judge_fresh(replies: Sequence[Reply], lines: dict[str, _Line], known: dict[str, BankReply]) -> list[_Judged]:
    """Judge the replies not stored before, one after the other; `lines` ends in the states they lead to."""
    fresh: dict[str, _Judged] = {}
    for row, reply in enumerate(replies):
        if reply.reference in known or reply.reference in fresh:
            continue
        found = lines.get(reply.end_to_end_id)
        verdict = judge(reply, found.state if found else None, found.line.amount_tiyn if found else 0)
        if found and verdict.state:
            found.state, found.reason = verdict.state, reply.reason
        fresh[reply.reference] = _Judged(row, reply, verdict)
    return list(fresh.values())


def _stored(judged: _Judged, at: datetime) -> BankReply:
    reply = judged.reply
    return BankReply(
        reference=reply.reference,
        end_to_end_id=reply.end_to_end_id,
        status=reply.status.value,
        amount_tiyn=reply.amount_tiyn,
        reason=reply.reason,
        outcome=judged.verdict.outcome.value,
        at=at,
    )


def _outcome(row: int, reply: Reply, stored: BankReply) -> RowOutcome:
    same = (stored.end_to_end_id, stored.status, stored.amount_tiyn)
    if same != (reply.end_to_end_id, reply.status.value, reply.amount_tiyn):
        return RowOutcome(row, None, SettlementRefusal.REFERENCE_REUSED, reply.reference)
    return RowOutcome(row, stored.id, None, stored.outcome)


def _draft(judged: _Judged, line: PaymentLine) -> Draft:
    line_id, amount = line.claim.line_id, line.amount_tiyn
    transit = AccountKey(AccountKind.TRANSIT, line_id, line.id)
    payable = AccountKey(AccountKind.PAYABLE, line_id, line.claim_id)
    paid = AccountKey(AccountKind.PAID, line_id)
    assert judged.verdict.move is not None
    source, target = {
        Move.TRANSIT_TO_PAID: (transit, paid),
        Move.TRANSIT_TO_PAYABLE: (transit, payable),
        Move.PAID_TO_PAYABLE: (paid, payable),
    }[judged.verdict.move]
    return Draft(CAUSE_REPLY, judged.reply.reference, ((source, -amount), (target, amount)))


def _store_states(moved: Sequence[_Line]) -> tuple[list[int], list[int]]:
    """Store lines, their claims and the files that are answered by now; return the claims paid and the claims held."""
    if not moved:
        return [], []
    claim_ids = [m.line.claim_id for m in moved]
    states = [_CLAIM_AFTER[m.state] for m in moved]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payment_line l SET state = m.state FROM unnest(%s::bigint[], %s::text[]) AS m (id, state)"
            " WHERE l.id = m.id",
            [[m.line.id for m in moved], [m.state.value for m in moved]],
        )
        cursor.execute(
            "UPDATE claim c SET state = m.state, reason = m.reason"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS m (id, state, reason) WHERE c.id = m.id",
            [claim_ids, [s.value for s in states], [m.reason for m in moved]],
        )
    files = PaymentFile.objects.filter(id__in={m.line.file_id for m in moved}, state=FileState.SENT)
    files.exclude(paymentline__state__in=_OPEN_LINES).update(state=FileState.ANSWERED)
    paired = list(zip(claim_ids, states, strict=True))
    return [c for c, s in paired if s is ClaimState.PAID], [c for c, s in paired if s is ClaimState.HELD]

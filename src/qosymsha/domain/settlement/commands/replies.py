"""The treasury's replies: applied once each, in any order; what is not understood moves nothing and is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import outcomes
from qosymsha.domain.settlement.models import BankReply, PaymentFile, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.replies import (
    Move,
    Ordered,
    OrderedFile,
    Verdict,
    judge,
    judge_file,
    word_on,
)
from qosymsha.domain.settlement.states import ClaimState, FileState, LineState, ReplyOutcome
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import RowOutcome

CAUSE_REPLY = "bank_reply"
LOCK = "settlement.replies"
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

    @property
    def ordered(self) -> Ordered:
        """As the rules see it."""
        return Ordered(self.state, self.line.amount_tiyn, self.line.file.number)


def line_at_hand(line: PaymentLine) -> _Line:
    """A locked line, before any word of this batch."""
    return _Line(line, LineState(line.state))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A fresh reply and what it means."""

    reply: Reply
    verdict: Verdict


@transaction.atomic(durable=True)
def apply_replies(*, actor: Actor, replies: Sequence[Reply], at: datetime, key: UUID) -> list[RowOutcome]:
    """Apply the treasury's replies, each once by its reference, in whatever order and however often they come.

    accepted: transit → paid; rejected: transit → payable; returned: paid → payable; then the claim waits as `held` with
    the treasury's reason. A word about a whole file is a word about each of its lines. A reply about an unknown line or
    file, another amount, currency or file, or against what is known is stored as held (`resolve_reply` ends it).
    The same reference with another content is held too, under a name of its own. Each outcome's `detail` is a
    `ReplyOutcome`.

    Raises:
        Forbidden: the actor is neither the system nor a payer of the territory of each line spoken of.
    """
    require(actor, Action.APPLY_REPLIES, ALLOWED)
    locks.exclusive(LOCK)
    files = queries.files_by_number([r.file_number for r in replies if not r.end_to_end_id])
    found = queries.lines_spoken_of(
        [r.end_to_end_id for r in replies if r.end_to_end_id], [f.id for f in files.values()]
    )
    for territory_id in {line.territory_id for line in found} | {file.territory_id for file in files.values()}:
        require(actor, Action.APPLY_REPLIES, ALLOWED, territory_id=territory_id)
    body = [_said(reply) for reply in replies]
    seen = idempotency.repeat(actor=actor, verb="apply_replies", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    lines = {line.end_to_end_id: line_at_hand(line) for line in found}
    names = [name for reply in replies for name in (reply.reference, _other_name(reply))]
    known = {b.reference: b for b in BankReply.objects.filter(reference__in=names)}
    fresh = _judge_fresh(replies, lines, files, known)
    paid, held = settle_words(fresh, lines, known, at)
    result = [_outcome(row, reply, known) for row, reply in enumerate(replies)]
    stored = [known[judged.reply.reference].id for judged in fresh]
    audit.record(actor=actor, at=at, action=Action.APPLY_REPLIES, subject_kind="bank_reply", subject_ids=stored)
    outbox.tell(topic=Topic.CLAIM_PAID, subject_kind="claim", subject_ids=paid, at=at)
    outbox.tell(topic=Topic.CLAIM_HELD, subject_kind="claim", subject_ids=held, at=at)
    idempotency.keep(actor=actor, verb="apply_replies", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _said(reply: Reply) -> list[str | int]:
    """What is remembered of a word under its reference."""
    return [
        reply.reference, reply.end_to_end_id, reply.status.value, reply.amount_tiyn, reply.reason, reply.file_number,
        reply.currency,
    ]  # fmt: skip


def settle_words(
    fresh: Sequence[_Judged], lines: dict[str, _Line], known: dict[str, BankReply], at: datetime
) -> tuple[list[int], list[int]]:
    """Store judged words, what they change and what they move; return the claims paid and the claims held."""
    stored = BankReply.objects.bulk_create([_stored(judged, at) for judged in fresh])
    known |= {reply.reference: reply for reply in stored}
    result = _store_states([found for found in lines.values() if found.state != found.line.state])
    ledger_steps.post([_draft(j, lines[j.reply.end_to_end_id].line) for j in fresh if j.verdict.move], at=at)
    return result


def _judge_fresh(
    replies: Sequence[Reply], lines: dict[str, _Line], files: dict[str, PaymentFile], known: dict[str, BankReply]
) -> list[_Judged]:
    """Judge the replies not stored before, one after the other; `lines` ends in the states they lead to."""
    fresh: dict[str, _Judged] = {}
    for reply in replies:
        earlier = known.get(reply.reference) or (fresh[reply.reference].reply if reply.reference in fresh else None)
        if earlier is not None:
            other = replace(reply, reference=_other_name(reply))
            if not _is_same(earlier, reply) and other.reference not in known:
                fresh[other.reference] = _Judged(other, Verdict(ReplyOutcome.HELD_REFERENCE_REUSED))
            continue
        if reply.end_to_end_id or reply.status is ReplyStatus.UNREADABLE:
            fresh[reply.reference] = judged_word(reply, lines)
        else:
            fresh |= {j.reply.reference: j for j in _judged_file(reply, lines, files.get(reply.file_number))}
    return list(fresh.values())


def judged_word(reply: Reply, lines: dict[str, _Line]) -> _Judged:
    """A word about one line, judged; its line takes the state it leads to."""
    found = lines.get(reply.end_to_end_id)
    verdict = judge(reply, found.ordered if found else None)
    if found and verdict.state:
        found.state, found.reason = verdict.state, reply.reason
    return _Judged(reply, verdict)


def _judged_file(reply: Reply, lines: dict[str, _Line], file: PaymentFile | None) -> Iterator[_Judged]:
    """A word about a whole file: itself, and where it is final, the word about each line."""
    outcome = judge_file(reply, OrderedFile(FileState(file.state), file.total_tiyn) if file else None)
    yield _Judged(reply, Verdict(outcome or ReplyOutcome.NOTED))
    if outcome is None:
        assert file is not None, "an unknown file is held"
        for line_id, found in list(lines.items()):
            if found.line.file_id == file.id:
                yield judged_word(word_on(line_id, found.ordered, reply), lines)


def _stored(judged: _Judged, at: datetime) -> BankReply:
    reply = judged.reply
    return BankReply(
        reference=reply.reference,
        end_to_end_id=reply.end_to_end_id,
        status=reply.status.value,
        amount_tiyn=reply.amount_tiyn,
        currency=reply.currency,
        file_number=reply.file_number,
        reason=reply.reason,
        outcome=judged.verdict.outcome.value,
        at=at,
    )


def _other_name(reply: Reply) -> str:
    """The name of a word whose reference another word bears already."""
    return f"{reply.reference}~{digest(_said(reply)).hex()[:12]}"


def _is_same(one: BankReply | Reply, other: Reply) -> bool:
    """True where both say the same of the same payment; the reason's words may differ."""
    return (one.end_to_end_id, str(one.status), one.amount_tiyn, one.currency) == (
        other.end_to_end_id, other.status.value, other.amount_tiyn, other.currency,
    )  # fmt: skip


def _outcome(row: int, reply: Reply, known: dict[str, BankReply]) -> RowOutcome:
    stored = known[reply.reference]
    if not _is_same(stored, reply):
        stored = known[_other_name(reply)]
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

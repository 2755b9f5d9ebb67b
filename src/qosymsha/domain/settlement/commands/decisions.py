"""An official's decision on a reply that was held: it speaks of this line, or of nothing here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.replies import LOCK, judged_word, line_at_hand, settle_words
from qosymsha.domain.settlement.models import BankReply, PaymentLine, ReplyDecision
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.states import ReplyChoice, ReplyOutcome
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was found out about a held reply, and on which paper that rests.

    `status` is what the treasury meant, where its own code said nothing; for `dismiss` all but the basis is empty.
    """

    choice: ReplyChoice
    basis: str
    end_to_end_id: str = ""
    status: ReplyStatus | None = None


@transaction.atomic(durable=True)
def resolve_reply(
    *, actor: Actor, reference: str, resolution: Resolution, at: datetime, key: UUID
) -> ReplyOutcome | None:
    """End a held reply: apply it to the line named, for the amount ordered, or dismiss it. Returns what it came to.

    The treasury's own words stay as they came; what moves money is a word of its own, `REFERENCE#decided`, which must
    fit the line's state like any other.

    Raises:
        Forbidden: the actor is no payer (of the territory of the line named, or of the one that the reply speaks of).
        Refused: `unknown_reply`, `reply_not_held`, `reply_decided`, `reply_fits_no_line`.
    """
    require(actor, Action.RESOLVE_REPLY, ALLOWED)
    locks.exclusive(LOCK)
    held = BankReply.objects.filter(reference=reference).first()
    if held is None:
        raise Refused(PaperRefusal.UNKNOWN_REPLY)
    line = _line(resolution)
    for one in [*queries.lines_spoken_of([held.end_to_end_id], []), *([line] if line is not None else [])]:
        require(actor, Action.RESOLVE_REPLY, ALLOWED, territory_id=one.territory_id)
    status = resolution.status.value if resolution.status else ""
    body = [reference, resolution.choice.value, resolution.basis, resolution.end_to_end_id, status]
    seen = idempotency.repeat(actor=actor, verb="resolve_reply", key=key, body=body, at=at)
    if seen is not None:
        return ReplyOutcome(seen) if seen else None
    if not held.outcome.startswith("held_"):
        raise Refused(PaperRefusal.REPLY_NOT_HELD)
    if ReplyDecision.objects.filter(reply=held).exists():
        raise Refused(PaperRefusal.REPLY_DECIDED)
    outcome = _apply(held, line, resolution, at) if line is not None else None
    ReplyDecision.objects.create(
        reply=held, choice=resolution.choice, line=line, basis=resolution.basis, user_id=actor.user_id, at=at
    )
    audit.record(
        actor=actor, at=at, action=Action.RESOLVE_REPLY, subject_kind="bank_reply", subject_ids=[held.id],
        territory_id=line.territory_id if line else None, detail={"choice": resolution.choice.value},
    )  # fmt: skip
    outbox.tell(topic=Topic.REPLY_RESOLVED, subject_kind="bank_reply", subject_ids=[held.id], at=at)
    idempotency.keep(actor=actor, verb="resolve_reply", key=key, outcome=outcome.value if outcome else "")
    return outcome


def _line(resolution: Resolution) -> PaymentLine | None:
    """The line an `apply` names; None for `dismiss`."""
    if resolution.choice is ReplyChoice.DISMISS:
        return None
    found = queries.lines_spoken_of([resolution.end_to_end_id], [])
    if not found:
        raise Refused(PaperRefusal.REPLY_FITS_NO_LINE)
    return found[0]


def _apply(held: BankReply, line: PaymentLine, resolution: Resolution, at: datetime) -> ReplyOutcome:
    """The decided word on the line: stored, posted, its claim and file moved."""
    status = resolution.status or ReplyStatus(held.status)
    word = Reply(
        f"{held.reference}#decided", line.end_to_end_id, status, line.amount_tiyn, held.reason, line.file.number
    )
    at_hand = line_at_hand(line)
    judged = judged_word(word, {line.end_to_end_id: at_hand})
    if judged.verdict.state is None:
        raise Refused(PaperRefusal.REPLY_FITS_NO_LINE, outcome=judged.verdict.outcome.value)
    settle_words([judged], {line.end_to_end_id: at_hand}, {}, at)
    return judged.verdict.outcome

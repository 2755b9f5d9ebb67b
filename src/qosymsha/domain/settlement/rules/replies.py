"""What a treasury's reply means for a payment line. Pure: repetition and order never change where money ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.states import LineState, ReplyOutcome


class Move(StrEnum):
    """The posting a reply causes, from one account of the line to another."""

    TRANSIT_TO_PAID = "transit_to_paid"
    TRANSIT_TO_PAYABLE = "transit_to_payable"
    PAID_TO_PAYABLE = "paid_to_payable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to store of a reply, the line's next state, and the money it moves; None where it moves nothing."""

    outcome: ReplyOutcome
    state: LineState | None = None
    move: Move | None = None


_STEPS: dict[tuple[LineState, ReplyStatus], Verdict] = {
    (LineState.SENT, ReplyStatus.ACCEPTED): Verdict(ReplyOutcome.PAID, LineState.ACCEPTED, Move.TRANSIT_TO_PAID),
    (LineState.SENT, ReplyStatus.REJECTED): Verdict(ReplyOutcome.REJECTED, LineState.REJECTED, Move.TRANSIT_TO_PAYABLE),
    (LineState.SENT, ReplyStatus.RETURNED): Verdict(ReplyOutcome.RETURNED, LineState.RETURNED, Move.TRANSIT_TO_PAYABLE),
    (LineState.ACCEPTED, ReplyStatus.RETURNED): Verdict(
        ReplyOutcome.RETURNED, LineState.RETURNED, Move.PAID_TO_PAYABLE
    ),
    (LineState.ACCEPTED, ReplyStatus.ACCEPTED): Verdict(ReplyOutcome.REPEATED),
    (LineState.REJECTED, ReplyStatus.REJECTED): Verdict(ReplyOutcome.REPEATED),
    (LineState.RETURNED, ReplyStatus.RETURNED): Verdict(ReplyOutcome.REPEATED),
    (LineState.RETURNED, ReplyStatus.ACCEPTED): Verdict(ReplyOutcome.NOTED),  # the acceptance, overtaken by the return
}


def judge(reply: Reply, state: LineState | None, amount_tiyn: int) -> Verdict:
    """What a reply means for a line in this state; `state` is None where no line has the reply's id.

    A word about another amount, about a line never sent, or against what is already known moves nothing: it is held.
    """
    if state is None:
        return Verdict(ReplyOutcome.HELD_UNKNOWN_LINE)
    if state is LineState.DRAWN:
        return Verdict(ReplyOutcome.HELD_NOT_SENT)
    if reply.amount_tiyn != amount_tiyn:
        return Verdict(ReplyOutcome.HELD_OTHER_AMOUNT)
    if reply.status is ReplyStatus.PENDING:
        return Verdict(ReplyOutcome.NOTED)
    return _STEPS.get((state, reply.status), Verdict(ReplyOutcome.HELD_CONTRADICTION))

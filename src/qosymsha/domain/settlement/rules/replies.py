"""What a treasury's reply means for a payment line. Pure: repetition and order never change where money ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from qosymsha.domain.settlement.ports import CURRENCY, Reply, ReplyStatus
from qosymsha.domain.settlement.states import FileState, LineState, ReplyOutcome


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


@dataclass(frozen=True, slots=True)
class Ordered:
    """A payment line as a word about it is judged: its state, its amount, the number of its file."""

    state: LineState
    amount_tiyn: int
    file_number: str


@dataclass(frozen=True, slots=True)
class OrderedFile:
    """A payment file as a word about all of it is judged."""

    state: FileState
    total_tiyn: int


def judge(reply: Reply, line: Ordered | None) -> Verdict:
    """What a word means for the line it names; `line` is None where no line bears the word's id.

    A word about another file, currency or amount, about a line never sent, in an unknown code, or against what is
    already known moves nothing: it is held. A word without an amount counts only where it names the line's file.
    """
    held = _held(reply, line)
    if held is not None or line is None:
        return Verdict(held or ReplyOutcome.HELD_UNKNOWN_LINE)
    if reply.status is ReplyStatus.PENDING:
        return Verdict(ReplyOutcome.NOTED)
    return _STEPS.get((line.state, reply.status), Verdict(ReplyOutcome.HELD_CONTRADICTION))


def _held(reply: Reply, line: Ordered | None) -> ReplyOutcome | None:
    """The first reason to hold a word about a line."""
    if reply.status is ReplyStatus.UNREADABLE:
        return ReplyOutcome.HELD_UNREADABLE
    if line is None:
        return ReplyOutcome.HELD_UNKNOWN_LINE
    amount_named = reply.amount_tiyn or (line.amount_tiyn if reply.file_number else 0)
    checks = (
        (reply.file_number not in ("", line.file_number), ReplyOutcome.HELD_OTHER_FILE),
        (line.state is LineState.DRAWN, ReplyOutcome.HELD_NOT_SENT),
        (reply.currency != CURRENCY, ReplyOutcome.HELD_OTHER_CURRENCY),
        (amount_named != line.amount_tiyn, ReplyOutcome.HELD_OTHER_AMOUNT),
        (reply.status is ReplyStatus.UNKNOWN, ReplyOutcome.HELD_UNKNOWN_STATUS),
    )
    return next((outcome for is_true, outcome in checks if is_true), None)


def judge_file(reply: Reply, file: OrderedFile | None) -> ReplyOutcome | None:
    """What a word about a whole file comes to: held, noted, or None where it is a word about each of its lines."""
    if reply.status is ReplyStatus.UNREADABLE:
        return ReplyOutcome.HELD_UNREADABLE
    if file is None:
        return ReplyOutcome.HELD_UNKNOWN_FILE
    checks = (
        (file.state is FileState.DRAWN, ReplyOutcome.HELD_NOT_SENT),
        (reply.currency != CURRENCY, ReplyOutcome.HELD_OTHER_CURRENCY),
        (reply.amount_tiyn not in (0, file.total_tiyn), ReplyOutcome.HELD_OTHER_AMOUNT),
        (reply.status is ReplyStatus.UNKNOWN, ReplyOutcome.HELD_UNKNOWN_STATUS),
        (reply.status is ReplyStatus.PENDING, ReplyOutcome.NOTED),
    )
    return next((outcome for is_true, outcome in checks if is_true), None)


def word_on(line_id: str, line: Ordered, of: Reply) -> Reply:
    """A word about a whole file as the word about one of its lines, under a reference of its own."""
    return replace(of, reference=f"{of.reference}/{line_id}", end_to_end_id=line_id, amount_tiyn=line.amount_tiyn)

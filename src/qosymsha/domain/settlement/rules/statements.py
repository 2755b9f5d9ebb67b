"""A provider's statement: why a sum is not paid yet, for whom it waits, and the day it is due. Pure.

Source: docs/rules/papers.md P-10, P-11; DOMAIN.md 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qosymsha.domain.programmes.rules import Calendar, Papers
from qosymsha.domain.settlement.states import ActState, ClaimState, Side
from qosymsha.kernel.clock import next_month

NEXT, PREVIOUS, STAY = "next", "previous", "stay"


class Waiting(StrEnum):
    """What a sum waits for; for whom: `WAITS_FOR`."""

    PARENTS = "parents"
    OFFICER_DECIDES = "officer_decides"
    SHEET_WITH_CUSTOMER = "sheet_with_customer"
    SHEET_WITH_PROVIDER = "sheet_with_provider"
    FLAGS = "flags"
    CLAIM = "claim"
    ACT_DRAWN = "act_drawn"
    ACT_PROVIDER = "act_provider"
    ACT_CUSTOMER = "act_customer"
    ACT_REFUSED = "act_refused"
    EINVOICE = "einvoice"
    EINVOICE_CHECK = "einvoice_check"
    ACCOUNT = "account"
    APPROVAL = "approval"
    RELEASE = "release"
    PAYMENT_FILE = "payment_file"
    SENDING = "sending"
    TREASURY = "treasury"
    HELD = "held"


PROVIDER, PARENTS, CUSTOMER, PAYER, TREASURY = "provider", "parents", "customer", "payer", "treasury"
WAITS_FOR: dict[Waiting, str] = {
    Waiting.PARENTS: PARENTS,
    Waiting.OFFICER_DECIDES: CUSTOMER,
    Waiting.SHEET_WITH_CUSTOMER: CUSTOMER,
    Waiting.SHEET_WITH_PROVIDER: PROVIDER,
    Waiting.FLAGS: CUSTOMER,
    Waiting.CLAIM: CUSTOMER,
    Waiting.ACT_DRAWN: CUSTOMER,
    Waiting.ACT_PROVIDER: PROVIDER,
    Waiting.ACT_CUSTOMER: CUSTOMER,
    Waiting.ACT_REFUSED: PROVIDER,
    Waiting.EINVOICE: PROVIDER,
    Waiting.EINVOICE_CHECK: CUSTOMER,
    Waiting.ACCOUNT: PROVIDER,
    Waiting.APPROVAL: CUSTOMER,
    Waiting.RELEASE: PAYER,
    Waiting.PAYMENT_FILE: PAYER,
    Waiting.SENDING: PAYER,
    Waiting.TREASURY: TREASURY,
    Waiting.HELD: PAYER,
}


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """Where a claim stands: its state, its act's (None: none), who signed that, the account, the signatures."""

    state: ClaimState
    act: str | None
    act_signed: frozenset[str]
    has_account: bool
    is_released: bool
    is_line_sent: bool


def claim_waits(facts: ClaimFacts, papers: Papers) -> list[Waiting]:
    """What a claim waits for, all that can be done at once; nothing where it is paid, reversed or nothing is due."""
    match facts.state:
        case ClaimState.DRAWN:
            paper = _paper_waits(facts, papers)
            account = [] if facts.has_account else [Waiting.ACCOUNT]
            return [*paper, *account] or [Waiting.APPROVAL]
        case ClaimState.APPROVED:
            return [Waiting.PAYMENT_FILE if facts.is_released else Waiting.RELEASE]
        case ClaimState.IN_FILE:
            return [Waiting.TREASURY if facts.is_line_sent else Waiting.SENDING]
        case ClaimState.HELD:
            return [Waiting.HELD]
    return []


def _paper_waits(facts: ClaimFacts, papers: Papers) -> list[Waiting]:
    if not papers.act_required:
        return []
    match facts.act:
        case None:
            return [Waiting.ACT_DRAWN]
        case ActState.SIGNING:
            wanted = {Side.PROVIDER: Waiting.ACT_PROVIDER, Side.CUSTOMER: Waiting.ACT_CUSTOMER}
            return [wait for side, wait in wanted.items() if side not in facts.act_signed]
        case ActState.AWAITING_INVOICE:
            return [Waiting.EINVOICE]
        case ActState.CHECKING:
            return [Waiting.EINVOICE_CHECK]
    return []


def pay_day(month: date, day: int, moves: str, calendar: Calendar) -> date:
    """The day by which a month is paid: the rule's day of the next month, moved where nobody works on it."""
    due = next_month(month).replace(day=day)
    if moves == STAY:
        return due
    step = timedelta(days=1 if moves == NEXT else -1)
    while not calendar.is_working(due):
        due += step
    return due

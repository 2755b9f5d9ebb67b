"""Who may do what with claims, payments and closes, and the news this room tells."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The room's verbs."""

    DRAW_CLAIMS = "settlement.draw_claims"
    APPROVE_CLAIMS = "settlement.approve_claims"
    RELEASE_CLAIMS = "settlement.release_claims"
    RETURN_CLAIMS = "settlement.return_claims"
    REVERSE_CLAIMS = "settlement.reverse_claims"
    DRAW_PAYMENT_FILE = "settlement.draw_payment_file"
    SEND_PAYMENT_FILE = "settlement.send_payment_file"
    KEEP_RECEIPT = "settlement.keep_receipt"
    APPLY_REPLIES = "settlement.apply_replies"
    CLOSE_MONTH = "settlement.close_month"
    CLOSE_YEAR = "settlement.close_year"


class Topic(StrEnum):
    """What the outbox says of claims, payments and closes."""

    CLAIM_DRAWN = "settlement.claim_drawn"
    CLAIM_APPROVED = "settlement.claim_approved"
    CLAIM_RELEASED = "settlement.claim_released"
    CLAIM_RETURNED = "settlement.claim_returned"
    CLAIM_REVERSED = "settlement.claim_reversed"
    CLAIM_PAID = "settlement.claim_paid"
    CLAIM_HELD = "settlement.claim_held"
    FILE_SENT = "settlement.payment_file_sent"
    MONTH_CLOSED = "settlement.month_closed"
    YEAR_CLOSED = "settlement.year_closed"


_CLOCK = frozenset({Role.PAYER, Role.SYSTEM})

# Nobody but people approves, releases or decides on December: the system has no hand in the two-person steps.
ALLOWED: dict[Action, frozenset[str]] = {
    Action.DRAW_CLAIMS: frozenset({Role.PROVIDER_MANAGER, Role.PROGRAMME_OFFICER, Role.PAYER, Role.SYSTEM}),
    Action.APPROVE_CLAIMS: frozenset({Role.APPROVER}),
    Action.RELEASE_CLAIMS: frozenset({Role.PAYER}),
    Action.RETURN_CLAIMS: frozenset({Role.APPROVER, Role.PAYER}),
    Action.REVERSE_CLAIMS: frozenset({Role.APPROVER}),
    Action.DRAW_PAYMENT_FILE: frozenset({Role.PAYER}),
    Action.SEND_PAYMENT_FILE: frozenset({Role.PAYER}),
    Action.KEEP_RECEIPT: _CLOCK,
    Action.APPLY_REPLIES: _CLOCK,
    Action.CLOSE_MONTH: frozenset({Role.PAYER, Role.PROGRAMME_OFFICER}),
    Action.CLOSE_YEAR: frozenset({Role.PAYER, Role.PROGRAMME_OFFICER}),
}

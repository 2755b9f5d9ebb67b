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
    RESOLVE_REPLY = "settlement.resolve_reply"
    REGISTER_SIGNATORY = "settlement.register_signatory"
    DRAW_ACTS = "settlement.draw_acts"
    SIGN_AS_PROVIDER = "settlement.sign_as_provider"
    SIGN_AS_CUSTOMER = "settlement.sign_as_customer"
    REFUSE_ACT = "settlement.refuse_act"
    RECORD_EINVOICE = "settlement.record_einvoice"
    DECIDE_EINVOICE = "settlement.decide_einvoice"
    READ_PAPERS = "settlement.read_papers"
    PROPOSE_RECOVERIES = "settlement.propose_recoveries"
    SUPPORT_RECOVERY = "settlement.support_recovery"
    DECIDE_RECOVERY = "settlement.decide_recovery"
    RECORD_REFUND = "settlement.record_refund"
    CONFIRM_REFUND = "settlement.confirm_refund"
    COVER_PLACES = "settlement.cover_places"
    EXPLAIN_MONEY = "settlement.explain_money"
    READ_TRAIL = "settlement.read_trail"
    READ_OWN_MONEY = "settlement.read_own_money"
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
    REPLY_RESOLVED = "settlement.reply_resolved"
    ACT_DRAWN = "settlement.act_drawn"
    ACT_SIGNED = "settlement.act_signed"
    ACT_REFUSED = "settlement.act_refused"
    EINVOICE_RECORDED = "settlement.einvoice_recorded"
    EINVOICE_DECIDED = "settlement.einvoice_decided"
    RECOVERY_PROPOSED = "settlement.recovery_proposed"
    RECOVERY_SUPPORTED = "settlement.recovery_supported"
    RECOVERY_DECIDED = "settlement.recovery_decided"
    REFUND_RECORDED = "settlement.refund_recorded"
    REFUND_CONFIRMED = "settlement.refund_confirmed"
    PLACE_COVERED = "settlement.place_covered"
    MONEY_EXPLAINED = "settlement.money_explained"
    MONTH_CLOSED = "settlement.month_closed"
    YEAR_CLOSED = "settlement.year_closed"


_CLOCK = frozenset({Role.PAYER, Role.SYSTEM})
_CUSTOMER = frozenset({Role.APPROVER, Role.PROGRAMME_OFFICER})  # who signs for the institution that orders the services

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
    Action.RESOLVE_REPLY: frozenset({Role.PAYER}),
    Action.REGISTER_SIGNATORY: frozenset({Role.OPERATOR, Role.SYSTEM}),
    Action.DRAW_ACTS: frozenset({Role.PROVIDER_MANAGER, Role.PROGRAMME_OFFICER, Role.PAYER, Role.SYSTEM}),
    Action.SIGN_AS_PROVIDER: frozenset({Role.PROVIDER_MANAGER}),
    Action.SIGN_AS_CUSTOMER: _CUSTOMER,
    Action.REFUSE_ACT: _CUSTOMER | {Role.PROVIDER_MANAGER},
    Action.RECORD_EINVOICE: frozenset({Role.PROVIDER_MANAGER}),
    Action.DECIDE_EINVOICE: _CUSTOMER | {Role.CHECKER},
    Action.READ_PAPERS: _CUSTOMER | {Role.PROVIDER_MANAGER, Role.PAYER, Role.CHECKER, Role.AUDITOR},
    Action.PROPOSE_RECOVERIES: _CLOCK | {Role.PROGRAMME_OFFICER, Role.CHECKER},
    Action.SUPPORT_RECOVERY: frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER}),
    Action.DECIDE_RECOVERY: frozenset({Role.APPROVER}),
    Action.RECORD_REFUND: frozenset({Role.PAYER}),
    Action.CONFIRM_REFUND: frozenset({Role.APPROVER}),
    Action.COVER_PLACES: frozenset({Role.PROGRAMME_OFFICER}),
    Action.EXPLAIN_MONEY: _CLOCK | {Role.PROGRAMME_OFFICER, Role.AUDITOR, Role.OPERATOR},
    Action.READ_OWN_MONEY: frozenset({Role.GUARDIAN}),
    Action.READ_TRAIL: _CLOCK | {Role.PROGRAMME_OFFICER, Role.AUDITOR, Role.CHECKER, Role.APPROVER},
    Action.CLOSE_MONTH: frozenset({Role.PAYER, Role.PROGRAMME_OFFICER}),
    Action.CLOSE_YEAR: frozenset({Role.PAYER, Role.PROGRAMME_OFFICER}),
}

"""The lives of claims, payment files and payment lines; what becomes of a bank's reply."""

from __future__ import annotations

from enum import StrEnum


class ClaimState(StrEnum):
    """A claim's states; `nothing_due` is a claim of zero tiyn: its rows are settled, nobody is paid."""

    DRAWN = "drawn"
    NOTHING_DUE = "nothing_due"
    APPROVED = "approved"
    IN_FILE = "in_file"
    PAID = "paid"
    HELD = "held"
    REVERSED = "reversed"


CLAIM_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "drawn"),
        ("", "nothing_due"),
        ("drawn", "approved"),
        ("approved", "in_file"),
        ("in_file", "paid"),
        ("in_file", "held"),  # the treasury rejected the line
        ("paid", "held"),  # the bank returned the money
        ("approved", "drawn"),  # other bank details: a new turn of approvals
        ("held", "drawn"),
        ("drawn", "reversed"),
        ("nothing_due", "reversed"),
    }
)


class FileState(StrEnum):
    """A payment file's states."""

    DRAWN = "drawn"
    SENT = "sent"
    ANSWERED = "answered"


FILE_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", "drawn"), ("drawn", "sent"), ("sent", "answered")})


class LineState(StrEnum):
    """A payment line's states."""

    DRAWN = "drawn"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETURNED = "returned"


LIVE_LINE = ["drawn", "sent", "accepted"]

LINE_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "drawn"),
        ("drawn", "sent"),
        ("sent", "accepted"),
        ("sent", "rejected"),
        ("sent", "returned"),  # the return overtook the acceptance
        ("accepted", "returned"),
    }
)


class ReplyOutcome(StrEnum):
    """What was done with a reply; those that begin with `held` moved nothing and wait for a person."""

    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"
    NOTED = "noted"
    REPEATED = "repeated"
    HELD_UNKNOWN_LINE = "held_unknown_line"
    HELD_NOT_SENT = "held_not_sent"
    HELD_OTHER_AMOUNT = "held_other_amount"
    HELD_OTHER_CURRENCY = "held_other_currency"
    HELD_OTHER_FILE = "held_other_file"
    HELD_UNKNOWN_FILE = "held_unknown_file"
    HELD_UNKNOWN_STATUS = "held_unknown_status"
    HELD_UNREADABLE = "held_unreadable"
    HELD_REFERENCE_REUSED = "held_reference_reused"
    HELD_CONTRADICTION = "held_contradiction"


class ReplyChoice(StrEnum):
    """What an official decides about a held reply."""

    APPLY = "apply"  # it speaks of the named line, as ordered: the money moves as the word says
    DISMISS = "dismiss"  # it concerns nobody here: nothing moves


class Side(StrEnum):
    """Who signs an act."""

    PROVIDER = "provider"
    CUSTOMER = "customer"


class ActState(StrEnum):
    """An act's states (DOMAIN.md 1.6): on signing, waiting for the e-invoice, its check, done, refused."""

    SIGNING = "signing"
    AWAITING_INVOICE = "awaiting_invoice"
    CHECKING = "checking"
    DONE = "done"
    REFUSED = "refused"


ACT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "signing"),
        ("signing", "awaiting_invoice"),  # both have signed, the rule set asks for an e-invoice
        ("signing", "done"),  # both have signed, it asks for none
        ("signing", "refused"),
        ("awaiting_invoice", "checking"),
        ("checking", "awaiting_invoice"),  # the e-invoice was rejected
        ("checking", "done"),
        ("awaiting_invoice", "refused"),
        ("checking", "refused"),
    }
)


class InvoiceState(StrEnum):
    """An e-invoice's states here: the tax system has its own."""

    RECORDED = "recorded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


INVOICE_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", "recorded"), ("recorded", "accepted"), ("recorded", "rejected")}
)


class RecoveryState(StrEnum):
    """The life of money owed back: proposed by the system or a person, supported on evidence, decided by another."""

    PROPOSED = "proposed"
    SUPPORTED = "supported"
    DECIDED = "decided"
    DISMISSED = "dismissed"


RECOVERY_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "proposed"),
        ("", "supported"),
        ("proposed", "supported"),
        ("supported", "decided"),
        ("supported", "dismissed"),
    }
)


class RefundState(StrEnum):
    """Money that came back by bank: seen by one person, confirmed by another."""

    RECORDED = "recorded"
    CONFIRMED = "confirmed"


REFUND_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", "recorded"), ("recorded", "confirmed")})

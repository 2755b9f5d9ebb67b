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
    HELD_CONTRADICTION = "held_contradiction"

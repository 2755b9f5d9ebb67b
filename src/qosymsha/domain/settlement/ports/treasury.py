"""What the treasury must do. A door talks to it after the commit; nothing here is called inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

CURRENCY = "KZT"


class ReplyStatus(StrEnum):
    """The treasury's word on a payment: still under way, paid, refused before paying, or sent back after paying.

    `unknown`: a code that no agreement names. `unreadable`: a message that is none; a person must see it.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Reply:
    """One word of the treasury; `reference` is its own and names this word for ever, `end_to_end_id` is ours.

    `file_number` is the payment file it says it speaks of ("" where it says none). A word without an `end_to_end_id`
    speaks of the whole file; its amount is the file's total, or 0 where it names none. A line's amount that can't be
    read is -1.
    """

    reference: str
    end_to_end_id: str
    status: ReplyStatus
    amount_tiyn: int
    reason: str = ""
    file_number: str = ""
    currency: str = CURRENCY


class TreasuryUnavailable(Exception):
    """The treasury did not take the file or can't be asked now: nothing is known, the same call may be made again."""


class Treasury(Protocol):
    """The treasury's door. It may say things in any order, twice, about others' lines, or nothing for a while."""

    def send(self, content: bytes, content_hash: bytes, signature: bytes = b"") -> str:
        """Hand a payment file over and return the receipt; the same hash again is the same file and the same receipt.

        `signature`: the house's own (Ed25519, detached); empty for a file drawn before files were signed.

        Raises:
            TreasuryUnavailable: not known whether it arrived; send again.
        """
        ...

    def replies(self) -> list[Reply]:
        """What was said and not yet acknowledged, possibly again and again; what can't be read is a word too.

        Raises:
            TreasuryUnavailable: can't be asked now.
        """
        ...

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """Say that these were stored (after the commit): they need not be said again."""
        ...

"""What the treasury must do. A door talks to it after the commit; nothing here is called inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ReplyStatus(StrEnum):
    """The treasury's word on one payment: still under way, paid, refused before paying, or sent back after paying."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Reply:
    """One word of the treasury; `reference` is its own and names this word for ever, `end_to_end_id` is ours."""

    reference: str
    end_to_end_id: str
    status: ReplyStatus
    amount_tiyn: int
    reason: str = ""


class TreasuryUnavailable(Exception):
    """The treasury did not take the file or can't be asked now: nothing is known, the same call may be made again."""


class Treasury(Protocol):
    """The treasury's door. It may say things in any order, twice, about others' lines, or nothing for a while."""

    def send(self, content: bytes, content_hash: bytes) -> str:
        """Hand a payment file over and return the receipt; the same hash again is the same file and the same receipt.

        Raises:
            TreasuryUnavailable: not known whether it arrived; send again.
        """
        ...

    def replies(self) -> list[Reply]:
        """What was said and not yet acknowledged, possibly again and again.

        Raises:
            TreasuryUnavailable: can't be asked now.
        """
        ...

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """Say that these were stored (after the commit): they need not be said again."""
        ...

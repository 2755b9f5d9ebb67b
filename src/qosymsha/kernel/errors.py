"""How a verb says no. A refusal is a value with a reason; a bug is an assertion, never one of these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Refused(Exception):
    """A rule says no, nothing was stored. `reason` is a room's StrEnum; `detail` holds ids and numbers only."""

    def __init__(self, reason: StrEnum, **detail: object) -> None:
        super().__init__(f"{reason.value} {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail


class Forbidden(Exception):
    """The actor may not do this here. Says the action only, so that nothing is learnt about the object."""

    def __init__(self, action: StrEnum) -> None:
        super().__init__(action.value)
        self.action = action


class BadInput(Exception):
    """What came in cannot be read: names the field and what to do about it."""

    def __init__(self, field: str, advice: str) -> None:
        super().__init__(f"{field}: {advice}")
        self.field = field
        self.advice = advice


class NotConfigured(Exception):
    """The installation lacks a setting that this needs: says which, and what to give."""


class KeyReason(StrEnum):
    """Why an idempotency key is refused."""

    KEY_REUSED = "key_reused"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one row of a batch: `id` of the row stored (None where refused), `reason` where refused."""

    row: int
    id: int | None = None
    reason: StrEnum | None = None
    detail: str = ""

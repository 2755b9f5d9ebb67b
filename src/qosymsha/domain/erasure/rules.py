"""Whom the house erases, in which order, and why somebody must wait. Pure."""

from __future__ import annotations

from enum import StrEnum

REASON_LENGTH = 300


class Kind(StrEnum):
    """Kinds of persons, in the order in which they are erased: a guardian goes after the children."""

    CHILD = "child"
    GUARDIAN = "guardian"
    TEACHER = "teacher"
    TRADER = "provider"
    USER = "user"


class ErasureRefusal(StrEnum):
    """Why a verb of this room is refused."""

    CHILD_TO_HOLD_UNKNOWN = "child_to_hold_unknown"
    HOLD_WITHOUT_REASON = "hold_without_reason"
    HOLD_STANDS = "hold_stands"
    HOLD_MISSING = "hold_missing"
    ALREADY_ERASED = "already_erased"


def refuse_hold(*, reason: str, is_held: bool, is_erased: bool) -> ErasureRefusal | None:
    """The first reason against a legal hold on a child."""
    if not reason.strip():
        return ErasureRefusal.HOLD_WITHOUT_REASON
    if is_erased:
        return ErasureRefusal.ALREADY_ERASED
    return ErasureRefusal.HOLD_STANDS if is_held else None

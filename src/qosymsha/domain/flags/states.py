"""The life of a red flag. Source: PRODUCT.md G5: a person resolves it, with a trace."""

from __future__ import annotations

from enum import StrEnum


class FlagState(StrEnum):
    """Open until a person decides: unfounded (dismissed) or founded (upheld)."""

    OPEN = "open"
    DISMISSED = "dismissed"
    UPHELD = "upheld"


class Topic(StrEnum):
    """What the outbox tells about red flags."""

    SCREENED = "months_screened"
    RESOLVED = "flags_resolved"
    RECORDED = "outside_marks_recorded"
    POINTS_REGISTERED = "points_registered"


FLAG_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", FlagState.OPEN), (FlagState.OPEN, FlagState.DISMISSED), (FlagState.OPEN, FlagState.UPHELD)}
)

"""The life of a trial lesson, and the news it makes."""

from __future__ import annotations

from enum import StrEnum


class TrialState(StrEnum):
    """Booked by a family; then the teacher's word, or the family's cancelling."""

    BOOKED = "booked"
    CAME = "came"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Topic(StrEnum):
    """What the outbox tells."""

    BOOKED = "trials.booked"
    CANCELLED = "trials.cancelled"
    MARKED = "trials.marked"


_T = TrialState
TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _T.BOOKED), (_T.BOOKED, _T.CAME), (_T.BOOKED, _T.MISSED), (_T.BOOKED, _T.CANCELLED),
     (_T.CAME, _T.MISSED), (_T.MISSED, _T.CAME)}
)  # fmt: skip
STANDS = frozenset({_T.BOOKED, _T.CAME, _T.MISSED})  # counts against the limits

"""The lives of campaigns and visits, and the words of a plan."""

from __future__ import annotations

from enum import StrEnum


class Unit(StrEnum):
    """What is drawn."""

    GROUP = "group"
    LESSON = "lesson"
    PROVIDER = "provider"


class Strata(StrEnum):
    """How the list is divided before it is drawn from: `all` is one part."""

    ALL = "all"
    DISTRICT = "district"
    KIND = "kind"


class CampaignState(StrEnum):
    """Planned, its list frozen, its sample drawn, ended; or given up before anybody could know the sample."""

    PLANNED = "planned"
    FROZEN = "frozen"
    DRAWN = "drawn"
    ENDED = "ended"
    CANCELLED = "cancelled"


class VisitState(StrEnum):
    """A drawn place: to be visited; nothing found; a finding that waits for an answer, has one, has none in time."""

    DUE = "due"
    CLEAN = "clean"
    FOUND = "found"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    DECIDED = "decided"
    MISSED = "missed"


class Sanction(StrEnum):
    """What follows from a finding; which of them a city uses stands in its rule set."""

    NONE = "none"  # the answer explains it
    WARNING = "warning"
    LIMIT = "limit"  # the accreditation is limited: what runs goes on, no new places
    HOLD = "hold"  # month sheets on their way to payment stand still


_C = CampaignState
CAMPAIGN_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _C.PLANNED),
        (_C.PLANNED, _C.FROZEN),
        (_C.FROZEN, _C.DRAWN),
        (_C.DRAWN, _C.ENDED),
        (_C.PLANNED, _C.CANCELLED),
        (_C.FROZEN, _C.CANCELLED),
    }
)

_V = VisitState
VISIT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _V.DUE),
        (_V.DUE, _V.CLEAN),
        (_V.DUE, _V.FOUND),
        (_V.DUE, _V.MISSED),
        (_V.FOUND, _V.ANSWERED),
        (_V.FOUND, _V.UNANSWERED),
        (_V.UNANSWERED, _V.ANSWERED),  # late is better than never: the decision hears it
        (_V.ANSWERED, _V.DECIDED),
        (_V.UNANSWERED, _V.DECIDED),
    }
)
OPEN_VISITS = frozenset({_V.FOUND, _V.ANSWERED, _V.UNANSWERED})


class Topic(StrEnum):
    """News of controls; never says who is drawn."""

    FOUND = "control_found"
    ANSWERED = "control_answered"
    UNANSWERED = "control_unanswered"
    DECIDED = "control_decided"
    ENDED = "control_ended"

"""The lives of a choice round, of a list of wishes and of an offer: states and the only transitions there are."""

from __future__ import annotations

from enum import StrEnum


class ChoiceRoundState(StrEnum):
    """planned → open → closed (frozen, root known) → drawn (seed known) → allocated → published; each entered once.

    `cancelled`: ended by an officer before its draw; nothing follows it.
    """

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    DRAWN = "drawn"
    ALLOCATED = "allocated"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


CHOICE_ROUND_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "planned"),
        ("planned", "open"),
        ("open", "closed"),
        ("closed", "drawn"),
        ("drawn", "allocated"),
        ("allocated", "published"),
        ("planned", "cancelled"),
        ("open", "cancelled"),
        ("closed", "cancelled"),
    }
)


class ListState(StrEnum):
    """filed ⇄ withdrawn → frozen (in the closed list) → placed ⇄ unplaced; `left` is out for good.

    Rejected at close, or where the round is cancelled.

    A step from a state to itself is one too: `filed` again is a list replaced, `placed` again a move to a better wish.
    """

    FILED = "filed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    FROZEN = "frozen"
    PLACED = "placed"
    UNPLACED = "unplaced"
    LEFT = "left"


LIST_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "filed"),
        ("filed", "filed"),
        ("filed", "withdrawn"),
        ("withdrawn", "filed"),
        ("filed", "rejected"),
        ("filed", "frozen"),
        ("frozen", "placed"),
        ("frozen", "unplaced"),
        ("frozen", "left"),
        ("frozen", "rejected"),
        ("placed", "placed"),
        ("placed", "unplaced"),
        ("placed", "left"),
        ("unplaced", "placed"),
        ("unplaced", "left"),
    }
)


class OfferState(StrEnum):
    """An offered place holds its seat until it is accepted, declined, expired or lapsed (a better one was taken)."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    LAPSED = "lapsed"


OFFER_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "offered"),
        ("offered", "accepted"),
        ("offered", "declined"),
        ("offered", "expired"),
        ("offered", "lapsed"),
    }
)

"""The lives of a round and of an application: states and the only transitions there are."""

from __future__ import annotations

from enum import StrEnum


class RoundState(StrEnum):
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


ROUND_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
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


class ApplicationState(StrEnum):
    """draft → submitted → checked (in the closed list) → ranked → granted | waiting; rejected and withdrawn end it.

    `ended`: granted and its voucher is closed, or waiting and the child was filed anew or a later round was allocated.
    It waits again where the round that the child was filed anew in is cancelled.
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHECKED = "checked"
    RANKED = "ranked"
    GRANTED = "granted"
    WAITING = "waiting"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "draft"),
        ("", "submitted"),
        ("draft", "submitted"),
        ("submitted", "checked"),
        ("submitted", "rejected"),
        ("submitted", "withdrawn"),
        ("checked", "ranked"),
        ("checked", "withdrawn"),
        ("checked", "rejected"),
        ("ranked", "granted"),
        ("ranked", "waiting"),
        ("ranked", "rejected"),
        ("waiting", "granted"),
        ("waiting", "rejected"),
        ("waiting", "withdrawn"),
        ("waiting", "ended"),
        ("ended", "waiting"),
        ("granted", "ended"),
        ("granted", "rejected"),
    }
)

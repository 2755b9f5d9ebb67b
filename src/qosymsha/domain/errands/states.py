"""The life of an errand, and the phases that long work tells of."""

from __future__ import annotations

from enum import StrEnum


class ErrandState(StrEnum):
    """waiting → running (again after a kill) → done | refused | failed; waiting → withdrawn.

    `refused`: a rule said no, in the verb's own words, or the errand waited for too long. `failed`: a fault of the
    program, or its worker died each time.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


OPEN = (ErrandState.WAITING, ErrandState.RUNNING)

TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "waiting"),
        ("waiting", "running"),
        ("running", "running"),
        ("running", "done"),
        ("running", "refused"),
        ("running", "failed"),
        ("waiting", "refused"),
        ("waiting", "failed"),
        ("waiting", "withdrawn"),
    }
)


class Topic(StrEnum):
    """What the outbox says of errands: one that took longer than its page waits has ended, and how (`state`)."""

    ENDED = "errand.ended"


class Phase(StrEnum):
    """What long work is busy with; said on the page of its errand."""

    LIST = "list"
    ENGINE = "engine"
    CHECK = "check"
    ROWS = "rows"
    VOUCHERS = "vouchers"
    PLACES = "places"
    FILES = "files"
    CLAIMS = "claims"
    ACTS = "acts"
    LEDGER = "ledger"
    PAYMENTS = "payments"

"""What an errand is asked with, how long it may take and wait, why it ends without being done: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from qosymsha.domain.people.rules import Proof

TASK = "qosymsha.errand"  # the name under which the queue knows it
LONGEST_SECONDS = 1_800.0  # a city's largest round takes minutes; what takes longer hangs
MOST_TRIES = 5  # of a worker that dies, of a database that is away
LAPSES_AFTER = timedelta(hours=24)  # what was meant yesterday is asked for anew
TOLD_AFTER = timedelta(seconds=10)  # whoever waited so long may have left its page: the inbox says how it ended
KEPT = timedelta(days=92)  # an errand that has ended; what it did stands in the audit


class ErrandRefusal(StrEnum):
    """Why an errand is not taken, or ends undone, beside the verb's own reasons."""

    ERRAND_UNDER_WAY = "errand_under_way"
    ERRAND_LAPSED = "errand_lapsed"
    ERRAND_FORBIDDEN = "errand_forbidden"
    ERRAND_GAVE_UP = "errand_gave_up"
    ERRAND_NOT_WAITING = "errand_not_waiting"
    ERRAND_RIGHT_ENDED = "errand_right_ended"


@dataclass(frozen=True, slots=True)
class About:
    """The one thing an errand is about: its kind and id, the uuid for addresses, what people call it, whose it is."""

    kind: str
    id: int
    uuid: UUID
    label: str
    territory_id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: a room's verb with that room's table of rights, about what, with what, proved how.

    `body`: what the verb needs beside the thing, as JSON; kept sealed until the errand has ended.
    `wish`: what tells it from another wish of this verb about the same thing, no secret: a month, which rows were
    chosen. Where it is said, the same wish is the same whatever rows it was found to mean.
    """

    verb: StrEnum
    allowed: Mapping[Any, frozenset[str]]
    about: About
    body: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof | None = None
    wish: str = ""


class Partly(Exception):  # noqa: N818 - no error: how work ended that stands in parts of its own
    """A rule said no when some of the parts were done already: its reason, and what was done, which stays."""

    def __init__(self, reason: str, tally: Mapping[str, int]) -> None:
        super().__init__(reason)
        self.reason, self.tally = reason, dict(tally)

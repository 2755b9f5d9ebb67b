"""What a round of vouchers (problem A) is asked: its terms, chosen by a rule set, and its applications as columns.

The order of applications inside a segment is (tier, number, id), smaller first; with `iterations` it is (iteration,
tier, number, id), where the k-th of a tier with coefficient w stands in iteration ceil(k / w). The number is the
lottery number, or the arrival where the tie is `arrived`. Source: ALLOCATION.md, Part I.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Policy(StrEnum):
    """How the tiers of a segment share one queue."""

    TIERS = "tiers"
    ITERATIONS = "iterations"


class Tie(StrEnum):
    """What orders the applications of one tier."""

    LOTTERY = "lottery"
    ARRIVED = "arrived"


class ReserveRule(StrEnum):
    """How places reserved for a category are filled.

    `soft_first`: reserved places first, in the order listed, each to the best claimants; unclaimed ones become open
    places.
    `soft_last`: open places first, then reserved ones; unclaimed ones become open places at the end.
    `hard`: as `soft_first`, but what is unclaimed is held back.
    `max`: the meritorious rule: an application takes a reserved place whenever that lets one more reserved place be
    used by its claimants, so that overlapping claims leave none unused; then open places.
    """

    SOFT_FIRST = "soft_first"
    SOFT_LAST = "soft_last"
    HARD = "hard"
    MAX = "max"


class OnShort(StrEnum):
    """What happens where one more grant would break a budget: pass over the application, or close the budget's
    segments.
    """

    SKIP = "skip"
    STOP = "stop"


class Outcome(StrEnum):
    """What a round decides about an application; the last two are the reasons for which one is rejected."""

    GRANTED = "granted"
    WAITING = "waiting"
    DUPLICATE_CHILD = "duplicate_child"
    UNKNOWN_SEGMENT = "unknown_segment"


@dataclass(frozen=True, slots=True)
class Segment:
    """Places that one queue competes for; `reserves` are (category, places) in the order they are filled; `cost` is
    per place.
    """

    id: str
    places: int
    reserves: tuple[tuple[str, int], ...] = ()
    cost: int = 1

    def cut_reserves(self) -> tuple[tuple[str, int], ...]:
        """Return the reserves cut, in the order listed, to the places there are."""
        left, cut = self.places, []
        for category, wanted in self.reserves:
            cut.append((category, min(wanted, left)))
            left -= cut[-1][1]
        return tuple(cut)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit, in the unit of `Segment.cost`, on what several segments may grant together."""

    id: str
    segments: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class RoundTerms:
    """Everything that decides a round apart from its applications. `coefficients` per tier, each at least 1, only
    for `iterations`.
    """

    segments: tuple[Segment, ...]
    policy: Policy = Policy.TIERS
    tie: Tie = Tie.LOTTERY
    rule: ReserveRule = ReserveRule.SOFT_FIRST
    on_short: OnShort = OnShort.SKIP
    coefficients: Mapping[int, int] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()

    def categories(self) -> tuple[str, ...]:
        """Return the categories that some reserve names, each once, in the order of first appearance."""
        return tuple(dict.fromkeys(category for segment in self.segments for category, _ in segment.reserves))


@dataclass(frozen=True, slots=True)
class RoundArrays:
    """The applications of a round as columns, n rows in any order.

    segment: (n,) index into `RoundTerms.segments`, -1 for a segment that does not exist.
    tier: (n,) integers, smaller is better.
    number: lottery numbers or arrivals, smaller is better: (n, 32) uint8 compared as 256-bit integers, or (n,)
        integers.
    claims: (len(terms.categories()), n) bool, one row per category; None when no reserve exists.
    child: (n,) integers, equal for applications of one child; None when every application is another child's.
    ident: (n,) integers that order the ids, the last tie-breaker; None says that the rows stand in the order of
        their ids.
    """

    segment: NDArray[np.integer]
    tier: NDArray[np.integer]
    number: NDArray[np.integer]
    claims: Bools | None = None
    child: NDArray[np.integer] | None = None
    ident: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        """Refuse columns of unequal length, which would pair one application's number with another's tier."""
        count = len(self.segment)
        columns = (self.tier, self.number, self.child, self.ident)
        if any(column is not None and len(column) != count for column in columns):
            raise ValueError("the columns of a round have unequal lengths")
        if self.claims is not None and (self.claims.ndim != 2 or self.claims.shape[1] != count):
            raise ValueError("claims are one row per category and one column per application")
        if self.number.ndim == 2 and (self.number.shape[1] != 32 or self.number.dtype != np.uint8):
            raise ValueError("numbers are (n, 32) uint8 or (n,) integers")

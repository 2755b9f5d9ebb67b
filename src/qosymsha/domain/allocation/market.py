"""The market of a choice round: who wishes what, who may take whom, and what comes out. Plain arrays, nothing else.

Children are numbered 0..N-1 *in the order of their ids*, so that a smaller number breaks the last tie and the order
in which rows arrived can matter nowhere. Groups are numbered 0..G-1. Preferences lie in one flat array (CSR): those
of child `c` are `groups[offsets[c]:offsets[c + 1]]`, the most wanted first. A pair of child and group is an *entry*.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_terms import ReserveRule

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
SmallInts = NDArray[np.int32]

UNPLACED = -1
NO_LIST = -2
NOT_LISTED = -1
UNKNOWN = -1


class Criterion(StrEnum):
    """What a group looks at, in the order that the rule set lists; the lottery, then the id always come last."""

    TIER = "tier"
    SIBLING = "sibling"
    DISTRICT = "district"
    LOTTERY = "lottery"


@dataclass(frozen=True, slots=True, eq=False)
class Reserves:
    """Reserved places: row r of group g, `offsets[g] <= r < offsets[g + 1]`, keeps `places[r]` for `categories[r]`.

    Attributes:
        rule: how they are filled.
        offsets: int64 (G + 1), rows of each group in the order in which its reserves are listed.
        categories: int32 (R), a column of `claims`.
        places: int64 (R), at least 0; what exceeds the capacity is cut in the order listed.
        claims: bool (N, C), whether a child belongs to a category.
    """

    rule: ReserveRule
    offsets: Ints
    categories: SmallInts
    places: Ints
    claims: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A frozen choice round.

    Attributes:
        offsets: int64 (N + 1), where the entries of each child begin.
        groups: int32 (E), the wished groups; a child wishes a group at most once.
        capacities: int64 (G), at least 0.
        lottery: uint64, smaller is better, all bits count: (N) or (N, W) words, the most significant first, one
            number per child; with `lottery_per_entry`, (E) or (E, W), one number per child and group.
        lottery_per_entry: which of the two shapes `lottery` has.
        criteria: what stands before the final lottery and id, in order.
        tiers: int64 (N), smaller is better; None where all are equal.
        siblings: bool (E), a sibling is enrolled in the entry's group; None where nobody has one.
        child_districts, group_districts: int32 (N) and (G), UNKNOWN (-1) matches nothing; both or neither.
        child_ages, group_ages: int32 (N) and (G, 2) bounds, inclusive; an UNKNOWN age is accepted; both or neither.
        listed: int32 (E), the child's position in the group's own priority list, which replaces all criteria:
            NO_LIST (-2) where the group has none, NOT_LISTED (-1) where the child is not on it (not acceptable).
        reserves: reserved places; None where no group has any.
    """

    offsets: Ints
    groups: SmallInts
    capacities: Ints
    lottery: Keys
    lottery_per_entry: bool = False
    criteria: tuple[Criterion, ...] = (Criterion.TIER, Criterion.LOTTERY)
    tiers: NDArray[np.integer] | None = None
    siblings: Bools | None = None
    child_districts: SmallInts | None = None
    group_districts: SmallInts | None = None
    child_ages: SmallInts | None = None
    group_ages: SmallInts | None = None
    listed: SmallInts | None = None
    reserves: Reserves | None = None

    def __post_init__(self) -> None:
        children, groups, entries = self.children, self.capacities.size, self.groups.size
        _ask(self.offsets[0] == 0 and self.offsets[-1] == entries, "offsets must run from 0 to the number of entries")
        _ask(bool((self.offsets[1:] >= self.offsets[:-1]).all()), "offsets must not fall")
        _ask(not entries or 0 <= self.groups.min() <= self.groups.max() < groups, "groups must lie in 0..G-1")
        _ask(not groups or self.capacities.min() >= 0, "capacities must not be negative")
        _ask(len(self.lottery) == (entries if self.lottery_per_entry else children), "lottery has the wrong length")
        lengths = (
            (self.tiers, children),
            (self.siblings, entries),
            (self.child_districts, children),
            (self.group_districts, groups),
            (self.child_ages, children),
            (self.group_ages, groups),
            (self.listed, entries),
        )
        _ask(all(column is None or len(column) == wanted for column, wanted in lengths), "a column has a wrong length")
        _ask((self.child_districts is None) == (self.group_districts is None), "districts: both columns or neither")
        _ask((self.child_ages is None) == (self.group_ages is None), "ages: both columns or neither")

    @property
    def children(self) -> int:
        """How many children take part."""
        return self.offsets.size - 1

    @property
    def entry_children(self) -> SmallInts:
        """The child of each entry, int32 (E); built on each call."""
        return np.repeat(np.arange(self.children, dtype=np.int32), np.diff(self.offsets))

    @property
    def nbytes(self) -> int:
        """Bytes of all input arrays, the yardstick for the memory that an answer may cost."""
        parts = [getattr(self, name) for name in self.__slots__]
        if self.reserves:
            parts += [getattr(self.reserves, name) for name in self.reserves.__slots__]
        return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Who goes where, and what it took.

    Attributes:
        groups: int32 (N), the group of each child, UNPLACED (-1) for none.
        proposals: how many times a child knocked at a group; fixed by the instance, whatever the order of work.
        rounds: how many vectorised rounds ran before the scalar tail.
    """

    groups: SmallInts
    proposals: int = 0
    rounds: int = 0


def _ask(is_so: bool | np.bool_, otherwise: str) -> None:
    if not is_so:
        raise ValueError(otherwise)

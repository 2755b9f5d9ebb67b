"""Seats: whom each group holds at the moment of a choice round, and whom it sends away when better ones knock.

The keys of those held lie in one flat array, a block of places per group, sorted inside the block. An empty place
holds the group's *empty* key (all ones below the group's number), which sorts after every child. So a full group's
worst child is the last of its block, and merging newcomers is one plain sort.

Two *cut-offs* per group save most of the sorting: a key that is not below the cut-off would be refused for certain.
They never rise while children propose, so an old one is always safe.
"""

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from qosymsha.domain.allocation.market import UNPLACED, Bools, Ints, Keys, Market, SmallInts
from qosymsha.domain.allocation.places_keys import PriorityKeys, chunks
from qosymsha.domain.allocation.reserves import (
    OPEN,
    REFUSED,
    ReserveTables,
    first_of,
    has_claim,
    reserve_tables,
    take_best,
    take_listed,
)

_KEYS_AT_ONCE = 1 << 18


class Seats:
    """The groups' places and who sits there."""

    def __init__(self, market: Market, keys: PriorityKeys) -> None:
        """Begin with every place empty."""
        self._keys = keys
        self._bits = np.uint64(keys.bits)
        self._below = np.uint64((1 << keys.bits) - 1)
        self._names = np.uint64(keys.names)
        self._sizes = _useful_places(market)
        self._starts = np.cumsum(self._sizes) - self._sizes
        empty = np.arange(self._sizes.size, dtype=np.uint64) << self._bits | self._below
        self._empty = empty
        self._held: Keys = np.repeat(empty, self._sizes)
        self._cutoffs = np.where(self._sizes > 0, empty, np.uint64(0)).astype(np.uint64)
        self._reserves = reserve_tables(market)
        self._claim_cutoffs = self._cutoffs if self._reserves is None else self._cutoffs.copy()

    def may_enter(self, keys: Keys, children: Ints, groups: SmallInts) -> Bools:
        """Return for which of these knocks, bool, the answer is not a certain no."""
        if self._reserves is None:
            return keys < self._cutoffs[groups]
        claims = has_claim(self._reserves, children, groups)
        return keys < np.where(claims, self._claim_cutoffs[groups], self._cutoffs[groups])

    def seat(self, offered: list[Keys]) -> SmallInts:
        """Let each group choose among those it holds and those who knock; return the children sent away.

        The keys come in pieces. A large round is done by ranges of groups, so that its working memory stays small.
        """
        knocks = sum(piece.size for piece in offered)
        stirred = min(self._held.size, knocks * (self._held.size // max(1, self._sizes.size) + 1))
        ranges = (knocks + stirred) // _KEYS_AT_ONCE + 1
        bounds = np.linspace(0, self._sizes.size, ranges + 1).astype(np.uint64) << self._bits
        away = [np.empty(0, np.int32)]
        for low, high in pairwise(bounds):
            keys = [piece[(low <= piece) & (piece < high)] for piece in offered] if ranges > 1 else offered
            away.append(self._seat_range(np.concatenate(keys)))
        return np.concatenate(away)

    def _seat_range(self, offered: Keys) -> SmallInts:
        if self._reserves is None:
            return self._seat_best(offered)
        groups = (offered >> self._bits).astype(np.int64)
        listed, plain = self._reserves.entangled[groups], ~self._reserves.reserved[groups]
        away = [self._seat_best(offered[plain]), self._seat_with_reserves(offered[~plain & ~listed])]
        return np.concatenate([*away, self._seat_by_list(offered[listed])])

    def match(self, children: int) -> SmallInts:
        """Return the group of each child, int32 (N), UNPLACED for none."""
        match = np.full(children, UNPLACED, np.int32)
        for part in chunks(self._held.size):
            held = self._held[part]
            held = held[(held & self._below) != self._below]
            match[self._children(held)] = (held >> self._bits).astype(np.int32)
        return match

    # --- many at once ---------------------------------------------------------------------------------------------

    def _seat_best(self, offered: Keys) -> SmallInts:
        """Plain groups: the first keys up to the number of places stay."""
        if not offered.size:
            return np.empty(0, np.int32)
        groups, knocks, block, merged = self._merge(offered)
        sizes = self._sizes[groups]
        starts = np.cumsum(sizes + knocks) - sizes - knocks
        kept = merged[_ragged(starts, sizes)]
        self._held[block] = kept
        self._cutoffs[groups] = kept[np.cumsum(sizes) - 1]
        away = merged[_ragged(starts + sizes, knocks)]
        return self._children(away[(away & self._below) != self._below])

    def _seat_with_reserves(self, offered: Keys) -> SmallInts:
        """Groups with reserves: the rule chooses, empty places fill the block up."""
        tables = self._reserves
        if tables is None or not offered.size:
            return np.empty(0, np.int32)
        groups, knocks, block, merged = self._merge(offered)
        lengths = self._sizes[groups] + knocks
        starts = np.cumsum(lengths) - lengths
        segments = np.repeat(np.arange(groups.size), lengths)
        is_empty = (merged & self._below) == self._below
        children = np.full(merged.size, UNPLACED, np.int32)
        children[~is_empty] = self._children(merged[~is_empty])
        taken = take_best(tables, groups, starts, segments, children)
        stays = taken.reserved | taken.opened
        spare = self._sizes[groups] - np.add.reduceat(stays, starts, dtype=np.int64)
        self._held[block] = merged[stays | first_of(is_empty, starts, segments, spare)]
        worst_open = np.maximum.reduceat(np.where(taken.opened, merged, np.uint64(0)), starts)
        worst = np.maximum.reduceat(np.where(stays, merged, np.uint64(0)), starts)
        self._cutoffs[groups] = np.where(taken.is_open_full, worst_open, self._empty[groups])
        is_full = taken.is_open_full & taken.are_reserves_full
        self._claim_cutoffs[groups] = np.where(is_full, worst, self._empty[groups])
        away: SmallInts = children[~stays & ~is_empty]
        return away

    def _merge(self, offered: Keys) -> tuple[Ints, Ints, Ints, Keys]:
        """Return the groups knocked at, knocks at each, the indices of their blocks, and held and new keys sorted."""
        knocks = np.bincount((offered >> self._bits).astype(np.int64), minlength=self._sizes.size)
        groups = np.flatnonzero(knocks)
        block = _ragged(self._starts[groups], self._sizes[groups])
        merged = np.concatenate([self._held[block], offered])
        merged.sort()
        return groups, knocks[groups], block, merged

    def _children(self, keys: Keys) -> SmallInts:
        children: SmallInts = self._keys.child_of[(keys & self._names).astype(np.int64)]
        return children

    # --- one group at a time --------------------------------------------------------------------------------------

    def _seat_by_list(self, offered: Keys) -> SmallInts:
        """Groups where reserves entangle: one after the other."""
        offered = np.sort(offered)
        groups = (offered >> self._bits).astype(np.int64)
        bounds = np.flatnonzero(np.diff(groups, prepend=-1, append=-1)).tolist()
        away: list[int] = []
        for start, end in pairwise(bounds):
            away += self._choose_in(int(groups[start]), offered[start:end].tolist())
        return np.array(away, np.int32)

    def one(self) -> Callable[[int, int, int], int]:
        """Return `seat` for a single (child, group, key) as a function: the child sent away, or UNPLACED for none.

        A sorted block takes a newcomer by one binary search and one move of memory, so a long chain of displacements
        costs about a microsecond a step and needs no other state than the rounds have.
        """
        starts, sizes, held = self._starts.data, self._sizes.data, self._held.data
        cutoffs, claim_cutoffs = self._cutoffs.data, self._claim_cutoffs.data
        child_of, names, below = self._keys.child_of.data, self._keys.names, (1 << self._keys.bits) - 1
        with_reserves = None if self._reserves is None else self._reserves.reserved.data

        def seat_one(child: int, group: int, key: int) -> int:
            if with_reserves and with_reserves[group]:
                if key >= max(cutoffs[group], claim_cutoffs[group]):
                    return child
                return next(iter(self._choose_in(group, [key])), UNPLACED)
            if key >= cutoffs[group]:
                return child
            last = starts[group] + sizes[group] - 1
            away, at = held[last], bisect_left(held, key, starts[group], last)
            held[at + 1 : last + 1] = held[at:last]
            held[at] = key
            cutoffs[group] = held[last]
            return UNPLACED if away & below == below else int(child_of[away & names])

        return seat_one

    def _choose_in(self, group: int, knocking: list[int]) -> list[int]:
        """Let one group with reserves choose; return the children sent away."""
        tables = self._reserves
        assert tables is not None
        start, size, empty = int(self._starts[group]), int(self._sizes[group]), int(self._empty[group])
        held = [key for key in self._held[start : start + size].tolist() if key != empty]
        candidates = sorted(held + knocking)
        children = [int(self._keys.child_of[key & self._keys.names]) for key in candidates]
        how = self._how(tables, group, children)
        stays = [key for key, held_as in zip(candidates, how, strict=True) if held_as != REFUSED]
        self._held[start : start + size] = stays + [empty] * (size - len(stays))
        opened = [key for key, held_as in zip(candidates, how, strict=True) if held_as == OPEN]
        are_reserves_full = len(stays) - len(opened) == tables.sizes[group].sum()
        if len(opened) == tables.open_limit(group, len(stays) - len(opened)):
            self._cutoffs[group] = opened[-1] if opened else 0
            self._claim_cutoffs[group] = stays[-1] if are_reserves_full else empty
        return [child for child, held_as in zip(children, how, strict=True) if held_as == REFUSED]

    def _how(self, tables: ReserveTables, group: int, children: list[int]) -> list[int]:
        categories, sizes = tables.categories[group].tolist(), tables.sizes[group].tolist()
        claims = [[j for j, c in enumerate(categories) if sizes[j] and tables.claims[child, c]] for child in children]
        return take_listed(tables.rule, int(tables.open_places[group]), sizes, claims)


def _useful_places(market: Market) -> Ints:
    """Return the places of each group, int64 (G), at most as many as wish it, so that no block is vast for nothing."""
    if int(market.capacities.sum()) <= market.groups.size:
        return market.capacities.astype(np.int64)
    wished = np.bincount(market.groups, minlength=market.capacities.size)
    return np.minimum(market.capacities, wished).astype(np.int64)


def _ragged(starts: Ints, counts: Ints) -> Ints:
    """Return starts[i], starts[i] + 1, … counts[i] of them, for each i, as one array."""
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(int(ends[-1]) if ends.size else 0)

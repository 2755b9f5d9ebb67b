"""Where children stand on the lists of groups while places free up: positions, and the last one taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.freed import Applicants
from qosymsha.domain.allocation.market import NOT_LISTED, UNPLACED, Bools, Ints, Market, SmallInts


def ranks_of_wishes(market: Market, match: NDArray[np.int32]) -> Ints:
    """The rank of the wish that each child got, int64 (N): 1 is its first wish, 0 without a place or never wished."""
    held = held_entries(market, match)
    ranks: Ints = held - market.offsets[:-1] + 1
    ranks[held == market.offsets[1:]] = 0
    return ranks


def held_entries(market: Market, match: NDArray[np.int32]) -> Ints:
    """The entry of each child's place, int64 (N); the end of its list where it has none or never wished it."""
    held, owners = market.offsets[1:].astype(np.int64), market.entry_children
    mine = np.flatnonzero(market.groups == match[owners])
    held[owners[mine]] = mine
    return held


def positions(line: Applicants, match: NDArray[np.int32], gone: Bools, out: Bools) -> Ints:
    """The position of each entry on its group's list now, int64 (E): 1 stands first; 0 where nothing is waited for.

    Args:
        line: the index of the round's market.
        match: int32 (N), where each child sits now.
        gone: bool (N), children who wait for nothing any more.
        out: bool (E), wishes that a child gave up by its own word.
    """
    market = line.market
    waits = line.entries < held_entries(market, match)[line.children]
    waits &= ~gone[line.children] & ~out[line.entries]
    before = np.concatenate([[0], np.cumsum(waits)])
    found = np.zeros(market.groups.size, np.int64)
    waiting = line.entries[waits]
    found[waiting] = before[1:][waits] - before[line.starts[market.groups[waiting]]]
    return found


def last_taken(line: Applicants, match: NDArray[np.int32]) -> SmallInts:
    """The child that stands last among those each group took, int32 (G); UNPLACED where it took nobody of its list."""
    groups = line.market.groups[line.entries]
    taken = np.flatnonzero(match[line.children] == groups)
    last = np.full(line.market.capacities.size, UNPLACED, np.int32)
    last[groups[taken]] = line.children[taken]
    return last


def guaranteed(line: Applicants, match: NDArray[np.int32], forbidden: Bools) -> Market:
    """The market in which each group's own list puts those who sit there first, then the others as they stood.

    So in deferred acceptance anew nobody ends worse than it sits, whoever came back to a line meanwhile. The seats of
    children who sit where they never wished are left out.

    Args:
        line: the index of the market as it is today.
        match: int32 (N), where each child sits now.
        forbidden: bool (E), wishes that must not come true; a child's own place never is one.
    """
    market = line.market
    groups = market.groups[line.entries]
    sits = match[line.children] == groups
    order = np.lexsort((np.arange(line.entries.size), ~sits, groups))
    listed = np.full(market.groups.size, NOT_LISTED, np.int32)
    listed[line.entries[order]] = np.arange(order.size) - line.starts[groups[order]]
    sitting = np.zeros(market.groups.size, np.bool_)
    sitting[line.entries[sits]] = True
    listed[forbidden & ~sitting] = NOT_LISTED
    elsewhere = match[(match != UNPLACED) & (held_entries(market, match) == market.offsets[1:])]
    strangers = np.bincount(elsewhere, minlength=market.capacities.size)
    return replace(market, listed=listed, capacities=np.maximum(0, market.capacities - strangers))

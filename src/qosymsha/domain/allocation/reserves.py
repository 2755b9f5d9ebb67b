"""Reserved places: which of a group's candidates it takes. The rule is a published choice, so it is written out here.

Let a group have places and reserves, each for a category, cut to the places in the order listed; what no reserve
takes of the places are the *open* places. Candidates stand in the order of priority.

- `soft_first` (default): each reserve in turn takes the best members of its category; then all places that are left,
  unclaimed reserved ones included, go to the best of the rest.
- `soft_last`: the open places go first to the best of all; then each reserve takes its members from the rest; then
  unclaimed reserved places go to the best of what remains.
- `hard`: like `soft_first`, but only the open places go to the rest; what is left of a reserve is held back.
- `max`: for a child that may claim several reserves, the fixed turns can leave a reserve unused. Here candidates are
  taken in order of priority into the reserves as long as all taken so far can hold reserved places at once (those
  before move over where that makes room); then all places that are left go to the best of the rest. (The meritorious
  rule of Soenmez and Yenmez 2022. With at most one claim per child it equals `soft_first`.)

`take_best` does this for many groups at once, `take_listed` for one group; both take the same children.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qosymsha.domain.allocation.market import Bools, Ints, Market, SmallInts
from qosymsha.domain.allocation.overlapping_claims import ReservedPlaces
from qosymsha.domain.allocation.round_terms import ReserveRule

OPEN = -1
REFUSED = -2


@dataclass(frozen=True, slots=True, eq=False)
class ReserveTables:
    """The reserves of a market as tables, after the cut.

    Attributes:
        rule: how they are filled.
        sizes: int64 (G, K), places of each group's j-th reserve, 0 where it has fewer.
        categories: int32 (G, K), its column in `claims`.
        claims: bool (N, C).
        capacities: int64 (G), all places; `open_places`: int64 (G), those outside any reserve.
        reserved: bool (G), the group has a reserve at all.
        entangled: bool (G), the rule is `max` and a child may claim two of the group's reserves: only `take_listed`
            is right there.
    """

    rule: ReserveRule
    sizes: Ints
    categories: SmallInts
    claims: Bools
    capacities: Ints
    open_places: Ints
    reserved: Bools
    entangled: Bools

    def open_limit(self, group: int, on_reserves: int) -> int:
        """Return how many children the group takes without a reserve when so many hold its reserved places."""
        is_hard = self.rule is ReserveRule.HARD
        return int(self.open_places[group] if is_hard else self.capacities[group] - on_reserves)


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What `take_best` decides: for each candidate, how it is taken, and for each group, whether anything is left.

    Attributes:
        reserved, opened: bool per candidate, taken on a reserved or an open (or unclaimed) place.
        is_open_full: bool per group, no place is left for a child without a claim.
        are_reserves_full: bool per group, every reserve is filled with its own members.
    """

    reserved: Bools
    opened: Bools
    is_open_full: Bools
    are_reserves_full: Bools


def reserve_tables(market: Market) -> ReserveTables | None:
    """Return the market's reserves as tables, cut to the capacities in the order listed; None where there are none."""
    reserves = market.reserves
    if reserves is None or not reserves.places.any():
        return None
    counts = np.diff(reserves.offsets)
    rows = np.repeat(np.arange(counts.size), counts)
    columns = np.arange(reserves.places.size) - reserves.offsets[:-1][rows]
    sizes = np.zeros((counts.size, int(counts.max())), np.int64)
    categories = np.zeros(sizes.shape, np.int32)
    sizes[rows, columns], categories[rows, columns] = reserves.places, reserves.categories
    left = market.capacities.astype(np.int64)
    for j in range(sizes.shape[1]):
        sizes[:, j] = np.minimum(sizes[:, j], left)
        left -= sizes[:, j]
    entangled = np.zeros(counts.size, np.bool_)
    if reserves.rule is ReserveRule.MAX:
        entangled = _entangled(market, sizes, categories, reserves.claims)
    capacities = market.capacities.astype(np.int64)
    return ReserveTables(
        reserves.rule, sizes, categories, reserves.claims, capacities, left, sizes.sum(axis=1) > 0, entangled
    )


def _entangled(market: Market, sizes: Ints, categories: SmallInts, claims: Bools) -> Bools:
    """Return the groups, bool (G), that some child wishes who may claim two of their reserves."""
    owners = market.entry_children
    entries = np.flatnonzero((claims.sum(axis=1) > 0)[owners])
    owners, groups = owners[entries], market.groups[entries]
    count = np.zeros(entries.size, np.int64)
    for j in range(sizes.shape[1]):
        count += claims[owners, categories[groups, j]] & (sizes[groups, j] > 0)
    found = np.zeros(market.capacities.size, np.bool_)
    found[groups[count > 1]] = True
    return found


def has_claim(tables: ReserveTables, children: Ints | SmallInts, groups: Ints | SmallInts) -> Bools:
    """Return whether each child may claim any reserve of the group beside it."""
    found = np.zeros(groups.size, np.bool_)
    for j in range(tables.sizes.shape[1]):
        found |= tables.claims[children, tables.categories[groups, j]] & (tables.sizes[groups, j] > 0)
    return found


def take_best(tables: ReserveTables, groups: Ints, starts: Ints, segments: Ints, children: SmallInts) -> Taken:
    """Choose in many groups at once.

    Args:
        tables: the reserves.
        groups: the groups that choose; the candidates of `groups[i]` begin at `starts[i]` and stand by priority.
        starts: see `groups`; no segment is empty.
        segments: for each candidate the i of its group.
        children: for each candidate the child, negative for an empty place, which is never taken.
    """
    rest = children >= 0
    opened = np.zeros(rest.size, np.bool_)
    reserved = np.zeros(rest.size, np.bool_)
    full = np.ones(groups.size, np.bool_)
    if tables.rule is ReserveRule.SOFT_LAST:
        opened = first_of(rest, starts, segments, tables.open_places[groups])
    for j in range(tables.sizes.shape[1]):
        sizes, categories = tables.sizes[groups, j], tables.categories[groups, j]
        members = rest & ~opened & ~reserved & tables.claims[children, categories[segments]]
        won = first_of(members, starts, segments, sizes)
        full &= np.add.reduceat(won, starts, dtype=np.int64) == sizes
        reserved |= won
    taken = np.add.reduceat(reserved | opened, starts, dtype=np.int64)
    is_hard = tables.rule is ReserveRule.HARD
    left = tables.open_places[groups] if is_hard else tables.capacities[groups] - taken
    won = first_of(rest & ~opened & ~reserved, starts, segments, left)
    is_open_full = np.add.reduceat(won, starts, dtype=np.int64) == left
    return Taken(reserved, opened | won, is_open_full, full)


def first_of(candidates: Bools, starts: Ints, segments: Ints, quotas: Ints) -> Bools:
    """Return the first `quotas[i]` of the candidates in each segment i, as a mask."""
    counted = np.cumsum(candidates)
    before: Ints = counted[starts] - candidates[starts]
    return candidates & (counted <= (before + quotas)[segments])


def take_listed(
    rule: ReserveRule, open_places: int, sizes: Sequence[int], claims: Sequence[Sequence[int]]
) -> list[int]:
    """Choose in one group.

    Args:
        rule: how reserves are filled.
        open_places: places outside any reserve.
        sizes: the places of each reserve, already cut.
        claims: for each candidate, in the order of priority, the reserves (indices of `sizes`) it may claim.

    Returns:
        For each candidate the index of its reserve, or OPEN, or REFUSED.
    """
    how = [REFUSED] * len(claims)
    left = open_places if rule is ReserveRule.SOFT_LAST else 0
    _open_to_rest(how, left)
    if rule is ReserveRule.MAX:
        _take_most(how, sizes, claims)
    else:
        _take_in_turn(how, sizes, claims)
    places = open_places if rule is ReserveRule.HARD else open_places + sum(sizes) - _taken(how)
    _open_to_rest(how, places)
    return how


def _open_to_rest(how: list[int], places: int) -> None:
    """Give open places to the best that have none yet."""
    for candidate, held in enumerate(how):
        if held == REFUSED and places > 0:
            how[candidate] = OPEN
            places -= 1


def _take_in_turn(how: list[int], sizes: Sequence[int], claims: Sequence[Sequence[int]]) -> None:
    """Let each reserve in turn take its best members among those that have no place yet."""
    for reserve, left in enumerate(sizes):
        for candidate, wanted in enumerate(claims):
            if left and how[candidate] == REFUSED and reserve in wanted:
                how[candidate] = reserve
                left -= 1


def _take_most(how: list[int], sizes: Sequence[int], claims: Sequence[Sequence[int]]) -> None:
    """Take candidates by priority as long as all taken can hold reserved places at once."""
    places = ReservedPlaces(sizes)
    masks = [sum(1 << reserve for reserve in wanted) for wanted in claims]
    admitted = [candidate for candidate, mask in enumerate(masks) if places.admit(mask)]
    settled = places.settle([masks[candidate] for candidate in admitted])
    for candidate, reserve in zip(admitted, settled, strict=True):
        how[candidate] = reserve


def _taken(how: Sequence[int]) -> int:
    return sum(held != REFUSED for held in how)

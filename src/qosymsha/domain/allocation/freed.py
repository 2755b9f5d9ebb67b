"""Places that free up after a choice round. Two ways, and the rule set says which holds.

*The chain*, during the year: a freed place is offered to the first child, by the group's priorities, who prefers it to
what it holds; if the child accepts, its own old place is offered on, and so on. Nobody loses anything, and the result
is stable again; but of all stable matchings at least as good as today's it is the children's worst (Blum, Roth and
Rothblum 1997).

*The rerun*, at the next round: deferred acceptance anew for those who stayed; the best stable matching for them all,
but it may move children whom no freed place concerns.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.market import UNPLACED, Bools, Ints, Market, Matching, SmallInts
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.places_keys import order_entries, refused_entries
from qosymsha.domain.allocation.reserves import REFUSED, ReserveTables, reserve_tables, take_listed
from qosymsha.domain.allocation.round_terms import ReserveRule


@dataclass(frozen=True, slots=True)
class Move:
    """A child accepts an offer: `left` is the group whose place it gives up, UNPLACED (-1) for none."""

    child: int
    left: int
    taken: int


@dataclass(frozen=True, slots=True, eq=False)
class Applicants:
    """An index of a market: who wished each group, in the order of its priorities. Dear to make, cheap to ask.

    Attributes:
        market: what it indexes; `reserves`: its reserves as tables.
        starts: int64 (G + 1), where the line of each group begins in `entries`.
        entries: int64, entries by group, then priority, without pairs that must not meet.
        children: int32, the child of each.
    """

    market: Market
    reserves: ReserveTables | None
    starts: Ints
    entries: Ints
    children: SmallInts


def applicants(market: Market) -> Applicants:
    """Return the index of a market."""
    entries, refused = order_entries(market), refused_entries(market)
    if refused is not None:
        entries = entries[~refused[entries]]
    counts = np.bincount(market.groups[entries], minlength=market.capacities.size)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Applicants(market, reserve_tables(market), starts, entries, market.entry_children[entries])


def next_offer(
    line: Applicants,
    match: NDArray[np.int32],
    group: int,
    declined: Set[int] = frozenset(),
    *,
    unplaced_only: bool = False,
) -> int | None:
    """Return the child to whom a place of the group must be offered now; None where none is free or nobody wants it.

    Args:
        line: the index of the round's market.
        match: int32 (N), where each child sits now.
        group: the group with a freed place.
        declined: children who refused this offer, or who left.
        unplaced_only: offer only to children without a place, so that no place frees another.
    """
    rows = slice(line.starts[group], line.starts[group + 1])
    children, entries = line.children[rows], line.entries[rows]
    wants = entries < _sits_at(line.market, match, children)
    if unplaced_only:
        wants &= match[children] == UNPLACED
    if declined:
        wants &= ~np.isin(children, list(declined))
    sitting = int(np.count_nonzero(match == group))
    if line.reserves is not None and line.reserves.reserved[group]:
        holds = match[children] == group
        chooser = _Chooser(line.reserves, group, children, sitting - int(np.count_nonzero(holds)))
        return chooser.offer(wants, holds)
    is_free = sitting < line.market.capacities[group]
    return int(children[np.argmax(wants)]) if is_free and wants.any() else None


def next_in_line(  # noqa: PLR0913 - a group, its line, and who stands how in it
    rule: ReserveRule, capacity: int, reserves: Sequence[tuple[int, int]], claims: Bools, wants: Bools, holds: Bools
) -> int | None:
    """Return the row of one group's line to whom its free place must be offered now, as `next_offer` does.

    Args:
        rule: how reserves are filled.
        capacity: the group's places for those on its line: held and free.
        reserves: (column of `claims`, places), in the order listed; cut to the capacity.
        claims: bool (n, C), rows in the order of the group's priorities.
        wants: bool (n), who waits for the place; `holds`: bool (n), who sits there or has an open offer.
    """
    sizes, left = [], capacity
    for _, places in reserves:
        sizes.append(min(places, left))
        left -= sizes[-1]
    tables = ReserveTables(
        rule=rule,
        sizes=np.array([sizes], np.int64),
        categories=np.array([[column for column, _ in reserves]], np.int32),
        claims=claims,
        capacities=np.array([capacity], np.int64),
        open_places=np.array([left], np.int64),
        reserved=np.array([bool(sum(sizes))]),
        entangled=np.array([False]),
    )
    return _Chooser(tables, 0, np.arange(wants.size, dtype=np.int32), 0).offer(wants, holds)


def fill(
    line: Applicants,
    match: NDArray[np.int32],
    freed: Iterable[int],
    declines: Callable[[int, int], bool] = lambda child, group: False,
    *,
    unplaced_only: bool = False,
) -> tuple[SmallInts, list[Move]]:
    """Return the matching after all chains of freed places, and every move in order.

    Args:
        line: the index of the round's market.
        match: int32 (N), where each child sits, those who left already UNPLACED.
        freed: the groups with a freed place, once per place.
        declines: whether a child refuses an offer of a group (or has left); it keeps what it holds, the next is asked.
        unplaced_only: offer only to children without a place; a policy switch.
    """
    match, moves, waiting = match.copy(), list[Move](), deque(freed)
    refused: dict[int, set[int]] = {}
    while waiting:
        group = waiting.popleft()
        asked = refused.setdefault(group, set())
        child = next_offer(line, match, group, asked, unplaced_only=unplaced_only)
        if child is None:
            continue
        if declines(child, group):
            asked.add(child)
            waiting.appendleft(group)
            continue
        moves.append(Move(child, int(match[child]), group))
        match[child] = group
        if moves[-1].left != UNPLACED:
            waiting.append(moves[-1].left)
    return match, moves


def rerun(market: Market, left: Bools) -> Matching:
    """Return the choice round done anew without the children who left, bool (N); they come out UNPLACED."""
    return solve(without(market, left))


def without(market: Market, left: Bools) -> Market:
    """Return the market in which the children who left wish nothing; the numbers of all others stay."""
    lengths = np.where(left, 0, np.diff(market.offsets))
    stays = ~np.repeat(left, np.diff(market.offsets))
    return replace(
        market,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        groups=market.groups[stays],
        lottery=market.lottery[stays] if market.lottery_per_entry else market.lottery,
        siblings=None if market.siblings is None else market.siblings[stays],
        listed=None if market.listed is None else market.listed[stays],
    )


def _sits_at(market: Market, match: NDArray[np.int32], children: SmallInts) -> Ints:
    """Return the entry of each child's place, int64; the end of its list where it has none or never wished it."""
    starts, ends = market.offsets[children], market.offsets[children.astype(np.int64) + 1]
    lengths = ends - starts
    rows = np.repeat(np.arange(children.size), lengths)
    entries = np.arange(rows.size) + np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    mine = market.groups[entries] == match[children][rows]
    ends[rows[mine]] = entries[mine]
    return ends


@dataclass(frozen=True, slots=True, eq=False)
class _Chooser:
    """A group with reserves, its line, and how many strangers (placed without a wish) sit in it."""

    tables: ReserveTables
    group: int
    children: SmallInts
    strangers: int

    def offer(self, wants: Bools, holds: Bools) -> int | None:
        """Return the first whom the group would take beside all it holds: an offer never takes a place from anyone."""
        beside, taken = wants | holds, self._takes(wants | holds)
        if (holds & ~taken).any():  # the group would swap: only those count whom it takes without sending anyone away
            addable = np.array([row for row in np.flatnonzero(wants) if self._has_room_for(int(row), holds)], np.int64)
            beside = holds.copy()
            beside[addable[:1]] = True
            taken = self._takes(beside)
        offered = np.flatnonzero(taken & ~holds)
        return int(self.children[offered[0]]) if offered.size else None

    def _has_room_for(self, row: int, holds: Bools) -> bool:
        beside = holds.copy()
        beside[row] = True
        return bool(np.array_equal(self._takes(beside), beside))

    def _takes(self, candidates: Bools) -> Bools:
        """Return whom of the candidates the group takes; strangers sit on open places, then on the last reserves."""
        tables, categories = self.tables, self.tables.categories[self.group].tolist()
        sizes, left = tables.sizes[self.group].tolist(), int(tables.open_places[self.group]) - self.strangers
        for reserve in reversed(range(len(sizes))):
            given = min(sizes[reserve], max(0, -left))
            sizes[reserve] -= given
            left += given
        rows = np.flatnonzero(candidates)
        claims = [
            [j for j, c in enumerate(categories) if sizes[j] and tables.claims[self.children[row], c]] for row in rows
        ]
        how = take_listed(tables.rule, max(0, left), sizes, claims)
        taken = np.zeros(candidates.size, np.bool_)
        taken[rows] = [held_as != REFUSED for held_as in how]
        return taken

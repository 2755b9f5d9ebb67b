"""Problem B, choice rounds: child-proposing deferred acceptance (Gale and Shapley 1962) at the size of a country.

Every free child knocks at the next group of its list; a group holds the best of all who ever knocked and sends the
others on. Whatever the order in which children knock, the result is the same: the stable matching that is best for
every child at once. So all free children knock together, in rounds of plain array work; when only few are left free,
the rest is done one by one, because a long chain of single displacements would make as many rounds.
"""

import numpy as np

from qosymsha.domain.allocation.market import UNPLACED, Bools, Keys, Market, Matching, SmallInts
from qosymsha.domain.allocation.places_keys import PriorityKeys, chunks, make_keys
from qosymsha.domain.allocation.seats import Seats

_KNOCKS_PER_ROUND = 4
"""How often a refused child knocks on before the groups choose: fewer, larger sorts; more gained nothing."""


def solve(market: Market, *, tail_below: int = 1000) -> Matching:
    """Return the child-optimal stable matching of a frozen choice round.

    Stable: no child prefers a group to its own that would take it, by that group's priorities and reserves. The
    answer depends on nothing but the market: not on the order of rows, nor on `tail_below`, the number of free
    children at or below which they are placed one by one (a matter of speed alone).
    """
    keys = make_keys(market)
    seats = Seats(market, keys)
    wishes = _Wishes(market, keys, seats)
    free, rounds = np.arange(market.children, dtype=np.int32), 0
    while free.size > tail_below:
        offered, refused = wishes.knock(free)
        free = np.concatenate([refused, seats.seat(offered)])
        rounds += 1
    wishes.knock_one_by_one(free.tolist())
    return Matching(seats.match(market.children), wishes.proposals, rounds)


class _Wishes:
    """How far each child has come in its list."""

    def __init__(self, market: Market, keys: PriorityKeys, seats: Seats) -> None:
        self._market, self._keys, self._seats = market, keys, seats
        self._next = market.offsets[:-1].astype(np.int32 if market.groups.size < 1 << 31 else np.int64)
        self._ends = market.offsets[1:]

    @property
    def proposals(self) -> int:
        """Knocks so far."""
        return int(self._next.sum(dtype=np.int64) - self._market.offsets[:-1].sum())

    def knock(self, free: SmallInts) -> tuple[list[Keys], SmallInts]:
        """Let children knock until a group may hold them; return the keys to choose among, and who still knocks.

        A child at the end of its list is in neither: it stays without a place.
        """
        offered: list[Keys] = []
        refused: list[SmallInts] = []
        for part in chunks(free.size):
            knocking = free[part]
            for _ in range(_KNOCKS_PER_ROUND):
                keys, may_enter, knocking = self._knock_once(knocking)
                offered.append(keys[may_enter])
                knocking = knocking[~may_enter]
            refused.append(knocking)
        return offered, np.concatenate(refused)

    def _knock_once(self, free: SmallInts) -> tuple[Keys, Bools, SmallInts]:
        """Return the keys of the next wishes, whether they may enter, and the children, without those at the end."""
        children = free.astype(np.int64)
        entries = self._next[children].astype(np.int64)
        has_wish = entries < self._ends[children]
        if not has_wish.all():
            children, entries = children[has_wish], entries[has_wish]
        groups = self._market.groups[entries]
        keys = self._keys.many(children, entries, groups)
        self._next[children] = entries + 1
        return keys, self._seats.may_enter(keys, children, groups), children.astype(np.int32)

    def knock_one_by_one(self, free: list[int]) -> None:
        """Follow each free child, and whom it displaces, until someone finds an empty place or the end of a list."""
        groups, following, ends = self._market.groups.data, self._next.data, self._ends.data
        key_of, seat_one = self._keys.one(), self._seats.one()
        for child in free:
            while child != UNPLACED and (entry := following[child]) < ends[child]:
                following[child] = entry + 1
                group = groups[entry]
                child = seat_one(child, group, key_of(child, entry, group))  # noqa: PLW2901

"""Who is funded when segments share budgets: one pass over the whole round in its one order (`across_segments`).

Definition, for every combination of policy, rule and budgets. The round goes through the applications in the order
(iteration, tier, number, id), with k and the iteration counted inside the segment's tier as ever, once per pass:

    soft_first, hard   reserved places, then open ones          soft_last   open, reserved, then what is left as open
    max                reserved places (meritorious), then open

In a pass of reserved places an application takes the first listed reserve of its segment that it claims and that has
a place. An application whose segment has no place for it in this pass is passed by. One that has a place there but
would break a budget is passed over too (`skip`); under `stop` each budget that it would break closes all its
segments, for all later applications and passes. Without budgets this gives exactly what `round_reserves` gives; with
nested budgets, equal costs and no reserves it is optimal (a laminar matroid) and is done without a loop.
"""

from dataclasses import dataclass

import numpy as np

from qosymsha.domain.allocation.overlapping_claims import ReservedPlaces
from qosymsha.domain.allocation.round_order import Queue, across_segments
from qosymsha.domain.allocation.round_reserves import OPEN, WAITING, Kinds, best_of_segments, claim_masks
from qosymsha.domain.allocation.round_terms import Bools, Budget, Ints, OnShort, ReserveRule, RoundArrays, RoundTerms


def grant_under_budgets(terms: RoundTerms, queue: Queue, applications: RoundArrays) -> Kinds:
    """Return, per place in the queue, WAITING, OPEN or the index of the reserve's category."""
    levels = None if terms.categories() else _levels(terms)
    if levels is not None:
        return _grant_nested(terms, queue, applications, levels)
    order = across_segments(queue, applications, np.arange(len(queue.rows)))
    turn = _Turns(terms, queue, applications.claims)
    for reserved, last in _passes(terms):
        turn.open_pass(reserved=reserved, last=last)
        for at in order.tolist():
            turn.consider(at, reserved=reserved)
    return turn.settled()


def _passes(terms: RoundTerms) -> list[tuple[bool, bool]]:
    """Return the passes of a rule as (reserved places?, the last pass?)."""
    if not terms.categories():
        return [(False, True)]
    if terms.rule is ReserveRule.SOFT_LAST:
        return [(False, False), (True, False), (False, True)]
    return [(True, False), (False, True)]


# --- nested budgets with equal costs: cut each level to its best, from the inside outwards


def _levels(terms: RoundTerms) -> list[list[Budget]] | None:
    """Return the budgets by depth, innermost first, or None where they do not nest or costs under one differ."""
    cost = {segment.id: segment.cost for segment in terms.segments}
    members = [(budget, frozenset(budget.segments)) for budget in terms.budgets]
    members.sort(key=lambda pair: len(pair[1]))
    levels: list[list[Budget]] = []
    top: dict[str, int] = {}
    inside: dict[str, frozenset[str]] = {}
    for budget, segments in members:
        if len({cost[segment] for segment in segments}) > 1:
            return None
        if any(not inside[segment] <= segments for segment in segments if segment in inside):
            return None
        depth = 1 + max((top.get(segment, -1) for segment in segments), default=-1)
        levels.extend([] for _ in range(depth + 1 - len(levels)))
        levels[depth].append(budget)
        for segment in segments:
            top[segment], inside[segment] = depth, segments
    return levels


def _grant_nested(terms: RoundTerms, queue: Queue, applications: RoundArrays, levels: list[list[Budget]]) -> Kinds:
    index = {segment.id: i for i, segment in enumerate(terms.segments)}
    limit = len(queue.rows)
    places = np.array([min(segment.places, limit) for segment in terms.segments], dtype=np.int64)
    alive = across_segments(queue, applications, best_of_segments(np.arange(limit), queue, places))
    for budgets in levels:
        group = np.full(len(terms.segments), len(budgets), dtype=np.int64)
        quota = np.full(len(budgets) + 1, limit, dtype=np.int64)
        for i, budget in enumerate(budgets):
            group[[index[segment] for segment in budget.segments]] = i
            cost = terms.segments[index[budget.segments[0]]].cost if budget.segments else 0
            quota[i] = min(budget.limit // cost, limit) if cost else limit
        alive = alive[_among_first(group[queue.segment[alive]], quota)]
    kind = np.full(limit, WAITING, dtype=np.int16)
    kind[alive] = OPEN
    return kind


def _among_first(group: Ints, quota: Ints) -> Bools:
    """Return which entries are among the first `quota` of their group, in the order given."""
    by_group = np.argsort(group.astype(np.int32), kind="stable")
    sorted_group = group[by_group]
    rank = np.arange(len(group)) - np.searchsorted(sorted_group, np.arange(len(quota)))[sorted_group]
    among = np.empty(len(group), dtype=bool)
    among[by_group] = rank < quota[sorted_group]
    return among


# --- anything else: in turn, by definition


@dataclass(slots=True)
class _Seats:
    """What is left of one segment."""

    left: int
    cost: int
    reserves: list[int]
    overlapping: ReservedPlaces
    open_left: int = 0
    closed: bool = False


class _Turns:
    """The state of the round between two applications."""

    def __init__(self, terms: RoundTerms, queue: Queue, claims: Bools | None) -> None:
        self._terms, self._queue = terms, queue
        self._segment = queue.segment.tolist()
        self._kind = [WAITING] * len(queue.rows)
        self._seats = [
            _seats_of(segment.places, segment.cost, [n for _, n in segment.cut_reserves()])
            for segment in terms.segments
        ]
        category_index = {category: i for i, category in enumerate(terms.categories())}
        self._named = [[category_index[name] for name, _ in segment.reserves] for segment in terms.segments]
        self._masks = self._claim_masks(claims)
        self._left = [budget.limit for budget in terms.budgets]
        members = [frozenset(budget.segments) for budget in terms.budgets]
        self._over = [[b for b, inside in enumerate(members) if segment.id in inside] for segment in terms.segments]
        self._under = [[i for i, segment in enumerate(terms.segments) if segment.id in inside] for inside in members]

    def _claim_masks(self, claims: Bools | None) -> list[int]:
        if claims is None:
            return [0] * len(self._kind)
        masks: list[int] = []
        for i, named in enumerate(self._named):
            masks += claim_masks(claims, named, self._queue.rows[self._queue.starts[i] : self._queue.starts[i + 1]])
        return masks

    def open_pass(self, *, reserved: bool, last: bool) -> None:
        """Say how many open places each segment offers in the coming pass."""
        held_back = self._terms.rule is ReserveRule.HARD or not last
        for seats, segment in zip(self._seats, self._terms.segments, strict=True):
            unreserved = segment.places - sum(n for _, n in segment.cut_reserves())
            seats.open_left = 0 if reserved else unreserved if held_back else seats.left

    def consider(self, at: int, *, reserved: bool) -> None:
        """Grant the application at this place of the queue if its segment and all its budgets allow it."""
        segment = self._segment[at]
        seats = self._seats[segment]
        if self._kind[at] != WAITING or seats.closed or not (seats.left if reserved else seats.open_left):
            return
        mask = self._masks[at]
        broken = [b for b in self._over[segment] if self._left[b] < seats.cost]
        if broken:
            if self._terms.on_short is OnShort.STOP and self._has_place(seats, mask, reserved=reserved):
                self._close(broken)
            return
        kind = self._take_reserved(segment, mask) if reserved else OPEN
        if kind == WAITING:
            return
        self._kind[at] = kind
        seats.left -= 1
        seats.open_left -= kind == OPEN
        for b in self._over[segment]:
            self._left[b] -= seats.cost

    def _has_place(self, seats: _Seats, mask: int, *, reserved: bool) -> bool:
        if not reserved:
            return True
        if self._terms.rule is ReserveRule.MAX:
            return seats.overlapping.could_admit(mask)
        return any(mask >> i & 1 and left for i, left in enumerate(seats.reserves))

    def _take_reserved(self, segment: int, mask: int) -> int:
        seats = self._seats[segment]
        if self._terms.rule is ReserveRule.MAX:
            # Any reserve will do for now: `settled` names the final one.
            return self._named[segment][0] if mask and seats.overlapping.admit(mask) else WAITING
        for i, left in enumerate(seats.reserves):
            if mask >> i & 1 and left:
                seats.reserves[i] -= 1
                return self._named[segment][i]
        return WAITING

    def _close(self, broken: list[int]) -> None:
        for b in broken:
            for segment in self._under[b]:
                self._seats[segment].closed = True

    def settled(self) -> Kinds:
        """Return the kinds, with the reserves of overlapping claims settled in the order of the queue."""
        kind = np.array(self._kind, dtype=np.int16)
        if self._terms.rule is ReserveRule.MAX:
            for i, named in enumerate(self._named):
                start, end = self._queue.starts[i], self._queue.starts[i + 1]
                admitted = start + np.flatnonzero(kind[start:end] >= 0)
                reserves = self._seats[i].overlapping.settle([self._masks[at] for at in admitted.tolist()])
                kind[admitted] = [named[reserve] for reserve in reserves]
        return kind


def _seats_of(places: int, cost: int, reserves: list[int]) -> _Seats:
    return _Seats(left=places, cost=cost, reserves=list(reserves), overlapping=ReservedPlaces(reserves))

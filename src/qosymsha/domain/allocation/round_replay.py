"""A round with budgets replayed by definition, application by application, in plain Python: the checker's second
opinion. Only the order is made by sorting columns; a million rows take seconds.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_terms import Ints, OnShort, Policy, ReserveRule, RoundArrays, RoundTerms

_OPEN, _NONE = -1, -2
_RESERVED, _ANY_OPEN, _BESIDE_RESERVES = "reserved", "open", "open beside reserves"

Wishes = tuple[int, ...]
"""The reserves of its segment that an application claims, as indices, in the order listed."""


@dataclass(slots=True)
class _Holders:
    """The places of one segment, and who holds those of a reserve: how many of each kind of wishes."""

    total: int
    reserves: list[int]
    cost: int
    over: list[int]
    opened: int = 0
    taken: int = 0
    closed: bool = False
    held: list[dict[Wishes, int]] = field(default_factory=list)

    def place(self, kind: str, wishes: Wishes, *, overlapping: bool) -> int | None:
        """Give one more a place of this kind: the reserve's index, -1 for an open place, None if there is none."""
        if self.taken >= self.total:
            return None
        if kind == _RESERVED:
            found = self.seat(wishes, set()) if overlapping else self.first_free(wishes)
            if found is not None:
                self.move(found, wishes, 1)
                self.taken += 1
            return found
        if kind == _BESIDE_RESERVES and self.opened >= self.total - sum(self.reserves):
            return None
        self.opened, self.taken = self.opened + 1, self.taken + 1
        return _OPEN

    def leave(self, place: int, wishes: Wishes) -> None:
        """Take the last one in out again; those whom `seat` moved stand just as well between places they claim."""
        self.taken -= 1
        if place == _OPEN:
            self.opened -= 1
        else:
            self.move(place, wishes, -1)

    def first_free(self, wishes: Wishes) -> int | None:
        return next((wish for wish in wishes if self.is_free(wish)), None)

    def seat(self, wishes: Wishes, seen: set[int]) -> int | None:
        """Find a reserve that is free, or that a holder leaves for another of its wishes (Kuhn); None moves nobody."""
        for wish in wishes:
            if wish in seen:
                continue
            seen.add(wish)
            if self.is_free(wish):
                return wish
            for others in [others for others, count in self.held[wish].items() if count]:
                to = self.seat(others, seen)
                if to is not None:
                    self.move(wish, others, -1)
                    self.move(to, others, 1)
                    return wish
        return None

    def is_free(self, reserve: int) -> bool:
        return sum(self.held[reserve].values()) < self.reserves[reserve]

    def move(self, reserve: int, wishes: Wishes, step: int) -> None:
        self.held[reserve][wishes] = self.held[reserve].get(wishes, 0) + step


def replay(terms: RoundTerms, applications: RoundArrays, order: Ints) -> NDArray[np.int16]:
    """Return, per input row, what the definition in `round_budgets` grants: -2 nothing, -1 open, or a category's index.

    `order` holds the valid rows in their segments' order. Under `max` any reserve that fits is named: which one is not
    decided here.
    """
    sequence = _whole_round(terms, applications, order)
    segments, wishes = applications.segment[sequence].tolist(), _wishes(terms, applications, sequence)
    found = [_NONE] * len(sequence)
    left, holders = [budget.limit for budget in terms.budgets], _holders(terms)
    for kind in _passes(terms):
        for at, index in enumerate(segments):
            here = holders[index]
            if here.taken >= here.total or here.closed or found[at] != _NONE or (kind == _RESERVED and not wishes[at]):
                continue
            broken = [i for i in here.over if left[i] < here.cost]
            if broken and terms.on_short is OnShort.SKIP:
                continue
            place = here.place(kind, wishes[at], overlapping=terms.rule is ReserveRule.MAX)
            if place is not None and broken:
                here.leave(place, wishes[at])
                _close(terms, holders, broken)
            elif place is not None:
                found[at] = place
                for i in here.over:
                    left[i] -= here.cost
    kinds = np.full(len(applications.segment), _NONE, dtype=np.int16)
    kinds[sequence] = _named(terms, segments, found)
    return kinds


def _holders(terms: RoundTerms) -> list[_Holders]:
    inside = [frozenset(budget.segments) for budget in terms.budgets]
    return [
        _Holders(
            total=segment.places,
            reserves=[places for _, places in segment.cut_reserves()],
            cost=segment.cost,
            over=[i for i, names in enumerate(inside) if segment.id in names],
            held=[{} for _ in segment.reserves],
        )
        for segment in terms.segments
    ]


def _close(terms: RoundTerms, holders: list[_Holders], broken: list[int]) -> None:
    names = {name for i in broken for name in terms.budgets[i].segments}
    for segment, here in zip(terms.segments, holders, strict=True):
        here.closed = here.closed or segment.id in names


def _wishes(terms: RoundTerms, applications: RoundArrays, sequence: Ints) -> list[Wishes]:
    """Return which of its segment's reserves each row claims."""
    wishes: list[Wishes] = [()] * len(sequence)
    if applications.claims is None:
        return wishes
    names, segment = terms.categories(), applications.segment[sequence]
    reserves = [[names.index(name) for name, _ in segment.reserves] for segment in terms.segments]
    claims = applications.claims[:, sequence]
    for at in np.flatnonzero(np.logical_or.reduce(claims, axis=0)).tolist():
        wishes[at] = tuple(i for i, category in enumerate(reserves[segment[at]]) if claims[category, at])
    return wishes


def _passes(terms: RoundTerms) -> list[str]:
    first_open = _BESIDE_RESERVES if terms.rule in (ReserveRule.SOFT_LAST, ReserveRule.HARD) else _ANY_OPEN
    if terms.rule is ReserveRule.SOFT_LAST:
        return [first_open, _RESERVED, _ANY_OPEN]
    return [_RESERVED, first_open]


def _named(terms: RoundTerms, segments: list[int], found: list[int]) -> list[int]:
    """Return the categories' indices in place of the reserves' of each segment."""
    names = terms.categories()
    categories = [[names.index(name) for name, _ in segment.reserves] for segment in terms.segments]
    return [place if place < 0 else categories[segment][place] for segment, place in zip(segments, found, strict=True)]


def _whole_round(terms: RoundTerms, applications: RoundArrays, order: Ints) -> Ints:
    """Return the rows in the one order of the whole round: (iteration, tier, number, id)."""
    tier, segment = applications.tier[order], applications.segment[order]
    ids = order if applications.ident is None else applications.ident[order]
    number = applications.number[order]
    words = [number[:, i] for i in range(31, -1, -1)] if number.ndim == 2 else [number]
    iteration = np.zeros(len(order), dtype=np.int64)
    if terms.policy is Policy.ITERATIONS and len(order):
        grouped = np.lexsort((np.arange(len(order)), tier, segment))
        starts = np.ones(len(order), dtype=bool)
        starts[1:] = (np.diff(segment[grouped]) != 0) | (np.diff(tier[grouped]) != 0)
        places = np.arange(len(order))
        k = places - np.maximum.accumulate(np.where(starts, places, 0)) + 1
        weights = np.array([min(terms.coefficients[t], len(order)) for t in tier[grouped].tolist()], dtype=np.int64)
        iteration[grouped] = -(-k // weights)
    return order[np.lexsort((ids, *words, tier, iteration))]

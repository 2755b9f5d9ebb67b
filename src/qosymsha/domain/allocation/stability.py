"""An independent judge of a finished choice round: it finds every reason why a matching is not stable.

It works from the definitions and shares no code with the engine: standings are built field by field without packing,
each group's choice is written again, and every wish that a child prefers to its place is looked at. A child blocks
with a group when the group, choosing among those it holds and that child, would take the child.

A group takes by steps (open places, each reserve in turn, what is left; in the order of the rule). A child who
joins is taken exactly if some step that it may enter has room or holds someone who stands behind it; so one
*threshold* per step and group decides all wishes at once. Where claims overlap under the rule `max` there are no such
steps; there the threshold of each set of claims is found by trying.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.market import NO_LIST, NOT_LISTED, UNKNOWN, UNPLACED, Bools, Criterion, Ints, Market
from qosymsha.domain.allocation.round_terms import ReserveRule

_ROWS = 1 << 18
_LARGEST = np.iinfo(np.int64).max
_NOBODY = -1

Standings = NDArray[Any]
"""Whole numbers, smaller stands before, comparable inside one group; int64, or Python's where 63 bits are too few."""


class FindingKind(StrEnum):
    """What may be wrong with a matching."""

    BLOCKING_PAIR = "blocking_pair"
    NOT_WISHED = "not_wished"
    NOT_ACCEPTABLE = "not_acceptable"
    AGAINST_RULE = "against_rule"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the kind, the child and the group it concerns.

    `blocking_pair`: the child prefers the group, which would take it. `not_wished`: it sits where it never asked to.
    `not_acceptable`: its age or the group's list forbids the place. `against_rule`: by its capacity and reserves the
    group would not keep this child.
    """

    kind: FindingKind
    child: int | None
    group: int | None


def findings(market: Market, match: NDArray[np.int32]) -> list[Finding]:
    """Return every fault of a matching, int32 (N) of groups or UNPLACED; an empty list means stable."""
    found: list[Finding] = []
    standing_of = _Standings(market)
    held_entries = _held_entries(market, match)
    sits = np.flatnonzero(match != UNPLACED)
    wished = held_entries[sits] < market.groups.size
    found += _as_findings(FindingKind.NOT_WISHED, sits[~wished], match)
    sits = sits[wished]
    allowed = _is_acceptable(market, held_entries[sits], sits, match[sits])
    found += _as_findings(FindingKind.NOT_ACCEPTABLE, sits[~allowed], match)
    taking = _Taking(market, sits, match[sits], standing_of(held_entries[sits], sits, match[sits]))
    found += _as_findings(FindingKind.AGAINST_RULE, taking.misplaced, match)
    return found + list(_blocking_pairs(market, held_entries, standing_of, taking))


def _as_findings(kind: FindingKind, children: Ints, match: NDArray[np.int32]) -> list[Finding]:
    return [Finding(kind, int(child), int(match[child])) for child in children]


# --- who stands before whom -----------------------------------------------------------------------------------------


class _Standings:
    """The standing of any entries, by the market's criteria, the lottery and the child's number."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._order = list(dict.fromkeys((*market.criteria, Criterion.LOTTERY)))
        self._tiers, tiers = _ranked(np.zeros(market.children) if market.tiers is None else market.tiers)
        self._lottery, lotteries = _ranked_words(market.lottery)
        self._sizes = {Criterion.TIER: tiers, Criterion.LOTTERY: lotteries, Criterion.SIBLING: 2, Criterion.DISTRICT: 2}
        largest = market.children
        for criterion in self._order:
            largest *= self._sizes[criterion]
        self._type: type = np.int64 if largest < _LARGEST else object

    def __call__(self, entries: Ints, children: Ints, groups: NDArray[np.int32]) -> Standings:
        standing: Standings = np.zeros(entries.size, self._type)
        for criterion in self._order:
            standing = standing * self._sizes[criterion] + self._field(criterion, entries, children, groups)
        standing = standing * self._market.children + children
        if self._market.listed is None:
            return standing
        listed = self._market.listed[entries]
        return np.where(listed == NO_LIST, standing, listed)

    def _field(self, criterion: Criterion, entries: Ints, children: Ints, groups: NDArray[np.int32]) -> Standings | int:
        market = self._market
        if criterion is Criterion.TIER:
            return self._tiers[children]
        if criterion is Criterion.LOTTERY:
            return self._lottery[entries if market.lottery_per_entry else children]
        if criterion is Criterion.SIBLING:
            return 0 if market.siblings is None else 1 - market.siblings[entries].astype(np.int64)
        if market.child_districts is None or market.group_districts is None:
            return 0
        home = market.child_districts[children]
        is_home: Bools = (home == market.group_districts[groups]) & (home != UNKNOWN)
        return 1 - is_home.astype(np.int64)


def _ranked(values: NDArray[Any]) -> tuple[Ints, int]:
    """Return the values as ranks 0, 1, …, equal ones sharing a rank, and how many ranks there are."""
    distinct, ranks = np.unique(values, return_inverse=True)
    return ranks.astype(np.int64), max(1, distinct.size)


def _ranked_words(lottery: NDArray[np.uint64]) -> tuple[Ints, int]:
    """Return the ranks of numbers given in words: word by word, as long as any are still equal."""
    words = lottery[:, None] if lottery.ndim == 1 else lottery
    ranks, distinct = _ranked(words[:, 0])
    for word in words.T[1:]:
        if distinct == len(words):
            break
        by_word, size = _ranked(word)
        ranks, distinct = _ranked(ranks * size + by_word)
    return ranks, distinct


def _is_acceptable(market: Market, entries: Ints, children: Ints, groups: NDArray[np.int32]) -> Bools:
    allowed = np.ones(entries.size, np.bool_)
    if market.listed is not None:
        allowed &= market.listed[entries] != NOT_LISTED
    if market.child_ages is not None and market.group_ages is not None:
        age, bounds = market.child_ages[children], market.group_ages[groups]
        allowed &= (age == UNKNOWN) | ((bounds[:, 0] <= age) & (age <= bounds[:, 1]))
    return allowed


# --- what each group would take -------------------------------------------------------------------------------------


class _Taking:
    """What each group, holding whom it holds, would do with a newcomer.

    Attributes:
        misplaced: int64, children whom their group, choosing among those it holds, would not keep.
    """

    def __init__(self, market: Market, children: Ints, groups: NDArray[np.int32], standings: Standings) -> None:
        self._market = market
        self._sizes, self._categories = _reserve_rows(market)
        count = np.bincount(groups, minlength=market.capacities.size)
        careful = self._sizes.any(axis=1) | (count > market.capacities)
        self._no_limit = math.inf if standings.dtype == object else _LARGEST
        self._anyone = np.full(count.size, _NOBODY, standings.dtype)
        self._anyone[~careful & (count < market.capacities)] = self._no_limit
        full = np.flatnonzero((~careful & (count == market.capacities))[groups])
        np.maximum.at(self._anyone, groups[full], standings[full])
        sorted_rows = np.flatnonzero(careful[groups])
        sorted_rows = sorted_rows[np.lexsort((standings[sorted_rows], groups[sorted_rows]))]
        self._held, self._groups = children[sorted_rows], groups[sorted_rows].astype(np.int64)
        self._standings = standings[sorted_rows]
        self._entangled = self._find_entangled()
        self._reserved = [np.full(count.size, _NOBODY, standings.dtype) for _ in self._sizes.T]
        self._by_steps = careful & ~self._entangled
        rest = self._take_by_steps(~self._entangled[self._groups])
        self.misplaced = self._held[rest | ~self._kept_entangled()]
        self._threshold = cache(self._find_threshold)

    def would_take(self, children: Ints, groups: NDArray[np.int32], standings: Standings) -> Bools:
        """Return for each newcomer, bool, whether its group would take it."""
        taken: Bools = (standings < self._anyone[groups]).astype(np.bool_)
        for j, thresholds in enumerate(self._reserved):
            may_claim = self._claims(children, self._categories[groups, j]) & (self._sizes[groups, j] > 0)
            taken |= may_claim & (standings < thresholds[groups]).astype(np.bool_)
        for row in np.flatnonzero(self._entangled[groups]):
            group, claims = int(groups[row]), self._claims_of(int(children[row]), int(groups[row]))
            taken[row] = standings[row] < self._threshold(group, claims)
        return taken

    # --- steps, all groups at once

    def _take_by_steps(self, rest: Bools) -> Bools:
        """Let all groups take by the steps of the rule; note the thresholds, return whom no step takes."""
        rest, market = rest.copy(), self._market
        rule = market.reserves.rule if market.reserves else ReserveRule.SOFT_FIRST
        outside = market.capacities - self._sizes.sum(axis=1)
        taken = np.zeros(outside.size, np.int64)
        if rule is ReserveRule.SOFT_LAST:
            taken += self._step(rest, None, outside, self._anyone)
        for j, thresholds in enumerate(self._reserved):
            taken += self._step(rest, self._categories[:, j], self._sizes[:, j], thresholds)
        left = outside if rule is ReserveRule.HARD else market.capacities - taken
        self._step(rest, None, left, self._anyone)
        return rest

    def _step(self, rest: Bools, categories: Ints | None, places: Ints, thresholds: Standings) -> Ints:
        """Let each group take so many of the rest (of a category); raise the thresholds, return how many it took."""
        rows = np.flatnonzero(rest)
        if categories is not None:
            rows = rows[self._claims(self._held[rows], categories[self._groups[rows]])]
        groups = self._groups[rows]
        before = np.arange(rows.size) - np.searchsorted(groups, groups)
        rows = rows[before < places[groups]]
        rest[rows] = False
        took = np.bincount(self._groups[rows], minlength=places.size)
        is_full = (took >= places)[self._groups[rows]]
        np.maximum.at(thresholds, self._groups[rows[is_full]], self._standings[rows[is_full]])
        thresholds[self._by_steps & (took < places)] = self._no_limit
        return took

    def _claims(self, children: Ints, categories: Ints) -> Bools:
        reserves = self._market.reserves
        if reserves is None:
            return np.zeros(children.size, np.bool_)
        claims: Bools = reserves.claims[children, categories]
        return claims

    # --- overlapping claims under `max`, one group at a time

    def _find_entangled(self) -> Bools:
        reserves = self._market.reserves
        if reserves is None or reserves.rule is not ReserveRule.MAX:
            return np.zeros(self._sizes.shape[0], np.bool_)
        several: Bools = (self._sizes > 0).sum(axis=1) > 1
        return several

    def _kept_entangled(self) -> Bools:
        kept = np.ones(self._held.size, np.bool_)
        for group in np.flatnonzero(self._entangled):
            rows = self._rows(int(group))
            claims = [self._claims_of(int(child), int(group)) for child in self._held[rows]]
            kept[rows] = self._taken_of(int(group), claims)
        return kept

    def _find_threshold(self, group: int, claims: frozenset[int]) -> float:
        """Return the standing below which a newcomer with these claims is taken, by halving the places in the line."""
        rows = self._rows(group)
        line = [self._claims_of(int(child), group) for child in self._held[rows]]
        low, high = -1, len(line)  # a newcomer is taken right before line[low]; -1: nowhere
        while low < high:
            middle = (low + high + 1) // 2
            if self._taken_of(group, [*line[:middle], claims, *line[middle:]])[middle]:
                low = middle
            else:
                high = middle - 1
        if low < 0:
            return _NOBODY
        return self._no_limit if low == len(line) else int(self._standings[rows][low])

    def _taken_of(self, group: int, line: list[frozenset[int]]) -> list[bool]:
        """Return who of a line is taken: most by the reserves, by standing; then the best of the rest."""
        reserved = _most_by_reserves(line, self._sizes[group].tolist())
        left = int(self._market.capacities[group]) - len(reserved)
        taken = reserved | set([place for place in range(len(line)) if place not in reserved][:left])
        return [place in taken for place in range(len(line))]

    def _rows(self, group: int) -> slice:
        return slice(*np.searchsorted(self._groups, [group, group + 1]).tolist())

    def _claims_of(self, child: int, group: int) -> frozenset[int]:
        reserves = self._market.reserves
        assert reserves is not None
        named = enumerate(self._categories[group].tolist())
        return frozenset(j for j, c in named if self._sizes[group, j] and reserves.claims[child, c])


def _most_by_reserves(line: list[frozenset[int]], sizes: list[int]) -> set[int]:
    """Return who of a line gets a reserved place: each whom all before it can leave one by moving over (Kuhn)."""
    holder: dict[tuple[int, int], int] = {}

    def finds_place(who: int, tried: set[int]) -> bool:
        for reserve in line[who] - tried:
            tried.add(reserve)
            for place in range(min(sizes[reserve], len(line))):
                if (reserve, place) not in holder or finds_place(holder[reserve, place], tried):
                    holder[reserve, place] = who
                    return True
        return False

    return {who for who in range(len(line)) if finds_place(who, set())}


def _reserve_rows(market: Market) -> tuple[Ints, Ints]:
    """Return the places and the category of each group's j-th reserve, (G, K), cut to the capacity in that order."""
    if market.reserves is None:
        return np.zeros((market.capacities.size, 0), np.int64), np.zeros((market.capacities.size, 0), np.int64)
    starts, ends = market.reserves.offsets[:-1], market.reserves.offsets[1:]
    widest = int((ends - starts).max(initial=0))
    sizes = np.zeros((starts.size, widest), np.int64)
    categories = np.zeros((starts.size, widest), np.int64)
    left = market.capacities.copy()
    for j in range(widest):
        has = np.flatnonzero(starts + j < ends)
        sizes[has, j] = np.minimum(market.reserves.places[starts[has] + j], left[has])
        categories[has, j] = market.reserves.categories[starts[has] + j]
        left[has] -= sizes[has, j]
    return sizes, categories


# --- wishes ---------------------------------------------------------------------------------------------------------


def _held_entries(market: Market, match: NDArray[np.int32]) -> Ints:
    """Return the entry of each child's place, int64 (N): the end of its list without a place, E if never wished."""
    found = np.where(match == UNPLACED, market.offsets[1:], market.groups.size)
    for entries, children in _walk(market):
        mine = market.groups[entries] == match[children]
        found[children[mine]] = entries[mine]
    return found


def _blocking_pairs(market: Market, held: Ints, standing_of: _Standings, taking: _Taking) -> Iterator[Finding]:
    for entries, children in _walk(market):
        wanted = entries < held[children]
        entries, children = entries[wanted], children[wanted]
        groups = market.groups[entries]
        taken = taking.would_take(children, groups, standing_of(entries, children, groups))
        taken &= _is_acceptable(market, entries, children, groups)
        for row in np.flatnonzero(taken):
            yield Finding(FindingKind.BLOCKING_PAIR, int(children[row]), int(groups[row]))


def _walk(market: Market) -> Iterator[tuple[Ints, Ints]]:
    """Yield entries with their children, some thousands of children at a time."""
    for first in range(0, market.children, _ROWS):
        bounds = market.offsets[first : first + _ROWS + 1]
        children = np.repeat(np.arange(first, first + bounds.size - 1), np.diff(bounds))
        yield np.arange(bounds[0], bounds[-1]), children

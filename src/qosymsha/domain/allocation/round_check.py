"""The independent checker of a round: is this answer the one the definition asks for, and if not, for which
applications not?

It shares no code with the solver. The order is made anew by a plain many-column sort. Without budgets each segment is
then checked as a stable assignment: its places are pools (each reserve, the open places) that everybody prefers in
one order, all pools prefer the better application, so exactly one assignment has no application that wants a pool
with a free place or with a worse holder. Overlapping claims (`max`) are checked by exchange: nobody outside the
reserved places could replace a worse one inside. Budgets are replayed by definition.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_replay import replay
from qosymsha.domain.allocation.round_terms import Bools, Ints, Policy, ReserveRule, RoundArrays, RoundTerms, Segment

_LAST = 1 << 30
_GRANTED, _WAITING, _DUPLICATE, _UNKNOWN = range(4)
_OPEN, _NONE = -1, -2


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of violation and every row of the input that suffers from it (or holds what it should not)."""

    what: str
    rows: Ints

    def sentence(self) -> str:
        """Return the finding in words, with the first few rows."""
        some = ", ".join(str(row) for row in self.rows[:5].tolist())
        return f"{self.what}: {len(self.rows)} applications, rows {some}{', …' if len(self.rows) > 5 else ''}"


def findings(terms: RoundTerms, applications: RoundArrays, answer: RoundAnswer) -> list[str]:
    """Return every violation of an answer in words; none means that it is what the definition asks for."""
    found = check(terms, applications, answer.outcomes(), answer.granted_from(), answer.ranks())
    return [finding.sentence() for finding in found]


def check(
    terms: RoundTerms,
    applications: RoundArrays,
    outcomes: NDArray[np.integer],
    granted_from: NDArray[np.integer],
    ranks: NDArray[np.integer],
) -> list[Finding]:
    """Return every violation of an answer given as columns by input row (as `RoundAnswer` names them)."""
    order, rank, expected = _order(terms, applications)
    valid = np.zeros(len(outcomes), dtype=bool)
    valid[order] = True
    waiting_or_granted = np.where(granted_from == _NONE, _WAITING, _GRANTED)
    should_be = np.where(valid, waiting_or_granted, expected)
    found = [
        Finding("wrong outcome", np.flatnonzero(outcomes != should_be)),
        Finding("rejected but granted", np.flatnonzero(~valid & (granted_from != _NONE))),
        Finding("wrong rank", np.flatnonzero(ranks != rank)),
        Finding("reserve not claimed", _unclaimed(applications, granted_from)),
    ]
    if terms.budgets:
        replayed, given = replay(terms, applications, order), granted_from
        if terms.rule is ReserveRule.MAX:
            replayed, given = np.minimum(replayed, 0), np.minimum(given, 0)
        found.append(Finding("not what the budgets' pass gives", np.flatnonzero(valid & (replayed != given))))
        found += _over_reserved(terms, applications, granted_from)
    else:
        found += _segment_findings(terms, applications, order, granted_from)
    return [finding for finding in found if finding.rows.size]


# --- the order, by plain sorts


def _order(terms: RoundTerms, applications: RoundArrays) -> tuple[Ints, NDArray[np.int32], NDArray[np.int8]]:
    """Return valid rows in (segment, order), each row's rank in its segment (0 if rejected) and the outcome due to a
    rejected row.
    """
    count = len(applications.segment)
    ids = np.arange(count) if applications.ident is None else applications.ident
    number = applications.number
    words = [number[:, i] for i in range(31, -1, -1)] if number.ndim == 2 else [number]
    rejected = np.where(applications.segment < 0, _UNKNOWN, _GRANTED).astype(np.int8)
    if applications.child is not None:
        by_child = np.lexsort((ids, *words, applications.tier, rejected, applications.child))
        again = np.zeros(count, dtype=bool)
        again[by_child[1:]] = applications.child[by_child[1:]] == applications.child[by_child[:-1]]
        rejected[again & (rejected == _GRANTED)] = _DUPLICATE
    rows = np.flatnonzero(rejected == _GRANTED)
    order = rows[
        np.lexsort((ids[rows], *(word[rows] for word in words), applications.tier[rows], applications.segment[rows]))
    ]
    if terms.policy is Policy.ITERATIONS:
        order = order[_dealt(terms, applications, order)]
    segment = applications.segment[order]
    rank = np.zeros(count, dtype=np.int32)
    rank[order] = np.arange(1, len(order) + 1) - np.searchsorted(segment, segment)
    return order, rank, rejected


def _dealt(terms: RoundTerms, applications: RoundArrays, order: Ints) -> Ints:
    segment, tier = applications.segment[order], applications.tier[order]
    changes = np.ones(len(order), dtype=bool)
    changes[1:] = (segment[1:] != segment[:-1]) | (tier[1:] != tier[:-1])
    k = np.arange(len(order)) - np.maximum.accumulate(np.where(changes, np.arange(len(order)), 0)) + 1
    weights = {tier: min(weight, len(order) + 1) for tier, weight in terms.coefficients.items()}
    weight = np.array([weights[tier] for tier in tier.tolist()], dtype=np.int64)
    return np.lexsort((k, tier, -(-k // weight), segment))


def _over_reserved(terms: RoundTerms, applications: RoundArrays, granted_from: NDArray[np.integer]) -> list[Finding]:
    found = []
    for i, segment in enumerate(terms.segments):
        for c, name in enumerate(terms.categories()):
            holders = np.flatnonzero((applications.segment == i) & (granted_from == c))
            if len(holders) > sum(places for category, places in segment.cut_reserves() if category == name):
                found.append(Finding("more granted than reserved", holders))
    return found


# --- without budgets: each segment for itself


def _segment_findings(
    terms: RoundTerms, applications: RoundArrays, order: Ints, granted_from: NDArray[np.integer]
) -> list[Finding]:
    """Return the findings of all segments, those of one kind together."""
    gathered: dict[str, list[Ints]] = {}
    bounds = np.searchsorted(applications.segment[order], np.arange(len(terms.segments) + 1))
    categories = {category: i for i, category in enumerate(terms.categories())}
    for i, segment in enumerate(terms.segments):
        rows = order[bounds[i] : bounds[i + 1]]
        reserves = [(categories[name], places) for name, places in segment.cut_reserves()]
        kinds = granted_from[rows].astype(np.int64)
        claims = np.zeros((0, len(rows)), dtype=bool) if applications.claims is None else applications.claims[:, rows]
        view = _View(segment, reserves, kinds, claims, _reserved_pools(reserves, kinds))
        for what, places in _of_one_segment(terms.rule, view):
            gathered.setdefault(what, []).append(rows[places])
    return [Finding(what, np.sort(np.concatenate(rows))) for what, rows in gathered.items()]


@dataclass(frozen=True, slots=True)
class _View:
    """One segment: its reserves as (category, places); per application, kind, claims and pool held."""

    segment: Segment
    reserves: list[tuple[int, int]]
    kinds: Ints
    claims: Bools
    pool: Ints


def _of_one_segment(rule: ReserveRule, view: _View) -> Iterator[tuple[str, Bools]]:
    granted = view.kinds != _NONE
    spare = view.segment.places - int(granted.sum())
    if spare < 0:
        yield "more granted than places", granted
    beyond = (view.kinds >= 0) & (view.pool == _LAST)
    if beyond.any():
        yield "more granted than reserved", beyond
    if rule is not ReserveRule.MAX:
        yield from _envious(rule, view)
        return
    due = _could_replace(view.reserves, view.pool, view.claims)
    if due.any():
        yield "a reserved place is due", due
    yield from _wanting(~granted, view.kinds == _OPEN, spare, "open")


def _envious(rule: ReserveRule, view: _View) -> Iterator[tuple[str, Bools]]:
    """Go through the pools in the order everybody prefers them."""
    segment, reserves, pool, kinds, claims = view.segment, view.reserves, view.pool, view.kinds, view.claims
    unreserved = segment.places - sum(places for _, places in reserves)
    opened = np.flatnonzero(kinds == _OPEN)
    if rule is ReserveRule.SOFT_LAST:
        pool[opened[:unreserved]] = -1
        pool[opened[unreserved:]] = len(reserves)
        first = pool == -1
        yield from _wanting(~first, first, unreserved - int(first.sum()), "open")
    else:
        pool[opened] = len(reserves)
    for i, (category, places) in enumerate(reserves):
        holders = pool == i
        yield from _wanting((pool > i) & claims[category], holders, places - int(holders.sum()), "reserved")
    holders = pool == len(reserves)
    open_places = unreserved if rule is ReserveRule.HARD else segment.places - int((pool < len(reserves)).sum())
    if int(holders.sum()) > open_places:
        yield "more granted than open places", holders
    yield from _wanting(pool == _LAST, holders, open_places - int(holders.sum()), "open")


def _wanting(wanting: Bools, holders: Bools, spare: int, kind: str) -> Iterator[tuple[str, Bools]]:
    """Yield those who want a place of this kind although one is free, or although a worse application holds one."""
    if spare > 0 and wanting.any():
        yield f"an {kind} place is free" if kind == "open" else "a reserved place is free", wanting
        return
    worst = int(np.flatnonzero(holders)[-1]) if holders.any() else -1
    envious = wanting & (np.arange(len(wanting)) < worst)
    if envious.any():
        yield f"a worse application holds {'an' if kind == 'open' else 'a'} {kind} place", envious


def _reserved_pools(reserves: list[tuple[int, int]], kinds: Ints) -> Ints:
    """Return the index of the reserve each application holds a place of, `_LAST` for all others and for those beyond
    the reserve.
    """
    pool = np.full(len(kinds), _LAST, dtype=np.int64)
    for i, (category, places) in enumerate(reserves):
        holders = np.flatnonzero((kinds == category) & (pool == _LAST))
        pool[holders[:places]] = i
    return pool


def _could_replace(reserves: list[tuple[int, int]], pool: Ints, claims: Bools) -> Bools:
    """Return who, outside the reserved places, could have a free one or a worse holder's after moving holders
    between places they claim.
    """
    count = len(reserves)
    claimed = claims[np.array([category for category, _ in reserves], dtype=np.int64)]
    reach = np.eye(count, dtype=bool)
    worst = np.full(count, -1)
    for i, (_, places) in enumerate(reserves):
        holders = np.flatnonzero(pool == i)
        reach[i] |= claimed[:, holders].any(axis=1)
        worst[i] = len(pool) if len(holders) < places else int(holders[-1]) if holders.size else -1
    for through in range(count):
        reach |= reach[:, [through]] & reach[[through], :]
    worst_reached = np.where(reach, worst, -1).max(axis=1, initial=-1)
    limit = np.where(claimed, worst_reached[:, None], -1).max(axis=0, initial=-1)
    due: Bools = (pool == _LAST) & (np.arange(len(pool)) < limit)
    return due


def _unclaimed(applications: RoundArrays, granted_from: NDArray[np.integer]) -> Ints:
    reserved = np.flatnonzero(granted_from >= 0)
    if applications.claims is None:
        return reserved
    unclaimed: Ints = reserved[~applications.claims[granted_from[reserved], reserved]]
    return unclaimed

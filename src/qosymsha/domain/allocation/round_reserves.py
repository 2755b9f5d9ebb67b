"""Who of each segment's queue is funded, when segments do not share a budget: the four reserve rules, all segments
at once.
"""

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.overlapping_claims import ReservedPlaces
from qosymsha.domain.allocation.round_order import Queue
from qosymsha.domain.allocation.round_terms import Bools, Ints, ReserveRule, RoundTerms

Kinds = NDArray[np.int16]

WAITING = -2
OPEN = -1


def grant_by_segment(terms: RoundTerms, queue: Queue, claims: Bools | None) -> Kinds:
    """Return, per place in the queue, WAITING, OPEN or the category (its index) whose reserve was used."""
    kind = np.full(len(queue.rows), WAITING, dtype=np.int16)
    places = _clipped([segment.places for segment in terms.segments], queue)
    if claims is None or not terms.categories():
        _grant_leading(kind, queue.starts, places)
        return kind
    unreserved = [segment.places - sum(n for _, n in segment.cut_reserves()) for segment in terms.segments]
    if terms.rule is ReserveRule.SOFT_LAST:
        _grant_leading(kind, queue.starts, _clipped(unreserved, queue))
    if terms.rule is ReserveRule.MAX:
        _grant_meritorious(kind, terms, queue, claims)
    else:
        _grant_reserves(kind, terms, queue, claims)
    taken = np.bincount(queue.segment[kind != WAITING], minlength=len(places))
    still_open = _clipped(unreserved, queue) if terms.rule is ReserveRule.HARD else places - taken
    kind[best_of_segments(np.flatnonzero(kind == WAITING), queue, still_open)] = OPEN
    return kind


def _grant_leading(kind: Kinds, starts: Ints, quota: Ints) -> None:
    for start, end, places in zip(starts[:-1].tolist(), starts[1:].tolist(), quota.tolist(), strict=True):
        kind[start : min(end, start + places)] = OPEN


def _grant_reserves(kind: Kinds, terms: RoundTerms, queue: Queue, claims: Bools) -> None:
    """Fill the first listed reserve of every segment, then the second of every segment, and so on."""
    candidates = np.flatnonzero(np.logical_or.reduce(claims, axis=0)[queue.rows])
    category_index = {category: i for i, category in enumerate(terms.categories())}
    for turn in range(max(len(segment.reserves) for segment in terms.segments)):
        category = np.full(len(terms.segments), -1, dtype=np.int64)
        quota = np.zeros(len(terms.segments), dtype=np.int64)
        for i, segment in enumerate(terms.segments):
            if turn < len(segment.reserves):
                name, wanted = segment.cut_reserves()[turn]
                quota[i] = min(wanted, len(queue.rows))
                category[i] = category_index[name]
        candidates = candidates[kind[candidates] == WAITING]
        asked = category[queue.segment[candidates]]
        claimants = candidates[(asked >= 0) & claims[asked, queue.rows[candidates]]]
        best = best_of_segments(claimants, queue, quota)
        kind[best] = category[queue.segment[best]]


def _grant_meritorious(kind: Kinds, terms: RoundTerms, queue: Queue, claims: Bools) -> None:
    category_index = {category: i for i, category in enumerate(terms.categories())}
    for i, segment in enumerate(terms.segments):
        rows = queue.rows[queue.starts[i] : queue.starts[i + 1]]
        if not segment.reserves or not rows.size:
            continue
        named = [category_index[name] for name, _ in segment.reserves]
        masks = claim_masks(claims, named, rows)
        claimants = np.flatnonzero([mask > 0 for mask in masks])
        held = ReservedPlaces([n for _, n in segment.cut_reserves()])
        admitted = [at for at in claimants.tolist() if held.admit(masks[at])]
        for at, reserve in zip(admitted, held.settle([masks[at] for at in admitted]), strict=True):
            kind[queue.starts[i] + at] = named[reserve]


def claim_masks(claims: Bools, named: list[int], rows: Ints) -> list[int]:
    """Return, per row, a bit mask of what it claims of a segment's reserves (`named`: their categories)."""
    masks = [0] * len(rows)
    for bit, category in enumerate(named):
        for at in np.flatnonzero(claims[category, rows]).tolist():
            masks[at] |= 1 << bit
    return masks


def best_of_segments(positions: Ints, queue: Queue, quota: Ints) -> Ints:
    """Return those of `positions` (ascending) that are among the first `quota` of their segment."""
    segment = queue.segment[positions]
    starts = np.searchsorted(segment, np.arange(len(quota)))
    return positions[np.arange(len(positions)) - starts[segment] < quota[segment]]


def _clipped(counts: list[int], queue: Queue) -> Ints:
    """Return counts of any size as int64: beyond twice the queue's length they make no difference."""
    return np.array([min(count, 2 * len(queue.rows)) for count in counts], dtype=np.int64)

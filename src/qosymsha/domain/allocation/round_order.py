"""The queue: every valid application of a round in its order, by one sort of packed 64-bit keys.

A key is [segment and tier | leading bits of the number | row]. Sorting plain integers is several times faster than
sorting indices, and the row comes back out of the key. Where the kept bits of two numbers are equal, the rows
concerned are sorted again by the whole number (all 256 bits) and the id: the cut decides nothing.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_terms import Bools, Ints, Policy, RoundArrays, RoundTerms

Words = NDArray[np.uint64]
Number = TypeVar("Number", bound=np.integer)


@dataclass(frozen=True, slots=True)
class Queue:
    """All valid applications, segment by segment, in the order of the round; each column has one entry per place in
    this order.

    rows: the application's row in the input.   segment: its index.   starts: (segments + 1,) where each segment begins.
    k: its place, from 1, inside its segment's tier.   iteration: from 1; 0 under `tiers`.
    duplicates, unknown: rows of the input that were rejected.
    """

    rows: Ints
    segment: NDArray[np.int32]
    starts: Ints
    k: NDArray[np.int32]
    iteration: NDArray[np.int32]
    duplicates: Ints
    unknown: Ints


def line_up(terms: RoundTerms, applications: RoundArrays) -> Queue:
    """Return the queue: unknown segments and a child's worse applications rejected, the others in order."""
    known = applications.segment >= 0
    unknown = np.flatnonzero(~known)
    duplicates = _worse_of_a_child(applications, known)
    valid = None
    if unknown.size or duplicates.size:
        known[duplicates] = False
        valid = np.flatnonzero(known)
    segment, tier = _taken(applications.segment, valid), _taken(applications.tier, valid)
    tier_code, tiers = _tier_codes(tier)
    block = segment.astype(np.int64) * len(tiers) + tier_code
    blocks = len(terms.segments) * len(tiers)
    order = in_order(block, blocks, *_tie_breakers(applications, valid))
    sizes = np.bincount(block, minlength=blocks)
    k = _count_up(sizes)
    iteration = np.zeros(len(order), dtype=np.int32)
    if terms.policy is Policy.ITERATIONS:
        order, k, iteration = _by_iterations(order, sizes, k, _coefficients(terms, tiers, len(order)))
    per_segment = (
        sizes.reshape(len(terms.segments), -1).sum(axis=1) if blocks else np.zeros(len(terms.segments), np.int64)
    )
    return Queue(
        rows=order if valid is None else valid[order],
        segment=np.repeat(np.arange(len(terms.segments), dtype=np.int32), per_segment),
        starts=np.concatenate(([0], np.cumsum(per_segment))),
        k=k,
        iteration=iteration,
        duplicates=duplicates,
        unknown=unknown,
    )


def across_segments(queue: Queue, applications: RoundArrays, positions: Ints) -> Ints:
    """Return `positions` of the queue in the one order of the whole round: (iteration, tier, number, id), segments
    forgotten.
    """
    rows = queue.rows[positions]
    tier_code, tiers = _tier_codes(applications.tier[rows])
    block = queue.iteration[positions].astype(np.int64) * len(tiers) + tier_code
    return positions[in_order(block, int(block.max(initial=-1)) + 1, *_tie_breakers(applications, rows))]


def in_order(block: Ints, blocks: int, words: list[Words], ident: NDArray[np.integer] | None) -> Ints:
    """Return the indices of `block` sorted by (block, words, ident); `blocks` is above all of `block`, `ident` None
    means by index.
    """
    count = len(block)
    row_bits, block_bits = max(1, (count - 1).bit_length()), max(1, (blocks - 1).bit_length())
    kept = 64 - row_bits - block_bits
    ids = np.arange(count) if ident is None else ident
    if kept < 1 or count < 2:
        return np.lexsort((ids, *reversed(words), block))
    key = block.astype(np.uint64)
    key <<= np.uint64(kept)
    key |= words[0] >> np.uint64(64 - kept)
    key <<= np.uint64(row_bits)
    key |= np.arange(count, dtype=np.uint64)
    key.sort()
    order = (key & np.uint64((1 << row_bits) - 1)).astype(np.int64)
    key >>= np.uint64(row_bits)
    _settle_equal_keys(key, order, words, ids)
    return order


def _settle_equal_keys(key: Words, order: Ints, words: list[Words], ids: NDArray[np.integer]) -> None:
    """Sort again, in place and by the whole number and the id, each run of rows whose kept bits are equal."""
    same = key[1:] == key[:-1]
    if not same.any():
        return
    tied = np.zeros(len(key), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    rows = order[places]
    order[places] = rows[np.lexsort((ids[rows], *(word[rows] for word in reversed(words)), key[places]))]


def _tie_breakers(applications: RoundArrays, rows: Ints | None) -> tuple[list[Words], NDArray[np.integer] | None]:
    """Return the numbers of `rows` as 64-bit words, the leading one first and left-aligned, and their ids' order."""
    number = _taken(applications.number, rows)
    ident = rows if applications.ident is None else _taken(applications.ident, rows)
    if number.ndim == 2:
        whole = np.ascontiguousarray(number).view(">u8")
        return [whole[:, i].astype(np.uint64) for i in range(4)], ident
    if not number.size:
        return [np.zeros(0, dtype=np.uint64)], ident
    least = number.min()
    shifted = number.astype(np.uint64) - least.astype(np.uint64)
    return [shifted << np.uint64(64 - max(1, int(shifted.max()).bit_length()))], ident


def _tier_codes(tier: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return each row's tier as a code from 0 that keeps the order, and the tier behind each code."""
    if not tier.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    least, most = int(tier.min()), int(tier.max())
    if most - least >= 1 << 16:
        tiers, code = np.unique(tier, return_inverse=True)
        return code.astype(np.int64), tiers.astype(np.int64)
    code = tier.astype(np.int64) - least
    present = np.bincount(code) > 0
    return (np.cumsum(present) - 1)[code], np.flatnonzero(present) + least


def _worse_of_a_child(applications: RoundArrays, known: Bools) -> Ints:
    """Return the rows, in known segments, of a child that has a better one: (tier, number, id)."""
    if applications.child is None:
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(known)
    child = np.sort(applications.child[rows])
    repeated = child[1:][child[1:] == child[:-1]]
    if not repeated.size:
        return np.zeros(0, dtype=np.int64)
    rows = rows[np.isin(applications.child[rows], repeated)]
    words, ident = _tie_breakers(applications, rows)
    ids = rows if ident is None else ident
    rows = rows[np.lexsort((ids, *reversed(words), applications.tier[rows], applications.child[rows]))]
    child = applications.child[rows]
    return np.sort(rows[1:][child[1:] == child[:-1]])


def _coefficients(terms: RoundTerms, tiers: Ints, most: int) -> list[int]:
    missing = [tier for tier in tiers.tolist() if terms.coefficients.get(tier, 0) < 1]
    if missing:
        raise ValueError(f"iterations need a coefficient of at least 1 for tier {missing[0]}")
    return [min(terms.coefficients[tier], most) for tier in tiers.tolist()]


def _by_iterations(
    order: Ints, sizes: Ints, k: NDArray[np.int32], coefficients: list[int]
) -> tuple[Ints, NDArray[np.int32], NDArray[np.int32]]:
    """Deal the tiers of each segment into iterations: one sort of (segment, iteration, tier, k) in a key."""
    tiers = len(coefficients)
    coefficient = np.repeat(np.tile(np.array(coefficients, dtype=np.int32), len(sizes) // max(1, tiers)), sizes)
    iteration = (k - 1) // coefficient + 1
    bits = [max(1, int(size).bit_length()) for size in (len(sizes), iteration.max(initial=1), tiers, len(order))]
    segment, tier = np.divmod(np.arange(len(sizes)), max(1, tiers))
    if sum(bits) > 64:
        at = np.lexsort((k, np.repeat(tier, sizes), iteration, np.repeat(segment, sizes)))
    else:
        key = np.repeat((segment << sum(bits[1:]) | tier << bits[3]).astype(np.uint64), sizes)
        key |= iteration.astype(np.uint64) << np.uint64(bits[2] + bits[3])
        key |= np.arange(len(order), dtype=np.uint64)
        key.sort()
        at = (key & np.uint64((1 << bits[3]) - 1)).astype(np.int64)
    return order[at], k[at], iteration[at]


def _count_up(sizes: Ints) -> NDArray[np.int32]:
    """Return 1, 2, 3 … anew for each block of the given sizes."""
    starts = np.cumsum(sizes) - sizes
    return (np.arange(1, int(sizes.sum()) + 1, dtype=np.int64) - np.repeat(starts, sizes)).astype(np.int32)


def _taken(column: NDArray[Number], rows: Ints | None) -> NDArray[Number]:
    return column if rows is None else column[rows]

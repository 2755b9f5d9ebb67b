"""Problem A against its yardsticks, in one run: `python -m bench.round [N]` (default 1,000,000 applications).

Ratios, not milliseconds: the engine against `np.sort` of as many uint64, the draw and the root against a plain SHA-256
loop. 1,200 segments, five tiers, three overlapping categories, places for half of the applications.
"""

import hashlib
import sys
import time
from collections.abc import Callable

import numpy as np

from qosymsha.domain.allocation import draw, merkle, round_check
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_terms import Budget, Policy, ReserveRule, RoundArrays, RoundTerms, Segment

SEGMENTS = 1200
NAMES = tuple(f"s{i}" for i in range(SEGMENTS))


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the least processor time of several runs, in seconds."""
    found = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def instance(count: int) -> RoundArrays:
    """Return shuffled applications with 256-bit numbers."""
    r = np.random.default_rng(1)
    return RoundArrays(
        segment=r.integers(0, SEGMENTS, count).astype(np.int32),
        tier=r.integers(1, 6, count).astype(np.int8),
        number=r.integers(0, 256, (count, 32), dtype=np.uint8),
        claims=r.random((3, count)) < 0.1,
    )


def rounds(count: int) -> dict[str, RoundTerms]:
    """Return the terms that are measured, by name."""
    places = max(1, count // SEGMENTS // 2)
    plain = tuple(Segment(name, places) for name in NAMES)
    share = max(1, places // 10)
    reserved = tuple(Segment(name, places, (("a", share), ("b", share), ("c", share))) for name in NAMES)
    districts = tuple(Budget(f"d{i}", NAMES[i * 60 : i * 60 + 60], count // 50) for i in range(20))
    coefficients = {1: 5, 2: 4, 3: 3, 4: 2, 5: 1}
    return {
        "tiers": RoundTerms(plain),
        "tiers, reserves soft_first": RoundTerms(reserved),
        "tiers, reserves max": RoundTerms(reserved, rule=ReserveRule.MAX),
        "iterations": RoundTerms(plain, policy=Policy.ITERATIONS, coefficients=coefficients),
        "iterations, reserves": RoundTerms(reserved, policy=Policy.ITERATIONS, coefficients=coefficients),
        "tiers, nested budgets": RoundTerms(plain, budgets=(Budget("city", NAMES, count // 3), *districts)),
    }


def main() -> None:
    """Print a table of ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    applications = instance(count)
    keys = np.random.default_rng(2).integers(0, 2**63, count).astype(np.uint64)
    yardstick = best(lambda: np.sort(keys), 5)
    print(f"{count:,} applications; np.sort of as many uint64: {yardstick * 1000:.0f} ms")
    for name, terms in rounds(count).items():
        answer = solve(terms, applications)
        spent = best(lambda terms=terms: solve(terms, applications))  # type: ignore[misc]
        granted = int((answer.kind != -2).sum())
        print(f"  {name:28} {spent * 1000:7.0f} ms  {spent / yardstick:5.1f} x np.sort  {granted:,} granted")
    terms = rounds(count)["tiers, reserves soft_first"]
    answer = solve(terms, applications)
    checked = best(lambda: round_check.findings(terms, applications, answer), 1)
    print(f"  {'independent check of reserves':28} {checked * 1000:7.0f} ms  {checked / yardstick:5.1f} x np.sort")
    draws(applications.number[: min(count, 300_000)])


def draws(line_ids: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    """Print what numbers and root cost against the SHA-256 loop alone."""
    rows = [row.tobytes() for row in line_ids]
    seed = bytes(32)
    loop = best(lambda: [hashlib.sha256(seed + row).digest() for row in rows])
    numbers, root = best(lambda: draw.numbers(seed, line_ids)), best(lambda: merkle.root(line_ids))
    print(f"{len(rows):,} rows; a SHA-256 loop: {loop * 1000:.0f} ms")
    print(f"  numbers {numbers / loop:.1f} x, Merkle root {root / loop:.1f} x the loop")


if __name__ == "__main__":
    main()

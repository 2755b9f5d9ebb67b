"""Problem A against its yardsticks, in one run: `python -m bench.round --rows 1000000`.

Ratios, not milliseconds (goals: issue 3, ALLOCATION.md II.7): the engine against `np.sort` of as many random uint64;
leaves, root, numbers and engine together against the plain SHA-256 loop (II.4: `hashlib.sha256(seed + id).digest()` in
a list over the rows, one core). 1,200 segments, five tiers, three
overlapping categories, places for half of the applications, 256-bit numbers, rows in no order. Engine times are
processor time of one thread. Two cores are timed by the wall clock; beside it stands the processor time of all
processes, half of which is what two idle cores need at least.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from bench.folders import ClosedList, closed_list
from bench.machine import bar, least_cpu, print_machine, second_core, without_avx512
from qosymsha.domain.allocation import canonical, draw, hashing, merkle, round_check
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_terms import Budget, Policy, ReserveRule, RoundArrays, RoundTerms, Segment

SEGMENTS = 1200
NAMES = tuple(f"s{i}" for i in range(SEGMENTS))
ENGINE_GOAL, BUDGETS_GOAL, DRAW_GOAL = 6, 15, 4


def instance(count: int) -> RoundArrays:
    """Return shuffled applications with 256-bit numbers."""
    r = np.random.default_rng(1)
    return RoundArrays(
        segment=r.integers(0, SEGMENTS, count).astype(np.int32),
        tier=r.integers(1, 6, count).astype(np.int8),
        number=r.integers(0, 256, (count, 32), dtype=np.uint8),
        claims=r.random((3, count)) < 0.1,
    )


def rounds(count: int) -> dict[str, tuple[RoundTerms, int | None]]:
    """Return the terms that are measured with their goals, by name."""
    places = max(1, count // SEGMENTS // 2)
    plain = tuple(Segment(name, places) for name in NAMES)
    share = max(1, places // 10)
    reserved = tuple(Segment(name, places, (("a", share), ("b", share), ("c", share))) for name in NAMES)
    districts = tuple(Budget(f"d{i}", NAMES[i * 60 : i * 60 + 60], count // 50) for i in range(20))
    coefficients = {1: 5, 2: 4, 3: 3, 4: 2, 5: 1}
    dealt = Policy.ITERATIONS
    return {
        "tiers": (RoundTerms(plain), ENGINE_GOAL),
        "iterations": (RoundTerms(plain, policy=dealt, coefficients=coefficients), ENGINE_GOAL),
        "tiers, nested budgets": (
            RoundTerms(plain, budgets=(Budget("city", NAMES, count // 3), *districts)),
            BUDGETS_GOAL,
        ),
        "tiers, reserves soft_first": (RoundTerms(reserved), None),
        "tiers, reserves max": (RoundTerms(reserved, rule=ReserveRule.MAX), None),
        "iterations, reserves": (RoundTerms(reserved, policy=dealt, coefficients=coefficients), None),
    }


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="applications (default 1,000,000)")
    parser.add_argument("--draw-rows", type=int, help="rows for numbers and root (default --rows; 0 leaves it out)")
    parser.add_argument("--runs", type=int, default=3, help="take the best of so many runs (default 3)")
    parser.add_argument("--avx2", action="store_true", help="without AVX-512, the stricter yardstick on AMD")
    parser.add_argument("--cores", type=int, default=2, help="processes for numbers and root (default 2)")
    asked = parser.parse_args()
    if asked.avx2:
        without_avx512("bench.round")
    print_machine()
    applications = instance(asked.rows)
    engine(applications, asked.runs)
    drawn = asked.rows if asked.draw_rows is None else min(asked.rows, asked.draw_rows)
    if drawn:
        checks(applications, min(drawn, 1_000_000))
        draws(instance(drawn), asked.runs, asked.cores)


def engine(applications: RoundArrays, runs: int) -> None:
    """Print the engine's times in sorts of as many uint64."""
    count = len(applications.segment)
    keys = np.random.default_rng(2).integers(0, 1 << 64, count, dtype=np.uint64)
    yardstick = least_cpu(lambda: np.sort(keys), 5)
    print(f"{count:,} applications; np.sort of as many uint64: {yardstick * 1000:.0f} ms")
    for name, (terms, goal) in rounds(count).items():
        spent = least_cpu(lambda terms=terms: solve(terms, applications), runs)  # type: ignore[misc]
        bar(f"A, {name} ({spent * 1000:.0f} ms)", spent / yardstick, goal)


def checks(applications: RoundArrays, count: int) -> None:
    """Print what the independent checker takes, without budgets and with (then the round is replayed in Python)."""
    few = RoundArrays(applications.segment[:count], applications.tier[:count], applications.number[:count])
    print(f"the independent checker, {count:,} applications")
    for name, (terms, _) in rounds(count).items():
        if not terms.categories():
            answer = solve(terms, few)
            started = time.process_time()
            assert round_check.findings(terms, few, answer) == []
            print(f"  {name:28} {time.process_time() - started:7.1f} s", flush=True)


def draws(applications: RoundArrays, runs: int, cores: int) -> None:
    """Print what leaves, root, numbers and engine take together, in plain SHA-256 loops over the rows."""
    closed = closed_list(len(applications.segment), SEGMENTS)
    loop = least_cpu(_loop(closed.line_ids), runs)
    print(f"two loops side by side take {second_core():.2f} x one: 1 is a free second core, 2 is none")
    print(f"{len(closed.lines):,} rows; the plain SHA-256 loop: {loop * 1000:.0f} ms")
    for processes in dict.fromkeys((1, cores)):
        cpu, wall = min((_drawn(closed, applications, processes) for _ in range(runs)), key=lambda found: found[1])
        print(f"leaves, root, numbers and engine, {processes} processes: in loops")
        bar("by the wall, on this machine now", wall / loop, DRAW_GOAL if processes > 1 else None)
        bar(f"processor time shared by {processes} idle cores", cpu / loop / processes, DRAW_GOAL)


def _loop(line_ids: NDArray[np.uint8]) -> Callable[[], object]:
    ids, seed = [row.tobytes() for row in line_ids], bytes(32)
    return lambda: [hashlib.sha256(seed + ident).digest() for ident in ids]


def _drawn(closed: ClosedList, applications: RoundArrays, cores: int) -> tuple[float, float]:
    """Close, draw and allocate; return processor time of all processes and wall time, in seconds."""
    before, started = os.times(), time.perf_counter()
    with hashing.processes(cores) if cores > 1 else nullcontext(map) as each:
        root = merkle.root(canonical.list_leaves("{}", closed.lines, closed.salts, each=each), each=each)
        numbers = draw.numbers(root, closed.line_ids, each=each)
    solve(rounds(len(numbers))["tiers"][0], RoundArrays(applications.segment, applications.tier, numbers))
    wall, after = time.perf_counter() - started, os.times()
    return sum(after[:4]) - sum(before[:4]), wall


if __name__ == "__main__":
    main()

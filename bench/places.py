"""Problem B against its yardsticks, side by side in one run: `python -m bench.places --children 300000`.

Every figure is process CPU time, the best of some runs, one thread; trust the ratios. The yardstick is `np.sort` of as
many random uint64 as there are wishes. Its own speed depends on what NumPy dispatches to: on AMD Zen 4 the AVX-512
sort is about five times slower than the AVX2 one, so `--avx2` takes the stricter yardstick (it starts the run again
with NPY_DISABLE_CPU_FEATURES). Goals: ALLOCATION.md II.7.
"""

import argparse
import heapq
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.machine import bar, print_machine, without_avx512
from bench.market import chain_market, draw_market
from qosymsha.domain.allocation.freed import applicants, fill, rerun
from qosymsha.domain.allocation.market import Market
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.round_terms import ReserveRule
from qosymsha.domain.allocation.stability import findings

_CHAIN = 50_000
_PEER_BAR_FROM = 30_000  # what `matching` takes grows with the square: at fewer children the bar says nothing


def main() -> None:
    """Print all ratios for one size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=300_000, help="size of the market (default 300,000)")
    parser.add_argument("--peer-children", type=int, default=1_000, help="size for PyPI's `matching`; 0 leaves it out")
    parser.add_argument("--runs", type=int, default=3, help="take the best of so many runs (default 3)")
    parser.add_argument("--avx2", action="store_true", help="without AVX-512, the stricter yardstick on AMD")
    asked = parser.parse_args()
    if asked.avx2:
        without_avx512("bench.places")
    print_machine()
    _bench_sizes(asked.children, asked.runs)
    _bench_chain(asked.runs)
    _bench_freed(asked.children)
    if asked.peer_children:
        _bench_peer(asked.peer_children)


def _bench_sizes(children: int, runs: int) -> None:
    shapes: list[tuple[str, dict[str, Any], float | None]] = [
        ("one number per child, 256 bits", {}, 8),
        ("one number per child and group", {"per_entry": True}, None),
        ("a reserve in every group", {"rule": ReserveRule.SOFT_FIRST}, 14),
    ]
    for name, options, goal in shapes:
        market = draw_market(children, **options)
        yardstick = _best(runs, np.sort, np.random.default_rng(0).integers(0, 1 << 64, market.groups.size, np.uint64))
        taken = _best(runs, solve, market)
        matching = solve(market)
        checking = _best(1, findings, market, matching.groups)
        assert not findings(market, matching.groups), "not stable"
        print(f"{children:,} children, {market.groups.size:,} wishes, {market.capacities.size:,} groups; {name}")
        print(f"  np.sort {yardstick:.3f} s; {matching.proposals:,} knocks in {matching.rounds} rounds")
        bar(f"B with its keys ({taken:.3f} s) / np.sort", taken / yardstick, goal)
        bar(f"peak memory / the input of {market.nbytes / 1e6:.0f} MB", _memory(market), 2)
        bar("independent check, nothing found / B", checking / taken)


def _bench_chain(runs: int) -> None:
    market = chain_market(_CHAIN)
    lists = as_lists(market)
    plain, ours = _best(runs, lambda: heapq_match(*lists)), _best(runs, solve, market)
    assert heapq_match(*lists) == solve(market).groups.tolist()
    bar(f"chain of {_CHAIN:,} ({ours:.3f} s) / plain heapq", ours / plain, 2)


def _bench_freed(children: int) -> None:
    market = draw_market(children)
    match = solve(market).groups
    line, places = applicants(market), 100
    gone = np.flatnonzero(match >= 0)[:: max(1, children // places)][:places]
    left = np.isin(np.arange(children), gone)
    after = np.where(left, -1, match).astype(np.int32)
    one = _best(2, lambda: fill(line, after, match[gone].tolist(), lambda child, group: bool(left[child]))) / places
    whole = _best(1, rerun, market, left)
    bar(f"a rerun ({whole:.3f} s) / one freed place ({one * 1e3:.2f} ms)", whole / one)


def _bench_peer(children: int) -> None:
    try:
        from matching.games import HospitalResident  # noqa: PLC0415 - a peer for comparison, not needed otherwise
    except ImportError:
        print("PyPI's `matching` is not installed: left out")
        return
    market = draw_market(children)
    wishes, lines = _peer_tables(market)
    capacities = {group: int(market.capacities[int(group)]) for group in lines}
    held: dict[object, list[object]] = {}

    def solve_theirs() -> None:
        game = HospitalResident.create_from_dictionaries(wishes, lines, capacities)
        held.update(game.solve(optimal="resident"))

    theirs = _best(1, _with_deep_stack, solve_theirs)
    match = np.full(children, -1)
    for group, sitting in held.items():
        match[[int(str(child)) for child in sitting]] = int(str(group))
    assert np.array_equal(match, solve(market).groups), "another answer"
    ours = _best(5, solve, market)
    print(f"{children:,} children: `matching` {theirs:.2f} s; ours {ours * 1e3:.1f} ms, the same answer")
    bar("faster than `matching`", theirs / ours, 5000 if children >= _PEER_BAR_FROM else None, at_least=True)


def _with_deep_stack(function: Callable[[], None]) -> None:
    """Run where recursion may go deep: `matching` copies its whole graph recursively."""
    limit, size = sys.getrecursionlimit(), threading.stack_size(1 << 30)
    sys.setrecursionlimit(10_000_000)
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()
    sys.setrecursionlimit(limit)
    threading.stack_size(size)


def _peer_tables(market: Market) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    bounds, groups, line = market.offsets.tolist(), market.groups.tolist(), applicants(market)
    wishes = {str(c): [str(g) for g in groups[bounds[c] : bounds[c + 1]]] for c in range(market.children)}
    starts, children = line.starts.tolist(), line.children.tolist()
    lines = {str(g): [str(c) for c in children[starts[g] : starts[g + 1]]] for g in range(market.capacities.size)}
    return {c: mine for c, mine in wishes.items() if mine}, {g: theirs for g, theirs in lines.items() if theirs}


# --- the plain floor


def as_lists(market: Market) -> tuple[list[list[int]], list[list[int]], list[int]]:
    """Return each child's groups, its standing there, and the capacities, as plain lists."""
    line, standing = applicants(market), np.empty(market.groups.size, np.int64)
    standing[line.entries] = np.arange(line.entries.size)
    cuts = market.offsets[1:-1]
    groups = [part.tolist() for part in np.split(market.groups, cuts)]
    return groups, [part.tolist() for part in np.split(standing, cuts)], market.capacities.tolist()


def heapq_match(wishes: list[list[int]], standings: list[list[int]], capacities: list[int]) -> list[int]:
    """Deferred acceptance as one writes it in plain Python, with a heap per group."""
    held: list[list[tuple[int, int]]] = [[] for _ in capacities]
    following, match = [0] * len(wishes), [-1] * len(wishes)
    for newcomer in range(len(wishes)):
        child = newcomer
        while following[child] < len(wishes[child]):
            at = following[child]
            group = wishes[child][at]
            following[child] = at + 1
            heap = held[group]
            match[child] = group
            if len(heap) < capacities[group]:
                heapq.heappush(heap, (-standings[child][at], child))
                break
            child = heapq.heappushpop(heap, (-standings[child][at], child))[1]
            match[child] = -1
    return match


def _best(runs: int, function: Callable[..., object], *arguments: object) -> float:
    times = []
    for _ in range(runs):
        started = time.process_time()
        function(*arguments)
        times.append(time.process_time() - started)
    return min(times)


def _memory(market: Market) -> float:
    """Return the peak of the input and all that solving adds, as a multiple of the input."""
    tracemalloc.start()
    solve(market)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (market.nbytes + peak) / market.nbytes


if __name__ == "__main__":
    main()

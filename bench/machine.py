"""What every bench says: the processor, its flags, what NumPy dispatches to; how time is taken; each bar as it ends."""

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from qosymsha.domain.allocation import hashing

_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
_TOLD = ("avx", "sse4", "sha_ni", "asimd", "sha2")


def print_machine() -> None:
    """Print the processor with the flags that matter here, NumPy's dispatch, cores and load."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as described:
        told = dict(line.split(":", 1) for line in described if ":" in line)
    fields = {name.strip(): value.strip() for name, value in told.items()}
    flags = fields.get("flags", fields.get("Features", "")).split()
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    print("processor:", fields.get("model name", "?"), "·", *sorted(f for f in flags if f.startswith(_TOLD)))
    print("NumPy", np.__version__, "dispatches to", *extensions["baseline"], *extensions.get("found", []))
    print("switched off:", os.environ.get("NPY_DISABLE_CPU_FEATURES", "nothing"))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: on a busy machine trust cpu, not wall\n")


def bar(name: str, found: float, limit: float | None = None, *, at_least: bool = False) -> None:
    """Print a ratio beside its limit, and whether it is met; without a limit, the ratio alone."""
    told = f"  {name:<52} {found:9,.1f} x"
    if limit is not None:
        is_met = found >= limit if at_least else found <= limit
        told += f"   bar {'>=' if at_least else '<='} {limit:g}: {'met' if is_met else 'NOT MET'}"
    print(told, flush=True)


def second_core() -> float:
    """Return how much longer two SHA-256 loops take side by side than one alone: 1 is a free second core, 2 is none."""
    chunk = bytes(32), bytes(32 * 200_000)
    with hashing.processes(2) as each:
        list(each(hashing.numbers, [chunk] * 4))
        one = least_wall(lambda: list(each(hashing.numbers, [chunk])))
        return least_wall(lambda: list(each(hashing.numbers, [chunk] * 2))) / one


@contextmanager
def pace() -> Iterator[list[float]]:
    """Processor seconds of one and the same small piece of work, four times a second while the block runs.

    A core that is shared with other machines does less in a second of processor time than one that is not. Whoever
    compares two runs divides by the middle of these.
    """
    seen: list[float] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.25):
            start = time.thread_time()
            sum(range(50_000))
            seen.append(time.thread_time() - start)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def told_pace(seen: list[float], best: float) -> str:
    """The speed of a core during a run, in shares of the best speed seen: in the middle, and in its worst tenth."""
    worst = sorted(seen)[int(0.9 * len(seen))]
    return f"a core did {best / statistics.median(seen):.0%} of its best, {best / worst:.0%} in the worst tenth"


def without_avx512(module: str) -> None:
    """Start this bench again without NumPy's AVX-512 code: on AMD Zen 4 its sort is slower than the AVX2 one."""
    if "NPY_DISABLE_CPU_FEATURES" not in os.environ:
        environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": _AVX512}
        os.execve(sys.executable, [sys.executable, "-W", "ignore", "-m", module, *sys.argv[1:]], environment)


def least_cpu(work: Callable[[], object], runs: int = 3) -> float:
    """Return the least processor time of several runs, in seconds."""
    return min(_one(work, time.process_time) for _ in range(runs))


def least_wall(work: Callable[[], object], runs: int = 3) -> float:
    """Return the least wall time of several runs, in seconds."""
    return min(_one(work, time.perf_counter) for _ in range(runs))


def _one(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start

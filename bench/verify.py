"""The verifiers against the plain SHA-256 loop, side by side in one run: `python -m bench.verify --rows 300000`.

The yardstick is a plain loop over the round's rows: `hashlib.sha256(row).digest()` in a list, each row read from
`closed.tsv`, one core. Beside it stands the loop of ALLOCATION.md II.4, `hashlib.sha256(seed + id).digest()` over ids
that lie in memory already. A verifier is timed as a stranger runs it: a new interpreter, all files read, one answer
printed. Its processor time holds all its processes; what two idle cores need is calculated from that, since a busy
machine's wall time does not show it.

Where the goal is out of reach: three loops of hashing (leaves, tree, numbers) and the sums cannot be left out, and a
plain Python step over one row (split, sort, grant, compare) costs as much as its hash where the processor hashes in
hardware (`sha_ni`); there are about ten.
"""

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.folders import city_terms, closed_list, publish
from bench.machine import bar, least_cpu, print_machine, second_core
from qosymsha.domain.allocation.round_terms import Policy, ReserveRule, RoundTerms

VERIFY = Path(__file__).parents[1] / "verify"
GOAL = 4
_SEGMENTS = 40


def kinds(rows: int) -> dict[str, RoundTerms]:
    """Return the rounds that are measured, by name."""
    plain = city_terms(rows, segments=_SEGMENTS)
    return {
        "tiers, three reserves": plain,
        "iterations, three reserves": replace(
            plain, policy=Policy.ITERATIONS, coefficients={1: 5, 2: 4, 3: 3, 4: 2, 5: 1}
        ),
        "tiers, overlapping claims (max)": replace(plain, rule=ReserveRule.MAX),
        "tiers, reserves, nested budgets": city_terms(rows, segments=_SEGMENTS, budgets=True),
    }


def main() -> None:
    """Print what checking a round costs, in plain SHA-256 loops over its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000, help="rows of the closed list (default 300,000)")
    parser.add_argument("--runs", type=int, default=3, help="take the best of so many runs (default 3)")
    asked = parser.parse_args()
    print_machine()
    closed = closed_list(asked.rows, _SEGMENTS)
    ids, seed = [row.tobytes() for row in closed.line_ids], bytes(32)
    print(f"two loops side by side take {second_core():.2f} x one: 1 is a free second core, 2 is none")
    print(f"{asked.rows:,} rows; goal: checked in at most {GOAL} loops. cpu: all processes; wall: on this machine now")
    with tempfile.TemporaryDirectory() as folder:
        for name, terms in kinds(asked.rows).items():
            publish(Path(folder), terms, closed)
            loop = least_cpu(lambda: _over_rows(Path(folder)), 5)
            in_memory = least_cpu(lambda: [hashlib.sha256(seed + ident).digest() for ident in ids], 5)
            print(f"{name}; the loop over rows {loop * 1000:.0f} ms, over ids in memory {in_memory * 1000:.0f} ms")
            spent = sum(_checked(script, Path(folder), loop, asked.runs) for script in ("draw.py", "grant.py"))
            bar("both side by side, two idle cores at best", spent / 2, GOAL)


def _over_rows(folder: Path) -> list[bytes]:
    with (folder / "closed.tsv").open("rb") as rows:
        return [hashlib.sha256(row).digest() for row in rows]


def _checked(script: str, folder: Path, loop: float, runs: int) -> float:
    """Run a verifier, print its times in loops and return its processor time in loops."""
    cpu, wall = min(_timed([sys.executable, "-I", "-S", str(VERIFY / script), str(folder)]) for _ in range(runs))
    bar(f"{script}, by the wall (processor time {cpu / loop:.1f} x)", wall / loop, GOAL)
    return cpu / loop


def _timed(command: list[str]) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


if __name__ == "__main__":
    main()

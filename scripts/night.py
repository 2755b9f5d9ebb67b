"""The long run: named batteries one after another, each with its seed, time and result, in night/report.md and .json.

    make night                                    all of them, with a seed drawn now
    make night ARGS="--only kills --seed 7"       one of them again, as it was played with that seed
    make night ARGS="--list"                      what there is

Ends with 1 when any is red. What a battery said stands in night/<name>.log.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "night"
HOUR = 3600.0
_LAST_LINES = 25
NOT_RUN = 3  # how a battery ends that lacks something here, and says what
_NIGHTLY = {"HYPOTHESIS_PROFILE": "night", "TAMPERINGS": "1000", "WALL": "whole", "LOOKS": "whole", "CLUSTER": "1"}
_PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q")


@dataclass(frozen=True, slots=True)
class Battery:
    """A program that ends with 0 when green; `{seed}` and `{folder}` in its words are filled in."""

    name: str
    shows: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 2 * HOUR  # after that it hangs


@dataclass(frozen=True, slots=True)
class Played:
    """How a battery ended; `status` is None where it was stopped because it took too long."""

    name: str
    shows: str
    seed: int
    green: bool
    status: int | None
    seconds: float
    replay: str
    said: list[str]

    @property
    def word(self) -> str:
        """Its result in a word."""
        return "green" if self.green else "not run" if self.status == NOT_RUN else "RED"


def batteries(workers: str) -> list[Battery]:
    """All of them, in the order they are played."""
    tests = sorted(ROOT.glob("tests/*/test_*.py"))
    sweeps = [str(path.relative_to(ROOT)) for path in tests if "import sweep" in path.read_text(encoding="utf-8")]
    return [
        Battery(
            "kills",
            "100,000 requests through 200 kill -9 and lost commits: nothing oversold, lost, twice",
            (sys.executable, "-m", "tests.faults.battery", "--requests=100000", "--kills=200")
            + ("--seed={seed}", "--report={folder}/kills.json"),
        ),
        Battery(
            "controls",
            "the builds with one control off are red, the product whole is green",
            (*_PYTEST, "tests/faults/test_opening_day.py"),
            {"FAULTS_SEED": "{seed}"},
        ),
        Battery("steps", "killed at every step, the same final state", (*_PYTEST, *sweeps), _NIGHTLY),
        Battery(
            "examples",
            "the whole suite with 2,000 random examples a property and 1,000 tamperings",
            (*_PYTEST, "-n", workers, "--hypothesis-seed={seed}"),
            _NIGHTLY,
            6 * HOUR,
        ),
        Battery(
            "fuzz",
            "every operation as every role, a hundred times each with what no form would send: no 5xx",
            (*_PYTEST, "tests/security/test_operations.py"),
            {"FUZZ": "100", "FUZZ_SEED": "{seed}"},
            4 * HOUR,
        ),
        Battery(
            "schemathesis",
            "the OpenAPI document keeps its word: every operation as every role, 300 cases each, no 5xx",
            (sys.executable, "-m", "tests.security.by_document"),
            {"SCHEMATHESIS": "300", "FUZZ_SEED": "{seed}"},
            6 * HOUR,
        ),
        Battery(
            "parsers",
            "five million inputs, led by branches, through every reader of strangers' bytes; planted faults are found",
            (sys.executable, "-m", "tests.fuzz", "--runs=5000000", "--seed={seed}", "--report={folder}/parsers.json"),
        ),
        Battery(
            "cluster",
            "twenty failovers under load, a stall, two losses at once: nothing acknowledged is lost; the control loses",
            (sys.executable, "-m", "tests.cluster.failover", "--kills=20", "--report={folder}/cluster.json"),
        ),
        Battery(
            "split",
            "a leader cut off in network namespaces refuses writes, nothing is answered twice; the control is",
            (sys.executable, "-m", "tests.cluster.split", "--report={folder}/split.json"),
        ),
        Battery(
            "city",
            "a whole city behind haproxy loses its leader and a node of pages",
            (sys.executable, "-m", "tests.cluster.city", "--report={folder}/city.json"),
        ),
        Battery(
            "disks",
            "ten losses of the server's disk under load lose nothing; the control does",
            (sys.executable, "-m", "tests.faults.disks", "--seed={seed}", "--report={folder}/disks.json"),
        ),
        Battery(
            "full",
            "full disks for tables, log and request log: come back, nothing lost, on again unaided",
            (sys.executable, "-m", "tests.faults.full_disks", "--seed={seed}", "--report={folder}/full_disks.json"),
        ),
        Battery(
            "upgrades",
            "every migration under 150 requests a second and a slow reader: nobody refused; the control stalls",
            (sys.executable, "-m", "tests.faults.upgrades", "--report={folder}/upgrades.json"),
        ),
        Battery(
            "rollback",
            "every migration of the house taken back and played again: nothing left behind, the tables as before",
            (sys.executable, "-m", "tests.faults.rollback", "--report={folder}/rollback.json"),
        ),
        Battery(
            "previous",
            "the version before runs on the tables of this one",
            (sys.executable, "-m", "tests.faults.previous"),
        ),
        Battery("rush", "the opening day in figures", (sys.executable, "-m", "bench.rush")),
        Battery(
            "invariants",
            "every invariant on ten million ledger entries",
            (sys.executable, "-m", "bench.invariants", "--children", "350000"),
        ),
        Battery(
            "demo",
            "a city's year at 20,000 and 200,000 children",
            (sys.executable, str(ROOT / "scripts" / "bench.py"), "20000", "200000"),
            seconds=4 * HOUR,
        ),
    ]


def play(battery: Battery, seed: int, folder: Path) -> Played:
    """Run a battery to its end, its words in a file of its own; all that it started ends with it."""
    words = [word.format(seed=seed, folder=folder) for word in battery.argv]
    env = {name: word.format(seed=seed) for name, word in battery.env.items()}
    began = time.monotonic()
    log = folder / f"{battery.name}.log"
    with open(log, "wb") as said:
        process = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, **env}, stdout=said, stderr=said, process_group=0
        )
        try:
            status: int | None = process.wait(battery.seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(process)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    replay = f'make night ARGS="--only {battery.name} --seed {seed}"'
    seconds = round(time.monotonic() - began, 1)
    return Played(battery.name, battery.shows, seed, status == 0, status, seconds, replay, lines[-_LAST_LINES:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the program clean up; then make sure."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(30)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def run(chosen: Sequence[Battery], seed: int, folder: Path) -> int:
    """Play them, report after each, so that a night cut short is told too; 0 when all are green."""
    folder.mkdir(parents=True, exist_ok=True)
    told: list[Played] = []
    for battery in chosen:
        print(f"{battery.name}: {battery.shows} (seed {seed})", flush=True)
        told.append(play(battery, seed, folder))
        one = told[-1]
        print(f"  {one.word} in {one.seconds:.0f} s", flush=True)
        write(told, len(chosen), folder)
    red = [one.name for one in told if one.word == "RED"]
    print(f"red: {', '.join(red)}" if red else "all green", f"· {folder / 'report.md'}")
    return 1 if red else 0


def write(told: Sequence[Played], wanted: int, folder: Path) -> None:
    """The report of what has been played so far, as a page and as data."""
    head = {"commit": commit(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count()}
    whole = head | {"wanted": wanted, "batteries": [asdict(one) for one in told]}
    (folder / "report.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    rows = [
        f"| {one.name} | {one.shows} | {one.word.replace('RED', '**red**')} | {one.seconds:.0f} | `{one.replay}` |"
        for one in told
    ]
    words = [
        f"\n## {one.name}\n\n```\n" + "\n".join(line.replace("```", "'''") for line in one.said) + "\n```"
        for one in told
    ]
    page = [
        f"# Night of {head['at']}\n",
        f"Commit {head['commit']}, {head['cores']} cores, {len(told)} of {wanted} batteries played.\n",
        "| battery | shows | result | seconds | replay |",
        "|---|---|---|---|---|",
        *rows,
        *words,
    ]
    (folder / "report.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def commit() -> str:
    """What is checked out; a plus where the tree was changed."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="one battery; may be repeated")
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier night, to play it again")
    parser.add_argument("--list", action="store_true", help="name the batteries and end")
    asked = parser.parse_args(argv)
    every = batteries(os.environ.get("WORKERS", "2"))
    unknown = set(asked.only) - {battery.name for battery in every}
    if unknown:
        parser.error(f"no battery {', '.join(sorted(unknown))}; there are {', '.join(b.name for b in every)}")
    if asked.list:
        print("\n".join(f"{battery.name:<12}{battery.shows}" for battery in every))
        return 0
    seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    return run([b for b in every if not asked.only or b.name in asked.only], seed, FOLDER)


if __name__ == "__main__":
    sys.exit(main())

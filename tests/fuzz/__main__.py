"""Every target for its share of the runs, then each once more with a planted fault that must be found.

    python -m tests.fuzz --runs 5000000 --seed 7 --report night/parsers.json
    python -m tests.fuzz --only bank --runs 100000

Ends with 1 where a finding stands or a plant was not found, 3 where atheris is not installed. A finding's bytes are
kept beside the report: `python -m tests.fuzz --again bank FILE` reads them once more, without atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

NOT_RUN = 3
_FOUND = 77
_SECONDS = 3 * 3600
_LAST_LINES = 30
_PLANTED_RUNS = 400_000  # a plant's run ends when it is found; 60,000 once were not enough
_MAZE_RUNS = 4_000_000
_FEWEST = 1_000


@dataclass(frozen=True, slots=True)
class Played:
    """How a target's run ended; `finding`: the bytes (hex) that broke it."""

    name: str
    is_planted: bool
    runs: int
    taken: int
    seconds: float
    is_found: bool
    finding: str
    said: str


def main(argv: Sequence[str] | None = None) -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5_000_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], metavar="TARGET")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--again", nargs=2, metavar=("TARGET", "FILE"), help="read one input and say what comes of it")
    given = parser.parse_args(argv)
    _ready()
    if given.again:
        return again(given.again[0], Path(given.again[1]).read_bytes())
    if find_spec("atheris") is None:
        print("atheris is not installed: pip install --require-hashes -r requirements/night.lock")
        return NOT_RUN
    return play(given)


def _ready() -> None:
    os.environ.setdefault("QOSYMSHA_MODE", "test")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    import django  # noqa: PLC0415 - its settings are named just above

    django.setup()


def again(name: str, content: bytes) -> int:
    """What a target says to these bytes; a finding's traceback ends the program."""
    from tests.fuzz.every import TARGETS  # noqa: PLC0415 - after django.setup()

    print("taken" if TARGETS[name].read(content) else "refused, as documented")
    return 0


def play(given: argparse.Namespace) -> int:
    """All targets and their plants, some at once; the report."""
    from tests.fuzz.every import TARGETS  # noqa: PLC0415 - after django.setup()
    from tests.fuzz.run import MAZE  # noqa: PLC0415 - it needs atheris

    chosen = [one for name, one in TARGETS.items() if not given.only or name in given.only]
    whole = sum(one.share for one in chosen)
    with tempfile.TemporaryDirectory(prefix="qosymsha-fuzz-") as name, ThreadPoolExecutor(given.at_once) as hands:
        folder = Path(name)
        asked = [(one.name, max(_FEWEST, given.runs * one.share // whole), False) for one in chosen]
        asked += [(one.name, _PLANTED_RUNS, True) for one in chosen] + [(MAZE, _MAZE_RUNS, True)]
        waiting = [hands.submit(one_target, folder, *each, given.seed) for each in asked]
        played = [_told(each.result()) for each in waiting]
    red = [one.name for one in played if one.is_found is not one.is_planted]
    blind = [one.name for one in played if not one.is_planted and not one.taken]
    if given.report:
        figures = {"seed": given.seed, "runs": sum(one.runs for one in played), "red": red, "nothing taken": blind}
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text(json.dumps(figures | {"targets": [asdict(one) for one in played]}, indent=1) + "\n")
    print(f"RED: {', '.join([*red, *blind])}" if red or blind else "green")
    return int(bool(red or blind))


def one_target(folder: Path, name: str, runs: int, is_planted: bool, seed: int) -> Played:
    """A process of its own; its corpus begins with the target's seeds."""
    from tests.fuzz.every import TARGETS  # noqa: PLC0415 - after django.setup()

    target = TARGETS.get(name)
    place = folder / f"{name}-{'planted' if is_planted else 'run'}"
    corpus, told = place / "corpus", place / "told"
    corpus.mkdir(parents=True)
    for content in target.seeds() if target else ():
        (corpus / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    words = [sys.executable, "-m", "tests.fuzz.run", name, f"--runs={runs}", f"--seed={seed}", f"--corpus={corpus}"]
    words += [f"--told={told}", f"--longest={target.longest if target else 6}", *(["--plant"] if is_planted else [])]
    words += ["--code", *(target.code if target else ())]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, timeout=_SECONDS, check=False)
    read, taken = struct.unpack("<QQ", told.read_bytes()) if told.exists() else (0, 0)
    kept = sorted(place.glob(f"{name}-*"))
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    raised = next((n for n, line in enumerate(lines) if "Uncaught Python exception" in line), len(lines))
    said = "\n".join(lines[raised : raised + _LAST_LINES])
    is_found = done.returncode != 0
    finding = kept[0].read_bytes().hex() if kept else ""
    return Played(name, is_planted, read, taken, round(time.monotonic() - began, 1), is_found, finding, said)


def _told(one: Played) -> Played:
    kind = "plant" if one.is_planted else "run"
    word = "found" if one.is_found else "nothing found"
    print(f"{one.name:<15}{kind:<6}{one.runs:>9} read {one.taken:>8} taken {one.seconds:>7.1f} s  {word}", flush=True)
    if one.is_found and not one.is_planted:
        print(f"  bytes {one.finding}\n  " + one.said.replace("\n", "\n  "), flush=True)
    return one


if __name__ == "__main__":
    sys.exit(main())

"""BAT-1 (RELIABILITY.md 7): a rush through kills and lost commits, then the verdict.

    python -m tests.faults.battery --requests 5000 --kills 15 --seed 7

Prints the seed, the commit and all figures; ends with 1 when a promise was broken. The same seed on the same commit
gives the same families, keys, wishes, kills and cuts; what the operating system makes of them is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults import stage

Report = dict[str, Any]


def run(asked: argparse.Namespace, folder: Path) -> Report:
    """Set the stage, then have it played."""
    with stage.cluster(folder / "state", asked.ready) as server:
        os.environ |= stage.environment(server.url(stage.DATABASE))
        play = import_module("tests.faults.play")  # only now: Django asks for the database's address when it is loaded
        report: Report = play.run(play.chosen(asked.control, asked.requests), server, folder, asked.seed, asked.kills)
    return report


def is_green(report: Report, kills: int) -> bool:
    """No promise broken, every kill done, no orphan, nothing left undone."""
    return (
        not any(report["findings"].values())
        and sum(report["kills"].values()) == kills
        and not report["fault of the killer"]
        and not report["orphans on the port"]
    )


def commit() -> str:
    """What is checked out, for a replay; a plus where the tree was changed."""
    answer = subprocess.run(["git", "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="qosymsha-day-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server's user must reach its own folders inside
        yield folder


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A rush through kills and lost commits")
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=None, help="replays a run of the same commit")
    parser.add_argument("--control", default="", help="a build of tests/faults/controls.py")
    parser.add_argument("--ready", type=Path, default=None, help="folder of a migrated cluster, made if need be")
    parser.add_argument("--child", action="store_true", help="end when the program that started this one has ended")
    parser.add_argument("--report", type=Path, default=None, help="file for the figures as JSON")
    asked = parser.parse_args(argv)
    asked.seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    if asked.control:
        asked.kills = 0
    return asked


def main(argv: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Run, print, write; 0 when green."""
    asked = _arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    if asked.child:
        stage.end_with_parent()
    began = time.monotonic()
    head = {"seed": asked.seed, "commit": commit(), "requests": asked.requests, "control": asked.control}
    say(f"battery {head}")
    with _folder() as folder:
        report = head | run(asked, folder)
    report["whole run"] = round(time.monotonic() - began, 1)
    report["green"] = is_green(report, asked.kills)
    if asked.report is not None:
        asked.report.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    for name, value in report.items():
        if name != "log" or not report["green"]:
            say(f"  {name}: {value}")
    return 0 if report["green"] else 1


if __name__ == "__main__":
    sys.exit(main())

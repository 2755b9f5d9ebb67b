"""Full disks under load, each on a small one of its own: a clean "come back", nothing lost, and on again unaided.

    python -m tests.faults.full_disks --report night/full_disks.json
    python -m tests.faults.full_disks --only wal

`data`: where the tables are, and the papers that families upload: some are sent all the while. `wal`: the log of the
database, on a disk of its own. `requests`: the request log of the pages, which stops no page. Families file and take
places meanwhile; once a third is through, the disk is filled to the last byte, until a hundred were told to come back
(the request log: until two hundred were answered all the same); then it is freed. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from qosymsha.runtime.postgres import Server, running
from qosymsha.runtime.processes import wait_until
from tests.faults import stage

DISKS = ("data", "wal", "requests")
_MEGABYTES = {"data": 400, "wal": 128, "requests": 1}
_TOLD_TO_COME_BACK, _ANSWERED_ALL_THE_SAME = 100, 200
_PATIENCE = 60.0
_PAPERS = 600
Report = dict[str, Any]


def why_not() -> str:
    """Why no disk can be made here; empty where it can."""
    if os.geteuid() != 0:
        return "NOT RUN: only root mounts a disk"
    with tempfile.TemporaryDirectory() as name:
        done = subprocess.run(["mount", "-t", "tmpfs", "none", name], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"NOT RUN: no disk can be mounted here: {done.stderr.strip()}"
        subprocess.run(["umount", name], check=True)
    return ""


@contextmanager
def disk(at: Path, megabytes: int) -> Iterator[Path]:
    """A small disk in memory."""
    at.mkdir(mode=0o711, parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "none", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(where: Path) -> Path:
    """Take every byte that is left."""
    ballast = where / "ballast"
    with open(ballast, "ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)
    with open(ballast, "ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    return ballast


def filling(where: Path, url: str, third: int, said: Report) -> Callable[[Any], None]:
    """What happens beside the families: the disk is full for a while."""

    def meanwhile(crowd: Any) -> None:
        papers = import_module("tests.faults.papers") if where.name == "data" else None
        senders = papers.Senders(crowd._city, crowd._city.applicants[-_PAPERS:]) if papers else None
        if senders:
            senders.start()
        wait_until(lambda: crowd.settled >= third, 300)
        before, answered = crowd.statuses[503], crowd.settled
        ballast = fill(where)
        began = time.monotonic()
        if where.name == "wal":
            _use_up_the_log(url)

        def was_seen() -> bool:
            if where.name == "requests":
                return bool(crowd.settled - answered >= _ANSWERED_ALL_THE_SAME)
            return bool(crowd.statuses[503] - before >= _TOLD_TO_COME_BACK)

        said["was seen"] = wait_until(was_seen, _PATIENCE)
        settled = crowd.settled
        ballast.unlink()
        freed = time.monotonic()
        said["full for, s"] = round(freed - began, 1)
        said["went on"] = wait_until(lambda: crowd.settled > settled + 20, _PATIENCE)
        said["answered again after, s"] = round(time.monotonic() - freed, 1)
        if papers and senders:
            senders.finish()
            said["papers"] = papers.judged(senders)

    return meanwhile


def _use_up_the_log(url: str) -> None:
    """Begin new segments until there is no room for one more; the server may fall over that, which is the point."""
    with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as line:
        for _ in range(100):
            line.execute("SELECT pg_logical_emit_message(false, 'ballast', repeat('x', 100000)), pg_switch_wal()")


@contextmanager
def cluster(folder: Path, ready: Path, small: Path, what: str) -> Iterator[Server]:
    """A server whose tables, or whose log, stand on the small disk."""
    stage._make_ready(ready)
    state = folder / "state"
    state.mkdir()
    place = small / "data" if what == "data" else folder / "tables"
    log = small / "pg_wal" if what == "wal" else folder / "wal-elsewhere"
    subprocess.run(["cp", "-a", str(ready / "data"), str(place)], check=True)
    subprocess.run(["cp", "-a", str(place / "pg_wal"), str(log)], check=True)
    subprocess.run(["rm", "-r", str(place / "pg_wal")], check=True)
    (place / "pg_wal").symlink_to(log)
    place.rename(state / "data") if what != "data" else _bind(place, state / "data")
    try:
        with running(state, durable=True) as server:
            yield server
    finally:
        if what == "data":
            subprocess.run(["umount", "--lazy", str(state / "data")], check=True)


def _bind(place: Path, at: Path) -> None:
    at.mkdir(mode=0o700)
    subprocess.run(["mount", "--bind", str(place), str(at)], check=True)


def play(what: str, families: int, seed: int, ready: Path) -> Report:
    """One disk, filled and freed."""
    said: Report = {}
    with tempfile.TemporaryDirectory(prefix="qosymsha-full-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with disk(folder / what, _MEGABYTES[what]) as small, cluster(folder, ready, small, what) as server:
            url = server.url(stage.DATABASE)
            os.environ |= stage.environment(url)
            os.environ["QOSYMSHA_REQUEST_LOG"] = str(small if what == "requests" else folder / "log-of-requests")
            player = import_module("tests.faults.play")  # only now: Django asks for the address when it is loaded
            planned = replace(player.opening_day(families), meanwhile=filling(small, url, families // 3, said))
            report: Report = player.run(planned, server, folder, seed, 0)
            from django.db import connections  # noqa: PLC0415 - once its settings may be read

            connections.close_all()
    statuses = report["statuses"]
    said |= {"statuses": statuses, "keys": report["keys"], "findings": report["findings"]}
    said["green"] = (
        not any(report["findings"].values())
        and said["was seen"]
        and said["went on"]
        and said.get("papers", {"green": True})["green"]
        and not [status for status in statuses if status.startswith("5") and status != "503"]
    )
    if not said["green"]:
        said["log"] = report["log"][-4000:]
    return said


def _apart(what: str, asked: argparse.Namespace, ready: Path) -> Report:
    """In a process of its own: Django learns its database's address once."""
    report = ready.parent / f"{what}.json"
    words = ["--only", what, "--families", str(asked.families), "--seed", str(asked.seed)]
    argv = [sys.executable, "-m", "tests.faults.full_disks", *words, "--ready", str(ready), "--report", str(report)]
    subprocess.run(argv, check=False)
    told: Report = json.loads(report.read_text("utf-8"))[what] if report.exists() else {"green": False}
    return told


def main() -> int:
    """Play each, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=DISKS, action="append")
    parser.add_argument("--families", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ready", type=Path, help="folder of a migrated cluster, made if need be")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 3
    told: Report = {}
    with tempfile.TemporaryDirectory(prefix="qosymsha-ready-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        ready = asked.ready or Path(name) / "ready"
        for what in asked.only or DISKS:
            alone = asked.only is not None and len(asked.only) == 1
            told[what] = play(what, asked.families, asked.seed, ready) if alone else _apart(what, asked, ready)
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        asked.report.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    red = [what for what, one in told.items() if not one["green"]]
    print(f"RED: {', '.join(red)}" if red else "green")
    return int(bool(red))


if __name__ == "__main__":
    sys.exit(main())

"""The primary's disk is lost under load, again and again; what was received brings back all that was answered.

    python -m tests.faults.disks --losses 10 --report night/disks.json

One machine, two disks: `qosymsha backup receive --strict` on the second. Each loss comes at a random moment; what is
restored is the city that is lost next. The last round is the control: nobody waits for the receiver, rows are lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from qosymsha.runtime import backups, postgres
from qosymsha.runtime.places import places_of
from qosymsha.runtime.processes import wait_until

_BALLAST = "CREATE TABLE IF NOT EXISTS told (i bigint PRIMARY KEY, what text NOT NULL)"
_WRITERS = 3


@dataclass(frozen=True)
class Loss:
    """One loss of a disk: how much was answered before, how much of it is gone, seconds until the next city stood."""

    is_strict: bool
    acknowledged: int
    lost: int
    restore_seconds: float


class Writers:
    """Threads that insert until the server is gone; `told`: every row that was answered, of all rounds."""

    def __init__(self, url: str, first: int) -> None:
        self.told: list[int] = []
        self._url, self._next, self._lock = url, first, threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(_WRITERS)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _write(self) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                while not self._stopped.is_set():
                    with self._lock:
                        self._next += 1
                        mine = self._next
                    connection.execute("INSERT INTO told VALUES (%s, repeat('x', 200))", [mine])
                    self.told.append(mine)
        except psycopg.Error:
            return


@contextmanager
def receiving(url: str, folder: Path, *, is_strict: bool) -> Iterator[subprocess.Popen[bytes]]:
    """The receiver of the log at work; where strict, the server waits for it from then on."""
    receiver = subprocess.Popen(backups.receiver(url, folder), stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: backups.received(url)[0], 60), "the receiver receives"
        backups.wait_for_receiver(url, is_strict=is_strict)
        yield receiver
    finally:
        receiver.send_signal(signal.SIGCONT)
        receiver.terminate()
        receiver.wait(60)


def lose_the_disk(state: Path) -> None:
    """The machine dies: its keeper first, so that nothing starts the server again; then its disk is gone."""
    postmaster = postgres.postmaster_pid(state)
    assert postmaster is not None, "the city stands"
    os.kill(int(places_of(state).keeper.read_text(encoding="ascii")), signal.SIGKILL)
    os.kill(postmaster, signal.SIGKILL)
    assert wait_until(lambda: postgres.postmaster_pid(state) is None, 60), "the server is gone"
    shutil.rmtree(state / "data")


def lose(state: Path, backup: Path, following: Path, known: set[int], *, is_strict: bool) -> Loss:
    """Play one loss in `state`, restore into `following`; `known` grows by what was answered."""
    with postgres.running(state) as server:
        url = server.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_BALLAST)
            # What was written and not answered may have come back too.
            (last,) = connection.execute("SELECT coalesce(max(i), 0) FROM told").fetchone() or (0,)
        with receiving(url, backup, is_strict=is_strict) as receiver:
            backups.take(url, backup)
            with Writers(url, last) as writers:
                assert wait_until(lambda: len(writers.told) > 200, 60), "somebody is answered"
                time.sleep(random.random())
                if not is_strict:
                    receiver.send_signal(signal.SIGSTOP)
                    before = len(writers.told)
                    assert wait_until(lambda: len(writers.told) > before + 50, 60), "answered without a copy"
                    receiver.kill()  # what its socket holds it never wrote
                lose_the_disk(state)
            known |= set(writers.told)
    began = time.monotonic()
    backups.restore(backup, following)
    with postgres.running(following) as server:
        seconds = time.monotonic() - began
        with psycopg.connect(server.url("postgres")) as connection:
            found = {row[0] for row in connection.execute("SELECT i FROM told")}
    return Loss(is_strict, len(writers.told), len(known - found), round(seconds, 2))


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    random.seed(asked.seed)
    known: set[int] = set()
    played: list[Loss] = []
    with tempfile.TemporaryDirectory(prefix="qosymsha-disks-", ignore_cleanup_errors=True) as name:
        top = Path(name)
        top.chmod(0o711)
        for n in range(asked.losses + 1):
            is_strict = n < asked.losses
            played.append(lose(top / f"city{n}", top / f"backup{n}", top / f"city{n + 1}", known, is_strict=is_strict))
            print(f"{n + 1:3}{'' if is_strict else ' CONTROL'}: {played[-1]}", flush=True)
    lost = sum(one.lost for one in played[:-1])
    is_green = lost == 0 and played[-1].lost > 0
    slowest = max(one.restore_seconds for one in played)
    print(f"{len(known):,} answered, {lost} lost in {asked.losses} losses; a city stood after {slowest:.1f} s at most")
    print(f"control lost {played[-1].lost}: {'green' if is_green else 'RED'}")
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        told = {"losses": [asdict(one) for one in played], "lost": lost, "load": round(os.getloadavg()[0], 1)}
        asked.report.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return int(not is_green)


if __name__ == "__main__":
    sys.exit(main())

"""Every migration under load with a reader in the way: nobody is refused, nobody waits long. The control stalls them.

    python -m tests.faults.upgrades --report night/upgrades.json
    python -m tests.faults.upgrades --only people.0008_stopped_assistance --reader 8

From an empty database up, in the order an upgrade plays them. At each one a reader holds every table that is there for
eight seconds (or until the migration is through), and 150 requests a second ask tables at random: half read, half take
the lock of a write. A request's seconds count from its planned time, so a stall cannot hide. Open loop.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest.mock import patch

import psycopg
from psycopg import sql

from qosymsha.runtime import postgres

RATE, READER_SECONDS, BAR_SECONDS = 150, 8.0, 1.0
CONTROL = ("people", "0008_stopped_assistance")  # takes a constraint off a table in use, puts another on
_CLIENTS = 24
# Dropped by the queue's own history, which is older than the house: no version of ours has ever asked it.
_OLDER = "procrastinate_job_locks"
_TABLES = f"""
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname NOT IN ('django_migrations', '{_OLDER}')
 ORDER BY 1"""


@dataclass(frozen=True)
class Played:
    """A migration: seconds until it was through, requests meanwhile, some that were refused, the slow end of them.

    `p99` is that of the table that suffered most: over all tables the one in use would drown.
    """

    name: str
    seconds: float
    requests: int
    errors: list[str]
    p99: float
    longest: float

    @property
    def is_green(self) -> bool:
        """Nobody refused, nobody kept waiting."""
        return not self.errors and self.p99 <= BAR_SECONDS


@dataclass
class Traffic:
    """Requests at planned times on tables at random: what each waited, what was refused."""

    url: str
    tables: Sequence[str]
    waits: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _turn: Iterator[int] = field(default_factory=itertools.count)
    _threads: list[threading.Thread] = field(default_factory=list)
    _begun: float = 0.0

    def __enter__(self) -> Traffic:
        self._begun = time.monotonic()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(_CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c lock_timeout=3s -c statement_timeout=10s") as line:
            while not self._stopped.is_set():
                turn = next(self._turn)
                planned = self._begun + turn / RATE
                if self._stopped.wait(max(0.0, planned - time.monotonic())):
                    return
                table = sql.SQL(self.tables[turn * 7919 % len(self.tables)])  # type: ignore[arg-type]
                try:
                    if turn % 2:
                        line.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table))
                    else:
                        with line.transaction():
                            line.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(table))
                except psycopg.Error as error:
                    self.errors.append(f"{table.as_string()}: {error}".strip())
                self.waits.setdefault(table.as_string(), []).append(time.monotonic() - planned)


@contextmanager
def reader(url: str, tables: Sequence[str], seconds: float) -> Iterator[threading.Event]:
    """Somebody who reads every table in one transaction and takes their time; the event ends them early."""
    holds, ended = threading.Event(), threading.Event()

    def read() -> None:
        with psycopg.connect(url, application_name="a slow reader") as line:
            for table in tables:
                line.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.SQL(table)))  # type: ignore[arg-type]
            holds.set()
            ended.wait(seconds)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert holds.wait(60), "the reader reads"
    try:
        yield ended
    finally:
        ended.set()
        thread.join(60)


def tables_of(url: str) -> list[str]:
    """The tables that are there, partitions by their parents."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(_TABLES).fetchall()]


def play(url: str, target: tuple[str, str], seconds: float) -> Played:
    """Play one migration that the database lacks under traffic with a reader in the way."""
    from qosymsha.interfaces.cli import migrating  # noqa: PLC0415 - once Django is set up

    tables = tables_of(url)
    with Traffic(url, tables) as traffic, reader(url, tables, seconds):
        began = time.monotonic()
        migrating._patiently(target, 120)
        took = time.monotonic() - began
        time.sleep(0.3)  # those who stood behind it are counted
    p99 = max((_p99(waits) for waits in traffic.waits.values()), default=0.0)
    longest = max((max(waits) for waits in traffic.waits.values()), default=0.0)
    asked = sum(map(len, traffic.waits.values()))
    return Played(".".join(target), round(took, 2), asked, traffic.errors[:5], round(p99, 3), round(longest, 3))


def _p99(waits: list[float]) -> float:
    return sorted(waits)[min(len(waits) - 1, int(len(waits) * 0.99))]


@contextmanager
def city() -> Iterator[str]:
    """A server that waits for its disk, with an empty database; Django is connected to it."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-upgrades-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with postgres.running(Path(name) / "state") as server:
            postgres.create_database(server, "upgrades")
            url = server.url("upgrades")
            os.environ |= {
                "DATABASE_URL": url,
                "QOSYMSHA_MODE": "test",
                "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
            }
            import django  # noqa: PLC0415 - its settings read the address

            django.setup()
            yield url
            from django.db import connections  # noqa: PLC0415 - see above

            connections.close_all()


def _played_all(url: str, seconds: float) -> list[Played]:
    """Every migration, from nothing up."""
    from qosymsha.interfaces.cli import migrating  # noqa: PLC0415 - once Django is set up

    played = []
    for target in migrating.missing():
        if not tables_of(url):
            migrating._patiently(target, 120)
            continue
        played.append(play(url, target, seconds))
        _say(played[-1])
    return played


def once_more(url: str, target: tuple[str, str], seconds: float, lock_wait: str | None = None) -> Played:
    """One migration of a database that has all: taken back (with what needs it), and played again."""
    from qosymsha.interfaces.cli import migrating  # noqa: PLC0415 - once Django is set up

    migrating.bring_up_to_date()
    migrating.take_back(target[0], _before(*target))
    with patch.object(migrating, "LOCK_WAIT", lock_wait or migrating.LOCK_WAIT):
        found = play(url, target, seconds)
    _say(found)
    return found


def _say(one: Played) -> None:
    word = "" if one.is_green else "  RED"
    print(f"{one.name:<46}{one.seconds:6.1f} s  p99 {one.p99:.3f} s of {one.requests}{word}", flush=True)


def _before(room: str, name: str) -> str:
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - once Django is set up

    names = sorted(found for label, found in MigrationLoader(None).disk_migrations if label == room)
    at = names.index(name)
    return names[at - 1] if at else "zero"


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ROOM.NAME")
    parser.add_argument("--reader", type=float, default=READER_SECONDS, help="seconds the reader holds every table")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    random.seed(0)
    with city() as url:
        one = tuple(asked.only.split(".")) if asked.only else ()
        played = [once_more(url, (one[0], one[1]), asked.reader)] if one else _played_all(url, asked.reader)
        # The control: without the short wait everybody stands behind the migration, and it behind the reader.
        stalled = once_more(url, CONTROL, asked.reader, lock_wait="0")
    red = [one.name for one in played if not one.is_green]
    slowest = max((one.p99 for one in played), default=0.0)
    print(f"{len(played)} migrations, {sum(len(one.errors) for one in played)} refused, p99 at most {slowest:.3f} s")
    print(f"control, without short waits: p99 {stalled.p99:.3f} s, {len(stalled.errors)} and more refused")
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        told = {"played": [asdict(one) for one in played], "control": asdict(stalled), "red": red}
        asked.report.write_text(json.dumps(told | {"load": round(os.getloadavg()[0], 1)}, indent=1) + "\n", "utf-8")
    print(f"RED: {', '.join(red)}" if red else "the control is green" if stalled.is_green else "green")
    return int(bool(red) or stalled.is_green)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())

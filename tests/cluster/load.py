"""Writers that never stop, and what they were told: each row has its key, and an unclear answer is asked for again.

A repeat writes before it is acknowledged (RELIABILITY.md 2, row 8): were it only looked up, a standby that stalled
could lose what the family was told twice.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field

import psycopg

from tests.cluster.loopback import Cluster

_TABLE = """
CREATE TABLE IF NOT EXISTS told (writer int, turn int, tries int NOT NULL DEFAULT 1, PRIMARY KEY (writer, turn));
TRUNCATE told"""
_WRITE = """
INSERT INTO told (writer, turn) VALUES (%s, %s) ON CONFLICT (writer, turn) DO UPDATE SET tries = told.tries + 1"""
_PAUSE = 0.005


@dataclass
class Load:
    """Writers on a cluster: `acknowledged` (writer, turn) in the order of the answers, with their instants."""

    cluster: Cluster
    writers: int = 3
    by: dict[str, object] = field(default_factory=dict)  # another way to the leader than by all nodes
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        """Make the table anew, and start."""
        with self.cluster.connect() as connection:
            connection.execute(_TABLE)
        self._threads = [threading.Thread(target=self._write, args=(n,), daemon=True) for n in range(self.writers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; an answer that is still awaited is awaited."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def gap(self, since: float) -> float:
        """The longest time without an acknowledgement since an instant of `time.monotonic`, seconds."""
        instants = [since, *(at for at in list(self.at) if at >= since), time.monotonic()]
        return max(later - earlier for earlier, later in itertools.pairwise(instants))

    def lost(self) -> set[tuple[int, int]]:
        """What was acknowledged and does not stand in the database."""
        told = set(self.acknowledged)
        with self.cluster.connect() as connection:
            return told - set(connection.execute("SELECT writer, turn FROM told").fetchall())

    def _write(self, writer: int) -> None:
        connection: psycopg.Connection | None = None
        for turn in itertools.count():
            while not self._stopped.is_set():
                try:
                    connection = connection or self.cluster.connect(**self.by)
                    connection.execute(_WRITE, (writer, turn))
                except psycopg.Error:
                    connection = _closed(connection)
                    time.sleep(0.05)
                else:
                    self.acknowledged.append((writer, turn))
                    self.at.append(time.monotonic())
                    break
            if self._stopped.wait(_PAUSE):
                break
        _closed(connection)


def _closed(connection: psycopg.Connection | None) -> None:
    if connection is not None:
        connection.close()

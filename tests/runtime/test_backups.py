"""A lost disk loses nothing that was acknowledged; any second comes back. Control: without waiting, rows are lost."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from qosymsha.runtime import backups, postgres
from qosymsha.runtime.errors import EnvironmentFault
from tests.faults.disks import lose_the_disk, receiving

pytestmark = pytest.mark.fault


@pytest.fixture
def top() -> Iterator[Path]:
    """Not pytest's folder: that is closed to the server's user again by whoever starts pytest next."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _rows(state: Path) -> set[int]:
    with postgres.running(state, durable=False) as server, psycopg.connect(server.url("postgres")) as connection:
        return {row[0] for row in connection.execute("SELECT i FROM told")}


def _found(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE told (i int PRIMARY KEY)")


def test_the_loss_of_the_disk_loses_nothing_acknowledged_and_any_second_comes_back(top: Path) -> None:
    state, folder = top / "city", top / "backup"
    with postgres.running(state) as server:
        url = server.url("postgres")
        _found(url)
        with receiving(url, folder, is_strict=True):
            base = backups.take(url, folder)
            time.sleep(1.1)  # a base copy restores from its next second on
            with psycopg.connect(url, autocommit=True) as connection:
                for i in range(300):
                    connection.execute("INSERT INTO told VALUES (%s)", [i])
                    if i == 120:
                        row = connection.execute("SELECT clock_timestamp()").fetchone()
                        assert row is not None
                        middle = row[0]
            lose_the_disk(state)
    backups.restore(folder, top / "whole")
    assert _rows(top / "whole") == set(range(300))
    backups.restore(folder, top / "middle", middle)
    assert _rows(top / "middle") == set(range(121))
    with pytest.raises(EnvironmentFault, match="no base copy made before"):
        backups.restore(folder, top / "early", base.since - timedelta(seconds=5))
    with pytest.raises(EnvironmentFault, match="exists"):
        backups.restore(folder, top / "whole")


def test_a_server_that_does_not_wait_for_the_receiver_loses_rows_with_its_disk(top: Path) -> None:
    """The control: the receiver stalls, the server answers all the same, and the disk is gone."""
    state, folder = top / "city", top / "backup"
    with postgres.running(state) as server:
        url = server.url("postgres")
        _found(url)
        with receiving(url, folder, is_strict=False) as receiver:
            backups.take(url, folder)
            receiver.send_signal(signal.SIGSTOP)
            with psycopg.connect(url, autocommit=True) as connection:
                for i in range(50):
                    connection.execute("INSERT INTO told VALUES (%s)", [i])
            receiver.kill()  # what its socket holds it never wrote
            lose_the_disk(state)
    backups.restore(folder, top / "whole")
    assert _rows(top / "whole") < set(range(50))


def test_old_copies_and_their_log_are_removed_and_what_is_needed_stays(tmp_path: Path) -> None:
    for name, first in (("base-20260101T000000Z", 2), ("base-20260201T000000Z", 5), ("base-20260301T000000Z", 9)):
        (tmp_path / name).mkdir()
        label = f"START WAL LOCATION: 0/{first}000028 (file 0000000100000000{first:08X})\n"
        (tmp_path / name / "backup_label").write_text(label, "utf-8")
    (tmp_path / "wal").mkdir()
    for n in range(1, 12):
        (tmp_path / "wal" / f"0000000100000000{n:08X}").touch()
    removed = backups.prune(tmp_path, datetime(2026, 2, 10, tzinfo=UTC))
    assert [path.name for path in removed] == [
        "base-20260101T000000Z",
        *(f"0000000100000000{n:08X}" for n in range(1, 5)),
    ]
    assert [one.since.month for one in backups.bases(tmp_path)] == [2, 3]
    assert backups.prune(tmp_path, datetime(2026, 2, 10, tzinfo=UTC)) == []

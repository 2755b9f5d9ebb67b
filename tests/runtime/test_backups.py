"""A lost disk loses nothing that was acknowledged; any second comes back. Control: without waiting, rows are lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from qosymsha.runtime import backups, postgres
from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.places import places_of
from qosymsha.runtime.processes import end_groups, wait_until
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


def test_a_leader_without_our_slot_is_received_from_all_the_same(top: Path) -> None:
    """A cluster's new leader knows no slot of ours, and Patroni drops it where nobody holds it."""
    folder, other = top / "backup", top / "other"
    with postgres.running(top / "city", durable=False) as server:
        url = server.url("postgres")
        argv = [sys.executable, "-m", "qosymsha.runtime.receiving", url, str(folder)]
        receiver = subprocess.Popen(argv, stderr=subprocess.DEVNULL, process_group=0)
        try:
            assert wait_until(lambda: (folder / "wal").is_dir() and backups.received(url)[0], 60)
            with psycopg.connect(url, autocommit=True) as connection:
                assert wait_until(lambda: _dropped(connection), 30)
            other.mkdir()  # the control: pg_receivewal by itself makes no slot, in its loop it asks for ever
            alone = [str(find_binaries(places_of(top / "city")).folder / "pg_receivewal"), "--no-loop", "--slot=none"]
            asked = subprocess.run([*alone, f"--dbname={url}", f"--directory={other}"], capture_output=True, text=True)
            assert (asked.returncode, "does not exist" in asked.stderr) == (1, True), asked.stderr
            assert wait_until(lambda: backups.received(url)[0], 60)
        finally:
            end_groups([receiver.pid], 5.0)
            receiver.wait(30)


def _dropped(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        connection.execute("SELECT pg_drop_replication_slot(%s)", [backups.SLOT])
    except psycopg.Error:  # whoever held it is on its way out
        return False
    return True


@pytest.mark.skipif(os.environ.get("CLUSTER") != "1", reason="NOT RUN: ten seconds of servers; CLUSTER=1, the night")
def test_a_copy_of_a_clusters_server_stands_without_its_certificates_its_passwords_and_its_superuser(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three nodes are gone: the city is served from the copies, where none of the cluster's own files are."""
    folder = top / "backup"
    with postgres.running(top / "city", durable=False) as server:
        url = server.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE postgres SUPERUSER LOGIN REPLICATION")
        as_postgres = url.replace("qosymsha@", "postgres@")
        with psycopg.connect(as_postgres, autocommit=True) as connection:  # as deploy/cluster/roles.sql leaves it
            connection.execute("ALTER ROLE qosymsha RENAME TO first")
            connection.execute("CREATE ROLE qosymsha LOGIN")
            connection.execute("CREATE TABLE told AS SELECT 7 AS i")
        base = backups.take(as_postgres, folder)
    (base.path / "postgresql.conf").write_text("ssl = on\nssl_cert_file = '/etc/qosymsha/database.pem'\n", "utf-8")
    (base.path / "pg_hba.conf").write_text("hostssl all all 10.0.0.0/8 cert\nlocal all all scram-sha-256\n", "utf-8")
    backups.restore(folder, top / "whole")
    with postgres.running(top / "whole", durable=False) as server:
        backups.own(server)
        postgres.create_database(server, "another")
        assert backups.own(server) is None  # type: ignore[func-returns-value]  # again: nothing to do
        with psycopg.connect(server.url("postgres")) as connection:
            assert connection.execute("SELECT i FROM told").fetchone() == (7,)
    assert "ssl = on" in (top / "whole" / "data" / "postgresql.conf.before").read_text("utf-8")
    monkeypatch.setattr(backups, "_forget_its_machine", lambda half: None)  # the control
    backups.restore(folder, top / "as it was")
    with pytest.raises(EnvironmentFault), postgres.running(top / "as it was", durable=False):
        pass


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

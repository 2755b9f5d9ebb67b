"""Backups: a base copy and every byte of log since, so that any second comes back, in a folder best on another disk.

    <folder>/base-20261122T080000Z/   a whole copy, verified as it was made; named by the first second it can restore
    <folder>/wal/                     the log as it is written: segments, the open one as `.partial`

The log is received while it is written (`pg_receivewal --synchronous`). Where the server waits for the receiver before
it answers (`strict`), the loss of its disk loses nothing that anybody was told. For the embedded server and one's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.cluster import SUPERUSER
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.faults import fault_from
from qosymsha.runtime.places import Places, places_of, prepare
from qosymsha.runtime.postgres import Server

SLOT = "qosymsha_backup"  # the slot and the name by which the server knows the receiver
_STAMP = "%Y%m%dT%H%M%SZ"
_SEGMENT = re.compile(r"([0-9A-F]{24})(\.partial)?\Z")
_START = re.compile(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")
_RECOVERY = """
# Written by `qosymsha backup`: replay the received log, then stand on one's own feet.
restore_command = 'cp "{wal}/%f" "%p"'
recovery_target_timeline = 'latest'
recovery_target_action = 'promote'
hot_standby = off
archive_mode = off
synchronous_standby_names = ''
primary_conninfo = ''
"""
# What `initdb` gives the embedded server: whoever reaches its private socket.
_CALLERS = "local all all trust\nlocal replication all trust\n"
_LETS_US_IN = re.compile(r"^local\s+all\s+all\s+trust\b", re.MULTILINE)
_OURS = sql.Identifier(SUPERUSER)
_ANOTHERS = "postgres"  # the superuser of a cluster (deploy/cluster) and of most servers


@dataclass(frozen=True, slots=True)
class Base:
    """A base copy: where it stands, the first second it can restore, the first segment of log it needs."""

    path: Path
    since: datetime
    first: str


def bases(folder: Path) -> list[Base]:
    """The base copies of a folder, the oldest first."""
    found = []
    for path in sorted(folder.glob("base-*Z")):
        label = (path / "backup_label").read_text("utf-8", errors="replace")
        start = _START.search(label)
        if start is not None:
            since = datetime.strptime(path.name.removeprefix("base-"), _STAMP).replace(tzinfo=UTC)
            found.append(Base(path, since, start[1]))
    return found


def take(url: str, folder: Path) -> Base:
    """Copy the whole server while it runs, check every file of the copy, and only then give it its name.

    Raises:
        EnvironmentFault: the server refuses, the disk is full, the copy is not what was sent.
    """
    _own(folder)
    half = folder / "base.half"
    shutil.rmtree(half, ignore_errors=True)
    arguments = ["--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password"]
    _run("pg_basebackup", f"--dbname={url}", f"--pgdata={half}", *arguments, where=folder)
    _run("pg_verifybackup", "--quiet", str(half), where=folder)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT date_trunc('second', clock_timestamp()) + interval '1 second'").fetchone()
    assert row is not None
    path = folder / f"base-{row[0].astimezone(UTC):{_STAMP}}"
    half.rename(path)
    return next(one for one in bases(folder) if one.path == path)


def receiver(url: str, folder: Path) -> list[str]:
    """The command that receives the log into `folder`/wal until it is ended; what it owns up to is on its disk.

    Raises:
        EnvironmentFault: the server does not let us make the slot that keeps the log for us.
    """
    _own(folder / "wal")
    with _told(folder), psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).fetchone()
        if known is None:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
    parted = "&" if "?" in url else "?"
    program = str(find_binaries(places_of()).folder / "pg_receivewal")
    return [
        *(program, f"--dbname={url}{parted}application_name={SLOT}", f"--directory={folder / 'wal'}"),
        *("--synchronous", f"--slot={SLOT}", "--no-password", "--status-interval=2"),
    ]


def wait_for_receiver(url: str, *, is_strict: bool) -> None:
    """Have the server wait for the receiver before it answers (`is_strict`), or no longer.

    Raises:
        EnvironmentFault: the server does not allow it.
    """
    with _told(Path()), psycopg.connect(url, autocommit=True) as connection:
        setting = f"SET synchronous_standby_names = '{SLOT}'" if is_strict else "RESET synchronous_standby_names"
        connection.execute(f"ALTER SYSTEM {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")


def received(url: str) -> tuple[bool, int]:
    """Whether the receiver is at work, and how many bytes of log the server holds that it has not yet got."""
    with _told(Path()), psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT s.active, pg_wal_lsn_diff(pg_current_wal_flush_lsn(), coalesce(r.flush_lsn, s.restart_lsn))::bigint"
            "  FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid"
            " WHERE s.slot_name = %s",
            [SLOT],
        ).fetchone()
    return (False, 0) if row is None else (bool(row[0]), int(row[1] or 0))


def restore(folder: Path, state: Path, at: datetime | None = None) -> Places:
    """Lay out a server in an empty state folder that stands, once started, as it stood at an instant; None: at the end.

    Raises:
        EnvironmentFault: no base copy is as old, or the folder is not empty.
    """
    base = next((one for one in reversed(bases(folder)) if at is None or one.since <= at), None)
    if base is None:
        raise EnvironmentFault(
            f"{folder} holds no base copy made before that instant: `qosymsha backup list` shows all"
        )
    places = places_of(state)
    prepare(places)
    if places.cluster.exists():
        raise EnvironmentFault(f"{places.cluster} exists: name a folder that holds no server")
    half, log = state / "data.restored", state / "wal"
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(base.path, half, symlinks=True)
    _copy_log(folder / "wal", log, base.first)
    _forget_its_machine(half)
    with (half / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.write(_RECOVERY.format(wal=log))
        if at is not None:
            file.write(f"recovery_target_time = '{at.astimezone(UTC).isoformat()}'\n")
    (half / "recovery.signal").touch()
    _give(places, half, log)
    half.rename(places.cluster)
    return places


def own(server: Server) -> None:
    """Have the role that uses embedded servers be the superuser of a restored one that was a cluster's, or one's own.

    Raises:
        EnvironmentFault: it has no superuser of the usual name.
    """
    try:
        with psycopg.connect(server.url("postgres")) as connection:
            if connection.info.parameter_status("is_superuser") == "on":
                return
    except psycopg.OperationalError:  # there is no such role
        pass
    with _told(server.socket_dir), psycopg.connect(server.url("postgres"), user=_ANOTHERS) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [SUPERUSER]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(_OURS))
        connection.execute(sql.SQL("ALTER ROLE {} SUPERUSER LOGIN").format(_OURS))


def prune(folder: Path, before: datetime) -> list[Path]:
    """Remove base copies that nothing after `before` needs, and the log before the oldest that stays; say which."""
    kept = bases(folder)
    gone = [one for one, later in zip(kept, kept[1:], strict=False) if later.since <= before]
    for one in gone:
        shutil.rmtree(one.path)
    first = next((one.first for one in kept if one not in gone), None)
    segments = [path for path in _segments(folder / "wal") if first is not None and path.name[8:24] < first[8:]]
    for path in segments:
        path.unlink()
    return [one.path for one in gone] + segments


def _forget_its_machine(half: Path) -> None:
    """Put aside the settings of a server that we did not make: they name certificates, sockets, passwords not here."""
    callers = half / "pg_hba.conf"
    if callers.exists() and _LETS_US_IN.search(callers.read_text("utf-8", errors="replace")):
        return
    for name, text in (("postgresql.conf", ""), ("pg_hba.conf", _CALLERS), ("pg_ident.conf", "")):
        path = half / name
        if path.exists():
            path.rename(path.with_suffix(".conf.before"))
        path.write_text(text, "utf-8")
        path.chmod(0o600)


def _copy_log(source: Path, into: Path, first: str) -> None:
    """The segments from `first` on, the open one under its final name, and the histories of timelines."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700)
    for path in _segments(source):
        if path.name[8:24] >= first[8:]:
            shutil.copyfile(path, into / path.name.removesuffix(".partial"))
    for path in source.glob("*.history"):
        shutil.copyfile(path, into / path.name)


def _segments(folder: Path) -> Iterator[Path]:
    """Whole segments, and the open one where its whole self is not there too."""
    found = sorted(path for path in folder.glob("*") if _SEGMENT.match(path.name))
    names = {path.name for path in found}
    return (path for path in found if path.suffix != ".partial" or path.stem not in names)


def _give(places: Places, *folders: Path) -> None:
    if places.server_id is None:
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, places.server_id, places.server_id, follow_symlinks=False)


def _own(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"cannot make {folder}: {error.strerror}; name another folder") from error


def _run(program: str, *arguments: str, where: Path) -> None:
    path = find_binaries(places_of()).folder / program
    done = subprocess.run([str(path), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise fault_from(done.stderr, f"{program} failed", where)


@contextmanager
def _told(where: Path) -> Iterator[None]:
    """A refusal of the server as a sentence."""
    try:
        yield
    except psycopg.Error as error:
        raise fault_from(str(error), "The server refused", where) from error

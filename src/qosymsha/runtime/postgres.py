"""The clone's own PostgreSQL: joined when it runs, started when it does not, stopped when its last user leaves.

Who stops it: every process that uses the server shares one lock (`users.lock`); joining, leaving, starting and
stopping happen one at a time behind another (`door.lock`). Whoever leaves last has the server stopped and waits for it.
The kernel takes a killed process's share away; the keeper (keeper.py), the server's parent, then stops a server that
nobody uses. So nobody pulls the server away from others, and nobody leaves it behind.
"""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from qosymsha.runtime.binaries import Binaries, find_binaries
from qosymsha.runtime.cluster import SUPERUSER, make_cluster, server_command
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.faults import fault_from
from qosymsha.runtime.places import (
    PORT,
    Places,
    is_free,
    locked,
    open_private,
    places_of,
    prepare,
)
from qosymsha.runtime.processes import is_running, wait_until, working_in

_START_PATIENCE = 300.0  # a large database may need minutes to replay its log after a crash
_STOP_PATIENCE = 90.0
_LOG_LIMIT = 5_000_000

# Keepers this process started: kept so that they can be waited for, whichever user of the server ends them.
_keepers: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the folder of its socket, the port in the socket's name, its superuser, its major version."""

    socket_dir: Path
    port: int
    user: str
    version: int

    def url(self, database: str) -> str:
        """Return the address of one of its databases, as libpq, psycopg and DATABASE_URL understand it."""
        path = f"{quote(self.user)}@/{quote(database, safe='')}"
        return f"postgresql://{path}?host={quote(str(self.socket_dir))}&port={self.port}"


@contextmanager
def running(state: Path | None = None, *, durable: bool = True) -> Iterator[Server]:
    """Join the clone's running server, or start it; when the last user leaves, stop it fast.

    `state` is the folder of its data (default: QOSYMSHA_STATE, else one derived from the clone's path). `durable=False`
    is for tests only: the server they start does not wait for the disk. It changes nothing about a server that runs.

    Raises:
        EnvironmentFault: the server cannot run here; the message says what to do.
    """
    server = address(state)
    places = places_of(state)
    with open_private(places.users) as share:
        with locked(places.door):
            fcntl.flock(share, fcntl.LOCK_SH)
            if not _is_ready(places):
                _start(places, durable=durable)
        try:
            yield server
        finally:
            with locked(places.door):
                share.close()
                if is_free(places.users):
                    _stop(places)


def address(state: Path | None = None) -> Server:
    """Return where the server of a state folder is or will be, without starting it.

    Raises:
        EnvironmentFault: no PostgreSQL is found, or its folders cannot be made.
    """
    places = places_of(state)
    prepare(places)
    return Server(socket_dir=places.socket_dir, port=PORT, user=SUPERUSER, version=find_binaries(places).version)


def postmaster_pid(state: Path | None = None) -> int | None:
    """Return the pid of the running server of a state folder, or None."""
    places = places_of(state)
    lines = _pid_file_lines(places)
    pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    return pid if pid is not None and is_running(pid) and pid in working_in(places.cluster, "postgres") else None


def create_database(server: Server, name: str, *, drop_first: bool = False) -> None:
    """Make a database unless there is one of that name; with `drop_first`, cut its sessions and drop that one before.

    Raises:
        EnvironmentFault: the server does not answer or refuses.
    """
    database = sql.Identifier(name)
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            if drop_first:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):  # the second: made by another meanwhile
        return
    except psycopg.Error as error:
        raise fault_from(str(error), f"Cannot make the database {name}", server.socket_dir) from error


def _is_ready(places: Places) -> bool:
    lines = _pid_file_lines(places)
    return len(lines) > 7 and lines[7].strip() == "ready" and postmaster_pid(places.state) is not None


def _pid_file_lines(places: Places) -> list[str]:
    try:
        return (places.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def _start(places: Places, *, durable: bool) -> None:
    binaries = find_binaries(places)
    make_cluster(binaries, places, durable=durable)
    keeper: subprocess.Popen[bytes] | None = None

    def has_settled() -> bool:
        nonlocal keeper
        if _is_ready(places):
            return True
        if keeper is None and is_free(places.keeper):  # else one is at work: restarting a server that crashed
            keeper = _start_keeper(binaries, places, durable=durable)
        return keeper is not None and keeper.poll() is not None

    if not wait_until(has_settled, _START_PATIENCE) or not _is_ready(places):
        raise fault_from(_last_lines(places.log), "PostgreSQL did not start", places.state)


def _start_keeper(binaries: Binaries, places: Places, *, durable: bool) -> subprocess.Popen[bytes]:
    if places.log.exists() and places.log.stat().st_size > _LOG_LIMIT:
        places.log.replace(places.log.with_suffix(".log.1"))
    who = "" if places.server_id is None else str(places.server_id)
    code = Path(__file__).resolve().parents[2]
    with open_private(places.log) as log:
        keeper = subprocess.Popen(
            [sys.executable, "-S", "-m", "qosymsha.runtime.keeper", str(places.state), who]
            + server_command(binaries, places, durable=durable),
            env={**os.environ, "PYTHONPATH": str(code), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C in a terminal is for the users of the server, not for the server
        )
    _keepers[places.state] = keeper
    return keeper


def _stop(places: Places) -> None:
    """Have the keeper stop the server, and wait for both. The caller holds the door."""
    if not is_free(places.keeper):
        os.kill(int(places.keeper.read_text(encoding="ascii")), signal.SIGTERM)
        if not wait_until(lambda: is_free(places.keeper), _STOP_PATIENCE):
            raise EnvironmentFault(f"PostgreSQL did not stop within {_STOP_PATIENCE:.0f} s; see {places.log}.")
    keeper = _keepers.pop(places.state, None)
    if keeper is not None:
        keeper.wait(_STOP_PATIENCE)


def _last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
    except OSError:
        return ""

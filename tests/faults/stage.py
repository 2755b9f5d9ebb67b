"""Where a run plays: a cluster of its own that waits for the disk, and the product, started again as systemd would."""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from qosymsha.runtime.postgres import Server, create_database, running
from qosymsha.runtime.processes import wait_until

DATABASE = "opening_day"
HOST = "127.0.0.1"
RESTART_SECONDS = 0.1  # systemd's RestartSec
PATIENCE = 300.0
_PR_SET_PDEATHSIG = 1
_MIGRATE = (
    "import django; django.setup(); from django.core.management import call_command as c; c('migrate', verbosity=0)"
)


def environment(url: str) -> dict[str, str]:
    """What a program needs to be on this database, in the mode of tests, with this checkout's code."""
    return {
        **os.environ,
        "DATABASE_URL": url,
        "QOSYMSHA_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def free_port() -> int:
    """A port nobody has now, below those that the kernel gives to clients.

    A client that knocks at a dead server's port again and again would one day be given that very port, connect to
    itself, and keep the server from coming back.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


@contextmanager
def cluster(state: Path, ready: Path | None = None) -> Iterator[Server]:
    """Run a cluster in `state` with fsync on and the empty, migrated database; copied from `ready` if that is named.

    `ready` is made by whoever comes first and used by all; it is never written afterwards.
    """
    if ready is not None:
        _make_ready(ready)
        state.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(ready / "data"), str(state / "data")], check=True)
    with running(state, durable=True) as server:
        if ready is None:
            _migrated(server)
        yield server


def _make_ready(ready: Path) -> None:
    ready.mkdir(parents=True, exist_ok=True)
    with open(ready / "making.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ready / "made").exists():
            with running(ready, durable=True) as server:
                _migrated(server)
            (ready / "made").touch()


def _migrated(server: Server) -> None:
    create_database(server, DATABASE)
    subprocess.run([sys.executable, "-c", _MIGRATE], env=environment(server.url(DATABASE)), check=True)


class Site:
    """The product as one service: whenever it ends it is started again, until we stop it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], port: int, log: Path) -> None:
        self.port, self.starts, self.pid = port, 0, 0
        self._argv, self._env, self._log = argv, env, log
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, name="systemd", daemon=True)

    def __enter__(self) -> Site:
        self._keeper.start()
        if not wait_until(self.answers, PATIENCE):
            self._stop()
            raise AssertionError(f"the site never answered: {self.said()}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._keeper.join(PATIENCE)
        assert not self._keeper.is_alive(), "the site does not end"

    def _keep(self) -> None:
        with open(self._log, "ab") as log:
            while not self._stopping.is_set():
                self.starts += 1
                self._process = subprocess.Popen(
                    self._argv, env=dict(self._env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
                )
                self.pid = self._process.pid
                if self._stopping.is_set():  # asked while it was being started
                    self._process.send_signal(signal.SIGTERM)
                self._process.wait()
                self._stopping.wait(RESTART_SECONDS)

    def answers(self) -> bool:
        """Whether some page is answered, by whatever status."""
        line = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            line.request("GET", "/")
            return line.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    def is_silent(self) -> bool:
        """Whether nobody listens on the port: after the end no orphan may."""
        with socket.socket() as probe:
            probe.settimeout(5)
            return probe.connect_ex((HOST, self.port)) != 0

    def said(self) -> str:
        """The end of what its programs wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-20_000:] if self._log.exists() else ""


def end_with_parent() -> None:
    """Have the kernel ask this process to end when its parent is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))

"""The small process that is PostgreSQL's parent: starts it, again after a crash, and stops it when nobody uses it.

It is a process of its own so that no user of the server owns it: a user may leave, or be killed with `kill -9`, and
neither pulls the server away from the others nor leaves it behind. It learns who uses the server from a lock that the
users share, which the kernel drops for the dead. It waits for its child, so that no zombie blocks the next start.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from qosymsha.runtime.places import PORT, Places, is_free, open_private
from qosymsha.runtime.processes import die_with_parent, send, wait_until, working_in

QUICK_DEATH_SECONDS = 1.0
QUICK_DEATHS_ALLOWED = 5  # a lingering backend of a killed server refuses its successor for some milliseconds
LONGEST_REST_SECONDS = 5.0
_TICK = 0.2
_STOP_PATIENCE = 60.0


class Keeper:
    """Keeps one server of one state folder; `stop` may be asked for by SIGTERM or SIGINT."""

    def __init__(self, places: Places, command: list[str]) -> None:
        """Take the command that runs `postgres` in the foreground."""
        self.places = places
        self.command = command
        self.is_stopping = False
        self.has_stood = False

    def ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Note the wish; the loop acts on it."""
        self.is_stopping = True

    def keep(self) -> int:
        """Run the server until it is to stop; 0, or 1 when it would not even come up.

        One that once stood is started again as long as anybody uses it: a full disk ends, nobody should have to come.
        """
        quick_deaths = 0
        with open_private(self.places.log) as log:
            while not self.is_stopping and (self.has_stood or quick_deaths < QUICK_DEATHS_ALLOWED):
                began = time.monotonic()
                _clear_the_way(self.places)
                self._live(self._start(log))
                is_quick = time.monotonic() - began < QUICK_DEATH_SECONDS
                quick_deaths = quick_deaths + 1 if is_quick else 0
                self._rest(min(LONGEST_REST_SECONDS, _TICK * 2 ** max(0, quick_deaths - 1)))
        return 0 if self.is_stopping else 1

    def _rest(self, seconds: float) -> None:
        """Wait before the next start; where nobody uses the server any more, there is none."""
        end = time.monotonic() + seconds
        while not self.is_stopping and time.monotonic() < end:
            self._stop_if_deserted(None)
            time.sleep(_TICK / 4)

    def _start(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        user = self.places.server_id
        return subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            # SIGINT is PostgreSQL's fast shutdown. This process has one thread, so running code after fork is safe.
            preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509
        )

    def _live(self, server: subprocess.Popen[bytes]) -> None:
        """Watch one life of the server; return when it has ended."""
        while server.poll() is None:
            if self.is_stopping:
                _stop(server)
            else:
                self._stop_if_deserted(server)
                time.sleep(_TICK)
        self.has_stood = self.has_stood or _said_ready(self.places)  # what it wrote stays when it is killed

    def _stop_if_deserted(self, server: subprocess.Popen[bytes] | None) -> None:
        """Stop when no process uses the server. The door is held meanwhile, so that nobody joins a dying server."""
        with open_private(self.places.door) as door:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if is_free(self.places.users):
                self.is_stopping = True
                if server is not None:
                    _stop(server)


def _said_ready(places: Places) -> bool:
    """Whether the server said, in this life of it, that it takes sessions."""
    try:
        lines = (places.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop fast: sessions are cut, open transactions rolled back, a checkpoint is written."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _clear_the_way(places: Places) -> None:
    """End what a killed server left running, and take over its pid file.

    PostgreSQL believes a pid file whose pid exists, be it a zombie or a stranger that was given the number. It does not
    mind its parent's pid; the shared memory named in the file is still checked by PostgreSQL itself.
    """
    for number, patience in ((signal.SIGINT, 5.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0)):
        send(working_in(places.cluster, "postgres"), number)
        if wait_until(lambda: not working_in(places.cluster, "postgres"), patience):
            break
    pid_file = places.cluster / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:7]]) + "\n", encoding="utf-8")
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (places.socket_dir / name).unlink(missing_ok=True)


def main(state: str, server_id: str, *command: str) -> int:
    """Keep the server of this state folder; there is never more than one keeper for it."""
    places = Places(Path(state), int(server_id) if server_id else None)
    keeper = Keeper(places, list(command))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, keeper.ask_to_stop)
    with open_private(places.keeper) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n".encode())
        lock.flush()
        return keeper.keep()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

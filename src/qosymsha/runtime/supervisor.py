"""Runs several programs as one: they live together and end together, with everything that they started.

Every program gets a process group of its own. A signal to the supervisor, or the end of any program, ends all groups.
Killing a web server's parent alone would leave its workers answering the port (RELIABILITY.md, section 2, row 12); the
group kill takes them too. When the supervisor itself is killed, a small watch (deathwatch.py) ends the groups for it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.processes import end_groups

GRACE_SECONDS = 10.0
_TICK = 0.1
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: a name for messages, its arguments, and what to add to the environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


def run(commands: Sequence[Command], *, grace_seconds: float = GRACE_SECONDS) -> int:
    """Run the commands until one ends or SIGTERM or SIGINT comes, then end all; from the main thread only.

    Every group gets SIGTERM and, after `grace_seconds`, SIGKILL. Returns 0 when asked to stop, else the status of the
    command that ended first (128 + the signal's number when a signal ended it).

    Raises:
        EnvironmentFault: a command's program cannot be started.
    """
    with _stop_asked() as asked, _watch(grace_seconds) as watch:
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for command in commands:
                running[command.name] = _start(command, watch)
            while not asked and watch.poll() is None:
                for name, process in running.items():
                    if process.poll() is not None:
                        return _told(name, process.returncode)
                time.sleep(_TICK)
            return 0 if asked else _told("deathwatch", watch.returncode)
        finally:
            end_groups([process.pid for process in running.values()], grace_seconds)
            for process in running.values():
                process.wait()


def _start(command: Command, watch: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            command.argv, env={**os.environ, **command.env}, stdin=subprocess.DEVNULL, process_group=0
        )
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot start {command.name} ({command.argv[0]}): {error.strerror}. Run `make setup`."
        ) from error
    assert watch.stdin is not None
    watch.stdin.write(f"{process.pid}\n".encode())
    watch.stdin.flush()
    return process


@contextmanager
def _stop_asked() -> Iterator[list[int]]:
    """Give a list that fills when a stop signal comes; the earlier handlers come back afterwards."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    earlier = {number: signal.signal(number, note) for number in _STOP_SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def _watch(grace_seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Run the watch, which ends the groups when our end of its pipe closes; killed, not closed, when all went well."""
    code = Path(__file__).resolve().parents[2]
    watch = subprocess.Popen(
        [sys.executable, "-S", "-m", "qosymsha.runtime.deathwatch", str(grace_seconds)],
        env={**os.environ, "PYTHONPATH": str(code)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield watch
    finally:
        watch.kill()
        watch.communicate()


def _told(name: str, code: int) -> int:
    """Say on stderr what ended first, and return its status as a shell would."""
    status = 128 - code if code < 0 else code
    sys.stderr.write(f"{name} ended with status {status}; stopping the rest\n")
    return status

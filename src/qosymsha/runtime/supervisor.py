"""Runs several programs as one: each is started again when it dies, all end together, with everything they started.

Every program gets a process group of its own. Killing a web server's parent alone would leave its workers answering the
port (RELIABILITY.md, section 2, row 12): so before a program is started again, all that its group still holds is ended,
and two versions of the code never answer at once. A program that dies too often, or at its very start, ends all. When
the supervisor itself is killed, a small watch (deathwatch.py) ends the groups for it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.processes import end_groups

GRACE_SECONDS = 10.0
ORPHANS_GRACE_SECONDS = 2.0  # until they are gone nobody answers: whoever waits asks again under the same key
_TICK = 0.1
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LONGEST_PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: a name for messages, its arguments, and what to add to the environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a program is started again: `most` deaths in `within_seconds`, after a pause that doubles each time.

    One that ends by itself, with no signal, `settled_seconds` after its first start has not started: wrong settings are
    told at once, not five times.
    """

    most: int = 5
    within_seconds: float = 60.0
    first_pause: float = 0.2
    settled_seconds: float = 3.0

    def pause(self, deaths: int) -> float:
        """Seconds to wait after so many deaths in a row."""
        return float(min(_LONGEST_PAUSE, self.first_pause * 2 ** (deaths - 1)))


NEVER = Restarts(most=0)


@dataclass(slots=True)
class _Program:
    """A command at work, or waiting to be started again at `due`; when it died lately."""

    command: Command
    process: subprocess.Popen[bytes] | None
    begun: float
    due: float = 0.0
    deaths: list[float] = field(default_factory=list)


def run(commands: Sequence[Command], *, grace_seconds: float = GRACE_SECONDS, restarts: Restarts | None = None) -> int:
    """Run the commands until SIGTERM or SIGINT comes or one is beyond help, then end all; from the main thread only.

    Every group gets SIGTERM and, after `grace_seconds`, SIGKILL. Returns 0 when asked to stop, else the status of the
    command that could not be kept up (128 + the signal's number when a signal ended it).

    Raises:
        EnvironmentFault: a command's program cannot be started.
    """
    rule = restarts or Restarts()
    with _stop_asked() as asked, _watch(grace_seconds) as watch:
        programs: list[_Program] = []
        try:
            for command in commands:
                programs.append(_Program(command, _start(command, watch), time.monotonic()))
            while not asked and watch.poll() is None:
                for program in programs:
                    status = _tend(program, watch, rule, grace_seconds)
                    if status is not None:
                        return status
                time.sleep(_TICK)
            return 0 if asked else _told("deathwatch", watch.returncode)
        finally:
            running = [program.process for program in programs if program.process is not None]
            end_groups([process.pid for process in running], grace_seconds)
            for process in running:
                process.wait()


def _tend(program: _Program, watch: subprocess.Popen[bytes], rule: Restarts, grace_seconds: float) -> int | None:
    """Start a dead program again when its pause is over; its status where it is beyond help, else None."""
    now = time.monotonic()
    if program.process is None:
        if now >= program.due:
            program.process = _start(program.command, watch)
        return None
    code = program.process.poll()
    if code is None:
        return None
    # Its workers must not answer beside the next ones.
    end_groups([program.process.pid], min(grace_seconds, ORPHANS_GRACE_SECONDS))
    _tell(watch, -program.process.pid)
    program.process = None
    is_stillborn = code >= 0 and not program.deaths and now - program.begun < rule.settled_seconds
    program.deaths = [at for at in program.deaths if now - at < rule.within_seconds] + [now]
    if is_stillborn or len(program.deaths) > rule.most:
        return _told(program.command.name, code)
    pause = rule.pause(len(program.deaths))
    program.due = now + pause
    sys.stderr.write(f"{program.command.name} ended with status {_status(code)}; starting it again in {pause:.1f} s\n")
    return None


def _start(command: Command, watch: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Start a command in a group of its own, which the watch knows before the command's first step.

    So the child names itself: if we did after it began, a kill between the two would leave it to nobody.
    """
    try:
        return subprocess.Popen(
            command.argv,
            env={**os.environ, **command.env},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=lambda: _tell(watch, os.getpid()),  # noqa: PLW1509
        )
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot start {command.name} ({command.argv[0]}): {error.strerror}. Run `make setup`."
        ) from error


def _tell(watch: subprocess.Popen[bytes], group: int) -> None:
    """Name a group to the watch, or with a minus take it back: its number may become a stranger's."""
    assert watch.stdin is not None
    with suppress(BrokenPipeError):  # the watch is dead: the loop sees that next, and ends all
        os.write(watch.stdin.fileno(), f"{group}\n".encode())


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


def _status(code: int) -> int:
    """A process's end as a shell tells it."""
    return 128 - code if code < 0 else code


def _told(name: str, code: int) -> int:
    """Say on stderr what could not be kept up, and return its status."""
    sys.stderr.write(f"{name} ended with status {_status(code)}; stopping the rest\n")
    return _status(code)

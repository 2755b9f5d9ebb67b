"""Which processes live, told by /proc; a zombie counts as dead, unlike with `kill(pid, 0)`."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_TICK = 0.02


def is_running(pid: int) -> bool:
    """Tell whether the process exists and is more than a zombie."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def group_members(group: int) -> list[int]:
    """Return the living processes of a process group, zombies left out."""
    stats = ((pid, _stat(pid)) for pid in _all_pids())
    return [pid for pid, stat in stats if stat is not None and stat[0] not in "ZX" and int(stat[2]) == group]


def end_groups(groups: Iterable[int], grace_seconds: float) -> None:
    """Ask every process of these groups to end (SIGTERM); after the grace, force it (SIGKILL)."""
    waiting = list(groups)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in waiting:
            _send_to_group(group, number)
        if wait_until(lambda: not any(map(group_members, waiting)), grace_seconds):
            return


def working_in(folder: Path, name: str) -> list[int]:
    """Return the living processes called `name` whose working directory is `folder`, as far as we may see them.

    A PostgreSQL postmaster and every one of its backends work in the data folder.
    """
    found = []
    for pid in _all_pids():
        try:
            if os.readlink(f"/proc/{pid}/cwd") == str(folder) and _name(pid) == name:
                found.append(pid)
        except OSError:  # gone meanwhile, a zombie, or another user's
            continue
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process; one that has gone is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _send_to_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def wait_until(is_met: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; False when it still does not after so many seconds."""
    end = time.monotonic() + seconds
    while not is_met():
        if time.monotonic() > end:
            return False
        time.sleep(_TICK)
    return True


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that lets the kernel send `number` to the child when its parent dies, by kill -9 too.

    For a parent with one thread only, since it runs between fork and exec.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), number)

    return ask_kernel


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/pid/stat after the name: state, parent, group, …"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()

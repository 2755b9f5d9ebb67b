"""`kill -9` by seed: which process of the product or of PostgreSQL dies next, and how long nobody is answered."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from qosymsha.runtime.processes import is_running, wait_until
from tests.faults.stage import Site

PATIENCE = 300.0
_TOLD_EVERY = 20


class Kind(StrEnum):
    """What can be killed. `SERVICE` is `qosymsha serve` itself, which the others hang from."""

    WEB_WORKER = "web worker"
    WEB_PARENT = "web parent"
    JOB_WORKER = "job worker"
    BACKEND = "backend"
    POSTMASTER = "postmaster"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill that is planned: once so many requests are settled; `draw` picks the victim among its kind."""

    after: int
    kind: Kind
    draw: float


@dataclass(frozen=True, slots=True)
class Death:
    """A kill that was done, and when on this process's monotonic clock."""

    kind: Kind
    pid: int
    at: float


FIVE = (Kind.WEB_WORKER, Kind.WEB_PARENT, Kind.JOB_WORKER, Kind.BACKEND, Kind.POSTMASTER)


def plan(seed: int, requests: int, kills: int, kinds: Sequence[Kind] = FIVE) -> list[Kill]:
    """The same kills for the same seed: kinds in equal shares and mixed order, spread over the requests."""
    order = random.Random(f"kills {seed}")
    dealt = [kinds[n % len(kinds)] for n in range(kills)]
    order.shuffle(dealt)
    step = requests / (kills + 1)
    return [Kill(int(step * (n + order.uniform(0.5, 1.5))), kind, order.random()) for n, kind in enumerate(dealt)]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the victims are: the product, and PostgreSQL's data folder."""

    site: Site
    data: Path

    def victims(self, kind: Kind) -> list[int]:
        """The living processes of a kind, by number; none while it is being started again."""
        if kind in (Kind.BACKEND, Kind.POSTMASTER):
            return self._of_postgres(kind)
        if kind is Kind.SERVICE:
            return [self.site.pid] if is_running(self.site.pid) else []
        programs = {pid: words_of(pid) for pid in _children(self.site.pid)}
        if kind is Kind.JOB_WORKER:
            return [pid for pid, words in programs.items() if "qosymsha.interfaces.jobs.worker" in words]
        parents = [pid for pid, words in programs.items() if "granian" in words]
        if kind is Kind.WEB_PARENT:
            return parents
        return sorted(pid for parent in parents for pid in _children(parent) if "granian" in words_of(pid))

    def _of_postgres(self, kind: Kind) -> list[int]:
        """The postmaster by its own file; a backend by the title that PostgreSQL gives it."""
        try:
            postmaster = int((self.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        except (OSError, IndexError, ValueError):
            return []
        if not is_running(postmaster) or _name(postmaster) != "postgres":
            return []
        if kind is Kind.POSTMASTER:
            return [postmaster]
        return sorted(pid for pid in _children(postmaster) if "[local]" in words_of(pid))


class Killer(threading.Thread):
    """Follows a plan while families are served. After each kill it waits for an acknowledgement before the next."""

    def __init__(
        self, scene: Scene, kills: Sequence[Kill], settled: Callable[[], int], heard: Callable[[], int]
    ) -> None:
        """`settled` counts requests that are settled, `heard` acknowledgements."""
        super().__init__(name="killer", daemon=True)
        self.deaths: list[Death] = []
        self.fault: str = ""
        self._scene, self._kills, self._settled, self._heard = scene, kills, settled, heard
        self._over = threading.Event()

    def run(self) -> None:
        """threading: kill by the plan until it is done or there is no more traffic."""
        for kill in self._kills:
            if not self._wait(lambda kill=kill: self._settled() >= kill.after, None):  # type: ignore[misc]
                return
            died = self._strike(kill)
            if died is None:
                self.fault = f"no {kill.kind} to kill within {PATIENCE:.0f} s"
                return
            self.deaths.append(Death(kill.kind, died, time.monotonic()))
            if len(self.deaths) % _TOLD_EVERY == 0:
                print(f"  {len(self.deaths)} of {len(self._kills)} killed, {self._settled()} settled", flush=True)
            heard = self._heard()
            if not self._wait(lambda heard=heard: self._heard() > heard, PATIENCE) and not self._over.is_set():  # type: ignore[misc]
                self.fault = f"nobody was answered for {PATIENCE:.0f} s after a {kill.kind} was killed"
                return

    def _strike(self, kill: Kill) -> int | None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self._scene.victims(kill.kind)
            if found:
                pid = found[int(kill.draw * len(found))]
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                return pid
            time.sleep(0.02)
        return None

    def _wait(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while not condition():
            if self._over.is_set() or (end is not None and time.monotonic() > end):
                return False
            time.sleep(0.005)
        return True

    def finish(self) -> list[Death]:
        """No more traffic: what was killed."""
        self._over.set()
        self.join(PATIENCE + 10)
        return self.deaths


def silences(deaths: Sequence[Death], heard: Sequence[float]) -> dict[Kind, float]:
    """Of each kind, the longest time without an acknowledgement from one of its kills to the next kill, in seconds."""
    longest: dict[Kind, float] = {}
    ends = [*(death.at for death in deaths[1:]), heard[-1]][: len(deaths)]
    for death, end in zip(deaths, ends, strict=True):
        since = [death.at, *(at for at in heard if death.at < at <= end)]
        after = min((at for at in heard if at > end), default=since[-1])  # the silence may last beyond the next kill
        gaps = [later - earlier for earlier, later in pairwise([*since, after])]
        longest[death.kind] = max(longest.get(death.kind, 0.0), *gaps)
    return longest


def end_at_once(pids: Sequence[int]) -> None:
    """Kill all of them before any can tell another."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
    assert wait_until(lambda: not any(map(is_running, pids)), 30), "killed processes are gone"


def _children(parent: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                stat = Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            state, its_parent = stat.rpartition(")")[2].split()[:2]
            if int(its_parent) == parent and state not in "ZX":
                found.append(int(name))
    return sorted(found)


def words_of(pid: int) -> list[str]:
    """A process's program and arguments, or its title; nothing for one that has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ").split()
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

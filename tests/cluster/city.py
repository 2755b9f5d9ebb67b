"""A whole city behind haproxy on this machine: three database nodes, two of pages, public pages from standbys, jobs.

    python -m tests.cluster.city --report night/city.json

Visitors look at public pages and knock at doors, writers write through haproxy. The leader's node is lost, then a node
of pages. Nothing acknowledged is lost, public pages go on, and everything answers again unaided.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from deploy.cluster.render import Application
from qosymsha.runtime.processes import end_groups
from tests.cluster.load import Load
from tests.cluster.loopback import PASSWORDS, Cluster, free_ports, is_here, running, wait_for
from tests.cluster.plays import BARS, Failover, fail_over

HOST = "127.0.0.1"
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
LOOK, KNOCK = "/kk/", "/kk/family/"
_EVERY = 0.1


def why_not() -> str:
    """Why no city can be set up here; empty where it can."""
    if not is_here():
        return "NOT RUN: Patroni and etcd are not installed; `make setup` installs them"
    return "" if HAPROXY else "NOT RUN: haproxy is not installed (Debian: apt-get install haproxy)"


@dataclass
class City:
    """What runs beside the cluster: haproxy, pages, jobs. `front`: haproxy's port; `pages`: name → process and port."""

    cluster: Cluster
    front: int
    leads: int
    pages: dict[str, tuple[subprocess.Popen[bytes], int]] = field(default_factory=dict)

    def ask(self, path: str, port: int | None = None) -> tuple[int, bytes]:
        """Status and body; 0 where nobody answers."""
        line = http.client.HTTPConnection(HOST, port or self.front, timeout=10)
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            line.close()

    def health(self, name: str) -> dict[str, Any]:
        """What a server of pages says of itself; empty where it does not answer."""
        status, body = self.ask("/health/", self.pages[name][1])
        told: dict[str, Any] = json.loads(body) if status in (200, 503) else {}
        return told

    def kill(self, name: str) -> None:
        """End a server of pages with all it started, at once."""
        end_groups([self.pages[name][0].pid], 0.0)
        self.pages[name][0].wait(30)


@dataclass
class Visitors:
    """Somebody who looks and somebody who knocks, ten times a second: (instant, path, status) of every answer."""

    city: City
    heard: list[tuple[float, str, int]] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Visitors:
        self._threads = [threading.Thread(target=self._visit, args=(path,), daemon=True) for path in (LOOK, KNOCK)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _visit(self, path: str) -> None:
        while not self._stopped.wait(_EVERY):
            self.heard.append((time.monotonic(), path, self.city.ask(path)[0]))

    def statuses(self, path: str, since: float) -> dict[int, int]:
        """How often each status was heard since an instant."""
        return dict(Counter(status for at, where, status in list(self.heard) if where == path and at >= since))

    def are_well(self) -> bool:
        """Whether the last ten of each were answered as on any day."""
        last = {path: [status for _, where, status in self.heard if where == path][-10:] for path in (LOOK, KNOCK)}
        return set(last[LOOK]) == {200} and set(last[KNOCK]) == {302}


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[City]:
    """A whole city, and its end."""
    ports = free_ports(8)
    apps = [Application("app1", HOST, ports[0], ports[1]), Application("app2", HOST, ports[2], ports[3])]
    listens: dict[str, object] = {
        "visitors": 1000,
        "database_listen": f"{HOST}:{ports[4]}",
        "replica_listen": f"{HOST}:{ports[5]}",
        "pages_listen": f"{HOST}:{ports[6]}",
    }
    with running(folder, applications=apps, **listens) as cluster, contextlib.ExitStack() as ended:
        with cluster.connect() as connection:
            connection.execute("CREATE DATABASE qosymsha")
        city = City(cluster, ports[6], ports[4])
        log = ended.enter_context((folder / "city.log").open("ab"))

        def start(argv: list[str], port: int) -> subprocess.Popen[bytes]:
            url = f"postgresql://postgres:{PASSWORDS['superuser']}@{HOST}:{port}/qosymsha"
            env = os.environ | {"DATABASE_URL": url, "QOSYMSHA_STATE": str(folder / "state"), "QOSYMSHA_MODE": "trial"}
            process = subprocess.Popen(argv, env=env, stdout=log, stderr=log, process_group=0)
            ended.callback(lambda: (end_groups([process.pid], 10.0), process.wait(30)))
            return process

        start([str(HAPROXY), "-db", "-f", str(folder / "haproxy.cfg")], ports[4])
        verb = [sys.executable, "-m", "qosymsha"]
        ahead = {"host": HOST, "port": ports[4]}
        wait_for(lambda: _answers(cluster, ahead), 60, "a leader through haproxy")
        assert start([*verb, "migrate"], ports[4]).wait(120) == 0, (folder / "city.log").read_text()[-3000:]
        for app in apps:
            words = ["--workers", "1", "--port"]
            doing = start([*verb, "serve", "--no-work", *words, str(app.port)], ports[4])
            looking = start([*verb, "serve", "--looks", *words, str(app.looking_port)], ports[5])
            city.pages |= {app.name: (doing, app.port), f"{app.name} looks": (looking, app.looking_port)}
        for _ in range(2):
            start([*verb, "work"], ports[4])
        wait_for(lambda: all(city.health(name).get("ready") for name in city.pages), 120, "pages that are ready")
        wait_for(lambda: city.ask(LOOK)[0] == 200 and city.ask(KNOCK)[0] == 302, 60, "answers through haproxy")
        yield city


def _answers(cluster: Cluster, by: dict[str, object]) -> bool:
    try:
        cluster.connect(**by).close()
    except psycopg.Error:
        return False
    return True


@dataclass(frozen=True)
class Day:
    """What was seen: what the public pages stand on, the leader's loss, a page node's loss, what visitors heard."""

    databases: dict[str, str]
    loss: Failover
    looks: dict[int, int]
    knocks: dict[int, int]
    after_page_node: dict[int, int]
    well_after: float

    def findings(self) -> list[str]:
        """What is wrong."""
        found = [f"{self.loss.lost} acknowledged rows lost"] if self.loss.lost else []
        found += [f"{self.loss.gap:.1f} s without an answer"] if self.loss.gap > BARS[self.loss.what] else []
        all_heard = {"looks": (self.looks, 200), "knocks": (self.knocks, 302), "later": (self.after_page_node, 200)}
        for what, (heard, usual) in all_heard.items():
            strange = {status: n for status, n in heard.items() if status not in (usual, 503)}
            found += [f"{what}: {strange}"] if sum(strange.values()) > 2 else []  # a line that died with its node
            found += [f"{what}: {heard}"] if heard.get(usual, 0) < 0.9 * sum(heard.values()) else []
        wrong = {name: what for name, what in self.databases.items() if ("looks" in name) != (what == "read-only")}
        return found + ([f"public pages stand on {wrong}"] if wrong else [])


def day(city: City) -> Day:
    """Lose the leader, then a node of pages."""
    databases = {name: city.health(name)["database"] for name in city.pages}
    with Visitors(city) as visitors, Load(city.cluster, by={"host": HOST, "port": city.leads}) as load:
        wait_for(lambda: visitors.are_well() and len(load.acknowledged) > 50, 60, "visitors and writers")
        since = time.monotonic()
        loss = fail_over(city.cluster, load, "node")
        wait_for(visitors.are_well, 60, "pages as on any day")
        looks, knocks = visitors.statuses(LOOK, since), visitors.statuses(KNOCK, since)
        lost_at = time.monotonic()
        for name in ("app1", "app1 looks"):
            city.kill(name)
        time.sleep(5)
        well_after = 5 + wait_for(visitors.are_well, 60, "pages from the node that is left")
        return Day(databases, loss, looks, knocks, visitors.statuses(LOOK, lost_at), round(well_after, 1))


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="qosymsha-city-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with standing(Path(name) / "run") as city:
            found = day(city)
    told = vars(found) | {"loss": vars(found.loss), "findings": found.findings(), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(told, indent=1))
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        asked.report.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return int(bool(found.findings()))


if __name__ == "__main__":
    sys.exit(main())

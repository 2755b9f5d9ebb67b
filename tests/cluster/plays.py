"""What is done to a cluster under load: losses of the leader, a stall of its standbys, a second loss at once."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

from tests.cluster.load import Load
from tests.cluster.loopback import Cluster, wait_for

BARS = {"postgres": 10.0, "node": 30.0}
_STALLED_ROWS = 50
_SOME = 20  # answers, by which writers are seen to be at work


@dataclass(frozen=True)
class Failover:
    """One loss: of what, who led before and after, the longest gap between acknowledgements (s), what was lost."""

    what: str
    before: str
    after: str
    gap: float
    lost: int


def fail_over(cluster: Cluster, load: Load, what: str) -> Failover:
    """Kill the leader while the writers write; wait for a leader, for answers, and until the cluster is whole again."""
    wait_for(lambda: len(load.acknowledged) > _SOME, 120, "answers before the loss")
    before = leader_of(cluster)
    since, told = time.monotonic(), len(load.acknowledged)
    (cluster.kill_postgres if what == "postgres" else cluster.kill_node)(before)
    _wait_for_answers(load, since, told)
    gap = load.gap(since)
    if what == "node":
        _bring_back(cluster, before)
    wait_for(cluster.is_whole, 120, "whole cluster after the kill")
    return Failover(what, before, cluster.leader() or "", gap, len(load.lost()))


def stall(cluster: Cluster, load: Load, *, is_strict: bool) -> Failover:
    """Freeze whoever receives the log, let the writers write, then lose the leader; the frozen never write it down.

    Strict: nobody is answered meanwhile. Otherwise fifty and more are, and all of them are lost: the control.
    """
    before = leader_of(cluster)
    frozen = cluster.receivers()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    since, told = time.monotonic(), len(load.acknowledged)
    if is_strict:
        time.sleep(2)
    else:
        wait_for(lambda: len(load.acknowledged) > told + _STALLED_ROWS, 60, "answers without a standby")
    cluster.kill_node(before)
    for pid in frozen:
        os.kill(pid, signal.SIGKILL)  # what their sockets hold they never wrote
    _wait_for_answers(load, time.monotonic(), len(load.acknowledged))
    gap = load.gap(since)
    _bring_back(cluster, before)
    wait_for(cluster.is_up, 120, "three nodes after the stall")
    return Failover("stall", before, cluster.leader() or "", gap, len(load.lost()))


def second_loss(cluster: Cluster, load: Load, patience: float) -> tuple[Failover, bool]:
    """Lose the server that leads, and the next one as soon as it leads; whether the third took over by itself.

    Where etcd did not yet know who stands by the second, nobody is promoted: its node is started again after
    `patience` seconds, and nothing is lost.
    """
    first = leader_of(cluster)
    since, told = time.monotonic(), len(load.acknowledged)
    cluster.kill_postgres(first)
    wait_for(lambda: cluster.leader() not in (None, first), 60, "second leader")
    second = leader_of(cluster)
    cluster.kill_node(second)
    killed = time.monotonic()
    told = len(load.acknowledged)
    try:
        wait_for(lambda: load.at[-1] > killed + 1 and len(load.acknowledged) > told + 20, patience, "third leader")
        is_unaided = True
    except TimeoutError:
        is_unaided = False
    _bring_back(cluster, second)
    _wait_for_answers(load, time.monotonic(), len(load.acknowledged))
    wait_for(cluster.is_whole, 120, "whole cluster after two losses")
    return Failover("two", first, cluster.leader() or "", load.gap(since), len(load.lost())), is_unaided


def leader_of(cluster: Cluster) -> str:
    """The node that leads a whole cluster."""
    found = cluster.leader()
    assert found is not None, "the cluster is whole"
    return found


def _wait_for_answers(load: Load, since: float, told: int) -> None:
    wait_for(lambda: load.at[-1] > since + 1 and len(load.acknowledged) > told + _SOME, 120, "answers after the loss")


def _bring_back(cluster: Cluster, name: str) -> None:
    cluster.start_etcd(name)
    cluster.start_patroni(name)

"""A failover under load, with its control; by night one of each kind, and a stall. `make cluster-test` holds twenty.

How long nobody is answered is no test here: that is measured on a quiet machine, by `make cluster-test`.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cluster.render import Inventory, Node, checked, render
from tests.cluster.load import Load
from tests.cluster.loopback import PASSWORDS, Cluster, running, wait_for, why_not
from tests.cluster.plays import fail_over, stall

pytestmark = pytest.mark.fault
# Seconds until all of it is ended, so that whoever waits for an answer is told: against hanging, no promise.
GUARD = 480.0
WHY = "NOT RUN: minutes of waiting; CLUSTER=1, `make cluster-test` and the night play it"
by_night = pytest.mark.skipif(os.environ.get("CLUSTER") != "1", reason=WHY)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if reason := why_not():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="qosymsha-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with running(Path(name) / "run") as found:
            guard = threading.Timer(GUARD, found.stop)
            guard.daemon = True
            guard.start()
            yield found
            guard.cancel()


def test_a_killed_server_is_replaced_and_nothing_acknowledged_is_lost(cluster: Cluster) -> None:
    with Load(cluster) as load:
        found = fail_over(cluster, load, "postgres")
    assert found.after != found.before
    assert load.lost() == set()
    assert len(load.acknowledged) > 40


@by_night
def test_a_lost_node_is_replaced_and_nothing_acknowledged_is_lost(cluster: Cluster) -> None:
    with Load(cluster) as load:
        found = fail_over(cluster, load, "node")
    assert found.after != found.before
    assert load.lost() == set()


@by_night
def test_frozen_standbys_stop_the_answers_and_lose_nothing_and_the_control_loses_rows(cluster: Cluster) -> None:
    with Load(cluster) as load:
        found = stall(cluster, load, is_strict=True)
    assert (found.lost, load.lost()) == (0, set())
    cluster.be_strict(is_strict=False)
    with Load(cluster) as load:
        found = stall(cluster, load, is_strict=False)
    cluster.be_strict(is_strict=True)
    assert found.lost >= 50


def test_the_count_of_what_was_lost_can_fail(cluster: Cluster) -> None:
    """The control: a row that is gone is named."""
    wait_for(cluster.is_whole, 120, "whole cluster")
    with Load(cluster) as load:
        wait_for(lambda: bool(load.acknowledged), 60, "an answer")
    gone = load.acknowledged[-1]
    with cluster.connect() as connection:
        connection.execute("DELETE FROM told WHERE (writer, turn) = (%s, %s)", gone)
    assert load.lost() == {gone}


def _inventory(**other: object) -> Inventory:
    nodes = [Node(f"db{n}", f"10.0.0.1{n}") for n in (1, 2, 3)]
    known = {"city": "c", "postgres_bin": "/bin", "data": "/data", "passwords": PASSWORDS, "databases": nodes}
    return Inventory(**(known | other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"databases": [Node("db1", "10.0.0.1"), Node("db2", "10.0.0.2")]}, "three"),
        ({"databases": [Node("db1", f"10.0.0.{n}") for n in range(3)]}, "twice"),
        ({"passwords": {"superuser": "x"}}, "rewind"),
    ],
)
def test_a_cluster_that_cannot_stand_is_refused_in_words(other: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        checked(_inventory(**other))


def test_passwords_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    written = render(checked(_inventory()), tmp_path)
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert len(written) == 7

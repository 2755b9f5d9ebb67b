"""One failover by night; `make cluster-test` holds twenty, of both kinds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cluster.render import Inventory, Node, checked, render
from tests.cluster.failover import fail_over
from tests.cluster.load import Load
from tests.cluster.loopback import PASSWORDS, Cluster, is_here, running

pytestmark = pytest.mark.fault
on_loopback = pytest.mark.skipif(
    not is_here() or os.environ.get("CLUSTER") != "1",
    reason="NOT RUN: a minute of waiting for etcd and Patroni; CLUSTER=1, `make cluster-test` and the night play it",
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="qosymsha-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with running(Path(name) / "run") as found:
            yield found


@on_loopback
def test_a_killed_leader_is_replaced_and_nothing_acknowledged_is_lost(cluster: Cluster) -> None:
    with Load(cluster) as load:
        found = fail_over(cluster, load, "node")
    assert found.after != found.before
    assert load.lost() == set()
    assert len(load.acknowledged) > 40


@on_loopback
def test_the_count_of_what_was_lost_can_fail(cluster: Cluster) -> None:
    """The control: a row that is gone is named."""
    with Load(cluster) as load:
        pass
    gone = load.acknowledged[-1] if load.acknowledged else (0, 0)
    load.acknowledged.append(gone)
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

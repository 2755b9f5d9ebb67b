"""`make cluster-test`: the leader killed under load, again and again; nothing acknowledged is lost.

    python -m tests.cluster.failover --kills 20

Kills take turns: the postmaster alone (Patroni lives; bar 10 s without an answer), the whole node with its etcd
(bar 30 s). Ends with 1 where a row that was acknowledged is gone or a bar is missed; prints each gap.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.load import Load
from tests.cluster.loopback import Cluster, is_here, running, wait_for

BARS = {"postgres": 10.0, "node": 30.0}


@dataclass(frozen=True)
class Failover:
    """One kill: what, who led before and after, the longest gap between acknowledgements, seconds."""

    what: str
    before: str
    after: str
    gap: float
    lost: int


def fail_over(cluster: Cluster, load: Load, what: str) -> Failover:
    """Kill the leader while the writers write; wait for a leader, for answers, and until the cluster is whole again."""
    before = cluster.leader()
    assert before is not None, "the cluster is whole"
    since, told = time.monotonic(), len(load.acknowledged)
    (cluster.kill_postgres if what == "postgres" else cluster.kill_node)(before)
    wait_for(lambda: load.at[-1] > since + 1 and len(load.acknowledged) > told + 20, 90, "answer after the kill")
    gap = load.gap(since)
    if what == "node":
        cluster.start_etcd(before)
        cluster.start_patroni(before)
    wait_for(cluster.is_whole, 120, "whole cluster after the kill")
    return Failover(what, before, cluster.leader() or "", gap, len(load.lost()))


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if not is_here():
        print("cluster-test: Patroni and etcd are not installed; `make setup` installs them", file=sys.stderr)
        return 3
    played: list[Failover] = []
    with tempfile.TemporaryDirectory(prefix="qosymsha-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        started = time.monotonic()
        with running(folder / "run") as cluster, Load(cluster) as load:
            print(f"three nodes stand after {time.monotonic() - started:.0f} s", flush=True)
            for n in range(asked.kills):
                one = fail_over(cluster, load, ("postgres", "node")[n % 2])
                played.append(one)
                print(
                    f"{n + 1:3}: {one.what:<8} {one.before} → {one.after}: {one.gap:5.1f} s without an answer,"
                    f" {len(load.acknowledged):,} acknowledged, {one.lost} lost",
                    flush=True,
                )
            acknowledged = len(load.acknowledged)
    return judged(played, acknowledged, asked.report)


def judged(played: list[Failover], acknowledged: int, report: Path | None) -> int:
    """The closing lines, the report, and the status to end with."""
    worst = {what: max((one.gap for one in played if one.what == what), default=0.0) for what in BARS}
    lost = max((one.lost for one in played), default=0)
    for what, gap in worst.items():
        print(f"{what}: at most {gap:.1f} s without an answer (bar {BARS[what]:.0f} s)")
    print(f"{acknowledged:,} acknowledged through {len(played)} kills, {lost} lost")
    if report is not None:
        found = {"kills": [asdict(one) for one in played], "acknowledged": acknowledged, "lost": lost, "worst": worst}
        report.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return int(lost > 0 or any(gap > BARS[what] for what, gap in worst.items()))


if __name__ == "__main__":
    sys.exit(main())

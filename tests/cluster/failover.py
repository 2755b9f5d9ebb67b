"""`make cluster-test`: the leader killed under load, again and again; nothing acknowledged is lost.

    python -m tests.cluster.failover --kills 20 --report night/cluster.json

Kills take turns: the postmaster alone (Patroni lives; bar 10 s without an answer), the whole node with its etcd
(bar 30 s). Then the standbys are frozen before a kill: nobody is answered, nothing lost; and the control, the same
without waiting for standbys, which must lose rows. Then two losses within a second. Ends with 1 where a row that was
acknowledged is gone, a bar is missed or the control is green.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.load import Load
from tests.cluster.loopback import Cluster, is_here, running
from tests.cluster.plays import BARS, Failover, fail_over, second_loss, stall

PATIENCE_FOR_A_THIRD = 60.0


@dataclass
class Told:
    """What was played: kills, the stall, its control, two losses at once."""

    kills: list[Failover] = field(default_factory=list)
    stalled: list[Failover] = field(default_factory=list)
    control: list[Failover] = field(default_factory=list)
    twice: list[Failover] = field(default_factory=list)
    unaided: list[bool] = field(default_factory=list)
    acknowledged: int = 0

    def findings(self) -> list[str]:
        """What is wrong."""
        honest = [*self.kills, *self.stalled, *self.twice]
        found = [f"{one.what}: {one.lost} acknowledged rows lost" for one in honest if one.lost]
        found += [f"{one.what}: {one.gap:.1f} s without an answer" for one in self.kills if one.gap > BARS[one.what]]
        return found + ["the control lost nothing" for one in self.control if not one.lost]

    def report(self) -> dict[str, Any]:
        """For machines."""
        gaps = {what: sorted(round(one.gap, 1) for one in self.kills if one.what == what) for what in BARS}
        load = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}  # figures of a busy machine say so
        return asdict(self) | {"gaps": gaps, "findings": self.findings()} | load


def play(cluster: Cluster, kills: int, *, with_controls: bool) -> Told:
    """All of it, on a cluster that is whole."""
    told = Told()
    with Load(cluster) as load:
        for n in range(kills):
            told.kills.append(fail_over(cluster, load, ("postgres", "node")[n % 2]))
            _say(told.kills[-1], f"{n + 1:3}, {len(load.acknowledged):,} acknowledged")
        if with_controls:
            told.stalled.append(stall(cluster, load, is_strict=True))
            _say(told.stalled[-1], "standbys frozen, strict")
            found, is_unaided = second_loss(cluster, load, PATIENCE_FOR_A_THIRD)
            told.twice, told.unaided = [found], [is_unaided]
            _say(found, "two losses at once; " + ("the third led by itself" if is_unaided else "a node was started"))
        told.acknowledged = len(load.acknowledged)
    if with_controls:
        cluster.be_strict(is_strict=False)
        with Load(cluster) as load:
            told.control.append(stall(cluster, load, is_strict=False))
        _say(told.control[-1], "CONTROL: standbys frozen, nobody waits for them")
    return told


@contextmanager
def standing() -> Iterator[Cluster]:
    """A whole cluster in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-cluster-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        started = time.monotonic()
        with running(Path(name) / "run") as cluster:
            print(f"three nodes stand after {time.monotonic() - started:.0f} s", flush=True)
            yield cluster


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--no-controls", action="store_true", help="kills alone")
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if not is_here():
        print("cluster-test: Patroni and etcd are not installed; `make setup` installs them", file=sys.stderr)
        return 3
    with standing() as cluster:
        told = play(cluster, asked.kills, with_controls=not asked.no_controls)
    return judged(told, asked.report)


def judged(told: Told, report: Path | None) -> int:
    """The closing lines, the report, and the status to end with."""
    for what, bar in BARS.items():
        gap = max((one.gap for one in told.kills if one.what == what), default=0.0)
        print(f"{what}: at most {gap:.1f} s without an answer (bar {bar:.0f} s)")
    lost = sum(one.lost for one in told.kills)
    print(f"{told.acknowledged:,} acknowledged through {len(told.kills)} kills, {lost} lost")
    findings = told.findings()
    print("\n".join(f"RED  {one}" for one in findings) or "green")
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(told.report(), indent=1) + "\n", "utf-8")
    return int(bool(findings))


def _say(one: Failover, words: str) -> None:
    print(
        f"{one.what:<8} {one.before} → {one.after}: {one.gap:5.1f} s without an answer, {one.lost} lost ({words})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

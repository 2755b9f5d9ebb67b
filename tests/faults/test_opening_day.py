"""The opening day through kills and lost commits: nothing oversold, nothing lost, nobody refused who is in.

Every run is a program of its own on a cluster of its own that waits for the disk. The seed stands in the closing lines;
`python -m tests.faults.battery --seed …` plays it again. Two thousand times more of it: `make night`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import ready
from tests.faults.killer import FIVE
from tests.faults.stage import DATABASE

pytestmark = pytest.mark.fault
REQUESTS, KILLS = 5_000, 15
PATIENCE = 1_800.0  # seconds; a guard against hanging, no promise
Report = dict[str, Any]
Played = Callable[..., Report]
CONTROLS = {
    "no_key": "refused, but stored",
    "key_outside": "refused, but stored",
    "late_commit": "acknowledged, lost",
    "read_then_write": "oversold",
    "asynchronous_commit": "acknowledged, lost",
}


@pytest.fixture
def played(tmp_path: Path, record_property: Callable[..., None]) -> Played:
    """Run the battery with these arguments; its report."""
    cluster = ready.home() / "faults"

    def play(*arguments: str) -> Report:
        ready.lay(cluster, DATABASE)
        report = tmp_path / "report.json"
        seed = os.environ.get("FAULTS_SEED")  # of a night that is played again; else each run draws its own
        told = [
            "--child",
            *([f"--seed={seed}"] if seed else []),
            "--ready",
            str(cluster),
            "--report",
            str(report),
            *arguments,
        ]
        process = subprocess.Popen([sys.executable, "-m", "tests.faults.battery", *told], cwd=_ROOT)
        try:
            process.wait(PATIENCE)
        finally:
            process.terminate()  # it ends what it has started
            process.wait()
        found: Report = json.loads(report.read_text(encoding="utf-8"))
        record_property("seed", f"{arguments} seed {found['seed']} commit {found['commit']}")
        return found

    return play


_ROOT = Path(__file__).resolve().parents[2]


def test_5000_requests_through_15_kills_and_lost_commits_break_no_promise(played: Played) -> None:
    report = played(f"--requests={REQUESTS}", f"--kills={KILLS}")
    assert not any(report["findings"].values()), report
    assert report["green"], report
    assert report["keys"] >= REQUESTS
    assert report["kills"] == {kind.value: KILLS // len(FIVE) for kind in FIVE}
    assert report["replies cut"] >= 0.03 * report["commits"], "a run in which nothing was lost on the way shows nothing"
    assert report["commits by hot functions"] > report["yes"] / 2, "the proxy sees the hot verbs commit"
    assert report["no"] > 0, "somebody was too late: full groups were tried"


def test_the_product_whole_survives_what_its_controls_do_not(played: Played) -> None:
    report = played("--control=whole")
    assert report["green"], report
    assert (report["replies cut"], report["words cut"]) == (10, 10)


@pytest.mark.parametrize("control", CONTROLS)
def test_control_a_build_without_it_breaks_its_promise(played: Played, control: str) -> None:
    report = played(f"--control={control}")
    assert report["findings"][CONTROLS[control]], f"{control} is off, yet nothing is red: {report}"
    assert not report["findings"]["unanswered"], "the build answers; it answers wrongly"

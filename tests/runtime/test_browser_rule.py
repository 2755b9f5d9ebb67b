"""Journeys that did not run are not green; one whose browser never answered is played again, once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[2]
SAMPLE = """
import pytest
@pytest.mark.journey
def test_journey(): pass
def test_other(): pass
"""
STUCK_AT_FIRST = """
import pytest
from tests.browser import STUCK
played = []
@pytest.fixture
def own(): return []
@pytest.mark.journey
@pytest.mark.parametrize("fault", [STUCK, "another fault"])
def test_journey(own, fault):
    assert not own, "its fixtures are made anew"
    own.append(fault)
    played.append(fault)
    assert played.count(fault) == 2, fault
"""


def run_pytest(folder: Path, *options: str, code: str = SAMPLE, **env: str) -> subprocess.CompletedProcess[str]:
    sample = folder / "test_sample.py"
    sample.write_text(code, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name != "ALLOW_NO_BROWSER" and "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", CLONE / "pyproject.toml", "--rootdir", CLONE, "-p", "tests.conftest"]
        + ["-p", "no:cacheprovider", *options, sample],
        cwd=CLONE,
        env=kept | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_without_a_browser_the_run_ends_with_3_and_says_so(tmp_path, options):
    answer = run_pytest(tmp_path, *options, QOSYMSHA_BROWSER="/nowhere")
    assert answer.returncode == 3, answer.stdout + answer.stderr
    assert "NOT RUN: no browser: 1 journeys" in answer.stdout
    assert "1 passed, 1 skipped" in answer.stdout


def test_one_may_go_on_without_a_browser_by_saying_so(tmp_path):
    answer = run_pytest(tmp_path, QOSYMSHA_BROWSER="/nowhere", ALLOW_NO_BROWSER="1")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "NOT RUN: no browser: 1 journeys" in answer.stdout


def test_control_with_a_browser_the_journey_runs(tmp_path):
    answer = run_pytest(tmp_path, QOSYMSHA_BROWSER=sys.executable)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "2 passed" in answer.stdout


def test_only_a_journey_whose_browser_never_answered_is_played_again(tmp_path):
    answer = run_pytest(tmp_path, code=STUCK_AT_FIRST, QOSYMSHA_BROWSER=sys.executable)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "1 failed, 1 passed" in answer.stdout
    assert "played again, the browser is stuck" in answer.stdout

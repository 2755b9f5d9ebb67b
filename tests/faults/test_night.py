"""`make night`: plays each battery to its end, writes what it saw, ends with 1 when any was red, replays by seed."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "night.py"
_spec = importlib.util.spec_from_file_location("night", _SCRIPT)
assert _spec is not None
assert _spec.loader is not None
night = importlib.util.module_from_spec(_spec)
sys.modules["night"] = night
_spec.loader.exec_module(night)


def battery(name: str, code: str, seconds: float = 60.0) -> night.Battery:
    return night.Battery(
        name, f"shows {name}", (sys.executable, "-c", code, "{seed}", "{folder}"), {"LIGHT": "moon"}, seconds
    )


GREEN = battery("green", "import os, sys; print(os.environ['LIGHT'], 'seed', sys.argv[1])")
RED = battery("red", "import sys; print('one group oversold'); sys.exit(1)")
HANGS = battery("hangs", "import time; print('waits', flush=True); time.sleep(600)", 2.0)


def test_all_are_played_though_one_is_red_and_the_report_tells(tmp_path: Path) -> None:
    assert night.run([RED, GREEN], 7, tmp_path) == 1
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["green"], one["seed"]) for one in report["batteries"]] == [
        ("red", False, 7),
        ("green", True, 7),
    ]
    assert report["batteries"][1]["said"] == ["moon seed 7"]
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "one group oversold" in page
    assert 'make night ARGS="--only red --seed 7"' in page


def test_one_that_lacks_something_here_is_neither_green_nor_red(tmp_path: Path) -> None:
    lacks = battery("lacks", "import sys; print('NOT RUN: no such program here'); sys.exit(3)")
    assert night.run([lacks, GREEN], 7, tmp_path) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [one["green"] for one in report["batteries"]] == [False, True]
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| not run |" in page
    assert "NOT RUN: no such program here" in page


def test_all_green_is_0(tmp_path: Path) -> None:
    assert night.run([GREEN], 7, tmp_path) == 0


def test_one_that_hangs_is_ended_and_red(tmp_path: Path) -> None:
    assert night.run([HANGS], 7, tmp_path) == 1
    (one,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["batteries"]
    assert one["status"] is None
    assert one["said"] == ["waits"]


def test_only_what_is_named_and_nothing_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(night, "FOLDER", tmp_path)
    monkeypatch.setattr(night, "batteries", lambda _workers: [RED, GREEN])
    assert night.main(["--only", "green", "--seed", "7"]) == 0
    with pytest.raises(SystemExit):
        night.main(["--only", "gren"])
    assert "there are red, green" in capsys.readouterr().err


def test_every_battery_names_a_program_that_is_there() -> None:
    root = _SCRIPT.parents[1]
    for one in night.batteries("2"):
        words = list(one.argv)
        assert words[0] == sys.executable
        if words[1] == "-m" and words[2] != "pytest":
            module = root / words[2].replace(".", "/")
            assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), one.name
        missing = [word for word in words[3:] if word.endswith(".py") and not (root / word).exists()]
        assert not missing, one.name

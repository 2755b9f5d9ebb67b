"""Verbs: help that teaches, exit statuses, and a city's round through the command line alone."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from django.db import connection

from qosymsha.interfaces.cli import doctor
from qosymsha.interfaces.cli.main import VERBS, main
from qosymsha.interfaces.files.rosters import read_roster
from qosymsha.kernel import clock
from qosymsha.runtime.processes import wait_until
from tests.factories import rosters
from tests.interfaces.door import Run, database_url, run

__all__ = ["run"]


def _nested() -> dict[str, tuple[str, ...]]:
    """Each group of verbs with the names below it."""
    found = {}
    for verb, (module, _) in VERBS.items():
        command = importlib.import_module(f"qosymsha.interfaces.cli.{module}").command
        if isinstance(command, click.Group):
            found[verb] = tuple(command.commands)
    return found


NESTED = _nested()
VERB_LINES = [[verb] for verb in VERBS if verb not in NESTED] + [[v, n] for v, names in NESTED.items() for n in names]


@pytest.mark.parametrize("line", [[], *([verb] for verb in NESTED), *VERB_LINES], ids=" ".join)
def test_help_says_what_a_verb_does(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*line, "--help"])
    said = capsys.readouterr()
    assert ended.value.code == 0
    assert said.out.startswith("Usage:")
    assert said.err == ""


@pytest.mark.parametrize("line", VERB_LINES, ids=" ".join)
def test_help_teaches_with_an_example_and_offers_json(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*line, "--help"])
    said = capsys.readouterr().out
    assert "Example" in said
    assert " ".join(["qosymsha", *line]) in said
    assert "--json" in said


@pytest.mark.parametrize(
    "line",
    [
        ["nonsense"],
        ["round", "nonsense"],
        ["export", "people", "x.csv"],
        ["month", "close", "2026-13"],
        ["serve", "--port", "70000"],
        ["allocate", "round"],
        ["allocate", "round", "/absent.json"],
        ["verify", "/absent"],
        ["import", "groups", "--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_status_two_and_no_traceback(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_no_database_is_status_three(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "QOSYMSHA_MODE": "trial"}
    env["PYTHONPATH"] = str(Path(__file__).parents[2] / "src")
    done = subprocess.run([sys.executable, "-m", "qosymsha", "doctor"], env=env, capture_output=True, text=True)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_a_city_from_nothing_to_a_published_round(run: Run, tmp_path: Path) -> None:
    families = rosters.families(90)
    guardians = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, families)
    wishes = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, rosters.applications(families))
    for name in ("providers", "groups"):
        run("import", name, "--template", tmp_path / f"{name}.xlsx")
        assert run("import", name, tmp_path / f"{name}.xlsx").status == 0
    assert run("round", "open", "--budget-tenge", "10000000", "--json").json["state"] == "open"
    again = run("round", "open", "--budget-tenge", "10000000")
    assert again.status == 0
    assert "open already" in again.err
    assert run("import", "guardians", guardians).status == 0
    assert run("import", "applications", wishes).status == 0
    early = run("round", "close")
    assert early.status == 4
    assert "window" in early.err
    closed = run("round", "close", "--early", "a rehearsal", "--json").json
    assert closed["closed"]["applications"] == 90
    assert run("round", "allocate").status == 4, "not drawn yet"
    seed = run("round", "draw", "--json").json["seed"]
    assert run("round", "draw", "--json").json["seed"] == seed, "there is no second draw"
    allocated = run("round", "allocate", "--json").json["allocated"]
    folder = tmp_path / "published"
    assert run("round", "publish", "--folder", folder).status == 0
    shown = run("round", "show", "--json").json
    places = {segment["segment"]: segment["places"] for segment in shown["segments"]}
    granted = {segment["segment"]: segment["granted"] for segment in shown["segments"]}
    assert granted == allocated["granted"] == {kind: min(30, places[kind]) for kind in places}
    assert 0 < allocated["vouchers"] < 90
    assert run("verify", folder, "--root", shown["root"], "--json").json["ok"] is True
    _exports_agree(run, tmp_path, allocated["vouchers"])


def _exports_agree(run: Run, tmp_path: Path, vouchers: int) -> None:
    assert run("export", "vouchers", tmp_path / "v.xlsx", "--json").json["rows"] == vouchers
    assert run("export", "applications", tmp_path / "a.csv", "--json").json["rows"] == 90
    rows = [row.cells for row in read_roster(tmp_path / "a.csv").rows]
    assert sum(row["state"] == "granted" for row in rows) == vouchers
    run("export", "ledger", tmp_path / "l.csv")
    assert sum(round(float(row.cells["amount_tenge"]) * 100) for row in read_roster(tmp_path / "l.csv").rows) == 0
    for name in ("providers", "groups", "claims"):
        assert run("export", name, tmp_path / f"{name}.xlsx").status == 0
    assert run("export", "claims", tmp_path / "claims.pdf").status == 2


def test_a_damaged_publication_is_a_finding(run: Run, tmp_path: Path) -> None:
    run("round", "open")
    for step in (("close", "--early", "x"), ("draw",), ("allocate",), ("publish", "--folder", tmp_path / "p")):
        assert run("round", *step).status == 0
    assert run("verify", tmp_path / "p").status == 0
    with (tmp_path / "p" / "terms.json").open("a") as file:
        file.write(" ")
    assert run("verify", tmp_path / "p").status == 1


def test_production_invents_neither_people_nor_secrets_nor_time(run: Run, settings: Any, tmp_path: Path) -> None:
    settings.PRODUCTION = True
    assert "no programme" in run("round", "show").err
    settings.PRODUCTION = False
    run("round", "open")
    settings.PRODUCTION = True
    assert "--as" in run("round", "close").err
    early = run("round", "close", "--early", "hurry", "--as", "trial:officer")
    assert early.status == 4
    assert run("round", "close", "--as", "trial:checker").status == 2
    assert run("round", "close", "--as", "nobody").status == 2


def test_an_empty_month_closes_once_and_a_running_one_does_not(run: Run) -> None:
    run("round", "show")
    today = clock.local_day(clock.read())
    assert run("month", "close", f"{today:%Y-%m}").status == 2
    closed = run("month", "close", "2026-01", "--json")
    assert (closed.status, closed.json["claims"]) == (0, [])
    assert run("month", "close", "2026-01").status == 4
    assert run("pay", "approve").status == 0
    assert run("pay", "file").status == 4
    assert run("pay", "replies", "--json").json["replies"] == 0
    assert run("pay", "approve", "--claim", "C-1").status == 2


def test_doctor_is_content_with_a_fresh_trial_and_not_with_a_broken_one(
    run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' own server waits for no disk: that, and nothing else, is what the doctor finds."""
    run("round", "show")
    found = {check["name"]: check for check in run("doctor", "--json").json["checks"]}
    wrong = {name for name, check in found.items() if not check["ok"]}
    assert wrong <= {"fsync", "full_page_writes", "synchronous_commit", "INV-22"}
    assert found["Asia/Almaty in July 2023"]["found"] == "Python +6, server +6"

    monkeypatch.setattr(doctor, "_SUMMER_HOURS", {2023: 5})
    clock.shift_to(clock.read())
    settings.DEMO = False
    said = run("doctor", "--quick")
    assert said.status == 1
    assert "WRONG Asia/Almaty in July 2023" in said.out
    assert "WRONG clock" in said.out
    assert "what to do:" in said.out


def test_doctor_tells_of_rows_outside_the_months_made_ahead(run: Run) -> None:
    run("round", "show")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox (at, topic, subject_kind, subject_id, detail) VALUES ('2040-01-01', 't', 's', 1, '{}')"
        )
    assert "WRONG partition outbox_rest: holds rows" in run("doctor", "--quick").out


ROUND = {
    "problem": "round",
    "segments": [{"id": "s", "places": 1}],
    "applications": [{"id": "a", "segment": "s", "lottery": 2}, {"id": "b", "segment": "s", "lottery": 1}],
}


def allocate(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["allocate", *argv])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_allocate_answers_json_alone_and_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(ROUND))
    status, out, err = allocate(capsys, "round", str(path), "--check")
    assert (status, err) == (0, "")
    assert json.loads(out) == {"granted": {"b": ["s", "open"]}, "waiting": {"s": ["a"]}, "rejected": {}}
    words = {
        language: allocate(capsys, "round", str(path), "--explain", "a", "--lang", language)[1]
        for language in ("kk", "ru", "en")
    }
    assert len(set(words.values())) == 3
    assert all(words.values())
    assert allocate(capsys, "round", str(path), "--explain", "z")[0] == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"problem": "matching"}', '{"problem": "round", "segments": 5}', "\x00"]
)
def test_allocate_names_the_place_of_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    status, out, err = allocate(capsys, "round", str(path))
    assert (status, out) == (2, "")
    assert err.startswith("qosymsha: ")
    assert "Traceback" not in err


def test_serve_answers_and_ends_with_everything_it_started(run: Run, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "DATABASE_URL": database_url()}
    process = subprocess.Popen(
        [sys.executable, "-m", "qosymsha", "serve", "--port", "0", "--workers", "1", "--no-work", "--json"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=errors.open("w", encoding="utf-8"),
        text=True,
    )
    try:
        assert process.stdout is not None
        told = itertools.takewhile(lambda line: line != "}\n", process.stdout)  # ends with the server too
        said = "".join(told) + "}"
        assert said.startswith("{"), f"it ended with {process.wait(30)} and told no address: {errors.read_text()}"
        address = json.loads(said)["address"]
        assert _status(address + "en/") == 200
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=2)


def _status(address: str) -> int:
    seen: list[int] = []

    def is_answered() -> bool:
        with suppress(OSError), urllib.request.urlopen(address, timeout=30) as answer:
            seen.append(int(answer.status))
        return bool(seen)

    assert wait_until(is_answered, 300), "it never answered"
    return seen[0]

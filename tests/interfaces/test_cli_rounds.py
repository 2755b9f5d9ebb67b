"""A round at the command line where things go wrong: another runs, no draw can be, a beacon's name, a small round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from qosymsha.domain.admission import commands
from qosymsha.integrations.beacon.drand import DrandBeacon
from qosymsha.interfaces.cli import beacons, session
from qosymsha.kernel.errors import BadInput
from tests.factories import horizon, rosters
from tests.interfaces.door import Run, run

__all__ = ["run"]
CHAIN = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce"


def one(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def stored() -> tuple[int, int, int]:
    """Rounds, budget plans, lines."""
    return tuple(one(f"SELECT count(*) FROM {t}") for t in ("admission_round", "budget_plan", "budget_line"))  # type: ignore[return-value]


def filed(run: Run, tmp_path: Path, count: int) -> None:
    rows = rosters.families(count)
    assert run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows)).status == 0
    wishes = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, rosters.applications(rows))
    assert run("import", "applications", wishes).status == 0


def test_opening_while_another_round_runs_stores_nothing_and_gives_no_money(run: Run) -> None:
    first = run("round", "open", "--json").json["number"]
    run("round", "close", "--early", "a rehearsal")
    before = stored()
    said = run("round", "open", "--first-month", "2031-02", "--budget-tenge", "1000000")
    assert said.status == 4
    assert "another_round_runs" in said.err
    assert stored() == before
    assert run("round", "draw", "--json").json["number"] == first


@pytest.mark.parametrize(
    "spoilt", [("--last-month", "2020-01"), ("--commitment", "akimat=00"), ("--closes", "2020-01-01")], ids=str
)
def test_a_plan_that_is_refused_gives_no_money(run: Run, spoilt: tuple[str, str]) -> None:
    run("round", "show")
    before = stored()
    said = run("round", "open", *spoilt, "--budget-tenge", "1000000")
    assert said.status in (2, 4)
    assert stored() == before


def test_a_stray_planned_round_is_never_the_latest(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run("round", "open", "--json").json["number"]
    for step in (("close", "--early", "x"), ("draw",), ("allocate",), ("publish",)):
        assert run("round", *step).status == 0
    opening = commands.open_round

    def killed(**_: Any) -> Any:
        raise BadInput("test", "the process died here")

    monkeypatch.setattr(commands, "open_round", killed)
    assert run("round", "open").status == 2
    monkeypatch.setattr(commands, "open_round", opening)
    assert one("SELECT count(*) FROM admission_round WHERE state = 'planned'") == 1
    assert run("round", "show", "--json").json["number"] == first
    second = run("round", "open", "--json").json
    assert second["state"] == "open"
    assert run("round", "show", "--json").json["number"] == second["number"]


def test_a_lost_secret_does_not_hold_the_programme_up(run: Run, tmp_path: Path) -> None:
    number = run("round", "open", "--json").json["number"]
    filed(run, tmp_path, 6)
    run("round", "close", "--early", "x")
    next((tmp_path / "state").rglob("draw-secrets/*.txt")).unlink()
    assert run("round", "draw").status == 2
    assert run("round", "cancel").status == 2, "a reason is asked for"
    assert run("round", "cancel", "--reason", " ").status == 4
    told = run("round", "cancel", "--reason", "the council lost its secret")
    assert told.status == 0
    assert "cancelled: the council lost its secret" in told.out
    assert "given back: 6 applications" in told.out
    assert "the council lost its secret" in Client().get("/en/").content.decode(), "in public"
    assert run("round", "draw", "--round", number).status != 0
    again = run("round", "open", "--json").json["number"]
    assert again != number
    told = run("import", "applications", tmp_path / "a.csv", "--json")
    assert told.json["added"] == 6


def test_a_beacons_name_of_a_wrong_form_is_refused_before_the_window_opens(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beacons, "adapter", lambda _: DrandBeacon([]))
    run("round", "show")
    before = stored()
    for name in ("drand:4812345", "drand:", f"drand:{CHAIN}:0", "typed: "):
        said = run("round", "open", "--beacon", name)
        assert (said.status, stored()) == (2, before)
        assert "--beacon" in said.err
    assert run("round", "open").status == 2, "the trial's own name is no drand round either"
    assert "drand:CHAIN:ROUND" in run("round", "open", "--beacon", "drand:4812345").err
    assert run("round", "open", "--beacon", f"drand:{CHAIN}:99999999").status == 0
    assert "drand:CHAIN:ROUND" in run("round", "open", "--help").out


def test_a_typed_beacon_is_drawn_by_two_officers_and_no_adapter(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beacons, "adapter", lambda _: pytest.fail("no adapter is asked"))
    assert run("round", "open", "--beacon", "typed:national lottery, draw 1234").status == 0
    run("round", "close", "--early", "x")
    officers = ("--as", "trial:officer", "--as", "trial:officer-2")
    for wrong in (
        ("--beacon-value", "0714"),
        ("--beacon-value", "0714", "--as", "trial:officer"),
        ("--beacon-value", "0714", "--as", "trial:officer", "--as", "trial:officer"),
        ("--beacon-value", "0714", "--as", "trial:officer", "--as", "trial:checker"),
        officers,
        ("--beacon-value", "7", *officers),
        ("--beacon-value", "0714", "--beacon-value", "0715", *officers),
    ):
        assert run("round", "draw", *wrong).status == 2, wrong
    drawn = run("round", "draw", "--beacon-value", "0714", "--beacon-value", "07 14", *officers, "--json")
    assert drawn.json["state"] == "drawn"


def test_a_value_is_not_typed_where_the_beacon_is_asked(run: Run) -> None:
    run("round", "open")
    run("round", "close", "--early", "x")
    assert run("round", "draw", "--beacon-value", "0714").status == 2


def unlinked(run: Run) -> int:
    """Audit events without a link once a verb is done and no other test's transaction holds the chain up."""
    count = "SELECT (SELECT count(*) FROM audit_event) - (SELECT count(*) FROM audit_link)"
    if one(count):
        horizon.settled()
        run("round", "show")
    return one(count)


def test_a_laptop_without_a_worker_has_its_chain_whole(run: Run) -> None:
    run("round", "open")
    assert unlinked(run) == 0
    assert one("SELECT count(*) FROM audit_link") > 0


def test_control_without_linking_events_wait(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_link", lambda: None)
    run("round", "open")
    assert unlinked(run) > 0


def test_a_round_withheld_whole_says_what_was_checked_instead(run: Run, tmp_path: Path) -> None:
    run("round", "open", "--budget-tenge", "10000000")
    filed(run, tmp_path, 6)
    for step in (("close", "--early", "x"), ("draw",), ("allocate",), ("publish", "--folder", tmp_path / "p")):
        assert run("round", *step).status == 0
    said = run("verify", tmp_path / "p")
    assert said.status == 0
    assert "too small for the public to recompute it: all 6 lines are withheld" in said.out
    assert "Checked instead:" in said.out
    assert "NOT checked: any lottery number" in said.out
    told = run("verify", tmp_path / "p", "--json").json
    assert (told["rows"], told["withheld"]) == (6, 6)


def test_an_officer_hears_why_an_application_stands_where_it_stands(run: Run, tmp_path: Path) -> None:
    run("round", "open", "--budget-tenge", "40000000")
    filed(run, tmp_path, 6)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM application ORDER BY id LIMIT 1")
        (number,) = cursor.fetchone()
    assert run("round", "explain", number, "--lang", "kk").status == 0
    for step in (("close", "--early", "x"), ("draw",), ("allocate",)):
        assert run("round", *step).status == 0
    told = run("round", "explain", number, "--json").json
    assert (told["state"], told["category"], len(told["lottery_number"])) == ("granted", "", 64)
    assert any("before it" in line for line in told["sentences"])
    assert run("round", "explain", number, "--category", "--json").json["category"]
    assert run("round", "explain", "A-none").status == 4

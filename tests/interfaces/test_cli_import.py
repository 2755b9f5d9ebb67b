"""Import: good rows once, bad rows told exactly, the same file again, an edited one, a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from qosymsha.interfaces.cli.loading import engine
from qosymsha.interfaces.cli.loading.filing import ApplicationLoader
from tests.factories import rosters
from tests.interfaces.door import Run, database_url, run

__all__ = ["run"]
BAD = 2_137
ROWS = 5_000


def one(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def counts(told: dict[str, int]) -> tuple[int, int, int, int]:
    return told["added"], told["changed"], told["there"], told["refused"]


def spoilt(rows: list[list[str]]) -> tuple[list[list[str]], list[tuple[int, str, str]]]:
    """The rows with exactly BAD of them damaged in one way each, and the faults to be told, in order."""
    damages = (
        ("ЖСН", 0, lambda text: text[:-1] + str((int(text[-1]) + 1) % 10), "wrong_check_digit"),
        ("Баланың ЖСН", 4, lambda text: "1,50301E+11", "number_rounded"),
        ("Туған күні", 7, lambda text: "31.02.2015", "date_impossible"),
        ("Баланың аты", 6, lambda text: "", "empty"),
        ("Аудан", 8, lambda text: "Нарния", "district_unknown"),
        ("Санат", 9, lambda text: "vip", "category_unknown"),
        ("Аты", 2, lambda text: "А1", "name_unreadable"),
        ("Туған күні", 7, lambda text: "01.03.2099", "birth_date_impossible"),
    )
    faults = []
    for nth in range(BAD):
        i = nth * len(rows) // BAD
        column, place, damage, code = damages[nth % len(damages)]
        rows[i] = [*rows[i][:place], damage(rows[i][place]), *rows[i][place + 1 :]]
        faults.append((i + 2, column, code))
    return rows, faults


def test_bad_rows_are_told_exactly_and_good_ones_are_loaded_once(run: Run, tmp_path: Path) -> None:
    rows, faults = spoilt(rosters.families(ROWS))
    path = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows)
    first = run("import", "guardians", path, "--json", "--report", tmp_path / "bad.csv")
    assert first.status == 1
    assert [(f["row"], f["column"], f["code"]) for f in first.json["faults"]] == faults
    assert counts(first.json) == (ROWS - BAD, 0, 0, BAD)
    assert one("SELECT count(*) FROM child") == ROWS - BAD
    assert len((tmp_path / "bad.csv").read_text("utf-8-sig").splitlines()) == 1 + BAD

    audited = one("SELECT count(*) FROM audit_event WHERE action = 'register_families'")
    again = run("import", "guardians", path, "--json")
    assert counts(again.json) == (0, 0, ROWS - BAD, BAD)
    assert one("SELECT count(*) FROM child") == ROWS - BAD
    assert one("SELECT count(*) FROM audit_event WHERE action = 'register_families'") == audited, "nothing was stored"


def test_an_edited_roster_changes_only_what_differs(run: Run, tmp_path: Path) -> None:
    rows = rosters.families(30)
    assert run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows)).status == 0
    alone = next(i for i, row in enumerate(rows) if sum(row[0] == other[0] for other in rows) == 1)
    rows[alone][3] = "+77019999999"
    rows[7][9] = "sen"
    more = rosters.families(33)[30:]
    path = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, [*more, *rows])
    told = run("import", "guardians", path, "--json")
    assert counts(told.json) == (3, 2, 28, 0)
    assert one("SELECT count(*) FROM child_status WHERE category = 'sen' AND state = 'certified'") == 6
    assert counts(run("import", "guardians", path, "--json").json) == (0, 0, 33, 0)


def test_of_rows_that_differ_about_a_guardian_the_first_counts(run: Run, tmp_path: Path) -> None:
    rows = rosters.families(2)
    assert rows[0][0] == rows[1][0], "two children of one guardian"
    rows[1][3] = "+77770000000"
    path = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows)
    told = run("import", "guardians", path, "--json").json
    assert [(r["code"], r["first_row"]) for r in told["remarks"]] == [("told_otherwise", 3)]
    assert counts(run("import", "guardians", path, "--json").json) == (0, 0, 2, 0)


def test_check_stores_nothing_and_says_the_same(run: Run, tmp_path: Path) -> None:
    path = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rosters.families(12))
    run("round", "show")
    told = run("import", "guardians", path, "--check", "--json")
    assert counts(told.json) == (12, 0, 0, 0)
    assert one("SELECT count(*) FROM child") == 0


@pytest.mark.parametrize("name", ["budget", "providers", "groups", "guardians", "applications"])
def test_check_on_an_empty_database_founds_no_city(run: Run, tmp_path: Path, name: str) -> None:
    run("import", name, "--template", tmp_path / "t.csv")
    said = run("import", name, tmp_path / "t.csv", "--check")
    assert (said.status, said.err.count("qosymsha round show")) == (2, 1)
    for table in ("territory", "programme", "app_user", "budget_line", "audit_event", "idempotency_key"):
        assert one(f"SELECT count(*) FROM {table}") == 0, table


def test_check_opens_no_budget_line(run: Run, tmp_path: Path) -> None:
    run("round", "show")
    path = rosters.write(tmp_path / "b.csv", ("вид", "сумма", "решение"), [["спорт", "1000", "12/1"]])
    lines, year = one("SELECT count(*) FROM budget_line"), one("SELECT max(fiscal_year) + 1 FROM budget_line")
    assert counts(run("import", "budget", path, "--year", year, "--check", "--json").json) == (1, 0, 0, 0)
    assert one("SELECT count(*) FROM budget_line") == lines
    assert counts(run("import", "budget", path, "--year", year, "--json").json) == (1, 0, 0, 0)
    assert one("SELECT count(*) FROM budget_line") == 2 * lines


def test_usage_says_that_the_file_may_be_missing_and_a_template_needs_one(run: Run) -> None:
    assert "[FILE]" in run("import", "groups", "--help").out.splitlines()[0]
    assert "--template groups.xlsx" in run("import", "groups").err
    said = run("import", "groups", "--template")
    assert said.status == 2
    assert "name the file to write the example to: `--template groups.xlsx`" in said.err


def test_lost_zeros_are_restored_and_the_trial_says_what_it_took_on_trust(run: Run, tmp_path: Path) -> None:
    rows = rosters.families(2)
    child = next(rosters.numbers("070301", "7"))
    rows[0][4], rows[0][7] = child.lstrip("0"), "2007-03-01"
    told = run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows), "--json").json
    assert [(r["column"], r["code"], r["first_row"]) for r in told["remarks"]] == [("Баланың ЖСН", "zeros_restored", 2)]
    assert told["notes"] == ["guardianships and categories are taken as stated in the roster, trial mode"]
    assert counts(told) == (2, 0, 0, 0)


def _killed_midway(path: Path) -> None:
    """Import in another process, killed -9 as soon as its first batch is in."""
    source = str(Path(__file__).parents[2] / "src")
    env = {**os.environ, "PYTHONPATH": source, "DATABASE_URL": database_url(), "QOSYMSHA_MODE": "test"}
    process = subprocess.Popen([sys.executable, "-m", "qosymsha", "import", "guardians", str(path)], env=env)
    try:
        for _ in range(1_200):
            if one("SELECT count(*) FROM child") or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None, "it was to be killed while it worked"
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


@pytest.mark.fault
def test_a_killed_import_is_resumed_by_loading_the_same_file(run: Run, tmp_path: Path) -> None:
    run("round", "open")
    path = rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rosters.families(ROWS))
    _killed_midway(path)
    before = one("SELECT count(*) FROM child")
    assert 0 < before < ROWS, before
    assert before % engine.BATCH == 0, "whole batches only"
    for _ in range(100):  # the dead process's session may still hold its transaction
        if one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'") <= 1:
            break
        time.sleep(0.1)
    told = run("import", "guardians", path, "--json").json
    assert (told["added"], told["changed"] + told["there"], told["refused"]) == (ROWS - before, before, 0)
    assert told["changed"] < engine.BATCH, "of one batch at most the categories were still missing"
    assert counts(run("import", "guardians", path, "--json").json) == (0, 0, ROWS, 0)
    assert one("SELECT count(*) FROM child") == ROWS
    assert one("SELECT count(*) FROM child_status") == sum(
        len([c for c in rosters.CATEGORIES[i % 6].split(";") if c]) for i in range(ROWS)
    )
    assert one("SELECT count(*) FROM person_secret WHERE subject_kind = 'child'") == ROWS


def _filed_twice(run: Run, tmp_path: Path) -> tuple[int, int, int, int]:
    rows = rosters.families(20)
    run("round", "open")
    run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows))
    path = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, rosters.applications(rows))
    assert counts(run("import", "applications", path, "--json").json) == (20, 0, 0, 0)
    told = run("import", "applications", path, "--json").json
    assert one("SELECT count(*) FROM application") == 20
    return counts(told)


def test_applications_are_filed_once(run: Run, tmp_path: Path) -> None:
    assert _filed_twice(run, tmp_path) == (0, 0, 20, 0)


def test_control_without_recognition_the_second_load_is_red(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ApplicationLoader, "_compare", lambda *_: None)
    assert _filed_twice(run, tmp_path) == (0, 0, 0, 20)


def test_applications_of_strangers_and_changed_wishes_are_refused_by_cell(run: Run, tmp_path: Path) -> None:
    rows = rosters.families(3)
    run("round", "open")
    run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows))
    wishes = rosters.applications(rows)
    run("import", "applications", rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, wishes[:1]))
    unknown = next(rosters.numbers("160401", "9"))
    path = rosters.write(
        tmp_path / "b.csv",
        rosters.APPLICATIONS,
        [[*wishes[0][:2], "sport"], [rows[2][0], rows[0][4], "sport"], [rows[1][0], unknown, "sport"], ["1", "2", "x"]],
    )
    told = run("import", "applications", path, "--json")
    assert told.status == 1
    assert [(f["row"], f["column"], f["code"]) for f in told.json["faults"]] == [
        (2, "Вид", "already_filed"),
        (3, "ИИН родителя", "not_guardian"),
        (4, "ИИН ребёнка", "person_unknown"),
        (5, "ИИН родителя", "not_twelve_digits"),
        (5, "ИИН ребёнка", "not_twelve_digits"),
        (5, "Вид", "kind_unknown"),
    ]


def test_a_stranger_to_the_child_is_refused(run: Run, tmp_path: Path) -> None:
    rows = rosters.families(3)
    run("round", "open")
    run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows))
    path = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, [[rows[2][0], rows[0][4], "sport"]])
    told = run("import", "applications", path, "--json")
    assert [(f["column"], f["code"]) for f in told.json["faults"]] == [("ИИН родителя", "not_guardian")]


@pytest.mark.parametrize("kind", ["sport", "creative"])
def test_a_stranger_does_not_learn_that_a_child_has_filed(run: Run, tmp_path: Path, kind: str) -> None:
    rows = rosters.families(3)
    run("round", "open")
    run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, rows))
    wish, strange = [rows[0][0], rows[0][4], "sport"], [rows[2][0], rows[0][4], kind]
    for wishes in ([strange], [wish, strange]):  # in the round already; earlier in the same file
        path = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, wishes)
        told = run("import", "applications", path, "--check", "--json").json
        assert [(f["column"], f["code"]) for f in told["faults"]] == [("ИИН родителя", "not_guardian")]
        run("import", "applications", rosters.write(tmp_path / "w.csv", rosters.APPLICATIONS, [wish]))


def test_applications_without_an_open_round_are_refused_by_rule(run: Run, tmp_path: Path) -> None:
    path = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, [])
    said = run("import", "applications", path)
    assert said.status == 4
    assert "window_not_open" in said.err


def test_providers_and_groups_stand_as_told_however_often_loaded(run: Run, tmp_path: Path) -> None:
    providers, groups = tmp_path / "p.xlsx", tmp_path / "g.csv"
    assert run("import", "providers", "--template", providers).status == 0
    assert run("import", "groups", "--template", groups).status == 0
    unknown = run("import", "groups", groups, "--json")
    assert [(f["column"], f["code"]) for f in unknown.json["faults"]] == [("provider", "provider_unknown")]
    assert counts(run("import", "providers", providers, "--json").json) == (1, 0, 0, 0)
    assert counts(run("import", "providers", providers, "--json").json) == (0, 0, 1, 0)
    assert counts(run("import", "groups", groups, "--json").json) == (1, 0, 0, 0)
    assert counts(run("import", "groups", groups, "--json").json) == (0, 0, 1, 0)
    assert one("SELECT count(*) FROM accreditation WHERE state = 'accredited'") == 1
    assert one("SELECT count(*) FROM contract") == one("SELECT count(*) FROM club_group") == 1
    groups.write_text(groups.read_text("utf-8-sig").replace(",15,", ",16,"), "utf-8")
    edited = run("import", "groups", groups, "--json")
    assert [(f["column"], f["code"]) for f in edited.json["faults"]] == [("code", "code_taken")]


def test_a_venues_degrees_are_kept_or_refused_by_row_and_column(run: Run, tmp_path: Path) -> None:
    providers, groups = tmp_path / "p.csv", tmp_path / "g.csv"
    run("import", "providers", "--template", providers), run("import", "groups", "--template", groups)
    assert run("import", "providers", providers).status == 0
    header, good = groups.read_text("utf-8-sig").splitlines()
    told = ",51.1283,71.4305,"
    assert told in good
    bad = [good.replace("D-1", f"D-{n}").replace(told, f",{given},") for n, given in enumerate(
        ("51.1283,", ",71.4305", "71.4305,51.1283", "51° N,71.4305"), start=2)]  # fmt: skip
    groups.write_text("\n".join([header, good, *bad]), "utf-8")
    report = run("import", "groups", groups, "--json").json
    assert counts(report) == (1, 0, 0, 4)
    assert [(f["row"], f["column"], f["code"]) for f in report["faults"]] == [
        (3, "longitude", "half_a_place"),
        (4, "latitude", "half_a_place"),
        (5, "latitude", "outside_the_country"),
        (6, "latitude", "not_degrees"),
    ]
    assert one("SELECT count(*) FROM venue WHERE (latitude, longitude) = (51.1283, 71.4305)") == 1


def test_a_provider_without_papers_is_told_to_bring_them(run: Run, tmp_path: Path) -> None:
    header = ("БИН", "Наименование", "Помещение", "Объем творческий")
    path = rosters.write(tmp_path / "p.csv", header, [["251340000404", "Club", "lease 1", "100"]])
    told = run("import", "providers", path, "--json")
    assert told.status == 1
    assert [f["code"] for f in told.json["faults"]] == ["papers_missing"]
    assert one("SELECT count(*) FROM contract") == 0


def test_money_of_a_decision_is_given_once(run: Run, tmp_path: Path) -> None:
    header = ("вид", "сумма", "решение")
    rows = [["творческий", "1 000 000", "12/1"], ["спорт", "500000,50", "12/1"], ["спорт", "−900 000", "13/2"]]
    path = rosters.write(tmp_path / "b.csv", header, rows)
    told = run("import", "budget", path, "--json")
    assert counts(told.json) == (2, 0, 0, 1)
    assert [(f["row"], f["column"], f["code"]) for f in told.json["faults"]] == [(4, "сумма", "not_covered")]
    assert counts(run("import", "budget", path, "--json").json) == (0, 0, 2, 1)
    free = "SELECT sum(balance_tiyn) FROM ledger_account WHERE kind = 'free'"
    assert one(free) == 150_000_050


@pytest.mark.parametrize("name", ["budget", "providers", "groups", "guardians", "applications"])
def test_a_bad_file_is_one_sentence_and_status_two(run: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(bytes(range(256)))
    run("round", "open")
    said = run("import", name, path)
    assert said.status == 2
    assert said.err.strip().count("\n") == 0
    path.write_text("a;b\n1;2\n")
    said = run("import", name, path)
    assert said.status == 2
    assert "has no column for" in said.err

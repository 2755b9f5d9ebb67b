"""`import marks` and `flags`: a month kept elsewhere is brought in, judged, and told so that it can be joined again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection

from qosymsha.demo.fraud import BLIND_SPOT, FRAUDS, write_month
from qosymsha.interfaces.cli.imports import command as imports
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.instants import instant
from qosymsha.interfaces.files.layouts import MARKS
from tests.factories.months import COLUMNS, write_csv
from tests.interfaces.door import Run, run

__all__ = ["run"]


def one(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def counts(told: dict[str, int]) -> tuple[int, int, int, int]:
    return told["added"], told["changed"], told["there"], told["refused"]


def test_a_month_kept_elsewhere_is_judged_and_joined_again_by_its_own_codes(run: Run, tmp_path: Path) -> None:
    written = write_month(6, 700, share=0.02)
    path = write_csv(tmp_path / "marks.csv", written)
    many = len(written.columns["day"])
    loaded = run("import", "marks", path, "--create-missing", "--json")
    assert (loaded.status, *counts(loaded.json)) == (0, many, 0, 0, 0)

    told = run("flags", "--month", "2026-09", "--json")
    assert told.status == 1, "findings"
    assert len(told.json["child_days"]) == many
    assert len(told.json["child_months"]) == len(written.labels)
    flagged = {(flag["group"], flag["child_ref"]) for flag in told.json["flags"]}
    fraud = {(f"G{g}", f"C{c}") for (g, c), label in written.labels.items() if label in FRAUDS}
    spot = {(f"G{g}", f"C{c}") for (g, c), label in written.labels.items() if label == BLIND_SPOT}
    assert len(flagged & fraud) >= 0.95 * len(fraud)
    assert len(flagged & fraud) >= 0.5 * len(flagged - spot)
    flag = told.json["flags"][0]
    assert set(flag["explanation"]) == {"kk", "ru", "en"}
    assert all(flag["explanation"].values())
    assert flag["rules"][0]["figures"]
    assert flag["days"]
    refs = {ref for f in told.json["flags"] for ref in f["refs"]}
    assert refs <= {f"r{i}" for i in range(many)}
    assert refs

    again = run("flags", "--month", "2026-09", "--json", "--no-scores")
    assert again.json["screened"]["raised"] == 0
    assert len(again.json["flags"]) == len(told.json["flags"])
    assert "child_days" not in again.json


def test_the_same_file_again_changes_nothing_and_an_edited_one_what_differs(run: Run, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "marks.csv", write_month(7, 60, share=0.001))
    first = run("import", "marks", path, "--create-missing", "--json")
    many = first.json["added"]
    assert counts(run("import", "marks", path, "--create-missing", "--json").json) == (0, 0, many, 0)
    lines = path.read_text("utf-8").splitlines()
    lines[3] = lines[3].replace(",present,", ",ill,").replace(",absent,", ",ill,")
    path.write_text("\n".join(lines[: many // 2]), encoding="utf-8")
    assert counts(run("import", "marks", path, "--create-missing", "--json").json) == (0, 1, many // 2 - 2, 0)
    assert one("SELECT count(*) FROM outside_mark") == many
    assert one("SELECT count(*) FROM mark") == 0, "nothing of it is a mark that could be paid"
    assert one("SELECT count(*) FROM child") == 0, "and nobody was made up in the register"


def test_whom_the_city_does_not_know_is_refused_by_row_and_column(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(
        "БИН,Код группы,ИИН ребёнка,Дата,Отметка,Время отметки\n"
        "251340000003,D-1,150301700001,03.09.2026,есть,2026-09-03 15:07:10\n"
        "251340000003,D-1,150301700002,03.09.2026,есть,\n"
        "251340000003,D-1,150301700001,31.02.2026,есть,\n"
        "251340000003,D-1,150301700001,03.09.2026,может,\n"
        "251340000003,D-1,150301700001,03.09.2026,нет,вчера\n",
        encoding="utf-8",
    )
    told = run("import", "marks", path, "--json")
    assert told.status == 1
    faults = [(f["row"], f["column"], f["code"]) for f in told.json["faults"]]
    assert (3, "ИИН ребёнка", "wrong_check_digit") in faults
    assert (4, "Дата", "date_impossible") in faults
    assert (5, "Отметка", "mark_unknown") in faults
    assert (6, "Время отметки", "instant_unreadable") in faults
    assert told.json["added"] == 0
    assert any(row == 2 and column in {"БИН", "ИИН ребёнка"} for row, column, _ in faults)


def test_no_iin_comes_out_again(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    rows = [["P1", "G1", "150301700001", f"2026-09-{day:02d}", "1", "abroad"] for day in range(1, 9)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["provider", "group", "child", "date", "mark", "elsewhere"], *rows])
    assert run("import", "marks", path, "--create-missing", "--json").status == 0
    told = run("flags", "--json")
    assert len(told.json["flags"]) == 1
    assert "150301700001" not in told.out
    assert len(told.json["flags"][0]["refs"]) == 8, "the file's row numbers"


def test_a_clean_month_ends_with_status_0(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("provider,group,child,date,mark\nP1,G1,C1,2026-09-01,1\n", encoding="utf-8")
    assert run("import", "marks", path, "--create-missing").status == 0
    told = run("flags")
    assert told.status == 0
    assert "0 open" in told.out


def test_the_help_names_every_column() -> None:
    text = CliRunner().invoke(imports, ["marks", "--help"]).output
    for column in MARKS:
        assert column.name in text
    assert {column.name for column in MARKS} >= set(COLUMNS)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-09-03 15:04:05", "2026-09-03T10:04:05+00:00"),
        ("2026-09-03T15:04:05+05:00", "2026-09-03T10:04:05+00:00"),
        ("2026-09-03T10:04:05Z", "2026-09-03T10:04:05+00:00"),
        ("03.09.2026 15:04", "2026-09-03T10:04:00+00:00"),
        ("1788430000", "2026-09-03T10:06:40+00:00"),
    ],
)
def test_an_instant_is_local_unless_it_says_otherwise(text: str, utc: str) -> None:
    assert instant(text).astimezone(instant(utc).tzinfo).isoformat() == utc


@pytest.mark.parametrize("text", ["yesterday", "15:04", "2026-09-03", "2026-13-01 10:00", "03.09.2026 25:61", "9", ""])
def test_what_is_no_instant_is_a_fault(text: str) -> None:
    with pytest.raises(CellError):
        instant(text)

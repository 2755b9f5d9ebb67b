"""Exports: no spreadsheet runs what a person typed, and what we wrote we read again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from qosymsha.interfaces.files import exports
from qosymsha.interfaces.files.rosters import read_roster
from qosymsha.kernel.errors import BadInput

DANGEROUS = [
    "=1+1",
    "+7 701",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    '=HYPERLINK("x")',
]
PLAIN = ["Әлия", "a=b", "1-2", "'quoted'", "007"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert exports.safe(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert exports.safe(text) == text


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_was_exported_reads_back_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    texts = [text for text in DANGEROUS + PLAIN if text == text.strip()]
    assert exports.write(path, ["name", "day", "amount"], ([t, date(2026, 3, 1), 5] for t in texts)) == len(texts)
    rows = list(read_roster(path).rows)
    assert [row.cells["name"] for row in rows] == texts
    assert [row.faults for row in rows] == [()] * len(texts)
    assert {(row.cells["day"], row.cells["amount"]) for row in rows} == {("2026-03-01", "5")}


def test_a_workbook_holds_texts_as_texts_and_values_by_type(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    at = datetime(2026, 3, 1, 19, 30, tzinfo=UTC)
    exports.write(path, ["a", "b", "c", "d", "e"], [["=1+1", "007", 12, at, None]])
    cells = openpyxl.load_workbook(path).active
    assert cells is not None
    assert [cells.cell(2, i).data_type for i in range(1, 5)] == ["s", "s", "n", "d"]
    assert cells.cell(2, 1).value == "'=1+1"
    assert cells.cell(2, 4).value == datetime.fromisoformat("2026-03-02T00:30"), "local time, UTC+5"


def test_csv_is_what_excel_reads_without_asking(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    exports.write(path, ["аты"], [['Әлия; "а",\nб']])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [row.cells for row in read_roster(path).rows] == [{"аты": 'Әлия; "а", б'}]


def test_an_export_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def rows() -> object:
        yield ["1"]
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        exports.write(path, ["a"], rows())  # type: ignore[arg-type]
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_another_ending_or_an_absent_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "out.pdf", tmp_path / "absent" / "out.csv"):
        with pytest.raises(BadInput):
            exports.write(path, ["a"], [])

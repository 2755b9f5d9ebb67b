"""Rosters as cities have them: any way of saving or damaging one reads the same or is refused in a sentence."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from qosymsha.interfaces.files import layouts
from qosymsha.interfaces.files.columns import match
from qosymsha.interfaces.files.rosters import MAX_COLUMNS, read_roster
from qosymsha.kernel.errors import BadInput

MIDNIGHT = datetime.fromisoformat("2015-03-01T00:00")
HEADER = ["ИИН", "Тегі", "Имя"]
FIRST = ["881107900004", "Серікқызы", "Айша"]
SECOND = ["150301700001", "Ким", "Нурлан"]
CITY = [HEADER, FIRST, SECOND]


def written(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def text_of(rows: list[list[str]], separator: str = ",", end: str = "\r\n") -> str:
    return "".join(separator.join(row) + end for row in rows)


def read(path: Path) -> list[tuple[int, list[str]]]:
    return [(row.number, list(row.cells.values())) for row in read_roster(path).rows]


GOOD = [(2, FIRST), (3, SECOND)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "kz1048"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_any_encoding_separator_and_line_end_reads_the_same(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    path = written(tmp_path / "r.csv", text_of(CITY, separator, end), encoding)
    assert read_roster(path).columns == tuple(HEADER)
    assert read(path) == GOOD


def test_windows_1251_without_kazakh_letters_reads_as_russian(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", "ИИН;Фамилия;Имя\r\n1;Щёголев;Пётр\r\n", "cp1251")
    assert read(path) == [(2, ["1", "Щёголев", "Пётр"])]
    assert "1251" in read_roster(path).read_as


def test_letters_in_nfd_and_no_break_spaces_are_made_plain(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Йолдас\u00a0\u00a0Ёлкин")
    path = written(tmp_path / "r.csv", f"ИИН,Имя\n\u00a01\u00a0,{decomposed}\n")
    assert read(path) == [(2, ["1", "Йолдас Ёлкин"])]


def test_empty_rows_are_skipped_and_rows_keep_the_spreadsheets_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", "\n;;\nИИН;Имя\n\n1;А\n;;\n \u00a0;\n2;Б\n")
    assert read(path) == [(5, ["1", "А"]), (8, ["2", "Б"])]


def test_a_quoted_line_break_is_one_cell_and_one_row(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", 'ИИН,Адрес\n1,"Абай 1\r\nподъезд ""2"""\n2,Б\n')
    assert read(path) == [(2, ["1", 'Абай 1 подъезд "2"']), (3, ["2", "Б"])]


def test_trailing_empty_columns_are_dropped_and_short_rows_filled(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", "ИИН;Имя;;;\n1;А;;;\n2\n")
    assert read(path) == [(2, ["1", "А"]), (3, ["2", ""])]


def test_a_row_with_more_cells_than_the_header_is_a_fault_of_that_row(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", "ИИН,Имя\n1,А,Б\n2,В\n")
    first, second = read_roster(path).rows
    assert [(fault.column, fault.code) for fault in first.faults] == [("column 3", "too_many_cells")]
    assert second.faults == ()


def test_excels_separator_line_is_obeyed(tmp_path: Path) -> None:
    assert read(written(tmp_path / "r.csv", "sep=;\nИИН;Имя,прозвище\n1;А\n")) == [(3, ["1", "А"])]


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_workbook_reads_as_its_csv_would(tmp_path: Path) -> None:
    rows: list[list[object]] = [["ИИН", "Туған күні", "Орын", "Тариф", ""]]
    rows += [
        [None],
        ["081107900004", date(2015, 3, 1), 12, 1946.25],
        [81107900004, MIDNIGHT, 12.0, "1 900"],
    ]
    assert read(workbook(tmp_path / "r.xlsx", rows)) == [
        (3, ["081107900004", "2015-03-01", "12", "1946.25"]),
        (4, ["81107900004", "2015-03-01", "12", "1 900"]),
    ]


def test_a_workbook_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "r.csv", [["ИИН"], ["1"]])) == [(2, ["1"])]


def test_formulas_are_refused_by_cell_not_evaluated(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", [["ИИН", "Имя"], ["1", '=HYPERLINK("x","y")'], ["2", "Б"]])
    first, second = read_roster(path).rows
    assert [(fault.column, fault.code) for fault in first.faults] == [("Имя", "formula")]
    assert first.cells["Имя"] == ""
    assert second.faults == ()


def zipped(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def bomb(path: Path) -> Path:
    plain = workbook(path, [["ИИН"]])
    with (
        zipfile.ZipFile(plain, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet2.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(700):
            part.write(bytes(1_000_000))
    return path


def entities(path: Path) -> Path:
    plain, grown = workbook(path.with_suffix(".tmp"), [["ИИН"]]), path
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(grown, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa">]>' + content
            target.writestr(name, content)
    return grown


BAD_FILES = {
    "nothing": (lambda p: written(p, b""), "is empty"),
    "blanks": (lambda p: written(p, " \n;;\n\n"), "is empty"),
    "a mark only": (lambda p: written(p, b"\xef\xbb\xbf"), "is empty"),
    "binary": (lambda p: written(p, bytes(range(256)) * 40), "no table"),
    "an old workbook": (lambda p: written(p, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)), "old .xls"),
    "a PDF": (lambda p: written(p, b"%PDF-1.7\n..."), "PDF"),
    "some archive": (lambda p: zipped(p, {"a.txt": b"x"}), "archive"),
    "half an archive": (lambda p: written(p, b"PK\x03\x04" + bytes(200)), "damaged"),
    "a workbook cut short": (
        lambda p: written(p, workbook(p.with_suffix(".tmp"), [["ИИН"]] * 9).read_bytes()[:-900]),
        "damaged",
    ),
    "a bomb": (bomb, "unpacks to more than"),
    "growing entities": (entities, "declarations"),
    "100,000 columns": (lambda p: written(p, ",".join(f"c{i}" for i in range(100_000))), "100,000 columns"),
    "a name twice": (lambda p: written(p, "ИИН,Имя,ИИН\n1,2,3\n"), "two columns called"),
    "an open quotation mark": (lambda p: written(p, 'ИИН,Имя\n1,"А\n' + "2,Б\n" * 60_000), "quotation mark"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_roster_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, words = BAD_FILES[name]
    with pytest.raises(BadInput) as caught:
        list(read_roster(make(tmp_path / "r.xlsx")).rows)
    assert words in caught.value.advice
    assert "\n" not in caught.value.advice
    assert "Traceback" not in caught.value.advice


def test_a_folder_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(BadInput):
            read_roster(path)


def test_the_limit_of_columns_is_a_limit_not_a_guess(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", ",".join(f"c{i}" for i in range(MAX_COLUMNS)) + "\n")
    assert len(read_roster(path).columns) == MAX_COLUMNS


@pytest.mark.parametrize(
    "headers",
    [
        ["IIN", "Given", "Child IIN", "child given", "CHILD_BORN"],
        ["ИИН", "имя", "ИИН ребёнка", "Имя_ребенка", "Дата рождения"],
        ["ЖСН", "Аты", "Баланың ЖСН", "бала аты", "Туған күні"],
        ["жсн", " АТЫ ", "Балa ЖСН.", "Баланын аты*", "туган куни"],
    ],
)
def test_headers_are_known_in_three_languages_whatever_their_case(headers: list[str]) -> None:
    matched = match(headers, layouts.GUARDIANS)
    assert list(matched.headers) == ["iin", "given", "child_iin", "child_given", "child_born"]
    assert matched.unknown == ()


def test_missing_columns_are_all_named_and_unknown_ones_reported() -> None:
    assert match([*HEADER, "Комментарий"], layouts.GUARDIANS[:3]).unknown == ("Комментарий",)
    with pytest.raises(BadInput, match="child_iin.*child_given.*child_born"):
        match(["ИИН", "Имя"], layouts.GUARDIANS)


def test_two_headers_for_one_field_are_refused() -> None:
    with pytest.raises(BadInput, match="two columns for iin"):
        match(["ИИН", "ЖСН"], layouts.GUARDIANS)


@pytest.mark.parametrize("name", layouts.LAYOUTS)
def test_no_header_means_two_fields_of_one_roster(name: str) -> None:
    layout = layouts.LAYOUTS[name]
    headers = [alias for column in layout for alias in (column.name, *column.aliases.split("|")) if alias]
    for header in headers:
        assert len(match([header], [c.__class__(c.name, c.aliases, "", "") for c in layout]).headers) == 1
    owners = {h: [c.name for c in layout if h in (c.name, *c.aliases.split("|"))] for h in headers}
    assert {h: found for h, found in owners.items() if len(found) > 1} == {}


MEMORY = """
import re, sys
from pathlib import Path
sys.path.insert(0, {src!r})
from qosymsha.interfaces.files.rosters import read_roster
rows = sum(1 for _ in read_roster(Path(sys.argv[1])).rows)
# Not ru_maxrss: across exec it keeps the parent's peak.
print(rows, re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1))
"""


@pytest.mark.parametrize(("ending", "count"), [("csv", 100_000), ("xlsx", 25_000)])
def test_large_rosters_take_bounded_memory(tmp_path: Path, ending: str, count: int) -> None:
    path = tmp_path / f"r.{ending}"
    rows = [
        [f"{i:012}", f"Тегі{i}", f"Аты{i}", f"{i:012}", f"Бала{i}", "01.03.2015", "Есіл ауданы"] for i in range(count)
    ]
    if ending == "csv":
        written(path, text_of([list("abcdefg"), *rows], ";"))
    else:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in [list("abcdefg"), *rows]:
            sheet.append(row)
        book.save(path)
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY.format(src=source), str(path)], capture_output=True, text=True, check=True
    )
    read_count, peak_kib = map(int, done.stdout.split())
    assert read_count == count
    assert peak_kib < 300 * 1024, f"{peak_kib // 1024} MiB"

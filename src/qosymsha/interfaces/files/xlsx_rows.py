"""Reading XLSX: the first sheet that has something, row by row; formulas are not evaluated, bombs are not unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from typing import IO, Any

import openpyxl

from qosymsha.interfaces.files.faults import bad_file
from qosymsha.interfaces.files.memory import Source
from qosymsha.interfaces.files.records import Record

# 100,000 rows of twelve columns unpack to about 100 MB; the shared texts are held in memory while the rows are read.
MAX_UNPACKED_BYTES = 600_000_000
MAX_SHARED_TEXT_BYTES = 120_000_000
_SHARED_TEXTS = "xl/sharedStrings.xml"
_PROLOGUE = 4_096
# What openpyxl raises on damaged workbooks, by experience: it has no error of its own for them. Both of its readers of
# XML (xml.etree, lxml) raise a SyntaxError of their own.
_DAMAGED = (zipfile.BadZipFile, SyntaxError, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError)


def records(path: Source, most_unpacked: int = MAX_UNPACKED_BYTES) -> tuple[Iterator[Record], str]:
    """The sheet's records from the first on, and in words how the file was read.

    Raises:
        BadInput: no workbook, damaged, or too large unpacked; a damaged one also while the records are read.
    """
    _refuse_bomb(path, most_unpacked)
    file = path.open("rb")  # an open file, for openpyxl judges a path by its ending
    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"] or workbook.worksheets
    except _DAMAGED:
        file.close()
        raise bad_file("is no .xlsx workbook, or a damaged one: open it in a spreadsheet and save it again") from None
    if not sheets:
        file.close()
        raise bad_file("has no sheet with a table")
    return _read(file, sheets[0]), f"XLSX, sheet “{sheets[0].title}”"


def _refuse_bomb(path: Source, most: int) -> None:
    """Judge by the archive's own list before anything is unpacked; Python unpacks no more than that list says."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > most:
                raise bad_file(f"unpacks to more than {most // 1_000_000} MB: split it, or save it as .csv")
            if any(p.filename == _SHARED_TEXTS and p.file_size > MAX_SHARED_TEXT_BYTES for p in parts):
                raise bad_file("holds more text than a roster can: split it, or save it as .csv")
            if "[Content_Types].xml" not in archive.namelist():
                raise bad_file("is an archive, not a workbook: unpack it first, or save the roster as .xlsx")
            for part in parts:
                _refuse_entities(archive, part)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise bad_file("is no .xlsx workbook, or a damaged one: open it in a spreadsheet and save it again") from None


def _refuse_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """No workbook declares XML entities; one that does wants the reader to grow them."""
    if part.filename.endswith((".xml", ".rels")):
        with archive.open(part) as file:
            if b"<!DOCTYPE" in file.read(_PROLOGUE):
                raise bad_file("holds XML declarations that no workbook has; it was not opened")


def _read(file: IO[Any], sheet: Any) -> Iterator[Record]:
    number = 0
    try:
        sheet.reset_dimensions()  # what the file says about its size may be wrong
        for number, row in enumerate(sheet.iter_rows(), start=1):
            formulas = frozenset(i for i, cell in enumerate(row) if cell.data_type == "f")
            texts = ["" if i in formulas else _text(cell.value) for i, cell in enumerate(row)]
            yield Record(number, texts, formulas)
    except _DAMAGED:
        raise bad_file(f"is damaged after row {number}: open it in a spreadsheet and save it again") from None
    finally:
        file.close()


def _text(value: object) -> str:
    """A cell's value as a person would have typed it: dates as ISO, whole numbers without `.0`."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case time():
            return value.isoformat("minutes")
    return str(value)  # texts, other numbers; dates and instants in ISO

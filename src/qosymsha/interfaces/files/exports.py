"""Writing exports that a spreadsheet opens and does not run: UTF-8 CSV with BOM, or typed XLSX."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.cell import WriteOnlyCell

from qosymsha.kernel.clock import ZONE
from qosymsha.kernel.errors import BadInput

Value = str | int | bool | Decimal | date | datetime | None
# What makes a spreadsheet take a text for a formula, the full-width twins too (they are folded on some systems).
_DANGEROUS = frozenset("=+-@\t\r\n＝＋－＠")
_CONTROL = {code: None for code in range(32) if code not in (9, 10, 13)}


def safe(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it; control characters dropped."""
    clean = text.translate(_CONTROL)
    return f"'{clean}" if clean[:1] in _DANGEROUS or clean.lstrip()[:1] in _DANGEROUS else clean


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """Write the rows to a .csv or .xlsx, whole or not at all; return how many.

    Raises:
        BadInput: another ending, or the folder cannot be written to.
    """
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise BadInput("file", "name a file that ends in .csv or .xlsx")
    with whole_file(path) as unfinished:
        return writer(unfinished, columns, rows)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the name only when all went well, so nobody meets half a file."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise BadInput("file", f"cannot be written: {(error.strerror or 'unknown reason').lower()}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        written = (writer.writerow([_csv_text(value) for value in row]) for row in rows)
        return sum(1 for _ in written)


def _csv_text(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return safe(value)
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(ZONE).isoformat(" ", "seconds")
    return str(value)


def _write_xlsx(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("export")
    sheet.append(list(columns))
    count = 0
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
        count += 1
    workbook.save(path)
    return count


def _cell(sheet: object, value: Value) -> object:
    if isinstance(value, datetime):
        return value.astimezone(ZONE).replace(tzinfo=None)
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=safe(value))  # type: ignore[arg-type]
    cell.data_type = "s"  # a text stays a text, whatever it begins with
    if value.isdecimal():
        cell.number_format = "@"
    return cell

"""One way to read a roster, whatever it was saved as: the header, then the rows one by one, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qosymsha.interfaces.files import csv_rows, xlsx_rows
from qosymsha.interfaces.files.exports import safe
from qosymsha.interfaces.files.faults import CellFault, bad_file
from qosymsha.interfaces.files.memory import Source
from qosymsha.interfaces.files.records import Record
from qosymsha.kernel.text import normal

MAX_COLUMNS = 200
_UNSEEN = dict.fromkeys((*range(9), *range(14, 28), 127))  # NUL and its like: no row holds them, nobody sees them
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_STRANGERS = {
    _OLE2: "is an old .xls or a password-protected workbook: open it and save it as .xlsx without a password",
    b"%PDF": "is a PDF: ask for the table itself, as .xlsx or .csv",
    b"\x1f\x8b": "is a gzip archive: unpack it first",
    b"Rar!": "is an archive: unpack it first",
    b"7z\xbc\xaf": "is an archive: unpack it first",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a roster: `number` as the spreadsheet shows it (the header's row is 1), header → text, and faults of the
    row's form (a formula, more cells than columns).
    """

    number: int
    cells: dict[str, str]
    faults: tuple[CellFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster being read: `columns` in the file's order, `rows` once, from the first to the last; empty rows left out.

    Text comes in NFC with single blanks; dates as ISO, numbers without a tail of zeros. `read_as` says in words how the
    bytes were understood.
    """

    columns: tuple[str, ...]
    rows: Iterator[Row]
    read_as: str


def read_roster(path: Source, *, most_unpacked: int = xlsx_rows.MAX_UNPACKED_BYTES) -> Roster:
    """Open a roster: .xlsx, or .csv in UTF-8 (with or without BOM), UTF-16 or Windows-1251, parted by , ; or tab.

    What the bytes are decides, not the file's name. 100,000 rows take bounded memory: rows are read when asked for.
    A workbook that unpacks to more than `most_unpacked` bytes is not opened.

    Raises:
        BadInput: the file is absent, empty, no table, or too large unpacked; says what to do. A damaged file may also
            raise it while the rows are read.
    """
    start = _first_bytes(path)
    records, read_as = xlsx_rows.records(path, most_unpacked) if start.startswith(b"PK") else csv_rows.records(path)
    header = next((record for record in records if any(map(_seen, record.cells))), None)
    if header is None:
        raise bad_file("is empty: the first row must name the columns")
    columns = _columns(header)
    return Roster(tuple(name for name in columns if name), _rows(records, columns), read_as)


def _first_bytes(path: Source) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except IsADirectoryError:
        raise bad_file("is a folder: name the roster itself") from None
    except OSError as error:
        raise bad_file(f"cannot be opened: {(error.strerror or 'unknown reason').lower()}") from None
    if not start:
        raise bad_file("is empty: the first row must name the columns")
    for magic, advice in _STRANGERS.items():
        if start.startswith(magic):
            raise bad_file(advice)
    return start


def _columns(header: Record) -> list[str]:
    """The header's names, the nameless ones at its end dropped."""
    names = [_seen(cell) for cell in header.cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise bad_file(f"has {len(names):,} columns; a roster has at most {MAX_COLUMNS}: delete the others")
    named = [name for name in names if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise bad_file(f"has two columns called “{twice}”: delete or rename one")
    return names


def _rows(records: Iterator[Record], columns: list[str]) -> Iterator[Row]:
    for record in records:
        texts = [_tidy(cell) for cell in record.cells]
        if not any(texts) and not record.formulas:
            continue
        cells = {name: texts[i] if i < len(texts) else "" for i, name in enumerate(columns) if name}
        yield Row(record.number, cells, tuple(_faults(record, texts, columns)))


def _seen(cell: str) -> str:
    return normal(cell.translate(_UNSEEN))


def _tidy(cell: str) -> str:
    """NFC with single blanks; the apostrophe that exports put before a would-be formula is taken off again."""
    text = _seen(cell)
    return text[1:].lstrip() if text.startswith("'") and safe(text[1:]) == text else text


def _faults(record: Record, texts: list[str], columns: list[str]) -> Iterator[CellFault]:
    for place in sorted(record.formulas):
        name = columns[place] if place < len(columns) else ""
        if name:
            yield CellFault(name, "formula", "holds a formula: copy the column and paste it as values")
    beyond = [text for text in texts[len(columns) :] if text]
    if beyond:
        advice = "the row has more cells than the header names: put a text with separators in quotes"
        yield CellFault(f"column {len(columns) + 1}", "too_many_cells", advice)

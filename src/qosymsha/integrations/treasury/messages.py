"""The messages on the wire: a pain.001's lines, and replies as pain.002 (status) and camt.054 (money sent back)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

from qosymsha.domain.settlement.ports import Reply, ReplyStatus

STATUS_REPORT = "pain.002.001.12"
NOTIFICATION = "camt.054.001.08"
CURRENCY = "KZT"
MOST_BYTES = 64 * 1024 * 1024
_PAID = frozenset({"ACSC", "ACCC"})
_CODES = {ReplyStatus.ACCEPTED: "ACSC", ReplyStatus.REJECTED: "RJCT", ReplyStatus.PENDING: "PDNG"}
_REASON_LENGTH = 105


class UnreadableMessage(ValueError):
    """Bytes that are no message of the kinds known here; says what is wrong, never repeats the text."""


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One line of a payment file as the treasury sees it."""

    end_to_end_id: str
    amount_tiyn: int


def read_order(content: bytes) -> list[OrderedLine]:
    """The lines of a pain.001 file.

    Raises:
        UnreadableMessage: no such message.
    """
    message = _message(content, "CstmrCdtTrfInitn")
    return [
        OrderedLine(_text(line, "PmtId/EndToEndId"), _amount(_one(line, "Amt/InstdAmt")))
        for line in _all(message, "PmtInf/CdtTrfTxInf")
    ]


def read_replies(content: bytes) -> list[Reply]:
    """The treasury's words in a status report or a notification.

    A status that is neither final payment nor rejection is `pending`. A line without an amount has 0, which the domain
    holds for a person. A report about a whole file without its lines is unreadable: a person must see it.

    Raises:
        UnreadableMessage: another kind of message, broken XML, a document type, another currency, no line at all.
    """
    root = _root(content)
    kind = etree.QName(root[0]).localname if len(root) else ""
    if kind == "CstmrPmtStsRpt":
        found = [_status(line) for line in _all(root[0], "OrgnlPmtInfAndSts/TxInfAndSts")]
    elif kind == "BkToCstmrDbtCdtNtfctn":
        found = [_returned(entry) for entry in _all(root[0], "Ntfctn/Ntry") if _text(entry, "RvslInd", "") == "true"]
    else:
        raise UnreadableMessage("neither a status report nor a notification")
    if not found:
        raise UnreadableMessage("no line in the message")
    return found


def _status(line: etree._Element) -> Reply:
    code = _text(line, "TxSts")
    status = ReplyStatus.ACCEPTED if code in _PAID else ReplyStatus.REJECTED if code == "RJCT" else ReplyStatus.PENDING
    amounts = _all(line, "OrgnlTxRef/Amt/InstdAmt")
    return Reply(
        reference=_text(line, "StsId"),
        end_to_end_id=_text(line, "OrgnlEndToEndId"),
        status=status,
        amount_tiyn=_amount(amounts[0]) if amounts else 0,
        reason=_text(line, "StsRsnInf/Rsn/Cd", "") or _text(line, "StsRsnInf/AddtlInf", ""),
    )


def _returned(entry: etree._Element) -> Reply:
    return Reply(
        reference=_text(entry, "AcctSvcrRef"),
        end_to_end_id=_text(entry, "NtryDtls/TxDtls/Refs/EndToEndId"),
        status=ReplyStatus.RETURNED,
        amount_tiyn=_amount(_one(entry, "Amt")),
        reason=_text(entry, "NtryDtls/TxDtls/RtrInf/Rsn/Cd", ""),
    )


def write_replies(replies: Sequence[Reply], *, number: str, created: str) -> list[bytes]:
    """The words as messages: one status report, and one notification where money comes back. For the fake and tests.

    `number` names the message (at most 31 characters), `created` is its ISO instant.
    """
    said = [r for r in replies if r.status is not ReplyStatus.RETURNED]
    back = [r for r in replies if r.status is ReplyStatus.RETURNED]
    messages = [_report(said, number, created)] if said else []
    return messages + ([_notification(back, f"{number}-R", created)] if back else [])


def _report(replies: Sequence[Reply], number: str, created: str) -> bytes:
    document, report = _document(STATUS_REPORT, "CstmrPmtStsRpt")
    _header(report, number, created)
    original = _add(report, "OrgnlGrpInfAndSts")
    _add(original, "OrgnlMsgId", number)
    _add(original, "OrgnlMsgNmId", "pain.001.001.09")
    batch = _add(report, "OrgnlPmtInfAndSts")
    _add(batch, "OrgnlPmtInfId", number)
    for reply in replies:
        line = _add(batch, "TxInfAndSts")
        _add(line, "StsId", reply.reference)
        _add(line, "OrgnlEndToEndId", reply.end_to_end_id)
        _add(line, "TxSts", _CODES[reply.status])
        if reply.reason:
            _add(_add(_add(line, "StsRsnInf"), "Rsn"), "Cd", reply.reason[:4])
        _money(_add(_add(line, "OrgnlTxRef"), "Amt"), "InstdAmt", reply.amount_tiyn)
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


def _notification(replies: Sequence[Reply], number: str, created: str) -> bytes:
    document, note = _document(NOTIFICATION, "BkToCstmrDbtCdtNtfctn")
    _header(note, number, created)
    booked = _add(note, "Ntfctn")
    _add(booked, "Id", number)
    for reply in replies:
        entry = _add(booked, "Ntry")
        _money(entry, "Amt", reply.amount_tiyn)
        _add(entry, "CdtDbtInd", "CRDT")
        _add(entry, "RvslInd", "true")
        _add(entry, "AcctSvcrRef", reply.reference)
        details = _add(_add(entry, "NtryDtls"), "TxDtls")
        _add(_add(details, "Refs"), "EndToEndId", reply.end_to_end_id)
        if reply.reason:
            _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", reply.reason[:4])
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


def _document(message: str, name: str) -> tuple[etree._Element, etree._Element]:
    document = etree.fromstring(f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}"/>')
    return document, _add(document, name)


def _header(message: etree._Element, number: str, created: str) -> None:
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", number)
    _add(header, "CreDtTm", created)


def _money(parent: etree._Element, name: str, tiyn: int) -> None:
    _add(parent, name, f"{tiyn // 100}.{tiyn % 100:02d}").set("Ccy", CURRENCY)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = text
    return child


def _root(content: bytes) -> etree._Element:
    """The document's root, parsed without entities, document types or the network."""
    if len(content) > MOST_BYTES:
        raise UnreadableMessage("larger than any reply")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableMessage("not XML") from error
    info: Any = root.getroottree().docinfo  # the stubs do not know `doctype`
    if info.doctype:
        raise UnreadableMessage("a document type is not accepted")
    return root


def _message(content: bytes, name: str) -> etree._Element:
    root = _root(content)
    found = _all(root, name)
    if not found:
        raise UnreadableMessage(f"no {name}")
    return found[0]


def _all(parent: etree._Element, path: str) -> list[etree._Element]:
    """The descendants along a path of local names, whatever the version of the namespace."""
    return parent.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def _one(parent: etree._Element, path: str) -> etree._Element:
    found = _all(parent, path)
    if not found:
        raise UnreadableMessage(f"no {path}")
    return found[0]


def _text(parent: etree._Element, path: str, default: str | None = None) -> str:
    found = _all(parent, path)
    text = (found[0].text or "").strip() if found else ""
    if not text and default is None:
        raise UnreadableMessage(f"no {path}")
    return (text or default or "")[:_REASON_LENGTH]


def _amount(element: etree._Element) -> int:
    """An amount in tiyn."""
    if element.get("Ccy") != CURRENCY:
        raise UnreadableMessage("another currency")
    try:
        tiyn = Decimal((element.text or "").strip()) * 100
    except InvalidOperation as error:
        raise UnreadableMessage("no amount") from error
    if not tiyn.is_finite() or tiyn != tiyn.to_integral_value() or tiyn < 0:
        raise UnreadableMessage("no amount in tiyn")
    return int(tiyn)

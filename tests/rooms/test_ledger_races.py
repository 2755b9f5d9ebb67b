"""The last tenge, one cause, one order of locks: two posters at once, with real commits."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.ledger import queries, steps
from qosymsha.domain.ledger.rules import AccountKey, LedgerRefusal
from qosymsha.kernel.errors import Refused
from tests.factories.ledger import AT, account, grant, move
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
FREE = account("free")


def _held(subject: int) -> AccountKey:
    return account("held", subject=subject)


@pytest.fixture(autouse=True)
def hundred() -> None:
    with transaction.atomic():
        steps.post([grant(100)], at=AT)


def test_the_last_tenge_goes_to_one_of_two() -> None:
    def take(subject: int, barrier: threading.Barrier) -> list[int]:
        with transaction.atomic():
            queries.balances([FREE])
            barrier.wait()
            return steps.post([move(f"take-{subject}", 100, FREE, _held(subject))], at=AT)

    answers = at_once(lambda b: take(1, b), lambda b: take(2, b))
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [refusal.reason for refusal in refused] == [LedgerRefusal.NOT_COVERED]
    assert queries.totals() == {1: {"approp": -100, "free": 0, "held": 100}}


def test_control_read_then_write_gives_the_last_tenge_twice() -> None:
    def take(subject: int, barrier: threading.Barrier) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            left = queries.balances([FREE])[FREE]
            barrier.wait()
            assert left >= 100
            cursor.execute(
                "UPDATE ledger_account SET balance_tiyn = %s WHERE kind = 'free' AND line_id = 1", [left - 100]
            )
            cursor.execute(
                "INSERT INTO ledger_account (kind, line_id, subject_id, balance_tiyn) VALUES ('held', 1, %s, 100)",
                [subject],
            )

    assert at_once(lambda b: take(1, b), lambda b: take(2, b)) == [None, None]
    assert queries.totals()[1]["held"] == 200
    assert queries.unbalanced_lines() == [1]


def test_one_cause_in_two_threads_posts_once() -> None:
    def take(barrier: threading.Barrier) -> list[int]:
        barrier.wait()
        with transaction.atomic():
            return steps.post([move("same", 10, FREE, _held(1))], at=AT)

    answers = at_once(take, take)
    assert sum(isinstance(answer, Refused) and "cause_repeated" in str(answer) for answer in answers) == 1
    assert queries.balances([_held(1)]) == {_held(1): 10}


def test_who_holds_the_commitments_lock_reads_what_is_really_free() -> None:
    def promise_half(subject: int, barrier: threading.Barrier) -> int:
        barrier.wait()
        with transaction.atomic():
            steps.lock_commitments([1])
            half = queries.balances([FREE])[FREE] // 2
            steps.post([move(f"half-{subject}", half, FREE, _held(subject))], at=AT)
            return half

    assert sorted(at_once(lambda b: promise_half(1, b), lambda b: promise_half(2, b))) == [25, 50]


def test_posters_who_name_the_same_accounts_in_opposite_order_never_wait_in_a_ring() -> None:
    keys = [_held(subject) for subject in range(20)]
    with transaction.atomic():
        steps.post([move(f"open-{n}", 1, FREE, key) for n, key in enumerate(keys)], at=AT)

    def touch(name: str, order: list[AccountKey], barrier: threading.Barrier) -> None:
        barrier.wait()
        for turn in range(15):
            with transaction.atomic():
                drafts = [move(f"{name}-{turn}-{n}", 1, key, account("paid")) for n, key in enumerate(order)]
                back = [move(f"{name}-{turn}-{n}-back", 1, account("paid"), key) for n, key in enumerate(order)]
                steps.post([*drafts, *back, move(f"{name}-{turn}-x", 1, FREE, order[0])], at=AT)

    assert at_once(lambda b: touch("up", keys, b), lambda b: touch("down", keys[::-1], b)) == [None, None]
    assert queries.unbalanced_lines() == []
    assert queries.drifted_accounts() == []


def test_an_entry_added_to_a_posting_of_another_transaction_never_commits() -> None:
    posting = queries.posting_id("test", "grant-1")
    with (
        pytest.raises(IntegrityError, match="not this transaction"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)"
            " SELECT %s, %s, id, 1, CASE kind WHEN 'free' THEN 50 ELSE -50 END FROM ledger_account",
            [AT, posting],
        )


def test_an_unbalanced_posting_fails_at_commit() -> None:
    with (
        pytest.raises(IntegrityError, match="does not sum to zero"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO ledger_posting (at, cause_kind, cause_key) VALUES (%s, 'by hand', 'x')",
            [AT],
        )

"""The last tenge, one cause, one order of locks: two posters at once, with real commits; each with its control."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from qosymsha.domain.ledger import queries, steps
from qosymsha.domain.ledger.rules import AccountKey, LedgerRefusal
from qosymsha.kernel import locks
from qosymsha.kernel.errors import Refused
from tests.factories.ledger import AT, account, grant, move
from tests.races import at_once, slowly
from tests.sql import altered

pytestmark = pytest.mark.django_db(transaction=True)
FREE = account("free")


def _held(subject: int) -> AccountKey:
    return account("held", subject=subject)


@pytest.fixture(autouse=True)
def hundred() -> None:
    with transaction.atomic():
        steps.post([grant(100)], at=AT)


def both_take_all() -> list[object]:
    """Two want all that is free, both having seen that it is there: what each heard."""

    def take(subject: int, barrier: threading.Barrier) -> list[int]:
        with transaction.atomic():
            queries.balances([FREE])
            barrier.wait()
            return steps.post([move(f"take-{subject}", 100, FREE, _held(subject))], at=AT)

    return at_once(lambda b: take(1, b), lambda b: take(2, b))


def test_the_last_tenge_goes_to_one_of_two() -> None:
    answers = both_take_all()
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [refusal.reason for refusal in refused] == [LedgerRefusal.NOT_COVERED]
    assert queries.totals() == {1: {"approp": -100, "free": 0, "held": 100}}


@contextmanager
def without(table: str, constraint: str) -> Iterator[None]:
    """The ledger without one of its constraints; it stands empty afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [constraint])
        (definition,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        try:
            yield
        finally:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("DELETE FROM ledger_entry; DELETE FROM ledger_posting; DELETE FROM ledger_account")
            cursor.execute("SET session_replication_role = origin")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}")


def test_control_without_the_check_on_balances_the_last_tenge_goes_to_both() -> None:
    with without("ledger_account", "ledger_account_not_negative"):
        assert [type(answer) for answer in both_take_all()] == [list, list]
        assert queries.totals()[1] == {"approp": -100, "free": -100, "held": 200}


def both_post_one_cause() -> list[object]:
    def take(barrier: threading.Barrier) -> list[int]:
        barrier.wait()
        with transaction.atomic():
            return steps.post([move("same", 10, FREE, _held(1))], at=AT)

    return at_once(take, take)


def test_one_cause_in_two_threads_posts_once() -> None:
    answers = both_post_one_cause()
    assert sum(isinstance(answer, Refused) and "cause_repeated" in str(answer) for answer in answers) == 1
    assert queries.balances([_held(1)]) == {_held(1): 10}


def test_control_where_a_cause_may_come_twice_it_is_posted_twice() -> None:
    with without("ledger_posting", "ledger_posting_cause_once"):
        assert [type(answer) for answer in both_post_one_cause()] == [list, list]
        assert queries.balances([_held(1)]) == {_held(1): 20}


def both_promise_half(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Two promise the half of what they read as free: how much each promised."""
    slowly(monkeypatch, queries, "balances")

    def promise_half(subject: int, barrier: threading.Barrier) -> int:
        barrier.wait()
        with transaction.atomic():
            steps.lock_commitments([1])
            half = queries.balances([FREE])[FREE] // 2
            steps.post([move(f"half-{subject}", half, FREE, _held(subject))], at=AT)
            return half

    return sorted(at_once(lambda b: promise_half(1, b), lambda b: promise_half(2, b)), key=str)


def test_who_holds_the_commitments_lock_reads_what_is_really_free(monkeypatch: pytest.MonkeyPatch) -> None:
    assert both_promise_half(monkeypatch) == [25, 50]


def test_control_without_the_commitments_lock_both_promise_the_same_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "exclusive", lambda *_: None)
    assert both_promise_half(monkeypatch) == [50, 50]


def in_opposite_order(turns: int) -> list[object]:
    """Two post to the same accounts, one naming them from the last to the first: what each heard."""
    keys = [_held(subject) for subject in range(20)]
    with transaction.atomic():
        steps.post([move(f"open-{n}", 1, FREE, key) for n, key in enumerate([*keys, account("paid")])], at=AT)

    def touch(name: str, order: list[AccountKey], barrier: threading.Barrier) -> None:
        barrier.wait()
        for turn in range(turns):
            with transaction.atomic():
                drafts = [move(f"{name}-{turn}-{n}", 1, key, account("paid")) for n, key in enumerate(order)]
                back = [move(f"{name}-{turn}-{n}-back", 1, account("paid"), key) for n, key in enumerate(order)]
                steps.post([*drafts, *back, move(f"{name}-{turn}-x", 1, FREE, order[0])], at=AT)

    return at_once(lambda b: touch("up", keys, b), lambda b: touch("down", keys[::-1], b))


def test_posters_who_name_the_same_accounts_in_opposite_order_never_wait_in_a_ring() -> None:
    assert in_opposite_order(15) == [None, None]
    assert queries.unbalanced_lines() == []
    assert queries.drifted_accounts() == []


def test_control_locked_in_the_order_in_which_they_are_named_they_wait_in_a_ring() -> None:
    held = "PERFORM 1 FROM ledger_account a WHERE a.id ="
    sorted_by_id = f"{held} ANY (account_ids) AND a.balance_tiyn IS NOT NULL ORDER BY a.id FOR UPDATE"
    one = f"{held} account_ids[n] AND a.balance_tiyn IS NOT NULL FOR UPDATE; PERFORM pg_sleep(0.01)"
    with altered("ledger_post", sorted_by_id, f"FOR n IN 1..cardinality(account_ids) LOOP {one}; END LOOP"):
        heard = in_opposite_order(1)
    assert any(isinstance(one, OperationalError) for one in heard), heard


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

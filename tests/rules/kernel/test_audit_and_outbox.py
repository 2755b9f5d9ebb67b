"""The audit chain misses no event and the outbox no news, however late a transaction commits."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.models import AuditEvent, AuditLink, Outbox
from tests.factories import horizon
from tests.sql import altered

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ACTOR = Actor(5, "user:5")


class Word(StrEnum):
    ACT = "act"


def _link(limit: int = 10_000) -> int:
    horizon.settled_beside()
    return audit.link(limit)


def _unread(consumer: str, limit: int = 1_000) -> list[outbox.News]:
    horizon.settled_beside()
    return outbox.unread(consumer, limit)


def _record(subject: int) -> None:
    audit.record(actor=ACTOR, at=AT, action=Word.ACT, subject_kind="thing", subject_ids=[subject])


def _tell(*subjects: int) -> None:
    outbox.tell(topic=Word.ACT, subject_kind="thing", subject_ids=subjects, at=AT, detail={"n": 1})


@contextmanager
def _slow(*steps: object) -> Iterator[list[threading.Event]]:
    """Another transaction that runs each step when its event is set, and commits at the last."""
    goes, dones = ([threading.Event() for _ in steps] for _ in range(2))

    def run() -> None:
        try:
            with transaction.atomic():
                for step, go, done in zip(steps, goes, dones, strict=True):
                    go.wait(20)
                    step()  # type: ignore[operator]
                    if done is not dones[-1]:
                        done.set()
        finally:
            connection.close()
            dones[-1].set()

    class Gate(threading.Event):
        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

        def set(self) -> None:
            goes[self.place].set()
            assert dones[self.place].wait(20)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield [Gate(place) for place in range(len(steps))]
    finally:
        for go in goes:
            go.set()
        thread.join(30)


def _take_a_transaction_id() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")


def _linked_subjects() -> list[int]:
    events = {event.id: event.subject_ids for event in AuditEvent.objects.all()}
    return [subject for link in AuditLink.objects.order_by("seq") for subject in events[link.event_id]]


def test_every_event_is_linked_once_and_the_chain_can_be_recomputed() -> None:
    for subject in range(5):
        with transaction.atomic():
            _record(subject)
    assert [_link(limit=3), _link(limit=3), _link(limit=3)] == [3, 2, 0]
    assert _linked_subjects() == [0, 1, 2, 3, 4]
    previous = b""
    with connection.cursor() as cursor:
        for link in AuditLink.objects.order_by("seq"):
            cursor.execute("SELECT audit_event_hash(e) FROM audit_event e WHERE id = %s", [link.event_id])
            own = bytes(cursor.fetchone()[0])
            assert bytes(link.prev_hash) == previous
            assert bytes(link.hash) == hashlib.sha256(previous + own).digest()
            previous = bytes(link.hash)


_COLUMNS = {
    "id": "id + 1",
    "at": "at + interval '1 us'",
    "actor_id": "6",
    "actor_label": "'user:6'",
    "action": "'other'",
    "subject_kind": "'other'",
    "subject_ids": "'[2]'",
    "territory_id": "0",
    "detail": "'{\"a\": 1}'",
}


@pytest.mark.parametrize("edited", [None, *_COLUMNS])
def test_the_hash_of_an_event_covers_every_column(edited: str | None) -> None:
    with transaction.atomic():
        _record(1)
    row = ", ".join(_COLUMNS[name] if name == edited else name for name in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT audit_event_hash(e) = audit_event_hash(ROW({row}, txid)::audit_event) FROM audit_event e"
        )
        assert cursor.fetchone() == (edited is None,)


def test_an_event_that_commits_after_the_mark_moved_is_not_lost() -> None:
    with _slow(_take_a_transaction_id, lambda: _record(2)) as (begin_fast, commit_fast):
        begin_fast.set()
        with _slow(lambda: _record(1), lambda: None) as (write_slow, commit_slow):
            write_slow.set()  # event id n, the larger transaction id, still running
            commit_fast.set()  # event id n + 1, the smaller transaction id, committed
            assert _link() == 1
            assert _linked_subjects() == [2]
            last = AuditLink.objects.get().event_id
            commit_slow.set()
            assert not AuditEvent.objects.filter(id__gt=last).exists()  # control: a mark by id would end here
            assert _link() == 1
    assert _linked_subjects() == [2, 1]
    assert _link() == 0


def test_events_of_a_running_transaction_wait() -> None:
    with _slow(lambda: _record(1), lambda: None) as (write, commit):
        write.set()
        with transaction.atomic():
            _record(2)
        assert _link() == 0
        commit.set()
        assert _link() == 2


def test_an_event_rolled_back_is_never_linked() -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        _record(1)
        raise ZeroDivisionError
    with transaction.atomic():
        _record(2)
    _link()
    assert _linked_subjects() == [2]


@pytest.mark.parametrize("table", ["audit_event", "audit_event_rest", "audit_link", "outbox", "outbox_rest"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = now()", "DELETE FROM {}", "TRUNCATE {}"])
def test_audit_and_outbox_are_insert_only_month_by_month(table: str, verb: str) -> None:
    column = "event_at" if table == "audit_link" else "at"
    with pytest.raises(IntegrityError, match="insert-only"), connection.cursor() as cursor:
        cursor.execute(verb.format(table, column))


def _read(limit: int = 100, consumer: str = "reader") -> list[int]:
    news = _unread(consumer, limit)
    if news:
        outbox.read_up_to(consumer, news[-1].id, AT)
    return [row.subject_id for row in news]


def test_news_come_once_in_order_to_each_consumer() -> None:
    with transaction.atomic():
        _tell(1, 2, 3)
    with transaction.atomic():
        _tell(4)
    assert [_read(3), _read(3), _read(3)] == [[1, 2, 3], [4], []]
    assert _read(consumer="other") == [1, 2, 3, 4]
    with transaction.atomic():
        _tell(5)
    assert [_read(), _read()] == [[5], []]
    assert _unread("third", 1)[0].detail == {"n": 1}


def test_news_not_marked_as_read_come_again() -> None:
    with transaction.atomic():
        _tell(1, 2)
    assert [row.subject_id for row in _unread("reader")] == [1, 2]
    assert _read() == [1, 2]


def _read_around_a_slow_one() -> list[list[int]]:
    """1 is told before 2 and committed after it: what is read before, after, and in the end."""
    with _slow(_take_a_transaction_id, lambda: _tell(2)) as (begin_fast, commit_fast):
        begin_fast.set()
        with _slow(lambda: _tell(1), lambda: None) as (write_slow, commit_slow):
            write_slow.set()
            commit_fast.set()
            before = _read()
            commit_slow.set()
            after = _read()
    return [before, after, _read()]


def test_news_of_a_slow_transaction_are_not_jumped_over() -> None:
    assert _read_around_a_slow_one() == [[2], [1], []]


def test_control_a_window_that_waits_for_nobody_jumps_over_the_slow_transaction() -> None:
    with altered("outbox_unread", "pg_snapshot_xmin(pg_current_snapshot())", "pg_current_xact_id()"):
        assert _read_around_a_slow_one() == [[2], [], []]  # 1 is never read


def test_two_news_about_one_subject_keep_the_order_of_their_commits() -> None:
    """The later word comes from the older transaction: by transaction id alone it would be read first."""
    with _slow(_take_a_transaction_id, lambda: _tell(7)) as (begin_older, commit_older):
        begin_older.set()
        with transaction.atomic():
            _tell(7)
        first_id = Outbox.objects.get().id
        assert _unread("reader") == []  # the older one still runs
        commit_older.set()
    ids = [row.id for limit in (1, 1) for row in [_unread("reader", limit)[0]] if _mark(row.id)]
    assert ids[0] == first_id
    assert ids == sorted(ids)


def _mark(last_id: int) -> bool:
    outbox.read_up_to("reader", last_id, AT + timedelta(seconds=1))
    return True


def test_a_late_twin_does_not_move_the_next_window_on() -> None:
    with _slow(_take_a_transaction_id, lambda: _tell(2)) as (begin_fast, commit_fast):
        begin_fast.set()
        with _slow(lambda: _tell(1), lambda: None) as (write_slow, commit_slow):
            write_slow.set()
            commit_fast.set()
            (late,) = _unread("reader")
            outbox.read_up_to("reader", late.id, AT)
            commit_slow.set()
            assert [row.subject_id for row in _unread("reader")] == [1]
            outbox.read_up_to("reader", late.id, AT)  # the twin marks its batch again
            assert _read() == [1]

"""Each piece of news is one notice for each person it concerns: twice, at once, in other orders, killed anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.messages import commands
from qosymsha.domain.messages.commands import making
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.kernel.models import AuditEvent
from tests import sweep
from tests.factories import horizon, notices
from tests.factories.notices import CLOCK, issued, make, over, shown, tell
from tests.factories.vouchers import AT, add_children, issue, make_city
from tests.races import at_once, patient

__all__ = ["over"]
COMMIT = pytest.mark.django_db(transaction=True)


@COMMIT
@pytest.mark.fault
def test_two_at_once_and_again_make_one_notice_each() -> None:
    with patient():
        issued(5)
        horizon.settled_beside()
        answers = at_once(*[lambda barrier: (barrier.wait(), make(AT, limit=2))[1]] * 2)
        assert all(isinstance(answer, int) for answer in answers), answers
        for _ in range(2):
            make(AT)
        assert len(shown()) == 5
        assert NoticeDelivery.objects.count() == 5


@COMMIT
@pytest.mark.fault
def test_control_without_the_cursors_lock_and_the_occasion_the_same_news_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued(2)
    notices.at_once_over(monkeypatch)
    monkeypatch.setattr(making.outbox, "read_up_to", lambda *_: None)
    assert commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH) == 2
    commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)
    assert len(shown()) == 2, "the occasion alone holds"
    serial = count()
    monkeypatch.setattr(making, "_gather", _with_occasions_of_their_own(serial))
    commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)
    assert len(shown()) == 4, "red: without it each run tells again"


def _with_occasions_of_their_own(serial: Iterator[int]) -> Any:
    gather = making._gather

    def gathered(drafts: Any, how: Any, row_id: int, told: Any, when: Any) -> None:
        gather(drafts, how, row_id, told, (f"{when[0]}/{next(serial)}", when[1]))

    return gathered


def told_around_a_slow_one(monkeypatch: pytest.MonkeyPatch, *, by_id: bool) -> tuple[list[int], list[int]]:
    """A row with a smaller id whose transaction ends after a later one was read: what was told then and in the end,
    of (first, second); `by_id`: as if all news counted as finished.
    """
    city = make_city()
    first, second = issue(city, add_children(city, 2))
    horizon.settled_beside()  # else the vouchers' own news is told below
    make(AT)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notice_delivery")
        cursor.execute("DELETE FROM notice")
    given = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    with sweep.psycopg.connect(**given) as slow:
        slow.execute("SELECT outbox_tell(%s, 'voucher_issued', 'voucher', %s::bigint[], '{}')", [AT, [first]])
        tell(Vouchers.ISSUED, "voucher", [second], AT)
        if by_id:
            notices.at_once_over(monkeypatch)
        make(AT)
        then = numbered(first, second)
        slow.commit()
    horizon.settled_beside()
    make(AT)
    return then, numbered(first, second)


def numbered(*vouchers: int) -> list[int]:
    """Which of these vouchers are told of, by their place among them."""
    return sorted(vouchers.index(matter) + 1 for *_, matters in shown() for matter in matters)


@COMMIT
@pytest.mark.fault
def test_news_committed_late_is_not_jumped_over(monkeypatch: pytest.MonkeyPatch) -> None:
    then, at_last = told_around_a_slow_one(monkeypatch, by_id=False)
    assert then in ([], [2])
    assert at_last == [1, 2]


@COMMIT
@pytest.mark.fault
def test_control_read_by_id_alone_the_late_news_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_around_a_slow_one(monkeypatch, by_id=True) == ([2], [2])


@COMMIT
@pytest.mark.fault
def test_killed_at_every_step_it_ends_as_if_undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    issued(3)
    notices.at_once_over(monkeypatch)

    def verb() -> int:
        return commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)

    def kept() -> tuple[int, int, int]:
        events = AuditEvent.objects.filter(action="make_notices").count()
        return Notice.objects.count(), NoticeDelivery.objects.count(), events

    with patient():
        killer, step = sweep.Killer(), 0
        while killer.commits == 0:
            step += 1
            killer = sweep.Killer(step)
            sweep.tried(verb, killer)
            assert kept() == (0, 0, 0), f"killed before {killer.at} {step}, it left something"
        lost = sweep.Killer(lose_the_reply_to_commit=1)
        sweep.tried(verb, lost)
        assert lost.at == "reply"
        assert kept() == (3, 3, 1)
        assert verb() == 0
        assert kept() == (3, 3, 1)
    assert step > 6


@COMMIT
@pytest.mark.fault
def test_control_without_its_transaction_a_killed_run_leaves_news_read_that_nobody_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued(3)
    notices.at_once_over(monkeypatch)
    loose = commands.make_notices.__wrapped__  # type: ignore[attr-defined] # each statement a transaction of its own
    with sweep.without_transactions():
        assert sweep.left_behind(lambda: loose(actor=CLOCK, at=AT, ways=notices.BOTH))


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_in_any_order_and_portion_the_same_notices_are_there(over: None, order: tuple[int, ...]) -> None:
    city, children, vouchers = issued(3)
    make(AT)
    wanted = shown()
    for n in order:
        tell(Vouchers.ISSUED, "voucher", [vouchers[n]], AT)  # the same facts told again, otherwise cut
    make(AT, limit=1)
    assert shown() == wanted


@pytest.mark.django_db
def test_the_database_itself_holds_one_notice_for_a_person_and_an_occasion(over: None) -> None:
    issued(1)
    make(AT)
    one = Notice.objects.get()
    one.pk, one.uuid = None, uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        one.save()

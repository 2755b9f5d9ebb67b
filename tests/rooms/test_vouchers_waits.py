"""A transfer to a line without free money: the seat is kept, the place stays, and who asked first moves first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.settlement.queries import explained
from qosymsha.domain.vouchers import commands, queries
from qosymsha.domain.vouchers.models import Enrolment, TransferRequest, TransferRequestHistory, Voucher
from qosymsha.domain.vouchers.rules import EnrolRefusal, Release, VoucherRefusal
from qosymsha.domain.vouchers.states import CloseReason, Topic
from qosymsha.interfaces.jobs import duties
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import Outbox
from tests.factories.readings import readings
from tests.factories.vouchers import CHANNEL, OFFICER, SYSTEM, add_group, held, key, money, place
from tests.factories.waits import MID, MID_AT, NEEDED, Town, taken, town, whole

pytestmark = pytest.mark.django_db


def test_the_seat_is_kept_the_place_stays_and_nothing_is_posted_until_the_money_is_there() -> None:
    home = town()
    before = money(home.city), money(home.city, "creative")
    assert home.ask(0) == [EnrolRefusal.TRANSFER_WAITS]
    assert (money(home.city), money(home.city, "creative")) == before
    assert taken(home.sport, home.dance) == [3, 1]
    assert (home.voucher(0).kind, Enrolment.objects.get(pk=home.families[0][2]).state) == ("sport", "active")
    (facts,) = queries.transfers_of_children(actor=OFFICER, child_ids=[home.voucher(0).child_id], at=MID_AT)
    assert (facts.state, facts.reason, facts.before, facts.until) == ("waiting", "no_free_money", 0, date(2026, 9, 28))
    assert "transfer_request" in readings("read_vouchers")[-1].detail["read"]["read_vouchers"]
    whole(home)


def test_without_the_familys_wish_to_wait_it_is_refused_and_nobody_who_waits_is_overtaken() -> None:
    home = town()
    assert home.ask(0, waits=False) == [EnrolRefusal.NO_FREE_MONEY]
    assert home.ask(1) == [EnrolRefusal.TRANSFER_WAITS]
    home.pay_in(NEEDED)
    assert home.ask(2, waits=False) == [EnrolRefusal.NO_FREE_MONEY], "the money is there, but another waits for it"
    assert home.ask(2) == [EnrolRefusal.TRANSFER_WAITS]
    assert home.run().taken == [TransferRequest.objects.get(voucher_id=home.families[1][0]).pk]
    whole(home)


def test_the_money_goes_to_those_who_asked_first_and_the_month_is_split_by_lessons() -> None:
    home = town()
    assert home.ask(2, 0, 1) == [EnrolRefusal.TRANSFER_WAITS] * 3
    spare = money(home.city, "creative").get("free", 0)
    home.pay_in(2 * NEEDED - spare)
    run = home.run()
    requests = list(TransferRequest.objects.order_by("id"))
    assert (run.taken, run.refused, run.expired) == ([r.pk for r in requests[:2]], [], [])
    assert [home.voucher(i).kind for i in (2, 0, 1)] == ["creative", "creative", "sport"]
    moved = Enrolment.objects.get(voucher_id=home.families[2][0], state="active")
    assert (moved.group_id, moved.starts_on, requests[0].enrolment_id) == (home.dance, MID, moved.pk)
    assert place(home.city, home.families[2][2]) == 4 * 12_000, "1, 3, 8, 10 September stay with the old place"
    assert place(home.city, moved.pk, kind="creative") == 5 * 9_000
    assert money(home.city)["released"] == 2 * (4 * 96_000 - 4 * 12_000)
    assert "free" not in money(home.city, "creative")
    assert taken(home.sport, home.dance) == [1, 3]
    assert home.run().taken == [], "no money is left"
    history = TransferRequestHistory.objects.filter(transfer_request=requests[0]).order_by("seq")
    assert list(history.values_list("to_state", "actor_id")) == [("waiting", CHANNEL.user_id), ("done", 0)]
    assert not [f for f in explained(home.city.programme_id, MID_AT).findings if f.kind != "posting"]
    whole(home)


def test_one_the_money_does_not_reach_is_not_overtaken_by_a_cheaper_one() -> None:
    home = town()
    cheap = add_group(home.city, "creative", weekdays=(5,), tariff=1_000)
    assert home.ask(0) == [EnrolRefusal.TRANSFER_WAITS]
    assert home.ask(1, group=cheap) == [EnrolRefusal.TRANSFER_WAITS]
    home.pay_in(NEEDED - 1 - money(home.city, "creative").get("free", 0))
    assert home.run().taken == []
    home.pay_in(1)
    assert home.run().taken == [TransferRequest.objects.get(voucher_id=home.families[0][0]).pk]


def test_a_later_day_moves_the_beginning_and_the_old_place_is_paid_up_to_it() -> None:
    home = town(1)
    home.ask(0)
    home.pay_in(NEEDED)
    home.run(days=8)  # Tuesday 22 September: the move begins tomorrow
    moved = Enrolment.objects.get(voucher_id=home.families[0][0], state="active")
    assert moved.starts_on == date(2026, 9, 23)
    assert place(home.city, home.families[0][2]) == 7 * 12_000
    assert place(home.city, moved.pk, kind="creative") == 3 * 9_000
    whole(home)


def test_after_its_last_day_it_expires_with_news_and_the_seat_goes_to_others() -> None:
    home = town(2, seats=1, transfer_wait_working_days=3)
    home.ask(0)
    assert home.ask(1) == [EnrolRefusal.GROUP_FULL]
    request = TransferRequest.objects.get()
    assert request.until == date(2026, 9, 17)
    home.pay_in(NEEDED)
    assert (home.run(days=4).expired, home.states()) == ([request.pk], [("expired", "expired")])
    assert (taken(home.sport, home.dance), home.voucher(0).state) == ([2, 0], "active")
    (news,) = Outbox.objects.filter(topic=Topic.TRANSFER_EXPIRED.value)
    assert (news.subject_kind, news.subject_id) == ("transfer_request", request.pk)
    assert home.ask(1) == [None], "seat and money are there for the next"
    whole(home)


def test_on_its_last_day_it_may_still_be_taken() -> None:
    home = town(1, transfer_wait_working_days=3)
    home.ask(0)
    home.pay_in(NEEDED)
    assert len(home.run(days=3).taken) == 1


def test_a_family_withdraws_only_what_waits_and_only_its_own() -> None:
    home = town()
    home.ask(0)
    voucher, guardian, _ = home.families[0]
    stranger = home.families[1][1]
    asked = [(voucher, stranger), (home.families[1][0], stranger)]
    again = key()
    for _ in range(2):
        rows = commands.withdraw_transfers(actor=CHANNEL, withdrawals=asked, at=MID_AT, key=again)
        assert [r.reason for r in rows] == [VoucherRefusal.NOT_GUARDIAN, EnrolRefusal.TRANSFER_NOT_WAITING]
    (row,) = commands.withdraw_transfers(actor=CHANNEL, withdrawals=[(voucher, guardian)], at=MID_AT, key=key())
    assert (row.reason, row.id, home.states()) == (None, voucher, [("withdrawn", "withdrawn")])
    assert taken(home.sport, home.dance) == [3, 0]
    assert home.ask(0) == [EnrolRefusal.TRANSFER_WAITS], "and may ask again, behind the others"
    assert home.ask(0) == [EnrolRefusal.TRANSFER_ASKED]
    assert home.ask(0, group=add_group(home.city, weekdays=(3,))) == [EnrolRefusal.TRANSFER_ASKED]
    whole(home)


def _close(home: Town) -> None:
    commands.close_vouchers(
        actor=OFFICER, voucher_ids=[home.families[0][0]], reason=CloseReason.MOVED, at=MID_AT, key=key()
    )


def _release(home: Town) -> None:
    release = Release(home.families[0][0], home.families[0][1], MID)
    commands.release_vouchers(actor=CHANNEL, releases=[release], reason="no time", at=MID_AT, key=key())


@pytest.mark.parametrize("lose", [_close, _release])
def test_a_voucher_that_loses_its_place_loses_the_request_and_the_seat_kept(lose: Callable[[Town], None]) -> None:
    home = town()
    home.ask(0, 1)
    lose(home)
    assert home.states() == [("refused", "place_given_up"), ("waiting", "no_free_money")]
    assert taken(home.sport, home.dance) == [2, 1]
    whole(home)


def test_a_suspended_voucher_keeps_its_turn_and_blocks_nobody() -> None:
    home = town()
    home.ask(0, 1)
    for verb in (commands.suspend_vouchers, commands.resume_vouchers):
        verb(actor=OFFICER, voucher_ids=[home.families[0][0]], reason="absent", at=MID_AT, key=key())
        home.pay_in(NEEDED)
        home.run()
    assert [home.voucher(i).kind for i in (0, 1)] == ["creative", "creative"]
    assert home.states() == [("done", ""), ("done", "")]


def test_what_a_rule_forbids_by_now_ends_with_its_reason_and_the_place_stays() -> None:
    home = town()
    home.ask(0, 1)
    home.pay_in(2 * NEEDED)
    Guardianship.objects.filter(guardian_id=home.families[0][1]).update(valid="[2020-01-01,2020-02-01)")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE club_group SET age_min = 16, age_max = 17 WHERE id = %s", [home.dance])
    run = home.run()
    ids = list(TransferRequest.objects.order_by("id").values_list("id", flat=True))
    assert run.refused == [(ids[0], "not_guardian"), (ids[1], "wrong_age")]
    assert home.states() == [("refused", "not_guardian"), ("refused", "wrong_age")]
    assert (taken(home.sport, home.dance), held(home.city, home.families[0][0])) == ([3, 0], 3 * 96_000)
    assert Outbox.objects.filter(topic=Topic.TRANSFER_REFUSED.value).exists()
    whole(home)


def test_a_run_told_again_by_its_key_does_nothing_twice_and_only_the_clock_and_officials_run_it() -> None:
    home = town()
    home.ask(0)
    home.pay_in(NEEDED)
    once = key()
    runs = [
        commands.take_transfers(actor=SYSTEM, programme_id=home.city.programme_id, at=MID_AT, key=once)
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0].taken) == 1
    for actor in (CHANNEL, Actor(1, "user:1", ())):
        with pytest.raises(Forbidden):
            commands.take_transfers(actor=actor, programme_id=home.city.programme_id, at=MID_AT, key=key())
    with pytest.raises(Forbidden):
        commands.withdraw_transfers(actor=SYSTEM, withdrawals=[home.families[0][:2]], at=MID_AT, key=key())


def test_the_hourly_job_takes_them_from_money_swept_on_the_line() -> None:
    home = town()
    home.ask(0, 1)
    (queue,) = queries.transfer_queues(home.city.programme_id)
    assert (queue.waiting, queue.needed_tiyn, queue.first_asked_at) == (2, 2 * NEEDED, MID_AT)
    dancer = Voucher.objects.filter(kind="creative").first()
    assert dancer is not None
    commands.close_vouchers(actor=OFFICER, voucher_ids=[dancer.pk], reason=CloseReason.MOVED, at=MID_AT, key=key())
    duties.refill(MID_AT)
    assert [home.voucher(i).kind for i in (0, 1)] == ["creative", "sport"]
    whole(home)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer_request SET state = 'waiting' WHERE state = 'withdrawn'",
        "UPDATE transfer_request SET state = 'done' WHERE state = 'waiting'",
        "UPDATE transfer_request SET needed_tiyn = 0 WHERE state = 'waiting'",
        "UPDATE transfer_request_history SET cause = 'x'",
        "DELETE FROM transfer_request_history",
    ],
)
def test_the_database_itself_keeps_the_queue_honest(statement: str) -> None:
    home = town()
    home.ask(0, 1)
    commands.withdraw_transfers(actor=CHANNEL, withdrawals=[home.families[0][:2]], at=MID_AT, key=key())
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_ten_and_forty_that_wait_take_the_same_number_of_statements() -> None:
    counts = []
    for families in (10, 40):
        home = town(families, seats=40)
        assert set(home.ask(*range(families))) == {EnrolRefusal.TRANSFER_WAITS}
        home.pay_in(40 * NEEDED)
        with connection.execute_wrapper(counter := _Counter()):
            assert len(home.run().taken) == families
        counts.append(counter.n)
    assert counts[0] == counts[1]


class _Counter:
    n = 0

    def __call__(self, execute: Callable[..., object], *rest: object) -> object:
        self.n += 1
        return execute(*rest)

"""Two who speak for one child: each acts alone, the other is told; what nobody can undo waits, and either stops it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people.models import Guardian, Guardianship
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Enrolment, Parting, Voucher
from qosymsha.domain.vouchers.rules import EnrolWish, Move, Release, VoucherAnswer
from qosymsha.interfaces.jobs import duties
from qosymsha.kernel.clock import local_instant
from tests.factories.notices import make, over
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    OFFICER,
    SYSTEM,
    City,
    accepted,
    add_children,
    add_group,
    enrolled,
    issue,
    key,
    make_city,
    money,
)
from tests.factories.waits import MID, MID_AT, NEEDED, Town, whole
from tests.factories.waits import town as in_want

pytestmark = pytest.mark.django_db
__all__ = ["over"]

MONDAY = local_instant(date(2026, 9, 7), 9)
LAST_TO_STOP, AFTER = date(2026, 9, 9), local_instant(date(2026, 9, 10), 3)  # two working days


def father_of(city: City, child: int, kind: str = "parent") -> int:
    """Another who speaks for the child."""
    second = Guardian.objects.create(territory_id=city.territory_id, created_at=AT)
    valid = DateRange(date(2026, 1, 1), None)
    Guardianship.objects.create(guardian=second, child_id=child, kind=kind, evidence="e", valid=valid)
    return second.pk


def placed(**timers: int) -> tuple[City, int, int, int, int, int]:
    """(city, voucher, mother, father, group, another group of the line) of a child with a place."""
    city = make_city(**timers)
    group, other = add_group(city), add_group(city, weekdays=(5,))
    ((voucher, mother, _),) = enrolled(city, group)
    return city, voucher, mother, father_of(city, Voucher.objects.get(pk=voucher).child_id), group, other


def leave(voucher: int, guardian: int | None, on: date = date(2026, 9, 30), at=MONDAY):  # type: ignore[no-untyped-def]
    who = OFFICER if guardian is None else CHANNEL
    rows = commands.release_vouchers(
        actor=who, releases=[Release(voucher, guardian, on)], reason="family:no_time", at=at, key=key()
    )
    return rows[0].reason and rows[0].reason.value


def move(voucher: int, guardian: int, group: int, on: date = date(2026, 9, 8), at=MONDAY):  # type: ignore[no-untyped-def]
    rows = commands.transfer(actor=CHANNEL, moves=[Move(voucher, guardian, group, on)], at=at, key=key())
    return rows[0].reason and rows[0].reason.value


def answer(verb, voucher: int, guardian: int, at=AT):  # type: ignore[no-untyped-def]
    rows = verb(actor=CHANNEL, answers=[VoucherAnswer(voucher, guardian)], at=at, key=key())
    return rows[0].reason and rows[0].reason.value


def stop(voucher: int, guardian: int, at=MONDAY):  # type: ignore[no-untyped-def]
    rows = commands.stop_partings(actor=CHANNEL, stops=[(voucher, guardian)], at=at, key=key())
    return rows[0].reason and rows[0].reason.value


def run(city: City, at=AFTER) -> commands.PartingRun:  # type: ignore[no-untyped-def]
    return commands.take_partings(actor=SYSTEM, programme_id=city.programme_id, at=at, key=key())


def state(voucher: int) -> str:
    return Voucher.objects.get(pk=voucher).state


def told(guardian: int) -> list[str]:
    return list(Notice.objects.filter(guardian_id=guardian).order_by("id").values_list("kind", flat=True))


# Giving a place up


def test_one_of_two_gives_no_place_up_at_once_and_either_stops_it(over: None) -> None:
    city, voucher, mother, father, *_ = placed()
    make(AT)
    assert leave(voucher, mother) == "other_may_stop"
    assert (state(voucher), Enrolment.objects.get().state) == ("active", "active")
    make(MONDAY)
    assert told(father)[-1] == "other_leaves"
    assert "other_leaves" not in told(mother)
    assert Notice.objects.get(kind="other_leaves").due_at == local_instant(date(2026, 9, 30)), "the end of the last day"
    assert stop(voucher, father) is None
    assert run(city, local_instant(date(2026, 10, 1), 3)).done == []
    assert (state(voucher), Parting.objects.get().state, Parting.objects.get().ended_by) == (
        "active",
        "stopped",
        father,
    )
    make(MONDAY)
    assert told(mother)[-1] == "other_keeps"
    assert stop(voucher, father) == "nothing_to_stop"


def test_what_nobody_stops_is_done_on_its_day_by_the_clock() -> None:
    city, voucher, mother, _, *_ = placed()
    leave(voucher, mother)
    duties.refill(local_instant(date(2026, 9, 29), 23))
    assert state(voucher) == "active", "it can be stopped up to its day"
    duties.refill(local_instant(date(2026, 9, 30), 1))
    assert (state(voucher), Enrolment.objects.get().ends_on) == ("released", date(2026, 9, 29))
    assert Parting.objects.get().state == "done"
    whole(Town(city, 0, 0, []))


def test_a_day_too_near_is_put_off_for_the_other_and_no_earlier() -> None:
    city, voucher, mother, *_ = placed()
    leave(voucher, mother, MONDAY.date())
    assert Parting.objects.get().takes_on == LAST_TO_STOP + timedelta(days=1)
    assert run(city, AFTER - timedelta(days=1)).done == []
    assert run(city).done == [Parting.objects.get().pk]
    assert Enrolment.objects.get().ends_on == LAST_TO_STOP


def test_how_long_the_other_may_stop_it_is_the_citys_rule() -> None:
    _, voucher, mother, *_ = placed(accept_working_days=4)
    leave(voucher, mother, MONDAY.date())
    assert Parting.objects.get().takes_on == date(2026, 9, 12)


def test_the_others_same_word_does_it_at_once_and_another_word_is_told_the_truth(over: None) -> None:
    city, voucher, mother, father, _, other = placed()
    assert leave(voucher, mother) == "other_may_stop"
    assert leave(voucher, mother) == "other_may_stop", "said again it stands once"
    assert Parting.objects.count() == 1
    assert move(voucher, mother, other) == "asked_before"
    assert move(voucher, father, other) == "other_asked"
    assert leave(voucher, father, date(2026, 9, 20)) is None
    assert (state(voucher), Enrolment.objects.get().ends_on) == ("released", date(2026, 9, 19))
    assert Parting.objects.get().state == "done"
    make(MONDAY)
    assert "other_left" in told(mother)
    assert "voucher_free" in told(father)
    whole(Town(city, 0, 0, []))


def test_a_guardian_alone_an_official_and_a_childs_own_account_wait_for_nobody() -> None:
    city = make_city()
    group = add_group(city)
    ((alone, mother, _), (youth, own, _), (taken, _, _)) = enrolled(city, group, 3)
    father_of(city, Voucher.objects.get(pk=youth).child_id, kind="self")
    father_of(city, Voucher.objects.get(pk=taken).child_id)
    assert [leave(alone, mother), leave(youth, own), leave(taken, None)] == [None, None, None]
    assert Parting.objects.count() == 0


def test_the_word_of_one_whose_custody_ends_falls_and_the_remaining_one_waits_for_nobody() -> None:
    city, voucher, mother, father, *_ = placed()
    leave(voucher, mother)
    Guardianship.objects.filter(guardian_id=mother).update(valid=DateRange(date(2026, 1, 1), date(2026, 9, 8)))
    assert run(city, local_instant(date(2026, 9, 30), 3)).over == [Parting.objects.get().pk]
    assert state(voucher) == "active"
    assert leave(voucher, father, at=local_instant(date(2026, 9, 30), 4)) is None


def test_a_word_falls_once_the_place_has_ended_otherwise(over: None) -> None:
    city, voucher, mother, father, *_ = placed()
    leave(voucher, mother)
    leave(voucher, None, date(2026, 9, 20))
    assert stop(voucher, father) == "nothing_to_stop"
    assert run(city, local_instant(date(2026, 9, 30), 3)).over == [Parting.objects.get().pk]
    make(MONDAY)
    assert "parting_over" in told(mother)
    assert "parting_over" in told(father)


# Moving to another group


def test_a_move_waits_for_the_other_and_is_made_once_the_days_are_over(over: None) -> None:
    city, voucher, mother, father, group, other = placed()
    assert move(voucher, mother, other) == "other_may_stop"
    make(MONDAY)
    assert told(father)[-1] == "other_moves"
    assert Enrolment.objects.get().group_id == group
    assert run(city, AFTER - timedelta(days=1)).done == []
    assert run(city).done == [Parting.objects.get().pk]
    assert Enrolment.objects.get(state="active").group_id == other
    assert Enrolment.objects.get(state="active").starts_on == date(2026, 9, 10)
    whole(Town(city, 0, 0, []))


def test_a_move_that_is_not_possible_any_more_leaves_everything_as_it_is(over: None) -> None:
    city, voucher, mother, father, group, _ = placed()
    full = add_group(city, weekdays=(5,), capacity=1)
    assert move(voucher, mother, full) == "other_may_stop"
    enrolled(city, full)
    assert run(city).over == [Parting.objects.get().pk]
    assert Enrolment.objects.get(voucher_id=voucher, state="active").group_id == group
    make(AFTER)
    assert (told(mother)[-1], told(father)[-1]) == ("parting_over", "parting_over")
    whole(Town(city, 0, 0, []))


def test_the_other_agrees_by_asking_for_the_same_group() -> None:
    _, voucher, mother, father, _, other = placed()
    move(voucher, mother, other)
    assert move(voucher, father, other) is None
    assert Enrolment.objects.get(state="active").group_id == other
    assert Parting.objects.get().state == "done"


def test_what_both_want_and_waits_for_money_only_is_no_word_that_either_could_stop() -> None:
    home = in_want()
    (voucher, mother, _), *_ = home.families
    father = father_of(home.city, home.voucher(0).child_id)

    def wish(who: int) -> object:
        moves = [Move(voucher, who, home.dance, MID, True)]
        (row,) = commands.transfer(actor=CHANNEL, moves=moves, at=MID_AT, key=key())
        return row.reason

    assert wish(mother) == "other_may_stop"
    assert wish(father) == "transfer_waits"
    assert Parting.objects.get().state == "done"
    assert stop(voucher, mother, MID_AT) == "nothing_to_stop"
    home.pay_in(NEEDED)
    home.run()
    assert Enrolment.objects.get(voucher_id=voucher, state="active").group_id == home.dance
    whole(home)


def test_a_move_that_is_refused_anyway_waits_for_nobody() -> None:
    _, voucher, mother, _, group, _ = placed()
    assert move(voucher, mother, 0) == "unknown_group"
    assert Parting.objects.count() == 0


# Giving a voucher back


def shared_voucher() -> tuple[City, int, int, int]:
    city = make_city()
    (child,) = add_children(city, 1)
    (voucher,) = issue(city, [child])
    return city, voucher, city.guardian(child), father_of(city, child)


def test_one_refuses_the_other_accepts_and_the_child_keeps_the_voucher(over: None) -> None:
    city, voucher, mother, father = shared_voucher()
    make(AT)
    assert answer(commands.refuse_vouchers, voucher, mother) == "other_may_stop"
    assert state(voucher) == "issued"
    make(AT)
    assert told(father)[-1] == "other_refuses"
    assert answer(commands.accept_vouchers, voucher, father) is None
    assert state(voucher) == "accepted"
    make(AT)
    assert told(mother)[-1] == "other_accepted"
    assert stop(voucher, mother, AT) == "nothing_to_stop"
    group = add_group(city)
    wish = EnrolWish(voucher, mother, group, FIRST)
    (row,) = commands.enrol(actor=CHANNEL, wishes=[wish], at=AT, key=key())
    assert row.reason is None
    make(AT)
    assert told(father)[-1] == "other_took_place"


def test_both_refuse_and_it_is_closed_at_once(over: None) -> None:
    city, voucher, mother, father = shared_voucher()
    answer(commands.refuse_vouchers, voucher, mother)
    assert answer(commands.refuse_vouchers, voucher, father) is None
    assert (state(voucher), Voucher.objects.get(pk=voucher).reason) == ("closed", "refused")
    assert "held" not in money(city)
    make(AT)
    assert told(mother)[-1] == "other_refused"


def test_one_refuses_the_other_is_silent_and_the_vouchers_own_day_decides() -> None:
    city, voucher, mother, _ = shared_voucher()
    answer(commands.refuse_vouchers, voucher, mother)
    assert run(city, local_instant(date(2026, 9, 20), 3)).done == []
    on = date(2026, 9, 4)
    at = local_instant(on, 1)
    commands.expire_vouchers(actor=SYSTEM, territory_id=city.territory_id, on=on, at=at, key=key())
    assert Voucher.objects.get(pk=voucher).reason == "expired"


def test_an_accepted_voucher_is_given_back_by_both_too() -> None:
    city = make_city()
    ((voucher, child, mother),) = accepted(city)
    father = father_of(city, child)
    assert answer(commands.refuse_vouchers, voucher, mother) == "other_may_stop"
    assert stop(voucher, father, AT) is None
    assert answer(commands.refuse_vouchers, voucher, father) == "other_may_stop", "a fresh word of the other"
    assert state(voucher) == "accepted"

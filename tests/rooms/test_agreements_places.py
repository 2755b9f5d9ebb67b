"""Places carried on to the next contract, and a group's own waiting list: in order, with a timer, nothing lost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.commands import Carry
from qosymsha.domain.agreements.models import GroupWait, Renewal
from qosymsha.domain.agreements.rules import AgreementRefusal as No
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import post
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.providers.models import Accreditation, ClubGroup, Contract
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.domain.vouchers.rules import EnrolWish, Release
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    SYSTEM,
    City,
    accepted,
    add_group,
    enrolled,
    held,
    key,
    make_city,
    money,
)
from tests.rooms.test_agreements import all_green, guardian, manager, refused

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)


def next_contract(city: City) -> int:
    """The sport contract ends in September; a second one holds from October."""
    old = Contract.objects.get(pk=city.contracts["sport"])
    Contract.objects.filter(pk=old.pk).update(valid=DateRange(date(2026, 1, 1), OCTOBER))
    fields = {f: getattr(old, f) for f in ("territory_id", "programme_id", "provider_id", "line_id", "volume_tiyn")}
    later = DateRange(OCTOBER, date(2027, 1, 1))
    return Contract.objects.create(**fields, number=f"{old.number}-2", valid=later, state="signed", signed_at=AT).pk


def group_of(city: City, contract_id: int, **changes: Any) -> int:
    """A sport group under this contract from October on."""
    before, city.contracts["sport"] = city.contracts["sport"], contract_id
    group = add_group(city, valid=DateRange(OCTOBER, date(2027, 1, 1)), **changes)
    city.contracts["sport"] = before
    return group


def next_group(city: City, **changes: Any) -> tuple[int, date]:
    """A group of the next contract, and its first day."""
    return group_of(city, next_contract(city), **changes), OCTOBER


def renew(city: City, places: list[int], group: int, on: date = OCTOBER, **changes: Any) -> list[Any]:
    given: dict[str, Any] = {"actor": manager(city), "provider_id": city.provider_id, "at": AT, "key": key()} | changes
    return commands.renew(carries=[Carry(place, group) for place in places], on=on, **given)


def test_places_go_on_with_their_vouchers_and_each_refusal_is_told_by_row() -> None:
    city = make_city()
    placed = enrolled(city, add_group(city), 3)
    places = [place for _, _, place in placed]
    group, first = next_group(city, capacity=1)
    voucher, guardian_id, leaving = placed[0]
    commands.answer_renewal(actor=guardian(guardian_id), enrolment_id=leaving, continues=False, at=AT, key=key())
    whole = sum(money(city).values())
    one = key()
    outcomes = renew(city, places, group, key=one)
    assert [o.reason and o.reason.value for o in outcomes] == ["family_leaves", None, "group_full"]
    assert renew(city, places, group, key=one) == outcomes
    after = Enrolment.objects.get(pk=outcomes[1].id)
    before = Enrolment.objects.get(pk=places[1])
    assert (after.group_id, after.starts_on, after.voucher_id) == (group, first, before.voucher_id)
    assert (before.state, before.ends_on) == ("ended", date(2026, 9, 30))
    assert Renewal.objects.get().before_id == before.pk
    assert sum(money(city).values()) == whole
    assert held(city, before.voucher_id) + money(city)["place"] > 0
    all_green()
    assert [o.reason for o in renew(city, [places[1]], group)] == [No.PLACE_ENDED]
    commands.answer_renewal(actor=guardian(guardian_id), enrolment_id=leaving, continues=True, at=AT, key=key())
    assert queries.renewal_words([leaving]) == {leaving: True}  # the latest word counts
    assert Voucher.objects.get(pk=voucher).state == "active"


def test_a_year_ends_and_the_child_goes_on_with_the_next_years_money() -> None:
    city = make_city()
    ((voucher, _, place),) = enrolled(city, add_group(city), 1)
    old = BudgetLine.objects.get(pk=city.lines["sport"])
    line = BudgetLine.objects.create(
        territory_id=old.territory_id, programme_id=old.programme_id, department_id=old.department_id, kind="sport",
        code="464", fiscal_year=2027,
    )  # fmt: skip
    group, _ = next_group(city)
    year = DateRange(date(2027, 1, 1), date(2028, 1, 1))
    Contract.objects.filter(pk=ClubGroup.objects.get(pk=group).contract_id).update(line=line, valid=year)
    ClubGroup.objects.filter(pk=group).update(line=line, valid=year)
    Accreditation.objects.filter(provider_id=city.provider_id).update(valid=DateRange(date(2026, 1, 1), year.upper))
    on = date(2027, 1, 5)
    assert [o.reason and o.reason.value for o in renew(city, [place], group, on)] == ["no_free_money"]
    accounts = AccountKey(AccountKind.APPROP, line.pk), AccountKey(AccountKind.FREE, line.pk)
    post([Draft("budget", "next year", ((accounts[0], -2_000_000), (accounts[1], 2_000_000)))], at=AT)
    (outcome,) = renew(city, [place], group, on)
    assert outcome.reason is None
    own = Voucher.objects.get(pk=voucher)
    assert (own.line_id, own.last_month, own.state) == (line.pk, date(2027, 12, 1), "active")
    city.lines["next"] = line.pk
    assert sum(money(city, "next").values()) == 0
    all_green()


def test_only_a_next_contract_of_the_same_provider_takes_over_from_tomorrow_on() -> None:
    city, other = make_city(), make_city()
    ((_, _, place),) = enrolled(city, add_group(city), 1)
    same = add_group(city)
    assert [o.reason for o in renew(city, [place], same)] == [No.NOT_NEXT_CONTRACT]
    contract = next_contract(city)
    group, old = group_of(city, contract), group_of(city, contract, ages=(14, 17))
    assert [o.reason for o in renew(city, [place], group, date(2026, 9, 15))] == [No.NOT_NEXT_CONTRACT]
    assert refused(lambda: renew(city, [place], group, FIRST)) == No.DAY_WRONG
    foreign, _ = next_group(other)
    assert [o.reason for o in renew(city, [place], foreign)] == [No.UNKNOWN_PLACE]
    assert [o.reason.value for o in renew(city, [place], old)] == ["wrong_age"]
    with pytest.raises(Forbidden):
        renew(city, [place], group, actor=manager(other))
    assert [o.reason for o in renew(city, [place, place], group)][1] is not None  # named twice


def test_a_rule_set_may_let_silence_mean_no() -> None:
    city = make_city(agreements={"renewal": {"silence": "ends"}})
    ((_, guardian_id, place),) = enrolled(city, add_group(city), 1)
    group, _ = next_group(city)
    assert [o.reason for o in renew(city, [place], group)] == [No.FAMILY_LEAVES]
    commands.answer_renewal(actor=guardian(guardian_id), enrolment_id=place, continues=True, at=AT, key=key())
    assert [o.reason for o in renew(city, [place], group)] == [None]


def full(city: City, waiting: int = 2) -> tuple[int, tuple[int, int, int], list[tuple[int, int, int]]]:
    """A full group of one place, who sits there (voucher, guardian, enrolment), who waits (wait, voucher, guardian)."""
    group = add_group(city, capacity=1)
    (sitting,) = enrolled(city, group, 1)
    waits = []
    for voucher, _, guardian_id in accepted(city, waiting):
        wait = commands.join_waiting(actor=guardian(guardian_id), group_id=group, voucher_id=voucher, at=AT, key=key())
        waits.append((wait, voucher, guardian_id))
    return group, sitting, waits


def leave(sitting: tuple[int, int, int], at: Any = AT) -> None:
    voucher, guardian_id, _ = sitting
    on = date(2026, 9, 2) if at == AT else at.date()
    releases = [Release(voucher, guardian_id, on)]
    (outcome,) = vouchers.release_vouchers(actor=CHANNEL, releases=releases, reason="test", at=at, key=key())
    assert outcome.reason is None


def offer(city: City, at: Any = AT) -> tuple[int, int]:
    return commands.offer_seats(actor=SYSTEM, programme_id=city.programme_id, at=at, key=key())


def states() -> list[str]:
    return list(GroupWait.objects.order_by("id").values_list("state", flat=True))


def test_a_freed_seat_is_offered_in_order_held_and_passed_on_after_its_days() -> None:
    city = make_city()
    group, sitting, waits = full(city)
    assert offer(city) == (0, 0)
    leave(sitting)
    one = key()
    given: dict[str, Any] = {"actor": SYSTEM, "programme_id": city.programme_id, "at": AT, "key": one}
    assert commands.offer_seats(**given) == commands.offer_seats(**given) == (0, 1)
    assert offer(city) == (0, 0)  # another look finds nothing to do
    assert states() == ["offered", "waiting"]
    assert Seat.objects.get(group_id=group).taken == 1
    all_green()
    ((stranger, _, late_guardian),) = accepted(city, 1)
    taken = vouchers.enrol(
        actor=CHANNEL, wishes=[EnrolWish(stranger, late_guardian, group, date(2026, 9, 3))], at=AT, key=key()
    )
    assert [o.reason and o.reason.value for o in taken] == ["group_full"]  # the seat is the first family's
    late = AT + timedelta(days=3)  # two working days are over
    assert offer(city, late) == (1, 1)
    assert states() == ["expired", "offered"]
    wait, voucher, guardian_id = waits[1]
    place = commands.take_seat(
        actor=guardian(guardian_id), wait_id=wait, starts_on=date(2026, 9, 8), at=late, key=key()
    )
    assert Enrolment.objects.get(pk=place).group_id == group
    assert Voucher.objects.get(pk=voucher).state == "active"
    assert states() == ["expired", "taken"]
    all_green()


def test_a_family_that_declines_or_leaves_makes_room_for_the_next() -> None:
    city = make_city()
    group, sitting, waits = full(city, 3)
    leave(sitting)
    offer(city)
    for n, expected in ((0, ["declined", "offered", "waiting"]), (2, ["declined", "offered", "left"])):
        wait, _, guardian_id = waits[n]
        commands.leave_waiting(actor=guardian(guardian_id), wait_id=wait, at=AT, key=key())
        offer(city)
        assert states() == expected
    assert Seat.objects.get(group_id=group).taken == 1
    wait, _, guardian_id = waits[0]
    again: dict[str, Any] = {"actor": guardian(guardian_id), "wait_id": wait, "at": AT}
    assert refused(lambda: commands.leave_waiting(**again, key=key())) == No.WAIT_OVER
    assert refused(lambda: commands.take_seat(**again, starts_on=date(2026, 9, 8), key=key())) == No.WAIT_OVER
    all_green()


def test_a_child_with_a_place_elsewhere_moves_and_one_that_may_not_come_is_dropped() -> None:
    city = make_city()
    group = add_group(city, capacity=1)
    (sitting,) = enrolled(city, group, 1)
    ((voucher, guardian_id, before),) = enrolled(city, add_group(city), 1)
    wait = commands.join_waiting(actor=guardian(guardian_id), group_id=group, voucher_id=voucher, at=AT, key=key())
    ((other, _, other_guardian),) = accepted(city, 1)
    commands.join_waiting(actor=guardian(other_guardian), group_id=group, voucher_id=other, at=AT, key=key())
    vouchers.close_vouchers(actor=SYSTEM, voucher_ids=[other], reason=CloseReason.MOVED, at=AT, key=key())
    leave(sitting)
    assert offer(city) == (0, 1)
    taken: dict[str, Any] = {"actor": guardian(guardian_id), "wait_id": wait, "at": AT}
    place = commands.take_seat(**taken, starts_on=date(2026, 9, 3), key=key())
    assert Enrolment.objects.get(pk=before).state == "ended"
    assert Enrolment.objects.get(pk=place).group_id == group
    all_green()
    assert states() == ["taken", "dropped"]


def test_who_may_stand_on_a_list_is_asked_before() -> None:
    city, other = make_city(agreements={"waiting": {"most_lists": 1}}), make_city(agreements={"waiting": {"on": False}})
    group, _, ((wait, voucher, guardian_id),) = full(city, 1)
    join: dict[str, Any] = {"actor": guardian(guardian_id), "voucher_id": voucher, "at": AT}
    assert refused(lambda: commands.join_waiting(**join, group_id=group, key=key())) == No.WAITS_ALREADY
    assert refused(lambda: commands.join_waiting(**join, group_id=add_group(city), key=key())) == No.TOO_MANY_WAITS
    commands.leave_waiting(actor=guardian(guardian_id), wait_id=wait, at=AT, key=key())
    free, old = add_group(city), add_group(city, ages=(14, 17))
    assert refused(lambda: commands.join_waiting(**join, group_id=free, key=key())) == No.SEATS_FREE
    assert refused(lambda: commands.join_waiting(**join, group_id=old, key=key())) == "wrong_age"
    creative = add_group(city, "creative", tariff=6_000)
    assert refused(lambda: commands.join_waiting(**join, group_id=creative, key=key())) == "other_line"
    with pytest.raises(Forbidden):
        commands.join_waiting(
            actor=Actor(1, "x", (Grant(Role.GUARDIAN),), guardian_id=0), group_id=group, voucher_id=voucher, at=AT,
            key=key(),
        )  # fmt: skip
    with pytest.raises(Refused) as none:
        full(other, 1)
    assert none.value.reason is No.NO_WAITING_HERE

"""Taking a place as a hot verb: the last seat, one voucher twice, one key twice, what changes; each with a control."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import astuple
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.models import Accreditation, ClubGroup
from qosymsha.domain.vouchers import commands, queries, steps
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.commands import one_place
from qosymsha.domain.vouchers.models import Enrolment, EnrolmentHistory, Seat, Voucher, VoucherHistory
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, PlaceWish, VoucherRefusal
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from qosymsha.kernel.models import AuditEvent, IdempotencyKey, Outbox
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    City,
    accepted,
    add_children,
    add_group,
    enrolled,
    held,
    issue,
    key,
    make_city,
    money,
    place,
)
from tests.races import at_once
from tests.sql import altered

real = pytest.mark.django_db(transaction=True)
Held = tuple[int, int, int]
NO_CONDITION = "taken = 1 WHERE group_id = the_group"
NO_VERSION = ("seen_version IS DISTINCT FROM", "false AND seen_version IS DISTINCT FROM")


def wish_of(voucher_id: int, guardian_id: int, group_id: int, on: date = FIRST) -> PlaceWish:
    """The wish by the names of a page; an unknown row gets a uuid that nothing bears."""
    voucher = Voucher.objects.filter(pk=voucher_id).values_list("uuid", flat=True).first()
    group = ClubGroup.objects.filter(pk=group_id).values_list("uuid", flat=True).first()
    return PlaceWish(voucher or uuid4(), guardian_id, group or uuid4(), on)


def take(own: Held, group_id: int, once: UUID | None = None, actor: Actor = CHANNEL) -> int:
    return commands.take_place(actor=actor, wish=wish_of(own[0], own[2], group_id), at=AT, key=once or key())


def why_not(act: Callable[[], object]) -> object:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.reason


def before_storing(monkeypatch: pytest.MonkeyPatch, *happens: Callable[[], object]) -> list[int]:
    """Let each of these happen between seeing and storing, one per try; answers a list that grows by the tries."""
    store, waiting, tries = steps.take_place, list(happens), []

    def later(*args: Any) -> steps.Taking:
        tries.append(len(tries) + 1)
        if waiting:
            waiting.pop(0)()
        return store(*args)

    monkeypatch.setattr(one_place.steps, "take_place", later)
    return tries


@pytest.mark.django_db
def test_one_place_is_what_a_batch_stores() -> None:
    city = make_city()
    CalendarDay.objects.create(territory_id=city.territory_id, day=date(2026, 9, 3), is_working=False, source="test")
    CalendarDay.objects.create(territory=None, day=date(2026, 9, 8), is_working=False, source="test")
    CalendarDay.objects.create(territory_id=city.territory_id, day=date(2026, 9, 8), is_working=True, source="test")
    group, (one, many) = add_group(city), accepted(city, 2)
    ours = take(one, group)
    (outcome,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(many[0], many[2], group, FIRST)], at=AT, key=key())
    assert outcome.id is not None
    differ = {"id", "uuid", "voucher_id", "child_id"}
    same = [f.attname for f in Enrolment._meta.concrete_fields if f.attname not in differ]
    rows = [Enrolment.objects.get(pk=i) for i in (ours, outcome.id)]
    assert [getattr(rows[0], name) for name in same] == [getattr(rows[1], name) for name in same]
    assert place(city, ours) == place(city, outcome.id) == 8 * 12_000  # nine days, the third is free, eight at most
    assert held(city, one[0]) == held(city, many[0])
    assert Seat.objects.get(group_id=group).taken == 2
    for model, field in ((VoucherHistory, "voucher_id"), (EnrolmentHistory, "enrolment_id")):
        lives: dict[int, list[Any]] = {}
        for row in model.objects.order_by("seq"):
            lives.setdefault(getattr(row, field), []).append((row.seq, row.from_state, row.to_state, row.cause)[:3])
        assert len({tuple(life) for life in lives.values()}) == 1
    events = AuditEvent.objects.filter(action="enrol").order_by("id")
    assert [(e.subject_kind, e.subject_ids, e.detail) for e in events] == [
        ("enrolment", [i], {}) for i in (ours, outcome.id)
    ]
    told = Outbox.objects.filter(topic="enrolment_opened").order_by("id")
    assert [(n.subject_id, n.detail) for n in told] == [(ours, {"by": one[2]}), (outcome.id, {"by": many[2]})]


@pytest.mark.django_db
def test_one_question_sees_what_the_rooms_own_queries_see() -> None:
    city = make_city()
    group, (own,) = add_group(city), accepted(city)
    deed = Deed(CHANNEL, Action.ENROL, AT, key())
    seen = steps.see_place(deed, wish_of(own[0], own[2], group))
    assert seen is not None
    assert seen.group is not None
    assert astuple(seen.group) == astuple(providers.group_facts([group])[group])
    (voucher,) = queries.vouchers_of_children(actor=CHANNEL, child_ids=[own[1]], at=AT)
    assert astuple(seen.voucher) == astuple(voucher)
    assert (seen.held_tiyn, seen.is_ward, seen.is_key_known) == (held(city, own[0]), True, False)
    assert seen.free == queries.free_places([group])[group]


@pytest.mark.django_db
def test_one_and_a_batch_are_refused_for_the_same_reasons() -> None:
    city = make_city(choice={"opening": "direct"})
    group, (own, other) = add_group(city), accepted(city, 2)
    (child,) = add_children(city, 1)
    (silent,) = issue(city, [child])
    closed, full = add_group(city), add_group(city, capacity=1)
    ClubGroup.objects.filter(pk=closed).update(state="closed")
    enrolled(city, full)
    later = add_group(city, valid=DateRange(date(2026, 10, 1), None))
    cases = [
        (silent, city.guardian(child), group, FIRST),
        (0, own[2], group, FIRST),
        (own[0], other[2], group, FIRST),
        (own[0], own[2], 0, FIRST),
        (own[0], own[2], group, date(2026, 8, 31)),
        (own[0], own[2], group, date(2027, 1, 1)),
        (own[0], own[2], group, date(9999, 12, 31)),
        (own[0], own[2], add_group(city, "creative"), FIRST),
        (own[0], own[2], closed, FIRST),
        (own[0], own[2], later, FIRST),
        (own[0], own[2], add_group(city, ages=(4, 9)), FIRST),
        (own[0], own[2], add_group(city, tariff=12_001), FIRST),
        (own[0], own[2], full, FIRST),
    ]

    def both(voucher_id: int, guardian_id: int, group_id: int, on: date) -> object:
        wish = wish_of(voucher_id, guardian_id, group_id, on)
        single = why_not(lambda: commands.take_place(actor=CHANNEL, wish=wish, at=AT, key=key()))
        row = EnrolWish(voucher_id, guardian_id, group_id, on)
        (outcome,) = commands.enrol(actor=CHANNEL, wishes=[row], at=AT, key=key())
        assert single is outcome.reason
        return single

    seen = {both(*case) for case in cases}
    Accreditation.objects.update(state="limited")
    seen.add(both(own[0], own[2], group, FIRST))
    assert seen == {
        VoucherRefusal.UNKNOWN_VOUCHER, VoucherRefusal.NOT_GUARDIAN, EnrolRefusal.VOUCHER_NOT_FREE,
        EnrolRefusal.UNKNOWN_GROUP, EnrolRefusal.START_PAST, EnrolRefusal.OUTSIDE_VOUCHER, EnrolRefusal.OTHER_LINE,
        EnrolRefusal.GROUP_CLOSED, EnrolRefusal.WRONG_AGE, EnrolRefusal.DEARER_THAN_VOUCHER, EnrolRefusal.GROUP_FULL,
        EnrolRefusal.NOT_ACCREDITED,
    }  # fmt: skip


@pytest.mark.django_db
def test_before_a_choice_round_only_what_it_left_over_is_taken() -> None:
    city = make_city(choice={"opening": "choice_first"})
    group, (own,) = add_group(city), accepted(city)
    assert why_not(lambda: take(own, group)) is EnrolRefusal.CHOICE_FIRST
    with transaction.atomic():
        steps.mark_left_over([group], is_left_over=True)
    assert take(own, group)


@pytest.mark.django_db
def test_only_a_guardian_a_channel_or_a_clerk_takes_a_place() -> None:
    city = make_city()
    group, (own, other) = add_group(city), accepted(city, 2)
    with pytest.raises(Forbidden):
        take(own, group, actor=Actor(5, "user:5", (Grant(Role.CHECKER),)))
    guardian = Actor(7, "user:7", (Grant(Role.GUARDIAN),), guardian_id=other[2])
    assert why_not(lambda: take(own, group, actor=guardian)) is VoucherRefusal.NOT_GUARDIAN
    assert take(other, group, actor=guardian)


@pytest.mark.django_db
def test_a_repeated_key_writes_and_answers_the_first_place() -> None:
    city = make_city()
    group, (own, other) = add_group(city), accepted(city, 2)
    once = key()
    first = take(own, group, once)
    ClubGroup.objects.filter(pk=group).update(state="closed")  # whatever has become of the group
    assert take(own, group, once) == first
    assert IdempotencyKey.objects.get(key=once).replays == 1
    (outcome,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(own[0], own[2], group, FIRST)], at=AT, key=once)
    assert outcome.id == first
    assert why_not(lambda: take(other, group, once)) is KeyReason.KEY_REUSED
    assert Seat.objects.get(group_id=group).taken == Enrolment.objects.count() == 1


@pytest.mark.django_db
def test_a_reason_that_a_batch_stored_under_the_key_is_told_again() -> None:
    city = make_city()
    group, (own, other) = add_group(city, capacity=1), accepted(city, 2)
    take(other, group)
    once = key()
    (outcome,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(own[0], own[2], group, FIRST)], at=AT, key=once)
    assert outcome.reason is EnrolRefusal.GROUP_FULL
    Seat.objects.update(taken=0)
    assert why_not(lambda: take(own, group, once)) is EnrolRefusal.GROUP_FULL


@real
def test_the_verb_does_not_run_inside_another_transaction() -> None:
    city = make_city()
    group, (own,) = add_group(city), accepted(city)
    with pytest.raises(AssertionError), transaction.atomic():
        take(own, group)
    assert take(own, group)  # the control


@real
def test_what_changes_is_looked_at_again_then_refused_and_nothing_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    city = make_city()
    group, (own,) = add_group(city), accepted(city)
    mine, before = Guardianship.objects.filter(guardian_id=own[2]), money(city)
    tries = before_storing(monkeypatch, *(lambda n=n: mine.update(evidence=f"e{n}") for n in range(3)))
    once = key()
    assert why_not(lambda: take(own, group, once)) is EnrolRefusal.CHANGED_MEANWHILE
    assert tries == [1, 2]
    assert money(city) == before
    assert not Enrolment.objects.exists()
    assert not IdempotencyKey.objects.filter(key=once).exists()
    assert take(own, group, once)  # seen to change once more, and taken at the second look
    assert tries == [1, 2, 3, 4]


def dearer_before_storing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """The group becomes dearer than the voucher between seeing and storing."""
    city = make_city()
    group, (own,) = add_group(city), accepted(city)
    before_storing(monkeypatch, lambda: ClubGroup.objects.filter(pk=group).update(unit_tariff_tiyn=12_001))
    return lambda: take(own, group)


@real
def test_a_group_that_becomes_too_dear_meanwhile_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(dearer_before_storing(monkeypatch)) is EnrolRefusal.DEARER_THAN_VOUCHER
    assert not Enrolment.objects.exists()


@real
def test_control_without_the_version_a_place_is_taken_that_no_rule_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    with altered("take_place", *NO_VERSION):
        assert dearer_before_storing(monkeypatch)()
    assert Enrolment.objects.get().unit_tariff_tiyn == 12_001


def race(*acts: Callable[[], object]) -> list[Any]:
    """Run the acts in threads; all have seen their facts before the first of them stores."""
    store, met = steps.take_place, threading.local()

    def together(barrier: threading.Barrier, act: Callable[[], object]) -> object:
        met.barrier = barrier
        try:
            return act()
        except Refused as refused:
            return refused.reason

    def later(*args: Any) -> steps.Taking:
        if getattr(met, "barrier", None) is not None:
            met.barrier.wait()
            met.barrier = None
        return store(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_place.steps, "take_place", later)
        return at_once(*(lambda b, act=act: together(b, act) for act in acts))


def race_for_the_last_seat() -> tuple[list[Any], City, int]:
    city = make_city()
    group, families = add_group(city, capacity=1), accepted(city, 2)
    Seat.objects.create(group_id=group, capacity=1)
    return race(*(lambda own=own: take(own, group) for own in families)), city, group


@real
def test_the_last_seat_goes_to_one_of_two_and_the_other_loses_nothing() -> None:
    heard, city, group = race_for_the_last_seat()
    assert EnrolRefusal.GROUP_FULL in heard
    place_of = Enrolment.objects.get()
    assert heard.count(place_of.pk) == 1
    assert Seat.objects.get(group_id=group).taken == 1
    assert sorted(Voucher.objects.values_list("state", flat=True)) == ["accepted", "active"]
    assert money(city)["held"] == 2 * 4 * 96_000 - place(city, place_of.pk)
    assert AuditEvent.objects.filter(action="enrol").count() == IdempotencyKey.objects.filter(verb="enrol").count() == 1


@real
def test_control_without_the_condition_the_seat_is_sold_twice() -> None:
    with altered("take_seat", "taken = taken + 1 WHERE group_id = the_group AND taken < capacity", NO_CONDITION):
        heard, _, group = race_for_the_last_seat()
    assert all(isinstance(one, int) for one in heard)
    assert (Enrolment.objects.count(), Seat.objects.get(group_id=group).taken) == (2, 1)


def race_with_one_voucher() -> list[Any]:
    city = make_city()
    (own,) = accepted(city)
    groups = [add_group(city), add_group(city, weekdays=(1, 3))]
    return race(*(lambda group=group: take(own, group) for group in groups))


@real
def test_one_voucher_enters_one_of_two_groups() -> None:
    heard = race_with_one_voucher()
    assert EnrolRefusal.VOUCHER_NOT_FREE in heard
    assert Enrolment.objects.count() == sum(Seat.objects.values_list("taken", flat=True)) == 1


@real
def test_control_without_the_version_only_the_constraint_behind_it_stops_the_second() -> None:
    with altered("take_place", *NO_VERSION):
        heard = race_with_one_voucher()
    assert any(isinstance(one, IntegrityError) for one in heard)  # a fault, where a refusal was due
    assert Enrolment.objects.count() == 1


def race_with_one_key() -> list[Any]:
    city = make_city()
    group, (own,) = add_group(city), accepted(city)
    once = key()
    return race(*(lambda: take(own, group, once) for _ in range(2)))


@real
def test_the_same_key_at_once_answers_the_same_place() -> None:
    first, second = race_with_one_key()
    assert isinstance(first, int)
    assert first == second
    assert Enrolment.objects.count() == AuditEvent.objects.filter(action="enrol").count() == 1


@real
def test_control_without_the_key_one_tab_is_told_no_though_the_place_is_its_own() -> None:
    with (
        altered("idempotency_claim", "RETURNING", "WHERE false RETURNING"),
        altered("take_place", "claimed.first_body <> body", "false"),
        altered("take_place", "claimed.times > 0", "false"),
        altered("idempotency_keep", "ASSERT FOUND", "ASSERT true"),
    ):
        heard = race_with_one_key()
    assert sorted(isinstance(one, int) for one in heard) == [False, True]

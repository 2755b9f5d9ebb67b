"""Running groups: another timetable from a day on, more or fewer places, the end; races and rights with controls."""

from __future__ import annotations

import json
from datetime import date, time, timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance import queries as lessons
from qosymsha.domain.attendance.models import Session
from qosymsha.domain.attendance.rules import MarkRow
from qosymsha.domain.changes import commands, queries
from qosymsha.domain.changes.rules import ChangeRefusal
from qosymsha.domain.people.models import User
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.models import ClubGroup, Teacher, TimetableSlot, Venue
from qosymsha.domain.providers.queries import running
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.domain.providers.rules.running import WeekSlot
from qosymsha.domain.vouchers import steps as seats
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.attendance import manager, plan, teacher
from tests.factories.vouchers import AT, SYSTEM, City, add_group, enrolled, key, make_city
from tests.races import at_once

pytestmark = pytest.mark.django_db
FROM = date(2026, 9, 14)  # a Monday in the middle of a planned September
BEFORE = local_instant(date(2026, 9, 1), 9)


def teacher_of(group_id: int) -> int:
    slot = TimetableSlot.objects.filter(group_id=group_id).first()
    assert slot is not None
    return slot.teacher_id


def week(group_id: int, *weekdays: int, starts: int = 15, who: int | None = None) -> list[WeekSlot]:
    return [WeekSlot(day, time(starts), time(starts + 1), who or teacher_of(group_id)) for day in weekdays]


def change(city: City, group_id: int, wished: list[WeekSlot], **more: Any) -> commands.Changed:
    given = {"actor": manager(city), "group_id": group_id, "first": FROM, "week": wished, "at": BEFORE, "key": key()}
    return commands.change_timetable(**given | more)


def refused(call: Any, *args: Any, **more: Any) -> object:
    with pytest.raises(Refused) as caught:
        call(*args, **more)
    return caught.value.reason


def days(group_id: int, state: str) -> list[tuple[int, int]]:
    found = Session.objects.filter(group_id=group_id, state=state).order_by("starts_at")
    return [(s.on.day, s.starts_at.hour + 5) for s in found]


def test_from_the_day_on_lessons_follow_the_week_and_those_before_stay() -> None:
    city = make_city()
    group = add_group(city)  # Tuesdays and Thursdays at three
    plan(city)
    before = days(group, "planned")
    told = queries.fate_of_week(providers.group_facts([group])[group], week(group, 1, 2), FROM)
    done = change(city, group, week(group, 1, 2))
    assert (done.cancelled, done.made, done.handed) == (len(told.cancelled), len(told.made), 0) == (2, 3, 0)
    assert [d for d in days(group, "planned") if d[0] < 14] == [d for d in before if d[0] < 14]
    assert [d for d, _ in days(group, "planned") if d >= 14] == [14, 15, 21, 22, 28, 29]
    assert days(group, "cancelled") == [(17, 15), (24, 15)]
    (event,) = _audit("change_timetable")
    assert event[1]["made"] == 3
    assert lessons.unplanned(city.provider_id, date(2026, 9, 1)) == []


def test_the_same_hours_keep_their_lessons_and_get_the_other_teacher() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(5,))
    plan(city)
    kept = set(Session.objects.filter(group_id=group).values_list("id", flat=True))
    done = change(city, group, week(group, 2, 4, who=teacher_of(other)))
    assert (done.handed, done.cancelled, done.made) == (5, 0, 0)
    assert set(Session.objects.filter(group_id=group).values_list("id", flat=True)) == kept
    late = Session.objects.filter(group_id=group, on__gte=FROM).values_list("teacher_id", flat=True)
    assert set(late) == {teacher_of(other)}


def test_a_key_does_it_once_and_another_week_under_it_is_refused() -> None:
    city = make_city()
    group, once = add_group(city), key()
    plan(city)
    assert change(city, group, week(group, 1), key=once) == change(city, group, week(group, 1), key=once)
    assert "reused" in str(refused(change, city, group, week(group, 5), key=once))


@pytest.mark.parametrize(
    ("wished", "more", "reason"),
    [
        ((1,), {"first": BEFORE.date()}, ChangeRefusal.TOO_SOON),
        ((1,), {"first": date(2027, 3, 1)}, ChangeRefusal.AFTER_THE_END),
        ((), {}, ProviderRefusal.TIMETABLE_EMPTY),
        ((1, 1), {}, ProviderRefusal.TIMETABLE_TWICE_A_DAY),
        ((8,), {}, ProviderRefusal.TIMETABLE_UNREADABLE),
    ],
)
def test_what_a_timetable_may_not_be(wished: tuple[int, ...], more: dict[str, Any], reason: object) -> None:
    city = make_city()
    group = add_group(city)
    assert refused(change, city, group, week(group, *wished), **more) is reason


def test_a_teacher_elsewhere_a_full_hall_and_a_stranger_are_refused_and_named_before() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(1,))
    facts = providers.group_facts([group])[group]
    busy = week(group, 1, who=teacher_of(other))
    (clash,) = _clashes(facts, busy)
    assert (clash.reason, clash.group_ids) == (ProviderRefusal.TEACHER_BUSY, (other,))
    assert refused(change, city, group, busy) is ProviderRefusal.TEACHER_BUSY
    Venue.objects.filter(pk=city.venue_id).update(capacity=20)
    (clash,) = _clashes(facts, week(group, 1))
    assert (clash.reason, clash.group_ids) == (ProviderRefusal.VENUE_FULL, (other,))
    assert refused(change, city, group, week(group, 1)) is ProviderRefusal.VENUE_FULL
    nobody = Teacher.objects.create().pk
    assert refused(change, city, group, week(group, 3, who=nobody)) is ProviderRefusal.TEACHER_UNKNOWN
    assert change(city, group, week(group, 3)).made == 0  # control: a free hour is no clash


def _clashes(facts: Any, wished: list[WeekSlot]) -> list[Any]:
    return running.timetable_clashes(facts, wished, FROM)


def test_the_database_refuses_a_full_hall_where_the_verb_is_passed_by() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(5,))
    Venue.objects.filter(pk=city.venue_id).update(capacity=20)
    wrong = {"group_id": other, "teacher_id": teacher_of(other), "weekday": 2, "starts": time(15), "ends": time(16)}
    days_of_group = TimetableSlot.objects.filter(group_id=group).values_list("valid", flat=True)[0]
    with pytest.raises(IntegrityError, match="would hold more children"), transaction.atomic():
        TimetableSlot.objects.create(**wrong, valid=days_of_group)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE timetable_slot DISABLE TRIGGER timetable_room")
    assert TimetableSlot.objects.create(**wrong, valid=days_of_group).pk  # control: without the trigger it stands


def test_only_the_groups_own_manager_changes_it() -> None:
    city, far = make_city(), make_city()
    group = add_group(city)
    for stranger in (manager(far), teacher(city)):
        with pytest.raises(Forbidden):
            change(city, group, week(group, 1), actor=stranger)
        with pytest.raises(Forbidden):
            commands.resize_group(actor=stranger, group_id=group, capacity=9, at=AT, key=key())
        with pytest.raises(Forbidden):
            commands.close_group(actor=stranger, group_id=group, last_day=FROM, reason="x", at=AT, key=key())


def resize(city: City, group: int, capacity: int) -> None:
    commands.resize_group(actor=manager(city), group_id=group, capacity=capacity, at=AT, key=key())


def test_places_never_go_below_those_taken_nor_above_the_hall() -> None:
    city = make_city()
    group = add_group(city, capacity=5)
    enrolled(city, group, 3)
    assert refused(resize, city, group, 2) is ChangeRefusal.BELOW_TAKEN
    assert refused(resize, city, group, 0) is ProviderRefusal.BAD_CAPACITY
    assert refused(resize, city, group, 5) is ProviderRefusal.NOTHING_CHANGED
    assert refused(resize, city, group, 501) is ProviderRefusal.VENUE_FULL
    assert ClubGroup.objects.get(pk=group).capacity == Seat.objects.get(pk=group).capacity == 5
    resize(city, group, 3)
    assert ClubGroup.objects.get(pk=group).capacity == Seat.objects.get(pk=group).capacity == 3
    resize(city, group, 500)
    assert Seat.objects.get(pk=group).capacity == 500


@pytest.mark.django_db(transaction=True)
def test_a_place_taken_at_the_same_moment_is_never_above_the_new_number() -> None:
    city = make_city()
    group = add_group(city, capacity=2)

    def take(barrier: Any) -> int:
        barrier.wait()
        with transaction.atomic():
            return sum(seats.take_seats([group, group]))

    def shrink(barrier: Any) -> object:
        barrier.wait()
        return resize(city, group, 1)

    taken, answer = at_once(take, shrink)
    seat = Seat.objects.get(pk=group)
    assert seat.taken == taken <= seat.capacity == ClubGroup.objects.get(pk=group).capacity
    assert (answer is None) == (seat.capacity == 1) or answer.reason is ChangeRefusal.BELOW_TAKEN

    def naive(group_id: int, capacity: int) -> bool:  # control: looked at first, written after somebody came
        assert Seat.objects.get(pk=group_id).taken <= capacity
        at_once(take)
        return bool(Seat.objects.filter(pk=group_id).update(capacity=capacity))

    Seat.objects.filter(pk=group).update(taken=0, capacity=2)
    ClubGroup.objects.filter(pk=group).update(capacity=2)
    with patch.object(seats, "resize_seat", naive), pytest.raises(IntegrityError, match="seat_not_oversold"):
        resize(city, group, 1)


def test_a_closed_group_gives_its_children_their_vouchers_back_the_day_after() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city)
    children = enrolled(city, group, 3)
    plan(city)
    facts = providers.group_facts([group])[group]
    told = queries.elsewhere(facts, FROM)
    assert (told.children, told.free, told.groups) == (3, 15, 1)
    call = {"actor": manager(city), "group_id": group, "last_day": FROM, "reason": "the hall is closed", "at": BEFORE}
    once = key()
    assert commands.close_group(**call, key=once) == commands.close_group(**call, key=once) == 5
    assert days(group, "planned") == [d for d in days(group, "planned") if d[0] <= 14]
    assert end(FROM) == []  # the last day is still theirs
    ended = end(FROM + timedelta(days=1))
    assert ended == sorted(voucher for voucher, _, _ in children)
    assert set(Voucher.objects.filter(pk__in=ended).values_list("state", flat=True)) == {"released"}
    places = Enrolment.objects.filter(group_id=group)
    assert {(e.state, e.reason, e.ends_on) for e in places} == {("ended", "group_closed", FROM)}
    assert Seat.objects.get(pk=group).taken == 0
    assert queries.children_in([group, other]) == {group: 0, other: 0}
    with pytest.raises(Forbidden):
        commands.end_places(actor=manager(city), on=FROM, at=BEFORE, key=key())


def end(on: date) -> list[int]:
    return commands.end_places(actor=SYSTEM, on=on, at=local_instant(on, 1), key=uuid4())


def test_a_teacher_marks_own_lessons_only_unless_the_rules_say_any() -> None:
    for who, reason in (("own", "not_your_lesson"), ("any", None)):
        city = make_city(who_marks=who)
        group = add_group(city)
        ((_, _, place),) = enrolled(city, group, 1)
        first, second, *_ = plan(city)
        stranger = teacher(city)
        assert _marked(city, stranger, first.id, place) == reason, who
        if who == "own":
            Teacher.objects.filter(pk=teacher_of(group)).update(user=_user(stranger.user_id))
            assert _marked(city, stranger, second.id, place) is None  # control: the timetable's own teacher may
            assert _marked(city, manager(city), first.id, place) is None


def _marked(city: City, actor: Any, session_id: int, place: int) -> object:
    (outcome,) = attendance.mark_sessions(
        actor=actor, provider_id=city.provider_id, marks=[MarkRow(session_id, place, "present")],
        at=local_instant(date(2026, 9, 30), 20), key=key(),
    )  # fmt: skip
    return outcome.reason.value if outcome.reason else None


def _user(user_id: int) -> Any:
    return User.objects.get_or_create(pk=user_id, defaults={"subject": f"test:{user_id}"})[0]


def _audit(action: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject_ids, detail FROM audit_event WHERE action = %s", [action])
        return [(ids, json.loads(d) if isinstance(d, str) else d) for ids, d in cursor.fetchall()]

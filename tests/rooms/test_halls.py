"""A group in another hall from a day on: its lessons, the full hall refused, families told; controls switched off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.attendance.models import Session, SessionChange
from qosymsha.domain.changes import commands, queries
from qosymsha.domain.changes.rules import ChangeRefusal
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.models import ClubCard, ClubGroup, TimetableSlot, Venue
from qosymsha.domain.providers.queries import halls, running
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.domain.providers.steps import cards
from qosymsha.domain.providers.steps import running as steps
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import Outbox
from tests.factories.attendance import manager, move, plan, teacher
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.rooms.test_changes import BEFORE, FROM, change, refused, week

pytestmark = pytest.mark.django_db


def hall(city: City, capacity: int = 30, address: str = "Другой зал") -> int:
    """Another hall of the city's provider."""
    return Venue.objects.create(
        provider_id=city.provider_id, district_id=city.territory_id, address_kk="Басқа зал", address_ru=address,
        capacity=capacity,
    ).pk  # fmt: skip


def to(city: City, group: int, venue: int, **more: Any) -> int:
    given = {"actor": manager(city), "group_id": group, "venue_id": venue, "first": FROM, "at": BEFORE, "key": key()}
    return commands.change_hall(**given | more)


def where(group: int) -> dict[int, int]:
    """Day of September → the venue of the group's live lesson."""
    found = Session.objects.filter(group_id=group, is_live=True).order_by("on")
    return {session.on.day: session.venue_id for session in found}


def test_lessons_from_the_day_on_are_in_the_other_hall_those_before_stay_and_families_are_told() -> None:
    city = make_city()
    group, other = add_group(city), hall(city)
    enrolled(city, group, 2)
    plan(city)
    assert to(city, group, other) == 5
    assert where(group) == {d: city.venue_id if d < 14 else other for d in (1, 3, 8, 10, 15, 17, 22, 24, 29)}
    (news,) = Outbox.objects.filter(topic="hall_changed")
    assert (news.subject_id, news.detail["first"], news.detail["lessons"]) == (group, "2026-09-14", 5)
    assert set(SessionChange.objects.values_list("kind", flat=True)) == {"rehoused"}
    plan(city, date(2026, 10, 1))
    later = Session.objects.filter(group_id=group, on__gte=date(2026, 10, 1))
    assert set(later.values_list("venue_id", flat=True)) == {other}


def test_the_group_is_found_in_its_new_hall_once_the_day_has_come() -> None:
    city = make_city()
    group, other = add_group(city), hall(city)
    cards.write_cards([group])
    to(city, group, other)
    assert halls.moves_of([group], BEFORE.date())[group].first == FROM
    assert commands.settle_halls(actor=SYSTEM, on=FROM - timedelta(days=1), at=BEFORE) == []
    assert ClubGroup.objects.get(pk=group).venue_id == city.venue_id
    at = local_instant(FROM, 1)
    assert commands.settle_halls(actor=SYSTEM, on=FROM, at=at) == [group]
    assert commands.settle_halls(actor=SYSTEM, on=FROM, at=at) == []  # twice is once
    assert ClubGroup.objects.get(pk=group).venue_id == other
    assert ClubCard.objects.filter(group_id=group).exists()
    assert halls.moves_of([group], FROM) == {}
    with pytest.raises(Forbidden):
        commands.settle_halls(actor=manager(city), on=FROM, at=at)


def test_a_key_moves_once_and_only_the_own_manager_to_an_own_hall_in_time() -> None:
    city, elsewhere = make_city(), make_city()
    group, other, once = add_group(city), hall(city), key()
    plan(city)
    assert to(city, group, other, key=once) == to(city, group, other, key=once) == 5
    assert refused(to, city, group, other) == ChangeRefusal.HALL_SAME
    assert refused(to, city, group, elsewhere.venue_id) == ChangeRefusal.HALL_UNKNOWN
    assert refused(to, city, group, other, first=BEFORE.date()) == ChangeRefusal.TOO_SOON
    assert refused(to, city, group, other, first=date(2027, 3, 1)) == ChangeRefusal.AFTER_THE_END
    for actor in (manager(elsewhere), teacher(city)):
        with pytest.raises(Forbidden):
            to(city, group, city.venue_id, actor=actor)
    assert to(city, group, city.venue_id) == 5  # and back again
    assert set(where(group).values()) == {city.venue_id}


def test_a_hall_that_would_be_too_full_is_refused_by_the_verb_and_by_the_database() -> None:
    city = make_city()
    group, there, other = add_group(city, capacity=15), add_group(city, capacity=10), hall(city, 20)
    plan(city)
    to(city, there, other)
    facts = providers.group_facts([group])[group]
    clashes = queries.clashes_in_hall(facts, FROM, other)
    assert [(one.weekday, one.reason, one.group_ids) for one in clashes] == [
        (day, ProviderRefusal.VENUE_FULL, (there,)) for day in (2, 4)
    ]
    assert refused(to, city, group, other) == ProviderRefusal.VENUE_FULL
    with pytest.raises(IntegrityError, match="timetable_room"), transaction.atomic():
        steps.move_week(group, (city.venue_id, other), FROM)
    assert set(where(group).values()) == {city.venue_id}
    with transaction.atomic(), connection.cursor() as cursor:  # the control: without the trigger the hall is overfilled
        cursor.execute("SET LOCAL session_replication_role = replica")
        steps.move_week(group, (city.venue_id, other), FROM)
        assert len(TimetableSlot.objects.filter(group_id=group, venue_id=other)) == 2
        transaction.set_rollback(True)


def test_a_single_lesson_that_stands_there_by_hand_is_in_the_way_too() -> None:
    city = make_city()
    group, there, other = add_group(city, capacity=15), add_group(city, capacity=10, weekdays=(5,)), hall(city, 20)
    plan(city)
    friday = Session.objects.filter(group_id=there, on=date(2026, 9, 18)).get()
    tuesday = Session.objects.filter(group_id=group, on=date(2026, 9, 22)).get()
    move(city, friday.pk, tuesday.starts_at, venue_id=other)
    assert refused(to, city, group, other) == ProviderRefusal.VENUE_FULL
    assert set(where(group).values()) == {city.venue_id}


def test_what_somebody_moved_by_hand_stays_where_it_is() -> None:
    city = make_city()
    group, other, third = add_group(city), hall(city), hall(city, 40, "Третий зал")
    plan(city)
    session = Session.objects.filter(group_id=group, on=date(2026, 9, 22)).get()
    move(city, session.pk, session.starts_at + timedelta(hours=2), venue_id=third)
    assert to(city, group, other) == 4
    assert where(group)[22] == third


def test_a_week_changed_after_the_move_is_in_the_new_hall_and_before_it_is_refused() -> None:
    city = make_city()
    group, other = add_group(city), hall(city)
    plan(city)
    to(city, group, other, first=FROM + timedelta(days=7))
    assert refused(change, city, group, week(group, 1)) == ChangeRefusal.HALL_LATER
    change(city, group, week(group, 1), first=FROM + timedelta(days=7))
    assert where(group)[21] == other
    facts = providers.group_facts([group])[group]
    assert running.halls_from(facts, BEFORE.date()) == [
        (BEFORE.date(), city.venue_id), (FROM + timedelta(days=7), other),
    ]  # fmt: skip


def test_more_places_are_judged_in_each_hall_the_group_will_be_in() -> None:
    city = make_city()
    group, other = add_group(city, capacity=15), hall(city, 20)
    to(city, group, other)
    resize: dict[str, Any] = {"actor": manager(city), "group_id": group, "at": BEFORE}
    assert refused(commands.resize_group, **resize, capacity=21, key=key()) == ProviderRefusal.VENUE_FULL
    commands.resize_group(**resize, capacity=20, key=key())  # the control
    assert ClubGroup.objects.get(pk=group).capacity == 20


def test_the_halls_week_shows_a_move_on_the_day_it_happens() -> None:
    city = make_city()
    group, other = add_group(city), hall(city)
    to(city, group, other, first=date(2026, 9, 16))  # a Wednesday: Tuesday's lesson is still in the old hall
    found = halls.house_week(actor=manager(city), provider_id=city.provider_id, monday=FROM)
    assert {venue: [one.weekday for one in lessons] for venue, lessons in found.items()} == {
        city.venue_id: [2],
        other: [4],
    }
    with pytest.raises(Forbidden):
        halls.house_week(actor=teacher(city), provider_id=city.provider_id, monday=FROM)

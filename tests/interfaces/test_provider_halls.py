"""The halls' week, and a group's move to another hall, at the manager's pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import TimetableSlot, Venue
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.attendance import plan
from tests.factories.vouchers import City, add_group, enrolled, make_city
from tests.interfaces.test_provider_desk import MID, come, say, send, shown, uuid_of
from tests.rooms.test_halls import hall

pytestmark = pytest.mark.django_db


@pytest.fixture
def club(client: Client) -> tuple[Client, City]:
    city = make_city()
    clock.shift_to(MID)
    come(client, city)
    return client, city


def test_the_week_shows_each_halls_hours_how_full_they_are_and_the_same_as_a_list(club: tuple[Client, City]) -> None:
    client, city = club
    first, other = add_group(city, capacity=12), hall(city, 20)
    second = add_group(city, capacity=8)
    for group in (first, second):
        TimetableSlot.objects.filter(group_id=group).update(venue_id=other)
    page = shown(client, "provider-week")
    assert "20 / 20" in page  # both at three on Tuesday
    assert say("grid.full") in page
    assert say("grid.empty") in page  # the old hall
    assert page.count(f"/groups/{uuid_of(first)}/") == 4  # twice in the table, twice in the list
    Venue.objects.filter(pk=other).update(capacity=19)
    assert say("grid.crowded", n=2) in shown(client, "provider-week")
    assert say("grid.empty") in shown(client, "provider-week", query="?on=2025-12-22")
    assert client.get("/en/provider/week/?on=2020-01-01").status_code == 404
    assert client.get("/en/provider/week/?on=soon").status_code == 404


def test_the_week_asks_the_database_as_often_for_many_groups_as_for_one(club: tuple[Client, City]) -> None:
    client, city = club
    counts = []
    for _ in range(2):
        add_group(city)
        shown(client, "provider-week")
        with CaptureQueriesContext(connection) as asked:
            shown(client, "provider-week")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_move_is_looked_at_then_done_and_stands_on_the_groups_page(club: tuple[Client, City]) -> None:
    client, city = club
    group, other = add_group(city, capacity=15), hall(city, 20)
    enrolled(city, group, 2)
    plan(city)
    venue = str(Venue.objects.get(pk=other).uuid)
    typed: dict[str, Any] = {"venue": venue, "first": "2026-09-14"}
    answer = send(client, "provider-hall", uuid_of(group), **typed, step="look")
    assert answer.status_code == 200
    assert say("hall.free") in answer.content.decode()
    assert say("hall.will", n=5, children=2) in answer.content.decode()
    assert not Session.objects.filter(venue_id=other).exists()
    answer = send(client, "provider-hall", uuid_of(group), **(typed | {"first": "2026-09-08"}), step="save")
    assert answer.status_code == 422
    assert texts.refusal("en", "change_too_soon") in answer.content.decode()
    assert send(client, "provider-hall", uuid_of(group), **typed, step="save").status_code == 302
    assert Session.objects.filter(venue_id=other).count() == 5
    assert say("hall.moves", day="14.09.2026") in shown(client, "provider-group-sheet", uuid_of(group))
    assert say("hall.moves", day="14.09.2026") in shown(client, "provider-hall", uuid_of(group))


def test_a_hall_too_full_is_seen_before_and_refused_after(club: tuple[Client, City]) -> None:
    client, city = club
    group, there, other = add_group(city, capacity=15), add_group(city, capacity=10), hall(city, 20)
    TimetableSlot.objects.filter(group_id=there).update(venue_id=other)
    typed = {"venue": str(Venue.objects.get(pk=other).uuid), "first": "2026-09-14"}
    answer = send(client, "provider-hall", uuid_of(group), **typed, step="look")
    assert say("hall.full", n=2) in answer.content.decode()
    answer = send(client, "provider-hall", uuid_of(group), **typed, step="save")
    assert answer.status_code == 422
    assert texts.refusal("en", "venue_full") in answer.content.decode()


def test_teachers_and_other_managers_have_no_such_pages(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    hall(city)
    address = f"/en/provider/groups/{uuid_of(group)}/hall/"
    assert client.get(address).status_code == 200  # the control
    elsewhere, taught = Client(), Client()
    come(elsewhere, make_city())
    come(taught, city, Role.TEACHER)
    assert elsewhere.get(address).status_code == 404
    assert [taught.get(one).status_code for one in (address, "/en/provider/week/")] == [403, 403]

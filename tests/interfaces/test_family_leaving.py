"""Giving a place up and moving to another group at the family's pages."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape

import pytest
from django.test import Client

from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.vouchers import AT, City, add_group, enrolled, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
MID = date(2026, 9, 9)


def placed(client: Client) -> tuple[City, Voucher, Voucher]:
    """Two families with a place each; the first family's guardian is signed in, in mid-month."""
    city = make_city()
    (own, guardian, _), (stranger, _, _) = enrolled(city, add_group(city), 2)
    clock.shift_to(AT + timedelta(days=8))
    browsing.come_in(client, browsing.guardian_user(guardian))
    return city, Voucher.objects.get(pk=own), Voucher.objects.get(pk=stranger)


def test_a_place_is_given_up_once_and_the_voucher_stays(client: Client) -> None:
    _, own, _ = placed(client)
    where = f"/en/family/vouchers/{own.uuid}/leave/"
    assert where in client.get("/en/family/vouchers/").content.decode()
    page = client.get(where).content.decode()
    sent = browsing.form_of(page) | {"on": (MID + timedelta(days=1)).isoformat(), "why": "family:no_time"}
    taken = Seat.objects.get().taken
    assert [client.post(where, sent).status_code for _ in range(2)] == [302, 302]
    own.refresh_from_db()
    assert own.state == "released"
    assert Seat.objects.get().taken == taken - 1
    assert Enrolment.objects.get(voucher=own).reason == "family:no_time"
    assert texts.say("en", "leave.done") in unescape(client.get("/en/family/vouchers/").content.decode())
    assert client.get(where).status_code == 404  # there is no place any more


@pytest.mark.parametrize(("typed", "marked"), [({"on": "2020-01-01"}, "on"), ({"why": "because"}, "why")])
def test_a_day_past_or_no_reason_comes_back_with_what_was_typed(
    client: Client, typed: dict[str, str], marked: str
) -> None:
    _, own, _ = placed(client)
    where = f"/ru/family/vouchers/{own.uuid}/leave/"
    sent = browsing.form_of(client.get(where).content.decode()) | {"on": MID.isoformat(), "why": "family:health"}
    answer = client.post(where, sent | typed)
    assert answer.status_code == 422
    assert f'id="f-{marked}-error"' in answer.content.decode()
    own.refresh_from_db()
    assert own.state == "active"


def test_anothers_place_is_the_same_nothing_as_an_unknown_one(client: Client) -> None:
    _, own, stranger = placed(client)
    mine = browsing.form_of(client.get(f"/en/family/vouchers/{own.uuid}/leave/").content.decode())
    sent = mine | {"on": MID.isoformat(), "why": "family:other"}
    unknown = "00000000-0000-4000-8000-000000000007"
    for uuid in (stranger.uuid, unknown):
        assert client.get(f"/en/family/vouchers/{uuid}/leave/").status_code == 404
        assert client.post(f"/en/family/vouchers/{uuid}/leave/", sent).status_code == 404
        assert client.post(f"/en/family/vouchers/{uuid}/stay/", sent).status_code == 404
    assert not Voucher.objects.filter(state="released").exists()


def test_a_child_moves_to_another_group_without_a_gap(client: Client) -> None:
    city, own, _ = placed(client)
    other = ClubGroup.objects.get(pk=add_group(city))
    where = f"/en/family/groups/{other.uuid}/move/"
    page = client.get(where).content.decode()
    day = MID + timedelta(days=2)
    sent = browsing.form_of(page) | {"voucher": str(own.uuid), "on": day.isoformat()}
    assert [client.post(where, sent).status_code for _ in range(2)] == [302, 302]
    ends: list[tuple[int, date, date | None]] = list(
        Enrolment.objects.filter(voucher=own).order_by("id").values_list("group_id", "starts_on", "ends_on")
    )
    assert ends[0][2] == day - timedelta(days=1)
    assert ends[1][0] == other.pk
    assert ends[1][1] == day
    again = client.post(
        where, browsing.form_of(client.get(where).content.decode()) | {"voucher": str(own.uuid), "on": day.isoformat()}
    )
    assert again.status_code == 422  # it is there already


def test_a_group_that_is_full_says_so_and_moves_nobody(client: Client) -> None:
    city, own, _ = placed(client)
    other = ClubGroup.objects.get(pk=add_group(city, capacity=1))
    Seat.objects.update_or_create(group_id=other.pk, defaults={"capacity": 1, "taken": 1})
    where = f"/kk/family/groups/{other.uuid}/move/"
    sent = browsing.form_of(client.get(where).content.decode()) | {"voucher": str(own.uuid), "on": MID.isoformat()}
    answer = client.post(where, sent)
    assert answer.status_code == 422
    assert texts.refusal("kk", "group_full") in unescape(answer.content.decode())
    assert Enrolment.objects.filter(voucher=own).count() == 1

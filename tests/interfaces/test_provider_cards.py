"""A child's card at the door: the voucher's code or number is read, the child stands in the list; evidence only."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.models import CheckIn
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.provider.cards import number_in
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers import voucher as papers
from qosymsha.kernel import clock
from tests.factories.presence import Venue, shown_at, venue
from tests.factories.vouchers import accepted
from tests.interfaces import browsing
from tests.rooms.test_attendance_checkins import send_scans

pytestmark = pytest.mark.django_db


def say(name: str, **more: object) -> str:
    return texts.say("en", name, **more)


@pytest.fixture
def here() -> Venue:
    """A lesson that has just begun, with two children."""
    made = venue(2)
    clock.shift_to(made.lesson.starts_at + timedelta(minutes=1))
    return made


def manager(here: Venue) -> Client:
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=here.city.provider_id, name="test:manager")
    return browsing.come_in(Client(), user, strong=True)


def page_of(here: Venue) -> str:
    return f"/en/provider/lessons/{here.lesson.uuid}/cards/"


def voucher_of(place: int) -> Voucher:
    return Enrolment.objects.get(pk=place).voucher


def read(client: Client, address: str, code: str) -> Any:
    return client.post(address, browsing.form_of(client.get(address).content.decode()) | {"code": code})


def shown(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_number_or_the_address_in_the_picture_brings_the_child_into_the_list(here: Venue) -> None:
    client, address = manager(here), page_of(here)
    assert say("card.nobody") in shown(client.get(address))
    first, second = (place for _, _, place in here.families)
    for code in (f" {voucher_of(first).number.lower()} ", _address(here, 1)):
        answer = read(client, address, code)
        assert (answer.status_code, answer.headers["Location"]) == (302, address)
    page = shown(client.get(address))
    assert say("card.came", n=2, all=2) in page
    assert page.count(say("card.by_card")) == 2
    found = CheckIn.objects.order_by("enrolment_id").values_list("enrolment_id", "kind", "guardian_id")
    assert list(found) == [(first, "card", None), (second, "card", None)], "evidence: nobody of the family said so"


def _address(here: Venue, family: int) -> str:
    """What the picture of this family's voucher holds."""
    guardian, child, place = here.families[family]
    actor, at = browsing.actor(browsing.guardian_user(guardian)), clock.read()
    (own,) = (one for one in vouchers.own_vouchers(actor=actor, at=at) if one.id == voucher_of(place).pk)
    kid = attendance.own_children(actor=actor, at=at)[child]
    return papers.address_of(papers.code_of(own, kid), "kk", "https://city.example")


def test_shown_twice_it_is_in_once_and_the_familys_own_scan_takes_its_place(here: Venue) -> None:
    client, address = manager(here), page_of(here)
    number = voucher_of(here.families[0][2]).number
    for _ in range(2):
        assert read(client, address, number).status_code == 302
    assert CheckIn.objects.count() == 1
    at = clock.read()
    send_scans([here.scan(code=shown_at(here.lesson, at))], at)
    page = shown(client.get(address))
    assert say("card.by_family") in page
    assert say("card.by_card") not in page


@pytest.mark.parametrize("code", ["V-000000-0", "https://city.example/kk/voucher/forged/", "x" * 599])
def test_what_is_no_voucher_of_this_lesson_is_said_at_the_field(here: Venue, code: str) -> None:
    answer = read(manager(here), page_of(here), code)
    assert answer.status_code == 422
    assert CheckIn.objects.count() == 0


def test_a_child_of_another_group_and_a_lesson_that_is_over_are_refused(here: Venue) -> None:
    client, address = manager(here), page_of(here)
    ((other, _, _),) = accepted(here.city)
    answer = read(client, address, Voucher.objects.get(pk=other).number)
    assert answer.status_code == 422
    assert say("card.unknown") in shown(answer)
    number = voucher_of(here.families[0][2]).number
    sent = browsing.form_of(client.get(address).content.decode()) | {"code": number}
    clock.shift_to(here.lesson.ends_at + timedelta(minutes=20))
    browsing.come_in(client, int(client.session["user"]), strong=True)
    late = client.post(address, sent)
    assert late.status_code == 422
    assert texts.refusal("en", "outside_lesson") in shown(late)
    assert CheckIn.objects.count() == 0


def test_another_club_has_no_such_lesson(here: Venue) -> None:
    other = venue()
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=other.city.provider_id, name="test:other")
    stranger = browsing.come_in(Client(), user, strong=True)
    assert stranger.get(page_of(here)).status_code == 404
    assert stranger.post(page_of(here), {"code": "x", "key": str(browsing.new_key())}).status_code == 404
    assert manager(here).get(page_of(here)).status_code == 200, "the control"


def test_a_number_is_read_as_it_was_typed() -> None:
    assert number_in("  v-1 ") == "V-1"
    assert number_in("https://a.example/ru/voucher/not-ours/") == "NOT-OURS"

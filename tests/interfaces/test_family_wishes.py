"""Wishes in a choice round at the family's page: each press files the list as it is then, twice is once."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from qosymsha.domain.choice.models import ChoiceList, ChoiceRound
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import choice
from tests.factories.vouchers import City, add_group
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
NOW = "/en/family/wishes/"


def open_round(client: Client) -> tuple[City, ChoiceRound, choice.Child, choice.Child]:
    """An open round, two families that may wish; the first one's guardian is signed in."""
    city = choice.town()
    own, stranger = choice.holders(city, 2)
    the_round = choice.opened(city)
    clock.shift_to(choice.INSIDE)
    browsing.come_in(client, browsing.guardian_user(own.guardian))
    return city, the_round, own, stranger


def add(client: Client, group: int, voucher: int) -> int:
    where = f"/en/family/wishes/add/{ClubGroup.objects.get(pk=group).uuid}/"
    sent = browsing.form_of(client.get(where).content.decode())
    uuid = str(Voucher.objects.get(pk=voucher).uuid)
    return [client.post(where, sent | {"voucher": uuid}).status_code for _ in range(2)][-1]


def press(client: Client, deed: str) -> tuple[str, dict[str, object]]:
    """Where a button of the page leads, and what it sends."""
    page = client.get(NOW).content.decode()
    where = re.findall(r'action="(/en/family/wishes/[^"]+)"', page)[0]
    shown = [part.split('"')[0] for part in page.split('name="wish" value="')[1:]]
    return where, browsing.form_of(page, where) | {"wish": shown, "do": deed}


def order(voucher: int) -> list[int]:
    found = ChoiceList.objects.filter(voucher_id=voucher, state="filed").first()
    return list(found.wishes) if found else []


def test_groups_are_added_put_in_order_and_taken_off(client: Client) -> None:
    city, _, own, _ = open_round(client)
    first, second, third = (add_group(city, weekdays=(day,)) for day in (1, 3, 5))
    assert [add(client, group, own.voucher) for group in (first, second, third)] == [302] * 3
    assert order(own.voucher) == [first, second, third]
    (more,) = re.findall(r'href="[^"?]*/clubs/(\?[^"]*)"', client.get(NOW).content.decode())
    assert more == "?what=kind:sport", "as the search understands it"
    where, sent = press(client, "up:2")
    assert [client.post(where, sent).status_code for _ in range(2)] == [302, 302]  # pressed twice is once
    assert order(own.voucher) == [first, third, second]
    where, sent = press(client, "down:0")
    client.post(where, sent)
    assert order(own.voucher) == [third, first, second]
    where, sent = press(client, "off:1")
    client.post(where, sent)
    assert order(own.voucher) == [third, second]
    for _ in range(2):
        where, sent = press(client, "off:0")
        client.post(where, sent)
    assert order(own.voucher) == []
    assert texts.say("en", "wishes.taken_back") in unescape(client.get(NOW).content.decode())


def test_a_page_left_open_does_not_undo_what_was_wished_since(client: Client) -> None:
    city, _, own, _ = open_round(client)
    first, second, third = (add_group(city, weekdays=(day,)) for day in (1, 3, 5))
    add(client, first, own.voucher)
    add(client, second, own.voucher)
    where, stale = press(client, "up:1")
    add(client, third, own.voucher)
    answer = client.post(where, stale)
    assert answer.status_code == 409
    assert texts.refusal("en", "changed_meanwhile") in unescape(answer.content.decode())
    assert order(own.voucher) == [first, second, third]


def test_a_wish_that_may_not_be_is_refused_in_words_and_nothing_is_filed(client: Client) -> None:
    city, _, own, _ = open_round(client)
    (wrong_age,) = [add_group(city, ages=(15, 17))]
    where = f"/kk/family/wishes/add/{ClubGroup.objects.get(pk=wrong_age).uuid}/"
    sent = browsing.form_of(client.get(where).content.decode())
    uuid = str(Voucher.objects.get(pk=own.voucher).uuid)
    answer = client.post(where, sent | {"voucher": uuid})
    assert answer.status_code == 422
    assert texts.refusal("kk", "wish_wrong_age") in unescape(answer.content.decode())
    assert order(own.voucher) == []


def test_anothers_voucher_and_a_closed_round_are_nothing_here(client: Client) -> None:
    city, the_round, own, stranger = open_round(client)
    group = add_group(city)
    add(client, group, own.voucher)
    _, sent = press(client, "off:0")
    theirs = Voucher.objects.get(pk=stranger.voucher)
    assert client.post(f"{NOW}{the_round.uuid}/{theirs.uuid}/", sent).status_code == 404
    mine = Voucher.objects.get(pk=own.voucher)
    clock.shift_to(choice.AFTER)
    browsing.come_in(client, browsing.guardian_user(own.guardian))
    assert client.post(f"{NOW}{the_round.uuid}/{mine.uuid}/", sent).status_code == 404
    assert order(own.voucher) == [group]
    assert texts.say("en", "wishes.no_round") in unescape(client.get(NOW).content.decode())


@pytest.mark.parametrize("spoilt", [{"do": "up:99"}, {"do": "jump:1"}, {"do": "up:x"}, {"wish": ["x"], "do": "up:0"}])
def test_a_form_that_is_not_ours_is_refused(client: Client, spoilt: dict[str, object]) -> None:
    city, _, own, _ = open_round(client)
    add(client, add_group(city), own.voucher)
    where, sent = press(client, "off:0")
    assert client.post(where, sent | spoilt).status_code == 400
    assert len(order(own.voucher)) == 1

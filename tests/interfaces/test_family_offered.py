"""Freed places on a family's pages: they stand first, are taken, declined, kept for the other guardian."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.choice.models import ChoiceOffer
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import notices, texts
from qosymsha.kernel import clock
from tests.factories import choice
from tests.factories.choice import LATER, Child, queue, town
from tests.factories.vouchers import add_group
from tests.interfaces import browsing
from tests.rooms.test_two_guardians import father_of

pytestmark = pytest.mark.django_db
DAY = re.compile(r'name="on" value="([\d-]+)"')
HOME, OFFERS = "/en/family/", "/en/family/offers/"


def say(name: str, **more: object) -> str:
    return texts.say("en", name, **more)


def offered(children: int = 3) -> tuple[Any, Any, list[Child]]:
    """A city, the round and children of whom the second is offered the place that the first gave back."""
    city = town()
    the_round, found = queue(city, add_group(city, capacity=1), children)
    choice.closed_for_good(found[0])
    choice.offer(the_round, LATER)
    clock.shift_to(LATER)
    return city, the_round, found


def client_of(guardian: int) -> Client:
    return browsing.come_in(Client(), browsing.guardian_user(guardian), strong=True)


def shown(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return unescape(answer.content.decode())


def posted(client: Client, address: str, page: str = OFFERS, **typed: str) -> Any:
    return client.post(address, browsing.form_of(client.get(page).content.decode()) | typed)


def took(client: Client, offer: ChoiceOffer) -> Any:
    """The place is taken from the day that the page proposes."""
    address = f"{OFFERS}{offer.uuid}/take/"
    return posted(client, address, address, on=DAY.findall(client.get(address).content.decode())[0])


def test_an_offered_place_stands_first_and_is_taken_from_a_day_on() -> None:
    _, _, (_, second, third) = offered()
    family, offer = client_of(second.guardian), choice.open_offers()[second.voucher]
    day = f"{offer.answer_by:%d.%m.%Y}"
    assert say("home.seat_offered", day=day) in shown(family, HOME)
    page, take = shown(family, OFFERS), f"{OFFERS}{offer.uuid}/take/"
    assert say("agr.seat_offered", day=day) in page
    assert take in page
    answer = took(family, offer)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/en/family/vouchers/")
    assert choice.place_of(second) == offer.group_id
    assert say("home.seat_offered", day=day) not in shown(family, HOME)
    page = shown(family, OFFERS)
    assert say("offered.none") in page
    assert say("whyplace.offer.accepted", group="").removeprefix(": ") in page
    assert shown(client_of(third.guardian), OFFERS).count(say("offered.none")) == 1, "nobody else sees it"


def test_the_message_leads_to_the_offer() -> None:
    assert notices.path_of("en", "family", "place_offered") == OFFERS


def test_a_day_that_cannot_be_is_said_at_its_field_and_what_was_typed_stays() -> None:
    _, _, (_, second, _) = offered()
    family, offer = client_of(second.guardian), choice.open_offers()[second.voucher]
    take = f"{OFFERS}{offer.uuid}/take/"
    answer = posted(family, take, take, on="2020-01-01")
    assert answer.status_code == 422
    assert texts.refusal("en", "start_past") in unescape(answer.content.decode())
    assert 'value="2020-01-01"' in answer.content.decode()
    assert set(choice.open_offers()) == {second.voucher}


def test_declined_it_goes_to_the_next_child_and_pressed_twice_it_is_said_the_same() -> None:
    _, the_round, (_, second, third) = offered()
    family, offer = client_of(second.guardian), choice.open_offers()[second.voucher]
    decline = f"{OFFERS}{offer.uuid}/decline/"
    forms = browsing.form_of(family.get(OFFERS).content.decode())
    other_tab = forms | {"key": str(browsing.new_key())}
    for sent in (forms, forms, other_tab):
        assert family.post(decline, sent).headers["Location"].startswith("/en/family/offers/")
    assert choice.place_of(second) is None
    choice.offer(the_round, LATER)
    assert set(choice.open_offers()) == {third.voucher}


def test_of_two_guardians_none_declines_alone_and_either_takes_the_place() -> None:
    city, _, (_, second, _) = offered()
    offer = choice.open_offers()[second.voucher]
    decline = f"{OFFERS}{offer.uuid}/decline/"
    assert decline in shown(client_of(second.guardian), OFFERS), "the control: alone the guardian is asked"
    father = client_of(father_of(city, second.child))
    page = shown(father, OFFERS)
    assert decline not in page
    assert texts.refusal("en", "offer_of_both") in page
    refused = posted(father, decline, f"{OFFERS}{offer.uuid}/take/")
    assert texts.refusal("en", "offer_of_both") in unescape(refused.content.decode())
    assert took(father, offer).status_code == 302
    assert choice.place_of(second) == offer.group_id
    late = client_of(second.guardian).get(f"{OFFERS}{offer.uuid}/take/")
    assert late.status_code == 404
    assert say("whyplace.offer.accepted", group="").removeprefix(": ") in shown(client_of(second.guardian), OFFERS)


def test_a_strangers_offer_is_no_page_and_a_day_gone_by_is_told() -> None:
    _, _, (_, second, third) = offered()
    offer = choice.open_offers()[second.voucher]
    take = f"{OFFERS}{offer.uuid}/take/"
    stranger, family = client_of(third.guardian), client_of(second.guardian)
    assert stranger.get(take).status_code == 404
    assert family.get(take).status_code == 200, "the control"
    assert posted(stranger, f"{OFFERS}{offer.uuid}/decline/").status_code == 404
    page = family.get(take).content.decode()
    sent = browsing.form_of(page) | {"on": DAY.findall(page)[0]}
    ChoiceOffer.objects.filter(pk=offer.pk).update(answer_by="2020-01-01")
    late = family.post(take, sent)
    assert late.status_code == 422
    assert texts.refusal("en", "offer_late") in unescape(late.content.decode())
    assert say("whyplace.offer.expired", group="").removeprefix(": ") in shown(family, OFFERS)


def test_what_the_child_has_and_what_ends_is_said_before_it_is_taken() -> None:
    city = town()
    wished, better, free = (add_group(city, capacity=seats, weekdays=(day,)) for seats, day in ((1, 1), (1, 3), (5, 5)))
    children = choice.holders(city, 3)
    the_round = choice.run(city, [(child, [better, wished, free]) for child in children])
    by_place = {choice.place_of(child): child for child in children}
    last = by_place[free]
    for gone in (by_place[better], by_place[wished]):
        choice.closed_for_good(gone)
    choice.offer(the_round, LATER)
    clock.shift_to(LATER)
    family, offers = client_of(last.guardian), ChoiceOffer.objects.filter(state="offered")
    assert {offer.group_id for offer in offers} == {wished, better}
    best = offers.get(group_id=better)
    page = shown(family, f"{OFFERS}{best.uuid}/take/")
    assert say("agr.take_means") in page
    assert say("offered.less") in page
    assert took(family, best).status_code == 302
    assert choice.place_of(last) == better
    assert sorted(ChoiceOffer.objects.values_list("state", flat=True)) == ["accepted", "lapsed"]


def test_the_page_asks_the_database_as_often_for_three_children_as_for_one() -> None:
    def asked(children: int) -> int:
        city = town()
        group = add_group(city, capacity=children)
        the_round, found = queue(city, group, 2 * children)
        choice.siblings(*found[children:])
        for gone in found[:children]:
            choice.closed_for_good(gone)
        choice.offer(the_round, LATER)
        clock.shift_to(LATER)
        family = client_of(found[children].guardian)
        shown(family, OFFERS)
        with CaptureQueriesContext(connection) as queries:
            assert shown(family, OFFERS).count("/take/") == children
        return len(queries)

    assert asked(1) == asked(3)


def test_the_day_proposed_lies_within_the_vouchers_months() -> None:
    _, _, (_, second, _) = offered()
    Voucher.objects.filter(pk=second.voucher).update(first_month="2026-10-01")
    take = f"{OFFERS}{choice.open_offers()[second.voucher].uuid}/take/"
    assert DAY.findall(shown(client_of(second.guardian), take))[0] >= "2026-10-01"

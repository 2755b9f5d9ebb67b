"""Vouchers and applications at the family's pages: answered by a button, explained in words, own ones only."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission.models import Application
from qosymsha.domain.choice.models import ChoiceList
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import admission, choice
from tests.factories.readings import readings
from tests.factories.vouchers import AT, City, add_children, add_group, issue, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
VOUCHERS, APPLICATIONS = "/en/family/vouchers/", "/en/family/applications/"


def issued(client: Client, at: timedelta = timedelta()) -> tuple[City, list[Voucher]]:
    """Two children of two families with a voucher each; the first family's guardian is signed in."""
    city = make_city()
    children = add_children(city, 2)
    vouchers = issue(city, children)
    clock.shift_to(AT + at)
    browsing.come_in(client, browsing.guardian_user(city.guardian(children[0])))
    return city, [Voucher.objects.get(pk=v) for v in vouchers]


def answer(client: Client, voucher: Voucher, verb: str, page: str = "") -> int:
    where = f"{VOUCHERS}{voucher.uuid}/{verb}/"
    shown = page or client.get(VOUCHERS).content.decode()
    return client.post(where, browsing.form_of(shown, where) or {"key": str(browsing.new_key())}).status_code


def state(voucher: Voucher) -> str:
    return Voucher.objects.get(pk=voucher.pk).state


def test_a_voucher_is_accepted_by_one_button_once(client: Client) -> None:
    _, (own, stranger) = issued(client)
    page = client.get(VOUCHERS).content.decode()
    assert texts.say("en", "voucher.until", day="03.09.2026") in unescape(page)
    assert own.number in page
    assert stranger.number not in page
    assert [answer(client, own, "accept", page) for _ in range(2)] == [302, 302]
    assert state(own) == "accepted"
    assert AuditEvent.objects.filter(action="accept_vouchers").count() == 1
    after = client.get(VOUCHERS).content.decode()
    assert texts.say("en", "voucher.said_accepted") in after
    assert "/accept/" not in after


def test_a_voucher_is_given_back_on_purpose(client: Client) -> None:
    _, (own, _) = issued(client)
    assert answer(client, own, "refuse") == 302
    assert Voucher.objects.values_list("state", "reason").get(pk=own.pk) == ("closed", "refused")


def test_after_its_day_a_voucher_has_no_button_and_a_late_one_is_told(client: Client) -> None:
    _, (own, _) = issued(client, timedelta(days=5))
    page = client.get(VOUCHERS).content.decode()
    assert "/accept/" not in page
    assert answer(client, own, "accept", page) == 409
    assert state(own) == "issued"


def test_anothers_voucher_and_an_unknown_one_are_the_same_nothing(client: Client) -> None:
    city, (own, stranger) = issued(client)
    page = client.get(VOUCHERS).content.decode()
    unknown = Voucher(uuid="00000000-0000-0000-0000-000000000007")
    assert [answer(client, v, verb, page) for v in (stranger, unknown) for verb in ("accept", "refuse")] == [404] * 4
    assert state(stranger) == "issued"
    Guardianship.objects.filter(child_id=own.child_id).update(valid=(date(2026, 1, 1), AT.date()))
    assert answer(client, own, "accept", page) == 404  # custody ended between two requests
    Guardianship.objects.filter(child_id=own.child_id).update(valid=(date(2026, 1, 1), None))
    assert answer(client, own, "accept", page) == 302  # the control
    assert city.territory_id


def drawn(client: Client) -> tuple[Application, Application]:
    """A round that was run: an orphan's application, whose guardian is signed in, and a stranger's."""
    city = admission.City(money={"sport": admission.money_for(2)})
    the_round = city.opened()
    families = [*city.families(3, categories=["orphan"]), *city.families(2)]
    city.file(the_round, families)
    city.run(the_round)
    clock.shift_to(admission.AFTER + timedelta(days=1))
    browsing.come_in(client, browsing.guardian_user(families[0][0]))
    own, stranger = (Application.objects.get(child_id=child) for _, child in families[:2])
    return own, stranger


def test_an_application_is_explained_and_its_category_only_after_a_second_factor(client: Client) -> None:
    own, stranger = drawn(client)
    listed = client.get(APPLICATIONS).content.decode()
    assert own.number in listed
    assert stranger.number not in listed
    why = f"{APPLICATIONS}{own.uuid}/"
    told = client.get(why).content.decode()
    category = texts.say("en", "why.category", category="\0", coefficient="\0").partition("\0")[0]
    assert category not in told
    assert texts.say("en", "application.category") in told
    browsing.come_in(client, int(client.session["user"]), strong=True)
    assert category in unescape(client.get(why).content.decode())
    assert len(readings("read_application_category")) == 1
    for other in (stranger.uuid, "00000000-0000-0000-0000-000000000007"):
        assert client.get(f"{APPLICATIONS}{other}/").status_code == 404


def test_the_receipt_is_its_familys_alone_and_asks_for_a_second_factor(client: Client) -> None:
    own, stranger = drawn(client)
    addresses = [f"{APPLICATIONS}{own.uuid}/receipt{tail}" for tail in ("/", ".pdf", ".json")]
    assert [client.get(address).status_code for address in addresses] == [302, 302, 302]
    assert readings("read_receipt") == []
    browsing.come_in(client, int(client.session["user"]), strong=True)
    shown, paper, file = (client.get(address) for address in addresses)
    ticket = file.json()["ticket"]
    assert ticket in shown.content.decode().replace(" ", "")
    assert file.json()["leaf"] in shown.content.decode()
    assert paper.content.startswith(b"%PDF-")
    assert own.number in paper["Content-Disposition"]
    assert len(readings("read_receipt")) == 3
    for other in (stranger.uuid, "00000000-0000-0000-0000-000000000007"):
        assert client.get(f"{APPLICATIONS}{other}/receipt/").status_code == 404


def test_custody_that_ends_closes_the_application(client: Client) -> None:
    own, _ = drawn(client)
    why = f"{APPLICATIONS}{own.uuid}/"
    assert client.get(why).status_code == 200  # the control
    Guardianship.objects.filter(child_id=own.child_id).update(valid=(date(2020, 1, 1), date(2026, 2, 1)))
    assert client.get(why).status_code == 404
    assert own.number not in client.get(APPLICATIONS).content.decode()


def test_a_list_of_wishes_is_explained_to_its_own_family(client: Client) -> None:
    city = choice.town()
    own, stranger = choice.holders(city, 2)
    group = add_group(city, capacity=1)
    choice.run(city, [(own, [group]), (stranger, [group])])
    clock.shift_to(choice.AFTER)
    lists = {one.child_id: one for one in ChoiceList.objects.all()}
    mine, others = choice.list_of(own), choice.list_of(stranger)
    assert len(lists) == 2
    browsing.come_in(client, browsing.guardian_user(Guardianship.objects.get(child_id=mine.child_id).guardian_id))
    assert f"/en/family/choices/{mine.uuid}/" in client.get(APPLICATIONS).content.decode()
    assert client.get(f"/en/family/choices/{mine.uuid}/").status_code == 200
    for uuid in (others.uuid, "00000000-0000-0000-0000-000000000007"):
        assert client.get(f"/en/family/choices/{uuid}/").status_code == 404


def test_the_pages_ask_the_same_number_of_questions_for_one_child_and_for_five() -> None:
    counts: dict[str, list[int]] = {VOUCHERS: [], APPLICATIONS: []}
    for children in (1, 5):
        client, city = Client(), make_city()
        own = add_children(city, children)
        issue(city, own)
        Guardianship.objects.filter(child_id__in=own).update(guardian_id=city.guardian(own[0]))
        clock.shift_to(AT)
        browsing.come_in(client, browsing.guardian_user(city.guardian(own[0])))
        for address, seen_counts in counts.items():
            client.get(address)
            with CaptureQueriesContext(connection) as seen:
                assert client.get(address).status_code == 200
            seen_counts.append(len(seen))
    assert all(first == last for first, last in counts.values()), counts


def test_a_second_tab_that_presses_the_same_button_hears_that_it_is_done(client: Client) -> None:
    _, (own, _) = issued(client)
    for verb, said in (("accept", "voucher.said_accepted"), ("refuse", "voucher.said_refused")):
        if verb == "refuse":
            Voucher.objects.filter(pk=own.pk).update(state="closed", reason="refused")
        else:
            assert answer(client, own, verb) == 302
        again = client.post(f"{VOUCHERS}{own.uuid}/{verb}/", {"key": str(browsing.new_key())}, follow=True)
        assert texts.say("en", said) in unescape(again.content.decode())
    late = client.post(f"{VOUCHERS}{own.uuid}/accept/", {"key": str(browsing.new_key())})
    assert late.status_code == 409, "the control: another word is not taken"

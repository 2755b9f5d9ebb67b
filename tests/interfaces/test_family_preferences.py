"""Language and messages: what a person says is kept, used at the next sign-in, and told to nobody else."""

from __future__ import annotations

import re

import pytest
from django.test import Client, override_settings

from qosymsha.domain.people import preferences
from qosymsha.domain.people.models import Guardian, NoticePreference, PersonSecret, User
from qosymsha.domain.people.rules import Preferences
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.families import named
from tests.factories.vouchers import AT, add_children, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PAGE = "/en/family/preferences/"
ADDRESS = "saule@example.kz"


@pytest.fixture
def guardian(client: Client) -> int:
    """A guardian with a phone, signed in."""
    city = make_city()
    (child,) = add_children(city, 1)
    named(("guardian", city.guardian(child), "Әлиева", "Сәуле"))
    clock.shift_to(AT)
    browsing.come_in(client, browsing.guardian_user(city.guardian(child)))
    return city.guardian(child)


def form(client: Client) -> dict[str, str]:
    return browsing.form_of(client.get(PAGE).content.decode())


def told(guardian: int) -> Preferences:
    user = Guardian.objects.get(pk=guardian).user_id
    return preferences.own_preferences(browsing.actor(user or 0))


def test_until_somebody_says_otherwise_notices_come_by_sms_and_the_page_offers_its_own_language(
    client: Client, guardian: int
) -> None:
    page = client.get(PAGE).content.decode()
    assert told(guardian) == Preferences("kk", frozenset({"app", "sms"}), "", is_told=False)
    assert 'value="en" ' in page.partition("checked")[0].rpartition("<input")[2], "the language of the page"
    assert "(…0001)" in page
    assert "+7777000000" not in page


def test_what_is_said_is_kept_and_can_be_said_anew(client: Client, guardian: int) -> None:
    sent = form(client) | {"language": "ru", "channels": ["email", "push"], "email": f" {ADDRESS} "}
    for _ in range(2):  # twice is once
        answer = client.post(PAGE, sent)
        assert answer["Location"] == "/ru/family/preferences/", "in the language chosen"
    assert texts.say("ru", "prefs.saved") in client.get(answer["Location"]).content.decode()
    assert told(guardian) == Preferences("ru", frozenset({"app", "email", "push"}), ADDRESS)
    assert Guardian.objects.get(pk=guardian).language == "ru"
    assert client.post(PAGE, form(client) | {"language": "ru"}).status_code == 302
    assert told(guardian) == Preferences("ru", frozenset({"app"}), ""), "the app stays; a blank address is destroyed"
    assert NoticePreference.objects.count() == 4
    assert not PersonSecret.objects.filter(subject_kind=preferences.EMAIL).exists()


def test_the_address_stands_encrypted_and_in_no_audit_row(client: Client, guardian: int) -> None:
    client.post(PAGE, form(client) | {"language": "en", "channels": "email", "email": ADDRESS})
    event = AuditEvent.objects.get(action="set_preferences")
    assert event.detail == {"language": "en", "channels": ["app", "email"]}
    assert ADDRESS.encode() not in bytes(PersonSecret.objects.get(subject_kind=preferences.EMAIL).ciphertext)
    assert told(guardian).email == ADDRESS  # the control: it is there to be read


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"channels": "email"}, "email_missing"),
        ({"email": "saule@"}, "email_unreadable"),
        ({"email": "saule@example.kz, x@y.kz"}, "email_unreadable"),
    ],
)
def test_what_cannot_be_meant_comes_back_with_a_sentence(
    client: Client, guardian: int, wrong: dict[str, str], reason: str
) -> None:
    answer = client.post(PAGE, form(client) | {"language": "en"} | wrong)
    assert answer.status_code == 422
    assert texts.refusal("en", reason) in answer.content.decode()
    assert wrong.get("email", "") in answer.content.decode()
    assert not NoticePreference.objects.exists()


def test_no_sms_is_promised_to_who_has_no_phone(client: Client, guardian: int) -> None:
    PersonSecret.objects.filter(subject_kind="guardian").delete()
    page = client.get(PAGE).content.decode()
    assert texts.say("en", "prefs.no_phone") in page
    assert re.search('value="sms"[^>]* checked', page) is None, "the form as it comes can be kept"
    answer = client.post(PAGE, form(client) | {"language": "en", "channels": "sms"})
    assert texts.refusal("en", "no_phone_for_sms") in answer.content.decode()


@override_settings(MODE="trial")
def test_the_next_sign_in_opens_in_the_language_chosen_but_a_page_asked_for_keeps_its_own(
    client: Client, guardian: int
) -> None:
    person = str(Guardian.objects.get(pk=guardian).uuid)

    def signed_in_at(next_page: str = "") -> str:
        visitor = Client()
        sent = browsing.form_of(visitor.get("/en/sign-in/").content.decode(), "demo") | {"person": person}
        return visitor.post("/en/sign-in/demo/", sent | {"next": next_page})["Location"]

    assert signed_in_at() == "/en/family/", "nothing chosen: the page's language"
    client.post(PAGE, form(client) | {"language": "kk"})
    assert signed_in_at() == "/kk/family/"
    assert signed_in_at("/ru/family/months/") == "/ru/family/months/"
    assert User.objects.get(guardian__id=guardian).language == "kk"

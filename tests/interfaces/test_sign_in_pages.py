"""What every signed-in page gets from the gate: keys, refusals beside what was typed, second factor, lost visits."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client

from qosymsha.domain.people import queries
from qosymsha.domain.people.models import SecondFactor
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people
from tests.interfaces import browsing

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.interfaces.planted_door")]
CONSENT, DELICATE = "/en/planted/", "/en/planted/delicate/"


@pytest.fixture
def guardian(client: Client) -> int:
    """A signed-in guardian's user id."""
    row = people.family(1)
    people.register(people.astana(), [row])
    user_id = browsing.guardian_user(people.guardian_id(row))
    browsing.come_in(client, user_id)
    return user_id


def consents() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM consent")
        (count,) = cursor.fetchone()
    return int(count)


def opened(client: Client, address: str = CONSENT) -> dict[str, str]:
    return browsing.form_of(client.get(address).content.decode())


def test_a_page_just_opened_brings_a_key_and_sending_it_twice_does_it_once(client: Client, guardian: int) -> None:
    form = opened(client) | {"purpose": "registries"}
    for _ in range(2):
        answer = client.post(CONSENT, form)
        assert (answer.status_code, answer["Location"]) == (302, "/en/family/")
    assert consents() == 1
    assert opened(client)["key"] != form["key"]


def test_what_was_done_is_said_once(client: Client, guardian: int) -> None:
    client.post(CONSENT, opened(client) | {"purpose": "registries"})
    said = texts.say("en", "door.signed_in")
    assert f'role="status">{said}' in client.get("/en/family/").content.decode()
    assert f'role="status">{said}' not in client.get("/en/family/").content.decode()


def test_a_bad_field_comes_back_with_what_was_typed_and_the_same_key(client: Client, guardian: int) -> None:
    form = opened(client) | {"purpose": "registries", "child": "-3"}
    answer = client.post(CONSENT, form)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="registries"' in shown
    assert 'value="-3"' in shown
    assert form["key"] in shown
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="f-child-error"' in shown
    assert f'id="f-child-error">{texts.say("en", "form.too_small")}' in shown


def test_a_refusal_stands_at_its_field_in_the_readers_language(client: Client, guardian: int) -> None:
    shown = client.post(CONSENT, opened(client) | {"purpose": "registries", "child": "999999"}).content.decode()
    assert f'id="f-child-error">{texts.refusal("en", "not_the_guardian")}' in shown.replace("&#x27;", "'")
    assert consents() == 0


def test_a_key_used_for_something_else_is_refused_in_words(client: Client, guardian: int) -> None:
    form = opened(client) | {"purpose": "registries"}
    client.post(CONSENT, form)
    answer = client.post(CONSENT, form | {"purpose": "texts"})
    assert answer.status_code == 422
    assert texts.refusal("en", "key_reused") in answer.content.decode()


@pytest.mark.parametrize("key", [None, "", "7", "{}", "'"])
def test_a_post_without_the_pages_key_does_nothing(client: Client, guardian: int, key: str | None) -> None:
    answer = client.post(CONSENT, {"purpose": "registries"} | ({} if key is None else {"key": key}))
    assert answer.status_code == 422
    assert consents() == 0


def test_a_button_without_a_key_is_a_request_that_cannot_be_read(client: Client, guardian: int) -> None:
    answer = client.post("/en/planted/withdraw/", {"child": "1"})
    assert answer.status_code == 400
    assert texts.say("en", "error.400.h1") in answer.content.decode()


def test_a_refusal_nobody_caught_is_a_page_with_its_sentence_and_the_way_back(client: Client, guardian: int) -> None:
    answer = client.post(
        "/en/planted/withdraw/",
        {"child": "999999", "key": str(uuid4())},
        headers={"referer": "http://testserver/en/planted/"},
    )
    assert answer.status_code == 409
    assert texts.refusal("en", "not_the_guardian") in unescape(answer.content.decode())
    assert 'href="/en/planted/"' in answer.content.decode()


def test_the_way_back_never_leads_to_another_site(client: Client, guardian: int) -> None:
    answer = client.post(
        "/en/planted/withdraw/",
        {"child": "999999", "key": str(uuid4())},
        headers={"referer": "http://evil.example/en/"},
    )
    assert "evil" not in answer.content.decode()


def test_unknown_and_anothers_are_answered_alike(client: Client, guardian: int) -> None:
    anothers, unknown = client.get("/en/planted/another/"), client.get("/en/planted/unknown/")
    assert anothers.status_code == unknown.status_code == 404
    assert anothers.content.replace(b"another", b"unknown") == unknown.content


def test_post_has_its_own_right(client: Client) -> None:
    browsing.come_in(client, browsing.official(Role.PAYER))
    assert client.post(CONSENT, {"purpose": "registries", "key": str(uuid4())}).status_code == 403


@pytest.mark.parametrize("verb", ["put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused(client: Client, guardian: int, verb: str) -> None:
    assert getattr(client, verb)(CONSENT).status_code == 405


# The second factor


def code_on_page(client: Client, address: str) -> str:
    shown = client.get(address).content.decode()
    return shown.partition('<p class="code">')[2].partition("<")[0]


def step_up(client: Client, address: str) -> None:
    sent = client.post(address.replace("/step-up/", "/step-up/code/"), {"key": str(uuid4())})
    assert sent.status_code == 302
    answer = client.post(address, {"code": code_on_page(client, sent["Location"]), "key": str(uuid4())})
    assert answer.status_code == 302, answer.content.decode()
    assert answer["Location"] == DELICATE


def test_a_delicate_page_asks_for_a_code_and_goes_on(client: Client, guardian: int) -> None:
    asked = client.get(DELICATE)
    assert asked["Location"] == "/en/step-up/?next=%2Fen%2Fplanted%2Fdelicate%2F"
    step_up(client, asked["Location"])
    assert client.get(DELICATE).status_code == 200


def test_a_cookie_stolen_before_the_second_factor_is_worth_nothing_after_it(client: Client, guardian: int) -> None:
    stolen = client.cookies["visit"].value
    step_up(client, client.get(DELICATE)["Location"])
    thief = Client()
    thief.cookies["visit"] = stolen
    assert thief.get(DELICATE)["Location"].startswith("/en/sign-in/")
    assert client.get(DELICATE).status_code == 200


def test_a_wrong_code_comes_back_with_its_sentence_and_no_proof(client: Client, guardian: int) -> None:
    asked = client.get(DELICATE)["Location"]
    client.post(asked.replace("/step-up/", "/step-up/code/"), {"key": str(uuid4())})
    code = code_on_page(client, asked)
    answer = client.post(asked, {"code": f"{(int(code) + 1) % 1_000_000:06d}", "key": str(uuid4())})
    assert answer.status_code == 422
    assert texts.refusal("en", "code_wrong") in answer.content.decode()
    assert client.get(DELICATE).status_code == 302


def test_an_officials_app_is_asked_for_instead_of_a_code(client: Client) -> None:
    browsing.come_in(client, browsing.official(Role.PAYER))
    assert "data:image" not in client.get("/en/second-factor/").content.decode()
    assert not SecondFactor.objects.exists(), "a look makes nothing"
    begin = {"begin": "1", "key": str(uuid4())}
    shown = client.post("/en/second-factor/", begin).content.decode()
    secret = shown.partition('<p class="code">')[2].partition("<")[0]
    code = browsing.app_code(secret)
    added = client.post("/en/second-factor/?next=/en/office/", {"code": code, "key": str(uuid4())})
    assert (added.status_code, added["Location"]) == (302, "/en/office/")
    assert client.session["strong_way"] == "totp"
    asked = client.get("/en/step-up/").content.decode()
    assert texts.say("en", "step.app") in asked
    assert "step-up/code" not in asked
    again = client.post("/en/step-up/", {"code": code, "key": str(uuid4())})
    assert again.status_code == 422, "none counts twice"
    assert texts.refusal("en", "app_code_wrong") in again.content.decode(), "it says to type the next one"
    assert client.post("/en/second-factor/", begin).status_code == 409


def test_an_app_is_added_only_soon_after_signing_in(client: Client) -> None:
    """A session stolen later can't make itself a second factor."""
    browsing.come_in(client, browsing.official(Role.PAYER), at=clock.read() - timedelta(minutes=11))
    answer = client.get("/en/second-factor/")
    assert answer.status_code == 403
    assert "data:image" not in answer.content.decode()


def test_in_production_no_code_is_shown(client: Client, guardian: int, settings: Any) -> None:
    settings.PRODUCTION, settings.MODE = True, "production"
    sent = client.post("/en/step-up/code/", {"key": str(uuid4())})
    assert texts.say("en", "step.not_sent") in sent.content.decode()
    assert '<p class="code">' not in client.get("/en/step-up/").content.decode()


def test_a_second_factor_counts_for_some_minutes(client: Client, guardian: int) -> None:
    browsing.come_in(client, guardian, strong=True, at=clock.read() - timedelta(minutes=9))
    assert client.get(DELICATE).status_code == 200
    browsing.come_in(client, guardian, strong=True, at=clock.read() - timedelta(minutes=11))
    assert client.get(DELICATE).status_code == 302


def test_without_the_second_factor_nothing_delicate_is_done(client: Client, guardian: int) -> None:
    client.post(DELICATE, {"purpose": "registries", "key": str(uuid4())})
    assert consents() == 0


def test_without_the_step_up_mark_the_same_post_is_done(client: Client, guardian: int) -> None:
    """The control run: the same view without the mark."""
    client.post(CONSENT, {"purpose": "registries", "key": str(uuid4())})
    assert consents() == 1


def test_what_was_typed_comes_back_after_the_second_factor_and_is_done_once(client: Client, guardian: int) -> None:
    form = {"purpose": "registries", "child": "", "key": str(uuid4())}
    step_up(client, client.post(DELICATE, form)["Location"])
    shown = client.get(DELICATE).content.decode()
    assert 'value="registries"' in shown
    assert browsing.form_of(shown)["key"] == form["key"]
    assert 'value="registries"' not in client.get(DELICATE).content.decode()


def ran_out(client: Client) -> None:
    session = client.session
    session["seen"] = (clock.read() - timedelta(hours=2)).isoformat()
    session.save()


def test_what_was_typed_when_the_visit_ran_out_comes_back_to_the_same_person(client: Client, guardian: int) -> None:
    ran_out(client)
    answer = client.post(CONSENT, {"purpose": "registries", "key": str(uuid4())})
    assert answer["Location"] == "/en/sign-in/?next=%2Fen%2Fplanted%2F"
    assert texts.say("en", "signin.kept") in client.get(answer["Location"]).content.decode()
    assert b"registries" not in session_row()
    browsing.come_in(client, guardian)
    assert 'value="registries"' in client.get(CONSENT).content.decode()


def test_it_does_not_come_back_to_another_person_at_the_same_browser(client: Client, guardian: int) -> None:
    ran_out(client)
    client.post(CONSENT, {"purpose": "registries", "key": str(uuid4())})
    row = people.family(2)
    people.register(queries.territory_by_kato(people.ASTANA, people.TODAY) or 0, [row])
    browsing.come_in(client, browsing.guardian_user(people.guardian_id(row)))
    assert "registries" not in client.get(CONSENT).content.decode()
    browsing.come_in(client, guardian)
    assert "registries" not in client.get(CONSENT).content.decode()


def session_row() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(session_data, '') FROM django_session")
        (text,) = cursor.fetchone()
    return repr(SessionStore().decode(text)).encode()

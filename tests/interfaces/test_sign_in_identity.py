"""Coming in through the identity provider: who is known, who is not, what a browser must have asked itself."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test import Client, override_settings
from oidc_provider_mock import User, run_server_in_thread

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.models import TimetableSlot
from qosymsha.integrations.identity import openid
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people
from tests.factories.vouchers import add_group, make_city
from tests.integrations import identity_provider
from tests.integrations.identity_provider import Provider
from tests.interfaces import browsing
from tests.interfaces.test_sign_in import events

pytestmark = pytest.mark.django_db
CALLBACK = "/sign-in/callback/"


TWO: dict[str, Any] = {"amr": ["pwd", "mfa"]}  # the provider states two factors


@pytest.fixture(autouse=True)
def configured(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "identity": "qosymsha.integrations.identity.openid:OpenIdConnect"}
    monkeypatch.setenv(openid.TWO_FACTORS, "mfa urn:two")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with identity_provider.running() as provider:
        known_as(monkeypatch, provider.address)
        yield provider
    openid.forget()


def known_as(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(openid.ISSUER, address)
    monkeypatch.setenv(openid.CLIENT, identity_provider.CLIENT)
    monkeypatch.setenv(openid.SECRET, identity_provider.SECRET)
    openid.forget()


@pytest.fixture
def guardian() -> int:
    row = people.family(1)
    people.register(people.astana(), [row])
    return people.guardian_id(row)


def number_of(serial: int) -> str:
    return str(people.guardian(serial).iin)


def come(client: Client, provider: Provider, sub: str, begin: str = "/ru/sign-in/begin/", **claims: Any) -> Any:
    asked = client.get(begin)
    assert asked.status_code == 302, asked.content.decode()
    return client.get(CALLBACK, provider.person(asked["Location"], sub, **claims))


def test_a_guardian_known_by_number_comes_in_and_is_admitted_once(
    client: Client, provider: Provider, guardian: int
) -> None:
    shown = client.get("/ru/sign-in/").content.decode()
    assert texts.say("ru", "signin.identity") in shown
    answer = come(client, provider, "sub-1", iin=number_of(1))
    assert (answer.status_code, answer["Location"]) == (302, "/ru/family/")
    assert client.get("/ru/family/").status_code == 200
    assert queries.user_by_subject("sub-1") == queries.user_of_guardian(guardian)
    assert come(Client(), provider, "sub-1", iin=number_of(1))["Location"] == "/ru/family/"
    assert len(events("admit_guardian")) == 1


def test_one_lands_where_one_was_going(client: Client, provider: Provider, guardian: int) -> None:
    begin = "/kk/sign-in/begin/?next=/kk/family/%3Fpage=2"
    assert come(client, provider, "sub-1", begin, iin=number_of(1))["Location"] == "/kk/family/?page=2"
    evil = "/kk/sign-in/begin/?next=https://evil.example/"
    assert come(Client(), provider, "sub-1", evil, iin=number_of(1))["Location"] == "/kk/family/"


def test_an_official_appointed_by_number_is_known_at_the_first_sign_in(client: Client, provider: Provider) -> None:
    appointment = commands.Appointment("official-17", Role.PAYER, iin=number_of(9))
    commands.appoint(actor=browsing.SYSTEM, appointment=appointment, at=clock.read(), key=uuid4())
    assert come(client, provider, "whatever", iin=number_of(9), **TWO)["Location"] == "/ru/office/"
    assert client.get("/ru/office/").status_code == 200


def test_an_official_who_is_a_parent_has_both_doors(client: Client, provider: Provider, guardian: int) -> None:
    user_id = browsing.official(Role.CHECKER, name="sub-1")
    come(client, provider, "sub-1", iin=number_of(1), **TWO)
    assert queries.user_of_guardian(guardian) == user_id
    assert client.get("/ru/office/").status_code == client.get("/ru/family/").status_code == 200


def taught_by(serial: int, *, last: date | None = None) -> int:
    """A teacher with this number in the timetable of a club; the teacher's id."""
    city = make_city()
    slot = TimetableSlot.objects.filter(group_id=add_group(city)).first()
    assert slot is not None
    TimetableSlot.objects.update(valid=(date(2026, 1, 1), last))
    number = number_of(serial)
    person = person_json(PersonDetails(number, "Ким", "Вера"))
    with transaction.atomic():
        seal("teacher", [SecretRow(slot.teacher_id, person, queries.iin_lookup("teacher", number))])
    return slot.teacher_id


def test_a_teacher_named_by_a_club_comes_in_and_is_admitted(client: Client, provider: Provider) -> None:
    teacher = taught_by(8)
    assert come(client, provider, "sub-8", iin=number_of(8), **TWO)["Location"] == "/ru/provider/"
    assert client.get("/ru/provider/lessons/").status_code == 200
    assert providers.user_of_teacher(teacher) == queries.user_by_subject("sub-8")
    assert come(Client(), provider, "sub-8", iin=number_of(8))["Location"] == "/ru/provider/"
    assert come(Client(), provider, "sub-9", iin=number_of(8))["Location"] == "/ru/provider/"  # known by the number


def test_a_teacher_whose_lessons_are_over_is_not_let_in(client: Client, provider: Provider) -> None:
    teacher = taught_by(8, last=date(2026, 2, 1))
    assert come(client, provider, "sub-8", iin=number_of(8)).status_code == 403
    assert providers.user_of_teacher(teacher) is None


def test_a_teacher_who_is_a_parent_has_both_doors(client: Client, provider: Provider, guardian: int) -> None:
    taught_by(1)
    come(client, provider, "sub-1", iin=number_of(1), **TWO)
    assert client.get("/ru/provider/lessons/").status_code == client.get("/ru/family/").status_code == 200


@pytest.mark.parametrize("claims", [{}, {"iin": "850612700099"}, {"iin": "not a number"}, {"iin": 7}])
def test_an_unknown_person_is_told_what_to_do_and_nothing_is_kept(
    client: Client, provider: Provider, guardian: int, claims: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = come(client, provider, "stranger", **claims)
    assert answer.status_code == 403
    assert texts.refusal("ru", "person_unknown") in answer.content.decode()
    assert queries.user_by_subject("stranger") is None
    assert [(who, json.loads(detail)) for who, detail in events("refuse_sign_in")] == [(0, {"by": "person_unknown"})]
    assert client.get("/ru/family/").status_code == 302
    assert "850612700099" not in caplog.text + answer.content.decode()


def test_a_number_never_stands_in_a_log_or_an_event(
    client: Client, provider: Provider, guardian: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    come(client, provider, "sub-1", iin=number_of(1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, '') FROM audit_event e")
        (told,) = cursor.fetchone()
        cursor.execute("SELECT string_agg(u::text, '') FROM app_user u")
        (users,) = cursor.fetchone()
    assert number_of(1) not in caplog.text + told + users


@pytest.mark.parametrize("state", ["", "another", "ж"])
def test_an_answer_this_browser_did_not_ask_for_is_refused(
    client: Client, provider: Provider, guardian: int, state: str
) -> None:
    back = provider.person(client.get("/ru/sign-in/begin/")["Location"], "sub-1", iin=number_of(1))
    answer = client.get(CALLBACK, back | {"state": state}, headers={"accept-language": "ru"})
    assert answer.status_code == 400
    assert texts.refusal("ru", "identity_too_late") in answer.content.decode()
    assert client.get("/ru/family/").status_code == 302


def test_an_answer_planted_into_another_browser_is_refused(client: Client, provider: Provider, guardian: int) -> None:
    """Login CSRF: the attacker's own answer, opened by the victim."""
    back = provider.person(client.get("/ru/sign-in/begin/")["Location"], "sub-1", iin=number_of(1))
    victim = Client()
    assert victim.get(CALLBACK, back).status_code == 400
    assert victim.get("/ru/family/").status_code == 302


def test_an_answer_counts_once(client: Client, provider: Provider, guardian: int) -> None:
    back = provider.person(client.get("/ru/sign-in/begin/")["Location"], "sub-1", iin=number_of(1))
    assert client.get(CALLBACK, back).status_code == 302
    client.post("/ru/sign-out/")
    assert client.get(CALLBACK, back).status_code == 400


def test_an_old_question_is_not_answered(client: Client, provider: Provider, guardian: int) -> None:
    back = provider.person(client.get("/ru/sign-in/begin/")["Location"], "sub-1", iin=number_of(1))
    clock.shift_to(clock.read() + timedelta(minutes=11))
    assert client.get(CALLBACK, back).status_code == 400


def test_who_only_opens_the_way_in_leaves_no_row(client: Client, provider: Provider) -> None:
    for _ in range(3):
        assert Client().get("/ru/sign-in/begin/").status_code == 302
    asked = client.get("/ru/sign-in/begin/")
    state = parse_qs(urlsplit(asked["Location"]).query)["state"][0]
    assert client.get(CALLBACK, {"error": "access_denied", "state": state}).status_code == 403
    provider.statuses["description"] = 500
    openid.forget()
    assert Client().get("/ru/sign-in/begin/").status_code == 503
    assert Session.objects.count() == 0
    assert events("refuse_sign_in") == []
    Client().session.save()
    assert Session.objects.count() == 1  # the control: a session kept would be counted


@pytest.mark.parametrize(
    "planted", ["", "x", "demo:", "demo:AAAA", "nokey:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "demo:é"]
)
def test_a_cookie_that_is_not_ours_holds_no_question(
    client: Client, provider: Provider, guardian: int, planted: str
) -> None:
    back = provider.person(client.get("/ru/sign-in/begin/")["Location"], "sub-1", iin=number_of(1))
    client.cookies["asked"] = planted
    assert client.get(CALLBACK, back).status_code == 400


def test_the_cookie_tells_nobody_what_was_asked_and_stays_small(client: Client, provider: Provider) -> None:
    for n in range(6):
        asked = client.get(f"/ru/sign-in/begin/?next=/ru/family/{'x' * 400}{n}")
    cookie = asked.cookies["asked"]
    state = parse_qs(urlsplit(asked["Location"]).query)["state"][0]
    assert state not in cookie.value
    assert len(cookie.value) < 3_900
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 600)


def test_two_tabs_may_ask_at_once(client: Client, provider: Provider, guardian: int) -> None:
    first = client.get("/ru/sign-in/begin/")["Location"]
    client.get("/ru/sign-in/begin/")
    assert client.get(CALLBACK, provider.person(first, "sub-1", iin=number_of(1))).status_code == 302


def test_a_person_who_says_no_at_the_provider_comes_back_to_a_page(client: Client, provider: Provider) -> None:
    state = parse_qs(urlsplit(client.get("/ru/sign-in/begin/")["Location"]).query)["state"][0]
    answer = client.get(CALLBACK, {"error": "access_denied", "state": state})
    assert answer.status_code == 403
    assert texts.refusal("ru", "identity_says_no") in answer.content.decode()


def test_a_provider_that_lies_lets_nobody_in(client: Client, provider: Provider, guardian: int) -> None:
    provider.claims = {"aud": "somebody-else"}
    answer = come(client, provider, "sub-1", iin=number_of(1))
    assert answer.status_code == 403
    assert texts.refusal("ru", "identity_not_believed") in answer.content.decode()
    assert client.get("/ru/family/").status_code == 302


def test_a_provider_that_is_down_is_a_page_that_says_so(client: Client, provider: Provider) -> None:
    provider.statuses["description"] = 500
    assert_unreachable(client.get("/ru/sign-in/begin/"))
    provider.statuses = {"token": 500}
    assert_unreachable(come(client, provider, "sub-1"))


def assert_unreachable(answer: Any) -> None:
    assert answer.status_code == 503
    assert texts.refusal("ru", "identity_unreachable") in answer.content.decode()


def test_a_right_that_ended_lets_nobody_pass_even_signed_in(client: Client, provider: Provider) -> None:
    user_id = browsing.official(Role.PAYER, name="sub-9")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM membership WHERE user_id = %s", [user_id])
    assert come(client, provider, "sub-9")["Location"] == "/ru/no-rights/"
    answer = client.get("/ru/no-rights/")
    assert (answer.status_code, texts.say("ru", "norights.h1") in answer.content.decode()) == (403, True)


def test_without_an_address_of_its_own_the_callback_is_on_this_host(client: Client, provider: Provider) -> None:
    asked = parse_qs(urlsplit(client.get("/ru/sign-in/begin/")["Location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/sign-in/callback/"]
    with override_settings(PUBLIC_ADDRESS="https://clubs.example"):
        asked = parse_qs(urlsplit(client.get("/ru/sign-in/begin/")["Location"]).query)
    assert asked["redirect_uri"] == ["https://clubs.example/sign-in/callback/"]


# Proving it anew at the provider


ANEW = "/ru/step-up/identity/?next=/ru/family/"


def test_signing_in_again_is_a_second_factor(client: Client, provider: Provider, guardian: int) -> None:
    come(client, provider, "sub-1", iin=number_of(1))
    assert "strong_at" not in client.session
    assert come(client, provider, "sub-1", ANEW, iin=number_of(1))["Location"] == "/ru/family/"
    assert client.session["strong_way"] == "identity"


@pytest.mark.parametrize("seen", [None, 3600, "now", -1])
def test_an_old_sight_of_the_person_is_no_second_factor(
    client: Client, provider: Provider, guardian: int, seen: Any
) -> None:
    """A provider that ignored `prompt=login` and answered from its own session."""
    come(client, provider, "sub-1", iin=number_of(1))
    old = int(clock.read().timestamp()) - seen if seen == 3600 else seen
    answer = come(client, provider, "sub-1", ANEW, iin=number_of(1), auth_time=old)
    assert answer.status_code == 403
    assert "strong_at" not in client.session


def test_another_persons_second_factor_does_not_count(client: Client, provider: Provider, guardian: int) -> None:
    come(client, provider, "sub-1", iin=number_of(1))
    browsing.official(Role.PAYER, name="sub-9")
    provider.claims = {}
    answer = come(client, provider, "sub-9", ANEW)
    assert answer.status_code == 403
    assert texts.refusal("ru", "not_the_same_person") in answer.content.decode()
    assert "strong_at" not in client.session


# A provider that others wrote


def test_a_provider_of_other_hands_lets_a_guardian_in(
    client: Client, guardian: int, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """`oidc-provider-mock` over HTTP: discovery, its form, its code, its keys (RSA of 2048 bits), its token."""
    settings.RSA_BITS = 2048
    person = User(sub="sub-1", claims={"iin": number_of(1)})
    with run_server_in_thread(require_nonce=True, user_claims=[person]) as server:
        known_as(monkeypatch, f"http://localhost:{server.server_port}")
        asked = client.get("/kk/sign-in/begin/")["Location"]
        back = pressed(asked, sub="sub-1")
        assert back.startswith("/sign-in/callback/?")
        answer = client.get(back)
        assert (answer.status_code, answer["Location"]) == (302, "/kk/family/")
        assert client.get(back).status_code == 400
    openid.forget()


def pressed(asked: str, **fields: str) -> str:
    """The path and query the provider sends the browser back to, after its form was sent; no redirect is followed."""
    parts = urlsplit(asked)
    browser = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    browser.request("POST", f"{parts.path}?{parts.query}", urlencode(fields), headers)
    answer = browser.getresponse()
    browser.close()
    assert answer.status == 302
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"

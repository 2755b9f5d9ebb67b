"""Coming in as a demo person, the gate, the end of a right, the way out: each control seen red without it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client, override_settings

from qosymsha.domain.people import commands, demo_people, queries
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@pytest.fixture
def family() -> int:
    """A guardian with two children who never signed in; the guardian's id."""
    row = people.family(1, children=2)
    people.register(people.astana(), [row])
    return people.guardian_id(row)


def uuid_of(table: str, row_id: int) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT uuid FROM {table} WHERE id = %s", [row_id])
        (found,) = cursor.fetchone()
    return UUID(str(found))


def events(action: str) -> list[tuple[int, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor_id, detail FROM audit_event WHERE action = %s ORDER BY id", [action])
        return list(cursor.fetchall())


def test_a_guardian_signs_in_by_one_button_and_gets_a_user(client: Client, family: int) -> None:
    shown = client.get("/en/sign-in/").content.decode()
    assert "Әлиева Гүлнар Серікқызы" in shown
    assert texts.say("en", "demo.wards", n=2) in shown
    sent = browsing.form_of(shown, "sign-in/demo") | {"next": "/en/family/"}
    answer = client.post("/en/sign-in/demo/", sent)
    assert (answer.status_code, answer["Location"]) == (302, "/en/family/")
    home = client.get("/en/family/")
    assert home.status_code == 200
    assert "Әлиева Гүлнар Серікқызы" in home.content.decode()
    assert home["Cache-Control"] == "no-store"
    assert queries.user_of_guardian(family) is not None
    assert len(events("admit_guardian")) == len(events("sign_in")) == 1


def test_a_guardian_is_admitted_once(client: Client, family: int) -> None:
    person = str(uuid_of("guardian", family))
    for _ in range(2):
        Client().post("/kk/sign-in/demo/", {"person": person})
    assert len(events("admit_guardian")) == 1
    assert len(events("sign_in")) == 2


def test_officials_are_listed_by_role_and_land_in_their_door(client: Client) -> None:
    for role in (Role.PROVIDER_MANAGER, Role.AUDITOR, Role.PAYER, Role.CHANNEL):
        browsing.official(role)
    shown = client.get("/en/sign-in/").content.decode()
    assert re.findall(r"<h3>(.*?)</h3>", shown) == ["Auditor", "Payer", "Club manager"]
    manager = uuid_of("app_user", browsing.official(Role.PROVIDER_MANAGER))
    assert client.post("/en/sign-in/demo/", {"person": str(manager)})["Location"] == "/en/provider/"


@pytest.mark.parametrize("typed", ["", "nobody", str(UUID(int=7)), "'; --", "0" * 40])
def test_an_unknown_person_is_told_what_to_do(client: Client, typed: str) -> None:
    answer = client.post("/en/sign-in/demo/", {"person": typed})
    assert answer.status_code == 422
    assert texts.refusal("en", "demo_person_unknown") in answer.content.decode()


@override_settings(MODE="production", PRODUCTION=True, DEMO=False)
def test_production_knows_no_demo_people(client: Client, family: int) -> None:
    shown = client.get("/en/sign-in/").content.decode()
    assert "sign-in/demo" not in shown
    assert "Әлиева" not in shown
    assert client.post("/en/sign-in/demo/", {"person": str(uuid_of("guardian", family))}).status_code == 404
    assert client.get("/en/family/").status_code == 302
    with pytest.raises(AssertionError, match="production"):
        demo_people.demo_people(clock.read())
    with pytest.raises(AssertionError, match="production"):
        demo_people.demo_person(uuid_of("guardian", family))


def test_a_name_is_listed_only_where_nobody_can_bear_its_number(
    client: Client, family: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Әлиева" in client.get("/en/sign-in/").content.decode()
    monkeypatch.setattr("qosymsha.domain.people.demo_people.iin.is_synthetic", lambda _: False)
    shown = client.get("/en/sign-in/").content.decode()
    assert "Әлиева" not in shown
    assert str(uuid_of("guardian", family)) in shown


# The gate


def test_without_signing_in_one_is_led_there_and_back(client: Client) -> None:
    answer = client.get("/ru/office/?page=2")
    assert (answer.status_code, answer["Location"]) == (302, "/ru/sign-in/?next=%2Fru%2Foffice%2F%3Fpage%3D2")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(client: Client, family: int, wanted: str) -> None:
    person = str(uuid_of("guardian", family))
    assert client.post("/en/sign-in/demo/", {"person": person, "next": wanted})["Location"] == "/en/family/"
    assert client.get("/en/sign-in/", {"next": wanted})["Location"] == "/en/family/"


def test_a_signed_in_person_without_the_right_is_refused_with_a_way_out(client: Client, family: int) -> None:
    browsing.come_in(client, browsing.guardian_user(family))
    answer = client.get("/en/office/")
    assert answer.status_code == 403
    assert texts.say("en", "error.403.h1") in answer.content.decode()
    assert 'class="button' in answer.content.decode()


def test_a_right_that_ends_ends_the_next_request(client: Client) -> None:
    user_id = browsing.official(Role.CHECKER)
    browsing.come_in(client, user_id)
    assert client.get("/en/office/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM membership WHERE user_id = %s", [user_id])
        (membership_id,) = cursor.fetchone()
    commands.dismiss(actor=browsing.SYSTEM, membership_id=membership_id, at=clock.read(), key=uuid4())
    assert client.get("/en/office/").status_code == 403
    assert client.get("/en/no-rights/").status_code == 403


def test_a_right_kept_in_the_session_would_survive_its_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: with rights resolved at signing in, the dismissed official goes on."""
    user_id = browsing.official(Role.CHECKER)
    at_sign_in = browsing.actor(user_id)
    monkeypatch.setattr("qosymsha.interfaces.ui.signed.people.actor_for", lambda *_: at_sign_in)
    browsing.come_in(client, user_id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM membership WHERE user_id = %s", [user_id])
    assert client.get("/en/office/").status_code == 200


def test_a_disabled_account_is_out_at_once(client: Client) -> None:
    user_id = browsing.official(Role.PAYER)
    browsing.come_in(client, user_id)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE app_user SET is_active = false WHERE id = %s", [user_id])
    assert client.get("/en/office/").status_code == 403


def test_signing_out_kills_the_session_not_only_the_cookie(client: Client) -> None:
    browsing.come_in(client, browsing.official(Role.PAYER))
    stolen = client.cookies["visit"].value
    assert client.post("/en/sign-out/")["Location"] == "/en/sign-in/"
    client.cookies["visit"] = stolen
    assert client.get("/en/office/").status_code == 302
    assert len(events("sign_out")) == 1


def test_leaving_is_no_link(client: Client) -> None:
    assert client.get("/en/sign-out/").status_code == 405


def test_signing_in_changes_the_session_id(client: Client, family: int) -> None:
    """RELIABILITY.md T25: a session id planted before is worth nothing after."""
    session = client.session
    session["planted"] = 1
    session.save()
    planted = client.cookies["visit"].value
    client.post("/en/sign-in/demo/", {"person": str(uuid_of("guardian", family))})
    assert client.cookies["visit"].value != planted
    client.cookies["visit"] = planted
    assert client.get("/en/family/").status_code == 302


@pytest.mark.parametrize(
    ("idle", "whole", "status"), [(59, 59, 200), (61, 61, 302), (10, 11 * 60, 200), (10, 12 * 60 + 1, 302)]
)
def test_a_visit_ends_when_idle_and_after_its_length(client: Client, idle: int, whole: int, status: int) -> None:
    browsing.come_in(client, browsing.official(Role.PAYER))
    now = clock.read()
    session = client.session
    session["seen"] = (now - timedelta(minutes=idle)).isoformat()
    session["since"] = (now - timedelta(minutes=whole)).isoformat()
    session.save()
    assert client.get("/en/office/").status_code == status


def test_going_on_keeps_a_visit_from_being_idle(client: Client) -> None:
    browsing.come_in(client, browsing.official(Role.PAYER))
    session = client.session
    session["seen"] = (clock.read() - timedelta(minutes=50)).isoformat()
    session.save()
    before = session["seen"]
    client.get("/en/office/")
    assert client.session["seen"] > before


def test_the_cookies_are_closed_to_scripts_and_other_sites(client: Client, family: int) -> None:
    client.post("/en/sign-in/demo/", {"person": str(uuid_of("guardian", family))})
    assert client.cookies["visit"]["httponly"]
    assert client.cookies["visit"]["samesite"] == "Lax"


@pytest.mark.parametrize("address", ["/en/sign-in/demo/", "/en/sign-out/", "/en/step-up/", "/en/step-up/code/"])
def test_a_form_of_another_site_is_refused_in_words(family: int, address: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    browsing.come_in(strict, browsing.guardian_user(family))
    answer = strict.post(address, {"person": str(uuid_of("guardian", family))})
    assert answer.status_code == 403
    assert texts.say("en", "error.csrf.h1") in answer.content.decode()
    assert strict.get("/en/family/").status_code == 200


@pytest.mark.parametrize(("trusted", "status"), [([], 403), (["https://clubs.example"], 302)])
def test_behind_a_proxy_with_tls_forms_work_once_the_address_is_known(
    family: int, trusted: list[str], status: int
) -> None:
    strict = Client(enforce_csrf_checks=True)
    sent = browsing.form_of(strict.get("/en/sign-in/").content.decode(), "sign-in/demo")
    with override_settings(CSRF_TRUSTED_ORIGINS=trusted):
        answer = strict.post("/en/sign-in/demo/", sent, headers={"origin": "https://clubs.example"})
    assert answer.status_code == status


def test_public_pages_ask_for_no_session(client: Client) -> None:
    answer = client.get("/en/")
    assert "Cookie" not in answer.get("Vary", "")
    assert not answer.cookies

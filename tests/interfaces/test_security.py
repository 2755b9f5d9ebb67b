"""Factors and visits on pages: who has a factor shows it at sign-in, adding one needs another, visits are ended."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from qosymsha.domain.factors.models import Passkey
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import Guardian, User
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people as families
from tests.factories.passkeys import Device
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"


def signed_in(user_id: int, **headers: str) -> Client:
    """A browser in which this person has just signed in, by the way of a trial."""
    client = Client(headers=headers)
    uuid = User.objects.get(pk=user_id).uuid
    assert client.post("/en/sign-in/demo/", {"person": str(uuid)}).status_code == 302
    return client


@pytest.fixture
def payer() -> int:
    return browsing.official(Role.PAYER, name="demo:payer")


def post(client: Client, address: str, **fields: str) -> Any:
    return client.post(f"/en/{address}", {"key": str(uuid4()), **fields})


def add(client: Client, device: Device, name: str = "Laptop") -> Any:
    asked = client.post("/en/security/passkeys/ask/")
    assert asked.status_code == 200, asked.content
    return post(client, "security/passkeys/", name=name, answer=json.dumps(device.add(asked.json())))


def prove(client: Client, device: Device, **more: str) -> Any:
    options = client.post("/en/step-up/passkey/").json()
    return post(client, "step-up/", answer=json.dumps(device.prove(options)), **more)


def test_a_passkey_is_added_asked_for_at_sign_in_and_opens_what_was_wanted(payer: int) -> None:
    device, first = Device(), signed_in(payer)
    assert add(first, device).headers["Location"] == "/en/security/"
    assert texts.say("en", "passkey.kept") in first.get("/en/security/").content.decode()
    second = signed_in(payer)
    asked = second.get("/en/office/files/")
    assert asked.headers["Location"] == "/en/step-up/?next=%2Fen%2Foffice%2Ffiles%2F", "a factor is asked at sign-in"
    assert b"data-passkey" in second.get(asked.headers["Location"]).content
    assert prove(second, device, next="/en/office/files/").headers["Location"] == "/en/office/files/"
    assert second.get("/en/office/files/").status_code == 200
    assert second.session["strong_way"] == "passkey"


def test_who_has_a_passkey_is_sent_no_code(payer: int) -> None:
    add(signed_in(payer), Device())
    client = signed_in(payer)
    assert post(client, "step-up/code/").headers["Location"] == "/en/step-up/"
    assert post(client, "step-up/", code="123456").status_code == 422
    assert "code_shown" not in client.session


def test_an_answer_of_a_stranger_or_of_another_site_opens_nothing(payer: int) -> None:
    device = Device()
    add(signed_in(payer), device)
    client = signed_in(payer)
    answer = prove(client, Device(key=device.key, origin="https://evil.example"))
    assert answer.status_code == 422
    assert texts.refusal("en", "passkey_other_site") in answer.content.decode()
    assert post(client, "step-up/", answer="not json").status_code == 422
    assert client.get("/en/office/files/").status_code == 302


def test_the_first_factor_is_added_soon_after_signing_in_a_further_one_after_a_proof(payer: int) -> None:
    late = browsing.come_in(Client(), payer, at=clock.read() - timedelta(minutes=11))
    assert late.post("/en/security/passkeys/ask/").status_code == 403, "a stolen visit makes itself no factor"
    assert late.get("/en/second-factor/").status_code == 403
    device, client = Device(), signed_in(payer)
    add(client, device)
    client = signed_in(payer)
    assert client.post("/en/security/passkeys/ask/").status_code == 403, "the factor that is there is asked first"
    assert client.get("/en/second-factor/").headers["Location"].startswith("/en/step-up/")
    prove(client, device)
    assert add(client, Device(id=b"second"), "Key ring").status_code == 302
    assert Passkey.objects.count() == 2


def test_passkeys_are_named_and_removed_after_a_proof_and_never_the_last(payer: int) -> None:
    client = signed_in(payer)
    add(client, Device())
    (mine,) = Passkey.objects.all()
    post(client, f"security/passkeys/{mine.uuid}/name/", name="<b>Home</b>")
    assert "&lt;b&gt;Home&lt;/b&gt;" in client.get("/en/security/").content.decode()
    refused = post(client, f"security/passkeys/{mine.uuid}/remove/")
    assert refused.status_code == 409
    assert texts.refusal("en", "last_factor") in refused.content.decode()
    add(client, Device(id=b"second"))
    weak = browsing.come_in(Client(), payer)
    asked = post(weak, f"security/passkeys/{mine.uuid}/remove/")
    assert asked.headers["Location"].startswith("/en/step-up/")
    assert post(client, f"security/passkeys/{mine.uuid}/remove/").status_code == 302
    assert Passkey.objects.filter(ended_at=None).count() == 1


def test_anothers_passkey_is_answered_like_an_unknown_one(payer: int) -> None:
    add(signed_in(payer), Device())
    (mine,) = Passkey.objects.all()
    stranger = browsing.come_in(Client(), browsing.official(Role.CHECKER), strong=True)
    answers = [post(stranger, f"security/passkeys/{uuid}/remove/") for uuid in (mine.uuid, uuid4())]
    bodies = [browsing.masked(answer.content.decode()) for answer in answers]
    assert answers[0].status_code == answers[1].status_code == 409
    assert bodies[0] == bodies[1]


def test_recovery_codes_are_shown_once_and_open_once(payer: int) -> None:
    client = signed_in(payer)
    add(client, Device())
    shown = post(client, "security/codes/").content.decode()
    code = shown.partition('<li class="code">')[2].partition("<")[0]
    assert len(code) == 29
    assert code not in client.get("/en/security/").content.decode()
    other = signed_in(payer)
    assert post(other, "step-up/", recovery=code).status_code == 302
    assert other.session["strong_way"] == "recovery"
    again = signed_in(payer)
    answer = post(again, "step-up/", recovery=code)
    assert answer.status_code == 422
    assert texts.refusal("en", "recovery_wrong") in answer.content.decode()


def test_a_factor_page_is_not_for_guardians_their_visits_are() -> None:
    row = families.family(1)
    families.register(families.astana(), [row])
    guardian = browsing.guardian_user(families.guardian_id(row))
    client = browsing.come_in(Client(), guardian)
    assert Guardian.objects.exists()
    assert client.get("/en/security/").status_code == 403
    assert client.get("/en/visits/").status_code == 200


def test_own_visits_are_seen_and_one_is_ended(payer: int) -> None:
    here, there = signed_in(payer), signed_in(payer, **{"user-agent": PHONE})
    stranger = signed_in(browsing.official(Role.CHECKER, name="demo:checker"))
    shown = here.get("/en/visits/").content.decode()
    assert "Chrome · Android" in shown
    assert shown.count('name="visit"') == 1, "two visits, one of them this"
    assert there.cookies["visit"].value not in shown
    name = shown.partition('name="visit" value="')[2].partition('"')[0]
    assert post(here, "visits/", visit=name).status_code == 302
    assert there.get("/en/office/").headers["Location"].startswith("/en/sign-in/")
    assert here.get("/en/office/").status_code == stranger.get("/en/office/").status_code == 200


def test_signing_out_everywhere_ends_every_visit_of_ones_own(payer: int) -> None:
    here, there = signed_in(payer), signed_in(payer)
    stranger = signed_in(browsing.official(Role.CHECKER, name="demo:checker"))
    assert post(here, "visits/").headers["Location"] == "/en/sign-in/"
    for client in (here, there):
        assert client.get("/en/office/").headers["Location"].startswith("/en/sign-in/")
    assert stranger.get("/en/office/").status_code == 200


def test_two_people_with_the_same_mark_keep_their_own_visits(payer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.interfaces.ui.sessions._mark", lambda _: "0123456789")
    here, stranger = signed_in(payer), signed_in(browsing.official(Role.CHECKER, name="demo:checker"))
    assert here.get("/en/visits/").content.decode().count("<li><h2>") == 1
    post(here, "visits/")
    assert stranger.get("/en/office/").status_code == 200


def test_visits_without_a_mark_are_not_found(payer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: without the mark in the key, `sign out everywhere` reaches nobody."""
    there = signed_in(payer)
    with monkeypatch.context() as patch:
        patch.setattr("qosymsha.interfaces.ui.sessions._mark", lambda _: "elsewhere")
        post(signed_in(payer), "visits/")
    assert there.get("/en/office/").status_code == 200


def test_a_dismissed_official_is_out_at_the_next_request(payer: int) -> None:
    client = browsing.come_in(Client(), payer)
    assert client.get("/en/office/").status_code == 200
    membership = browsing.memberships(payer)[0]
    people.dismiss(actor=browsing.SYSTEM, membership_id=membership, at=clock.read(), key=uuid4())
    assert client.get("/en/office/").status_code == 403

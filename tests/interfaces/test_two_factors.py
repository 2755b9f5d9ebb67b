"""Two factors at sign-in (decision 0058): what staff and families show beside the provider's word before all else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.integrations.identity import openid
from qosymsha.interfaces.signin import identity
from qosymsha.interfaces.ui import texts, visits
from qosymsha.kernel import clock
from tests.factories import people
from tests.factories.passkeys import Device
from tests.integrations import identity_provider
from tests.integrations.identity_provider import Provider
from tests.interfaces import browsing
from tests.interfaces.test_sign_in_identity import TWO, come, known_as, number_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Provider]:
    """A provider whose words `mfa` (amr) and `urn:two` (acr) mean two factors here."""
    settings.ADAPTERS = {**settings.ADAPTERS, "identity": "qosymsha.integrations.identity.openid:OpenIdConnect"}
    monkeypatch.setenv(openid.TWO_FACTORS, "mfa urn:two")
    with identity_provider.running() as provider:
        known_as(monkeypatch, provider.address)
        yield provider
    openid.forget()


@pytest.fixture
def guardian() -> int:
    row = people.family(1)
    people.register(people.astana(), [row])
    return people.guardian_id(row)


FIRST = "/ru/first-factor/?next=%2Fru%2Foffice%2Ffiles%2F"


def a_payer(client: Client, provider: Provider, **claims: Any) -> str:
    """Where a payer without a factor of their own is when the files' page is asked for after this sign-in."""
    browsing.official(Role.PAYER, name="sub-9")
    assert come(client, provider, "sub-9", **claims).status_code == 302
    return str(client.get("/ru/office/files/", follow=True).request["PATH_INFO"])


def test_staff_without_a_factor_add_one_before_anything_opens(client: Client, provider: Provider) -> None:
    assert a_payer(client, provider, amr=["pwd"]) == "/ru/first-factor/"
    shown = client.get(FIRST).content.decode()
    assert texts.say("ru", "first.why") in shown
    assert texts.say("ru", "first.out_p") in shown
    for closed in ("office/", "security/", "visits/"):
        assert client.get(f"/ru/{closed}")["Location"].startswith("/ru/step-up/?next="), closed
    begun = client.post("/ru/second-factor/?next=/ru/office/files/", {"begin": "1", "key": str(uuid4())})
    secret = begun.content.decode().partition('<p class="code">')[2].partition("<")[0]
    code = browsing.app_code(secret)
    added = client.post("/ru/second-factor/?next=/ru/office/files/", {"code": code, "key": str(uuid4())})
    assert added["Location"] == "/ru/office/files/"
    assert client.get("/ru/office/files/").status_code == 200


def test_a_passkey_is_a_second_factor_too_and_leads_on(client: Client, provider: Provider) -> None:
    assert a_payer(client, provider) == "/ru/first-factor/"
    device, form = Device(), {"key": str(uuid4()), "name": "Laptop", "next": "/ru/office/files/"}
    wrong = client.post("/ru/security/passkeys/", form | {"answer": "{}"})
    assert (wrong.status_code, texts.say("ru", "first.h1") in wrong.content.decode()) == (422, True)
    answer = json.dumps(device.add(client.post("/ru/security/passkeys/ask/").json()))
    assert client.post("/ru/security/passkeys/", form | {"answer": answer})["Location"] == "/ru/office/files/"
    assert texts.say("ru", "first.kept") in client.get("/ru/office/files/").content.decode()


@pytest.mark.parametrize("claims", [TWO, {"acr": "urn:two"}])
def test_the_providers_two_factors_are_enough_where_the_operator_lists_its_word(
    client: Client, provider: Provider, claims: dict[str, Any]
) -> None:
    assert a_payer(client, provider, **claims) == "/ru/office/files/"


@pytest.mark.parametrize("claims", [{}, {"amr": "mfa"}, {"amr": [["mfa"], None]}, {"acr": ["urn:two"]}, {"acr": "1"}])
def test_another_word_of_the_provider_is_one_factor(client: Client, provider: Provider, claims: dict[str, Any]) -> None:
    assert a_payer(client, provider, **claims) == "/ru/first-factor/"


def test_by_default_no_word_of_a_provider_means_two_factors(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(openid.TWO_FACTORS)
    assert a_payer(client, provider, **TWO) == "/ru/first-factor/"


def test_no_other_way_leads_past_adding_a_factor(client: Client, provider: Provider) -> None:
    """The provider once more, a code by phone, a late hour: each leads back or to the door."""
    a_payer(client, provider)
    again = come(client, provider, "sub-9", "/ru/step-up/identity/?next=/ru/office/")
    assert again["Location"].startswith("/ru/step-up/?next=")
    assert "strong_at" not in client.session
    assert client.post("/ru/step-up/code/", {"key": str(uuid4())})["Location"] == "/ru/step-up/"
    assert client.post("/ru/step-up/", {"code": "123456", "key": str(uuid4())})["Location"].startswith("/ru/first-f")
    session = client.session
    session["since"] = (clock.read() - timedelta(minutes=11)).isoformat()
    session.save()
    assert client.get(FIRST).status_code == 403
    assert client.post("/ru/security/passkeys/ask/").status_code == 403


def test_control_without_the_rule_one_factor_opens_everything(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "awaits", lambda *_: False)
    assert a_payer(client, provider) == "/ru/office/files/"


def test_control_a_provider_asked_twice_counts_as_two_where_nobody_looks(
    client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the look at `awaits` the same factor shown twice opens everything: what the test above would see."""
    a_payer(client, provider)
    held = visits.current
    unasked = lambda request, at: replace(held(request, at), awaits=False)  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(visits, "current", unasked)
        come(client, provider, "sub-9", "/ru/step-up/identity/?next=/ru/office/")
    assert client.get("/ru/office/files/").status_code == 200


def test_families_show_a_code_where_the_installation_asks_everybody(
    client: Client, provider: Provider, guardian: int, settings: Any
) -> None:
    settings.TWO_FACTORS = "everybody"
    come(client, provider, "sub-1", iin=number_of(1))
    asked = client.get("/ru/family/")["Location"]
    assert asked == "/ru/step-up/?next=%2Fru%2Ffamily%2F"
    assert texts.say("ru", "step.first_lead") in client.get(asked).content.decode()
    sent = client.post("/ru/step-up/code/?next=/ru/family/", {"key": str(uuid4())})
    code = client.get(sent["Location"]).content.decode().partition('<p class="code">')[2].partition("<")[0]
    assert client.post(sent["Location"], {"code": code, "key": str(uuid4())})["Location"] == "/ru/family/"
    assert client.get("/ru/family/").status_code == 200
    other = Client()
    come(other, provider, "sub-1", iin=number_of(1), **TWO)
    assert other.get("/ru/family/").status_code == 200, "the provider stated two"


def test_families_are_asked_nothing_more_where_staff_alone_are(
    client: Client, provider: Provider, guardian: int, settings: Any
) -> None:
    """The control run: the setting alone makes the difference."""
    settings.TWO_FACTORS = "staff"
    come(client, provider, "sub-1", iin=number_of(1))
    assert client.get("/ru/family/").status_code == 200

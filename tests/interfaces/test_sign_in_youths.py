"""A child comes in through the identity provider by its own number: who gets an account, who is told why not."""

from __future__ import annotations

import json
from datetime import date
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.states import Role
from qosymsha.integrations.identity import openid
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people, youths
from tests.integrations.identity_provider import Provider
from tests.interfaces.test_sign_in import events
from tests.interfaces.test_sign_in_identity import come, configured, provider

pytestmark = pytest.mark.django_db
__all__ = ["configured", "provider"]


def pupil(serial: int, years: int) -> tuple[int, str]:
    """(child, its number) of a family that is registered; the birth date is the record's, not the number's."""
    kid = people.child(serial, born_on=youths.aged(years, clock.read()))
    people.register(people.astana(), [people.FamilyRow(people.guardian(serial), (kid,))])
    number = str(kid.iin)
    return queries.by_iin("child", [number])[number], number


def test_a_child_of_fifteen_comes_in_by_its_own_number_and_has_its_own_pages(
    client: Client, provider: Provider
) -> None:
    child, number = pupil(3, 15)
    answer = come(client, provider, "sub-3", iin=number)
    assert (answer.status_code, answer["Location"]) == (302, "/ru/family/")
    page = client.get("/ru/family/").content.decode()
    assert texts.say("ru", "youth.home.h1") in page
    assert "Әлиев Қайрат" in page, "its own name, though no guardian's secret bears it"
    assert client.get("/ru/family/applications/").status_code == 403
    user = queries.user_by_subject("sub-3")
    assert come(Client(), provider, "sub-3", iin=number)["Location"] == "/ru/family/"
    assert come(Client(), provider, "sub-renamed", iin=number)["Location"] == "/ru/family/"
    assert queries.user_of_guardian(youths.account(child)) == user
    assert len(events("admit_youth")) == 1
    assert people.guardian_id(people.FamilyRow(people.guardian(3), ())) != youths.account(child)


@pytest.mark.parametrize("asked", ["everybody", "staff"])
def test_one_factor_does_not_open_it_where_everybody_shows_two(
    asked: str, client: Client, provider: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`staff` is the control: the same child comes in by the provider's word alone."""
    settings.TWO_FACTORS = asked
    _, number = pupil(3, 15)
    answer = come(client, provider, "sub-3", iin=number)
    assert answer.status_code == (403 if asked == "everybody" else 302)
    assert client.get("/ru/family/").status_code == (302 if asked == "everybody" else 200)
    if asked == "everybody":
        assert texts.refusal("ru", "youth_one_factor") in answer.content.decode()
        monkeypatch.setenv(openid.TWO_FACTORS, "mfa")
        assert come(client, provider, "sub-3", iin=number, amr=["mfa"])["Location"] == "/ru/family/"


@pytest.mark.parametrize(("years", "reason"), [(12, "youth_too_young"), (19, "youth_of_age")])
def test_a_child_of_another_age_is_told_so_and_has_no_account(
    client: Client, provider: Provider, years: int, reason: str
) -> None:
    _, number = pupil(3, years)
    for language in texts.LANGUAGES:
        answer = come(client, provider, "sub-3", f"/{language}/sign-in/begin/", iin=number)
        assert answer.status_code == 403
        assert texts.refusal(language, reason, first=14, end=18) in unescape(answer.content.decode())
    assert queries.user_by_subject("sub-3") is None
    assert {json.loads(detail)["by"] for _, detail in events("refuse_sign_in")} == {reason}


def test_a_child_without_a_guardian_here_is_not_let_in_nor_one_who_was(client: Client, provider: Provider) -> None:
    child, number = pupil(3, 15)
    come(client, provider, "sub-3", iin=number)
    guardian = people.guardian_id(people.FamilyRow(people.guardian(3), ()))
    ended: dict[str, Any] = {"guardian_id": guardian, "child_id": child, "reason": "court", "at": clock.read()}
    commands.end_guardianship(actor=people.actor(Role.CHECKER), key=uuid4(), **ended)
    assert client.get("/ru/family/").status_code == 403
    answer = come(Client(), provider, "sub-3", iin=number)
    assert answer.status_code == 403
    assert texts.refusal("ru", "youth_without_guardian") in answer.content.decode()


def test_a_parent_under_eighteen_keeps_the_guardians_account(client: Client, provider: Provider) -> None:
    child, number = pupil(3, 16)
    own = people.guardian(50, iin=number, born_on=youths.aged(16, clock.read()))
    people.register(people.astana(), [people.FamilyRow(own, (people.child(60, born_on=date(2025, 12, 1)),))])
    assert come(client, provider, "sub-3", iin=number)["Location"] == "/ru/family/"
    assert client.get("/ru/family/applications/").status_code == 200
    assert events("admit_youth") == []
    assert queries.guardians_of([child], clock.local_day(clock.read())) != {}


def test_an_installation_without_own_accounts_knows_no_child(client: Client, provider: Provider, settings: Any) -> None:
    _, number = pupil(3, 15)
    settings.YOUTH_AGES = None
    answer = come(client, provider, "sub-3", iin=number)
    assert answer.status_code == 403
    assert texts.refusal("ru", "person_unknown") in answer.content.decode()

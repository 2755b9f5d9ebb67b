"""A family's first page offers what it can still do, and the public pages lead everybody to their own door."""

from __future__ import annotations

import re
import sys
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import queries
from qosymsha.domain.admission.models import Application
from qosymsha.domain.people.models import Guardianship
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import bare_district
from qosymsha.kernel import clock
from tests.factories import admission, front, lives
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
OFFER = texts.say("kk", "home.look_apply")


@pytest.fixture
def life() -> lives.Life:
    """A guardian of two children while a round is open; nothing is filed."""
    found = lives.begun(2)
    clock.shift_to(admission.INSIDE)
    return found


def home(life: lives.Life) -> str:
    client = browsing.come_in(Client(), browsing.guardian_user(life.guardian))
    return unescape(client.get("/kk/family/").content.decode())


def file(life: lives.Life, *children: int) -> None:
    outcomes = life.city.file(life.the_round, [(life.guardian, child) for child in children])
    assert {outcome.reason for outcome in outcomes} == {None}


def test_an_open_round_is_offered_while_a_child_can_still_be_filed(
    life: lives.Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OFFER in home(life)
    file(life, life.children[0])
    assert OFFER in home(life), "the other child can be filed"
    file(life, life.children[1])
    assert OFFER not in home(life)
    with monkeypatch.context() as control:
        control.setattr(queries, "openings_left", lambda at, **_: queries.openings(at))
        assert OFFER in home(life), "the control: an open round alone was offered for ever"
    Application.objects.filter(child_id=life.children[0]).update(state="withdrawn")
    assert OFFER in home(life), "taken back: it can be filed again"


def test_it_is_not_offered_for_a_child_who_holds_a_voucher_or_is_another_familys(life: lives.Life) -> None:
    for child in life.children:
        life.city.hold_voucher(child)
    assert OFFER not in home(life)
    ((stranger, other),) = life.city.families(1)
    assert OFFER not in home(life), "another family's child is none of ours"
    Guardianship.objects.filter(guardian_id=stranger, child_id=other).update(guardian_id=life.guardian)
    assert OFFER in home(life)


def asked(life: lives.Life) -> int:
    """How many statements say in which rounds a child may be filed."""
    actor = browsing.actor(browsing.guardian_user(life.guardian))
    at = clock.read()
    with CaptureQueriesContext(connection) as seen:
        queries.openings_left(actor=actor, at=at)
    return len(seen)


def test_more_children_and_rounds_cost_no_more_statements(life: lives.Life, monkeypatch: pytest.MonkeyPatch) -> None:
    file(life, life.children[0])  # so that there is something read from the first time on
    few = asked(life)
    more = [child for _, child in life.city.families(5)]
    Guardianship.objects.filter(child_id__in=more).update(guardian_id=life.guardian)
    file(life, *more)
    module: Any = sys.modules[queries.openings.__module__]
    real = module.openings
    monkeypatch.setattr(module, "openings", lambda at: 3 * real(at))
    assert asked(life) == few


def header(client: Client, address: str) -> bytes:
    shown = client.get(address).content
    return shown.partition(b'<header class="top">')[2].partition(b"</header>")[0]


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_public_page_is_the_same_for_everybody_and_leads_each_to_their_own(life: lives.Life, language: str) -> None:
    mother = browsing.come_in(Client(), browsing.guardian_user(life.guardian))
    assert header(mother, f"/{language}/") == header(Client(), f"/{language}/")
    (way,) = re.findall(r'<p class="who"><a href="([^"]+)">([^<]+)</a>', header(mother, f"/{language}/").decode())
    assert way == (f"/{language}/sign-in/", texts.say(language, "door.my_page"))
    answer: Any = mother.get(way[0])
    assert (answer.status_code, answer["Location"][3:]) == (302, "/family/")
    assert Client().get(way[0]).status_code == 200


def test_a_districts_word_is_not_said_twice(client: Client) -> None:
    front.points()
    for language, label in (("kk", "Аудан"), ("ru", "Район"), ("en", "District")):
        shown = unescape(client.get(f"/{language}/points/").content.decode())
        named = re.findall(rf"<dt>{label}</dt><dd>([^<]+)</dd>", shown)
        assert len(named) == 7
        assert not [name for name in named if re.search("аудан|район|district", name)]


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("район Алматы", "Алматы"),
        ("Алматы ауданы", "Алматы"),
        ("Almaty district", "Almaty"),
        ("Наурызбайский район", "Наурызбайский"),
        ("Астана", "Астана"),
        ("Районная", "Районная"),
    ],
)
def test_a_districts_bare_name(name: str, bare: str) -> None:
    assert bare_district(name) == bare

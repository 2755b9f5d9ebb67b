"""Language and messages at the doors of clubs and officials: the same page, what each is told, nothing of another's."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils.html import escape

from qosymsha.domain.messages.queries import switched_off
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people import preferences
from qosymsha.domain.people.commands import set_preferences
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.families import named
from tests.factories.vouchers import AT, City, add_children, key, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
ADDRESS = "dana@example.kz"


@pytest.fixture
def city() -> City:
    """The first of September."""
    clock.shift_to(AT)
    return make_city()


def themes_of(page: str) -> dict[str, bool]:
    """Theme → ticked, as the page offers them."""
    boxes = re.findall(r'<input type="checkbox" name="themes" value="(\w+)"([^>]*)>', page)
    return {theme: "checked" in rest for theme, rest in boxes}


def form(client: Client, page: str) -> dict[str, str]:
    return browsing.form_of(client.get(page).content.decode(), "form wide")


@pytest.mark.parametrize(
    ("role", "door", "themes"),
    [
        (Role.PROVIDER_MANAGER, "provider", ("guests", "sheets", "money", "papers")),
        (Role.CHECKER, "office", ("files", "controls")),
        (Role.PROGRAMME_OFFICER, "office", ("rules",)),
        (Role.APPROVER, "office", ()),
    ],
)
def test_each_role_is_offered_what_it_is_told_and_what_it_says_is_kept(
    client: Client, city: City, role: Role, door: str, themes: tuple[str, ...]
) -> None:
    scope = {"provider_id": city.provider_id} if door == "provider" else {"territory_id": city.territory_id}
    user = browsing.official(role, name="p:1", **scope)
    browsing.come_in(client, user)
    page = f"/en/{door}/preferences/"
    shown = client.get(page).content.decode()
    assert themes_of(shown) == dict.fromkeys(themes, True)
    assert escape(texts.say("en", f"prefs.always.{door}")) in shown
    assert 'value="sms"' not in shown, "nobody there has a phone on record"
    sent = form(client, page) | {"language": "ru", "channels": ["email"], "email": ADDRESS, "themes": list(themes[:1])}
    for _ in range(2):  # twice is once
        answer = client.post(page, sent)
        assert answer["Location"] == f"/ru/{door}/preferences/"
    assert texts.say("ru", "prefs.saved") in client.get(answer["Location"]).content.decode()
    actor = browsing.actor(user)
    assert preferences.own_preferences(actor) == Preferences("ru", frozenset({"app", "email"}), ADDRESS)
    assert switched_off(actor, Door(door)) == set(themes[1:])
    assert themes_of(client.get(page).content.decode()) == {one: one in themes[:1] for one in themes}


@pytest.mark.parametrize(("role", "door"), [(Role.TEACHER, "provider"), (Role.AUDITOR, "office")])
def test_who_is_told_nothing_reads_so(client: Client, city: City, role: Role, door: str) -> None:
    scope = {"provider_id": city.provider_id} if door == "provider" else {}
    browsing.come_in(client, browsing.official(role, name="p:2", **scope))
    shown = client.get(f"/en/{door}/preferences/").content.decode()
    assert texts.say("en", "prefs.nothing_sent") in shown
    assert themes_of(shown) == {}


def test_the_inbox_leads_to_it(client: Client, city: City) -> None:
    for role, door in ((Role.PROVIDER_MANAGER, "provider"), (Role.CHECKER, "office")):
        scope = {"provider_id": city.provider_id} if door == "provider" else {"territory_id": city.territory_id}
        browsing.come_in(client, browsing.official(role, name=f"i:{door}", **scope))
        assert f'href="/kk/{door}/preferences/"' in client.get(f"/kk/{door}/notices/").content.decode()


@pytest.mark.parametrize(
    "wrong", [{"themes": ["control_found"]}, {"themes": ["files"]}, {"channels": ["sms"]}, {"channels": "email"}]
)
def test_what_is_not_offered_is_not_taken_and_stores_nothing(
    client: Client, city: City, wrong: dict[str, object]
) -> None:
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="p:3")
    browsing.come_in(client, user)
    page = "/en/provider/preferences/"
    assert client.post(page, form(client, page) | {"language": "en"} | wrong).status_code == 422
    assert preferences.own_preferences(browsing.actor(user)).is_told is False
    assert switched_off(browsing.actor(user), Door.PROVIDER) == set()


def test_a_page_of_the_version_before_switches_nothing_off(client: Client, city: City) -> None:
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="p:4")
    browsing.come_in(client, user)
    page = "/en/provider/preferences/"
    sent = form(client, page) | {"language": "en"}
    older = {name: value for name, value in sent.items() if name != "says_themes"}
    assert client.post(page, older).status_code == 302
    assert switched_off(browsing.actor(user), Door.PROVIDER) == set()
    assert client.post(page, form(client, page) | {"language": "en"}).status_code == 302
    assert switched_off(browsing.actor(user), Door.PROVIDER) == {"guests", "sheets", "money", "papers"}, "the control"


def test_a_mother_who_leads_a_club_loses_no_sms_by_what_she_says_there(client: Client, city: City) -> None:
    (child,) = add_children(city, 1)
    named(("guardian", city.guardian(child), "Әлиева", "Сәуле"))
    user = browsing.guardian_user(city.guardian(child))
    mother = browsing.actor(user)
    set_preferences(actor=mother, wish=Preferences("kk", frozenset({"sms", "push"})), at=AT, key=key())
    subject = f"test:guardian:{city.guardian(child)}"
    assert browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name=subject) == user
    browsing.come_in(client, user)
    page = "/kk/provider/preferences/"
    client.post(page, form(client, page) | {"language": "kk", "channels": "email", "email": ADDRESS})
    assert preferences.own_preferences(mother).channels == {"app", "sms", "push", "email"}
    client.post(page, form(client, page) | {"language": "kk"})
    assert preferences.own_preferences(mother).channels == {"app", "sms", "push"}

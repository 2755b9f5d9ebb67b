"""Pages that say no: in the layout of the door they were met in, with its menu and a way out, never a dead end."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from qosymsha.domain.people.commands import dismiss
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.family import views
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.vouchers import AT, add_children, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
NOWHERE = "nowhere/"


@pytest.fixture
def family(client: Client) -> Client:
    """A guardian's browser."""
    city = make_city()
    (child,) = add_children(city, 1)
    clock.shift_to(AT)
    return browsing.come_in(client, browsing.guardian_user(city.guardian(child)))


def links(shown: str) -> list[str]:
    """Where the page's own part leads."""
    return re.findall(r'href="([^"]+)"', shown.partition("<main")[2].partition("</main>")[0])


def menu(shown: str) -> str:
    return shown.partition('<nav class="menu"')[2].partition("</nav>")[0]


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_wrong_address_inside_a_door_keeps_its_menu(family: Client, language: str) -> None:
    answer = family.get(f"/{language}/family/{NOWHERE}")
    shown = answer.content.decode()
    assert (answer.status_code, answer["Cache-Control"]) == (404, "no-store")
    assert texts.say(language, "family.months") in menu(shown)
    assert links(shown) == [f"/{language}/family/", f"/{language}/"]
    strangers = Client().get(f"/{language}/family/{NOWHERE}").content.decode()
    assert menu(strangers) == "", "the control: who is not signed in sees no door"
    assert f"/{language}/family/" in links(strangers)


def test_a_page_of_another_door_says_so_in_ones_own(client: Client, family: Client) -> None:
    answer = family.get("/ru/office/")
    assert answer.status_code == 403
    assert links(answer.content.decode()) == ["/ru/family/", "/ru/"]
    teacher = browsing.come_in(Client(), browsing.official(Role.AUDITOR))
    answer = teacher.get("/ru/family/")
    assert answer.status_code == 403
    assert links(answer.content.decode()) == ["/ru/office/", "/ru/"]


def test_somebody_whose_rights_have_ended_is_led_to_the_page_that_says_so(client: Client) -> None:
    clock.shift_to(AT)
    user = browsing.official(Role.CHECKER)
    nobody = browsing.come_in(client, user)
    assert nobody.get("/kk/office/").status_code == 200, "the control"
    right = Membership.objects.get(user_id=user).pk
    dismiss(actor=browsing.SYSTEM, membership_id=right, at=clock.read(), key=browsing.new_key())
    answer = nobody.get("/kk/office/")
    assert answer.status_code == 403
    assert links(answer.content.decode()) == ["/kk/no-rights/", "/kk/"]


def test_an_error_of_ours_leads_back_to_the_page_and_to_the_doors_first(
    family: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise LookupError("the server is gone")

    monkeypatch.setattr(views.queries, "own_children", fails)
    family.raise_request_exception = False
    answer = family.get("/kk/family/")
    assert answer.status_code == 500
    assert links(answer.content.decode())[:3] == ["/kk/family/", "/kk/family/", "/kk/"]
    assert "gone" not in answer.content.decode()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_buttons_address_opened_by_hand_is_no_blank_page(family: Client, language: str) -> None:
    """As after a reload, or the language changed on the page that a button's POST was answered with."""
    address = f"/{language}/family/vouchers/00000000-0000-4000-8000-000000000007/accept/"
    answer = family.get(address)
    assert (answer.status_code, answer["Allow"], answer["Cache-Control"]) == (405, "POST", "no-store")
    assert texts.say(language, "error.405.h1") in answer.content.decode()
    assert links(answer.content.decode()) == [f"/{language}/family/", f"/{language}/"]
    assert Client().get(f"/{language}/step-up/code/").status_code == 405

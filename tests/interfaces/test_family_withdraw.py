"""A family takes its application back: once, its own, while it may; another can then be filed in the open round."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client

from qosymsha.domain.admission.models import Application
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission, lives
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@pytest.fixture
def filed() -> tuple[lives.Life, Client, Application]:
    """A filed application while the round is open, and its guardian's browser."""
    life = lives.begun()
    clock.shift_to(admission.INSIDE)
    assert life.city.file(life.the_round, [(life.guardian, life.children[0])])[0].reason is None
    client = browsing.come_in(Client(), browsing.guardian_user(life.guardian))
    return life, client, Application.objects.get(child_id=life.children[0])


def address(one: Application, end: str = "") -> str:
    return f"/kk/family/applications/{one.uuid}/{end}"


def test_it_is_taken_back_once_and_another_may_be_filed(filed: tuple[lives.Life, Client, Application]) -> None:
    life, client, one = filed
    sent = browsing.form_of(client.get(address(one)).content.decode(), "withdraw")
    for _ in range(2):  # a double click
        answer = client.post(address(one, "withdraw/"), sent, follow=True)
        assert texts.say("kk", "application.withdrawn") in unescape(answer.content.decode())
    one.refresh_from_db()
    assert one.state == "withdrawn"
    shown = unescape(client.get(address(one)).content.decode())
    assert texts.say("kk", "why.state.withdrawn") in shown
    assert texts.say("kk", "application.withdraw") not in shown
    assert life.city.file(life.the_round, [(life.guardian, life.children[0])])[0].reason is None


def test_a_granted_one_is_not_taken_back_but_says_so(filed: tuple[lives.Life, Client, Application]) -> None:
    life, client, one = filed
    sent = browsing.form_of(client.get(address(one)).content.decode(), "withdraw")
    lives.drawn(life)
    clock.shift_to(admission.AFTER)
    client = browsing.come_in(Client(), browsing.guardian_user(life.guardian))  # the visit of the first day is over
    assert texts.say("kk", "application.withdraw") not in unescape(client.get(address(one)).content.decode())
    answer = client.post(address(one, "withdraw/"), sent)
    assert answer.status_code == 409
    assert texts.refusal("kk", "application_in_other_state") in unescape(answer.content.decode())


def test_anothers_is_not_there(filed: tuple[lives.Life, Client, Application]) -> None:
    life, client, one = filed
    ((other, _),) = life.city.families(1)
    stranger = browsing.come_in(Client(), browsing.guardian_user(other))
    sent = browsing.form_of(client.get(address(one)).content.decode(), "withdraw")
    assert stranger.post(address(one, "withdraw/"), sent).status_code == 404
    one.refresh_from_db()
    assert one.state == "submitted"

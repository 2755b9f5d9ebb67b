"""A legal account reaches so many children a day: then a page that says what to do, and who may let it on."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from qosymsha.config.urls import handler404, handler500
from qosymsha.config.urls import urlpatterns as real
from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.models import Child, ReadingDay, SecurityEvent
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import guard, texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.office import Desk, desk
from tests.interfaces import browsing
from tests.interfaces.test_office_pages import come

__all__ = ["handler404", "handler500", "urlpatterns"]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
PAGE = "/en/office/reading/"


@allowed(Action.READ_PERSONS)
def person(request: SignedRequest, child_id: int) -> HttpResponse:
    """A page that shows one child, by the query that any page of one child would call."""
    found = queries.persons(actor=request.actor, kind="child", subject_ids=[child_id], at=request.at)
    return HttpResponse(found[child_id].full_name)


urlpatterns = [*real, path("person/<int:child_id>/", person, name="planted-person")]


def address(of: Desk, n: int) -> str:
    return f"/person/{of.rows[n].child_id}/"


def text(answer: Any) -> str:
    return unescape(answer.content.decode())


def walk(client: Client, of: Desk) -> list[int]:
    """Open one child after another."""
    return [client.get(address(of, n)).status_code for n in range(len(of.rows))]


def test_a_walk_is_stopped_and_a_second_person_lets_it_on(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.READING_LIMITS = {"checker": 3}
    of = desk(families=6)
    checker, chief = come(of, Role.CHECKER), come(of, Role.PROGRAMME_OFFICER)
    assert walk(checker, of) == [200, 200, 200, 429, 429, 429]
    stopped = checker.get(address(of, 5))
    assert texts.say("kk", "stopped.h1") in text(stopped)
    assert texts.say("kk", "reading.own", n=3, most=3) in text(stopped)
    assert "Айгүл 6" not in text(stopped)
    assert stopped["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(action="stop_reading").count() == 1
    assert SecurityEvent.objects.filter(kind="reading_stopped").count() == 1
    assert checker.get(address(of, 0)).status_code == 200  # read today: stays open

    name, shown = of.name_of(Role.CHECKER), text(chief.get(PAGE))
    assert name in shown
    sent = browsing.form_of(shown) | {"account": str(_uuid(of)), "children": "2"}
    assert chief.post(PAGE, sent).status_code == 422
    assert chief.post(PAGE, sent | {"reason": "a parents' enquiry"}).status_code == 302
    assert texts.say("en", "reading.none_stopped") in text(chief.get(PAGE))
    assert walk(checker, of) == [200] * 5 + [429]
    monkeypatch.setattr(guard, "count", lambda *_: None)  # the control: nobody counts
    assert walk(checker, of) == [200] * 6


def _uuid(of: Desk) -> object:
    """The checker's account."""
    return ReadingDay.objects.exclude(stopped_at=None).get().user.uuid


def test_nobody_stopped_lets_oneself_on(settings: Any) -> None:
    settings.READING_LIMITS = {"programme_officer": 2}
    of = desk(families=4)
    chief = come(of, Role.PROGRAMME_OFFICER)
    assert walk(chief, of)[-1] == 429
    shown = text(chief.get(PAGE))
    assert texts.say("en", "reading.none_stopped") in shown
    sent = {"account": str(_uuid(of)), "children": "2", "reason": "I want to", "key": str(browsing.new_key())}
    assert chief.post(PAGE, sent).status_code == 422
    assert walk(chief, of)[-1] == 429


def test_a_honeytoken_read_stands_before_the_auditor_and_not_before_the_reader() -> None:
    of = desk(families=4)
    token = Child.objects.get(pk=of.rows[1].child_id)
    hand = browsing.SYSTEM
    commands.lay_honeytoken(actor=hand, child_uuid=token.uuid, at=clock.read())
    checker, auditor = come(of, Role.CHECKER), come(of, Role.AUDITOR)
    word = texts.say("en", "alarm.honeytoken_read")
    assert checker.get(address(of, 0)).status_code == 200
    assert word not in text(auditor.get(PAGE))  # the control: another child raises none
    plain, seen = text(checker.get(address(of, 2))), text(checker.get(address(of, 1)))
    assert word not in plain + seen + text(checker.get(PAGE))
    shown = text(auditor.get(PAGE))
    assert word in shown
    assert of.name_of(Role.CHECKER) in shown
    assert str(token.uuid) not in shown

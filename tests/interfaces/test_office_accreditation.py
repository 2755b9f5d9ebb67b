"""Accreditation at the office: the queue's order, a case, verdicts with their reach said first; who may."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import commands
from qosymsha.domain.providers.models import Accreditation, AccreditationHistory
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.providers import AT, MANAGER_OF_ALL, Market, papers
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> tuple[Client, Market]:
    """A checker signed in a week after the first file came."""
    market = Market()
    clock.shift_to(AT + timedelta(days=14))
    come(client, market, Role.CHECKER)
    return client, market


def come(client: Client, market: Market, role: Role, territory_id: int | None = None) -> None:
    user = browsing.official(role, territory_id=territory_id or market.territory_id, name=f"test:{role}:{territory_id}")
    browsing.come_in(client, user, strong=True)


def shown(client: Client, name: str, *args: object, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/en{reverse(name, args=args)[3:]}{query}")
    assert answer.status_code == status, (name, answer.status_code)
    return unescape(answer.content.decode())


def decide(client: Client, file: Accreditation, verdict: str, **typed: Any) -> Any:
    address = f"/en{reverse('office-accreditation-decide', args=[file.uuid, verdict])[3:]}"
    return client.post(address, browsing.form_of(client.get(address).content.decode()) | typed)


def filed(market: Market, serial: int, days: int = 0, *, complete: bool = True) -> Accreditation:
    at = AT + timedelta(days=days)
    filing = commands.Filing(market.provider(serial), market.programme_id, papers() if complete else papers()[:2])
    i = commands.file_accreditation(actor=MANAGER_OF_ALL, filing=filing, at=at, key=browsing.new_key())
    return Accreditation.objects.get(pk=i)


def test_the_queue_is_the_oldest_first_and_says_what_is_late_and_what_is_missing(desk: tuple[Client, Market]) -> None:
    client, market = desk
    young, old = filed(market, 2, days=13, complete=False), filed(market, 1)
    page = shown(client, "office-accreditation")
    assert page.index(str(old.uuid)) < page.index(str(young.uuid))
    late = f"{old.review_by:%d.%m.%Y}"
    assert texts.say("en", "accr.was_due", day=late) in page
    assert texts.say("en", "accr.due", day=f"{young.review_by:%d.%m.%Y}") in page
    assert texts.say("en", "accr.kind.fire") in page
    home = shown(client, "office-home")
    assert texts.say("en", "office.task.accreditation", n=2) in home


def test_a_case_goes_from_review_to_its_end_with_reasons_and_its_reach_said(desk: tuple[Client, Market]) -> None:
    client, market = desk
    file = filed(market, 1)
    address = f"/en{reverse('office-accreditation-take-up', args=[file.uuid])[3:]}"
    case = client.get(f"/en{reverse('office-accreditation-case', args=[file.uuid])[3:]}").content.decode()
    assert client.post(address, browsing.form_of(case, "take-up")).status_code == 302
    assert decide(client, file, "refuse", grounds=["fire_unsafe"]).status_code == 422  # no words
    last = AT.date() + timedelta(days=100)
    assert decide(client, file, "accredit", last=str(last)).status_code == 302
    file.refresh_from_db()
    assert (file.state, file.valid.upper) == ("accredited", last + timedelta(days=1))
    assert texts.say("en", "accr.touches_children", groups=0, children=0) in shown(
        client, "office-accreditation-decide", file.uuid, "limit"
    )
    said = {"grounds": ["control_findings", "fire_unsafe"], "reason": "No second exit."}
    assert decide(client, file, "limit", **said).status_code == 302
    file.refresh_from_db()
    assert (file.state, file.grounds, file.reason) == ("limited", said["grounds"], said["reason"])
    line = AccreditationHistory.objects.latest("id")
    assert (line.to_state, line.grounds) == ("limited", said["grounds"])
    page = shown(client, "office-accreditation-case", file.uuid)
    assert "No second exit." in page
    assert texts.say("en", "accr.ground.fire_unsafe") in page
    assert decide(client, file, "revoke", grounds=["nonsense"], reason="x").status_code == 422
    shown(client, "office-accreditation-decide", file.uuid, "refuse", status=404)  # its state allows no refusal
    assert decide(client, file, "revoke", grounds=["false_papers"], reason="x").status_code == 302


def test_without_a_paper_nobody_is_accredited(desk: tuple[Client, Market]) -> None:
    client, market = desk
    file = filed(market, 1, complete=False)
    assert texts.say("en", "accr.cannot_yet") in shown(client, "office-accreditation-decide", file.uuid, "accredit")
    answer = decide(client, file, "accredit")
    assert answer.status_code == 422
    assert texts.refusal("en", "papers_missing") in unescape(answer.content.decode())
    file.refresh_from_db()
    assert file.state == "filed"


def test_only_a_checker_of_the_place_decides_and_others_only_look(client: Client) -> None:
    market = Market()
    clock.shift_to(AT)
    file = filed(market, 1)
    come(client, market, Role.AUDITOR)
    page = shown(client, "office-accreditation-case", file.uuid)
    assert "/accredit/" not in page
    shown(client, "office-accreditation-decide", file.uuid, "accredit", status=403)
    come(client, market, Role.PAYER)
    shown(client, "office-accreditation", status=403)
    come(client, market, Role.CHECKER, territory_id=market.district_id)  # a checker of elsewhere
    shown(client, "office-accreditation-case", file.uuid, status=404)
    shown(client, "office-accreditation-decide", file.uuid, "accredit", status=404)
    assert str(file.uuid) not in shown(client, "office-accreditation")
    come(client, market, Role.CHECKER)  # control: the place's own checker sees it
    assert str(file.uuid) in shown(client, "office-accreditation")


def test_the_queue_asks_the_database_as_often_for_five_files_as_for_one(desk: tuple[Client, Market]) -> None:
    client, market = desk
    counts = []
    for serials in ((1,), (2, 3, 4, 5)):
        for serial in serials:
            filed(market, serial)
        with CaptureQueriesContext(connection) as asked:
            shown(client, "office-accreditation")
        counts.append(len(asked))
    assert counts[0] == counts[1]

"""Contracts, papers, refusals, next year and waiting lists are readable on a phone and at a desk; axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client, override_settings
from playwright.sync_api import Page

from qosymsha.domain.agreements import commands
from qosymsha.domain.agreements.models import ChildRefusal
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import papers, settlement
from tests.factories.families import named
from tests.factories.vouchers import AT, accepted, key
from tests.interfaces import browsing
from tests.interfaces.test_agreements_pages import Club, club
from tests.journeys import axe, eyes
from tests.rooms.test_agreements import guardian, manager
from tests.rooms.test_agreements_places import next_group

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOKS = {"phone-light": (eyes.PHONE, "light"), "desktop-dark": (eyes.DESKTOP, "dark")}


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


@dataclass(frozen=True, slots=True)
class Door:
    """Somebody's pages by name, and the session they come with."""

    session: str
    pages: dict[str, str]


def doors() -> list[Door]:
    """A family, a club and an officer, each with something on every page."""
    assert len({key() for _ in range(60)}) == 60  # the factories of both cities count territories from 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('voucher_serial', 100000)")  # the settlement factory counts from 1 by itself
    one = club(children=3, capacity=3)
    at = AT + timedelta(days=20)
    clock.shift_to(at)
    city, place = one.city, one.enrolment
    next_group(city)
    refused = Enrolment.objects.filter(group=one.group).order_by("-id")[0]
    mine = commands.refuse_child(
        actor=manager(city), enrolment_id=place.pk, ground="medical", paper_number="N 77", at=at, key=key()
    )
    commands.refuse_child(
        actor=manager(city), enrolment_id=refused.pk, ground="papers_missing", paper_number="", at=at, key=key()
    )
    commands.answer_refusal(
        actor=guardian(one.guardian), refusal_id=mine, agrees=False, words="Она здорова", at=at, key=key()
    )
    refusal = ChildRefusal.objects.get(pk=mine).uuid
    return [*_club_and_family(one, refusal), _officer(one, refusal), _waiting(one, at), _acts()]


def _club_and_family(one: Club, refusal: Any) -> list[Door]:
    contract, place, group = one.contract.uuid, one.enrolment.uuid, one.group.uuid
    club_pages = {
        "families": "", "sign": f"sign/?c={contract}", "contract": f"contracts/{contract}/", "papers": "papers/",
        "paper": f"papers/{place}/", "refusals": "refusals/", "refuse": f"refusals/{place}/", "renewal": "next-year/",
        "payments": "payments/", "charge": f"payments/{group}/", "receipt": f"receipts/{place}/",
    }  # fmt: skip
    family_pages = {
        "contracts": "contracts/", "contract": f"contracts/{contract}/", "sign": f"contracts/{contract}/sign/",
        "refusal": f"refusals/{refusal}/", "papers": "enrolment-papers/", "paper": f"enrolment-papers/{place}/",
    }  # fmt: skip
    browsing.come_in(one.house, int(one.house.session["user"]), strong=True)
    browsing.come_in(one.family, int(one.family.session["user"]), strong=True)
    return [
        Door(_key(one.house), {f"club-{name}": f"provider/families/{tail}" for name, tail in club_pages.items()}),
        Door(_key(one.family), {f"family-{name}": f"family/{tail}" for name, tail in family_pages.items()}),
    ]


def _officer(one: Club, refusal: Any) -> Door:
    browsing.come_in(one.office, int(one.office.session["user"]), strong=True)
    return Door(
        _key(one.office),
        {"office-refusals": "office/refusals/", "office-refusal": f"office/refusals/{refusal}/"},
    )


def _waiting(one: Club, at: Any) -> Door:
    """A family that waits for the full group and has nothing else."""
    ((voucher, child, guardian_id),) = accepted(one.city, 1)
    named(("child", child, "Омарова", "Дана"))
    pages = {"wait": f"family/groups/{one.group.uuid}/wait/", "waiting": "family/waiting/"}
    actor = guardian(guardian_id)
    commands.join_waiting(actor=actor, group_id=one.group.pk, voucher_id=voucher, at=at, key=key())
    client = Client()
    browsing.come_in(client, browsing.guardian_user(guardian_id), strong=True)
    return Door(_key(client), pages)


def _acts() -> Door:
    """An act that waits for the customer, at the approver's desk."""
    with transaction.atomic():
        home = settlement.city(**papers.ALL_PAPERS)
    act = papers.act_of(home)
    client = Client()
    user = browsing.official(Role.APPROVER, territory_id=home.territory.id, name="test:approver:acts")
    browsing.come_in(client, user, strong=True)
    pages = {
        "acts": "",
        "act": f"{act.number}/",
        "act-sign": f"{act.number}/sign/",
        "act-refuse": f"{act.number}/refuse/",
    }
    return Door(_key(client), {f"office-{name}": f"office/acts/{tail}" for name, tail in pages.items()})


def _key(client: Client) -> str:
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def test_the_pages_of_families_clubs_and_officers_are_readable(live_server: Any, browser_path: Path) -> None:
    """Each page in one language and one look, turn about: between them they meet all."""
    everybody, faults = doors(), []
    with eyes.browser(browser_path) as browser:
        for turn, language in enumerate(texts.LANGUAGES):
            look = list(LOOKS)[turn % 2]
            viewport, scheme = LOOKS[look]
            for door in everybody:
                mine = [page for number, page in enumerate(door.pages.items()) if number % len(texts.LANGUAGES) == turn]
                options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
                cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": door.session, "url": live_server.url}
                with eyes.page(browser, f"{live_server.url}/{language}/", **options) as page:
                    page.context.add_cookies([cookie])
                    for name, address in mine:
                        fault = looked_at(page, f"{live_server.url}/{language}/{address}", f"{name}-{language}-{look}")
                        faults += [fault] if fault else []
    assert faults == []


def looked_at(page: Page, address: str, name: str) -> str:
    """What is wrong with the page at an address, or nothing; its picture where one is asked for."""
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        return f"{address}: {answer and answer.status}"
    eyes.picture(page, f"agreements-{name}")
    try:
        eyes.assert_readable(page)
        axe.assert_clean(page)
    except AssertionError as fault:
        return f"{name}: {fault}"
    return ""

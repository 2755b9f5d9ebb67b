"""Trial lessons, halls, a move, scans: readable on a phone and at a desk, in three languages; axe finds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.agreements.commands import PaperDraft
from qosymsha.domain.agreements.models import EnrolmentPaper
from qosymsha.domain.attendance.models import Session
from qosymsha.domain.changes import commands as changes
from qosymsha.domain.providers.models import ClubGroup, TimetableSlot
from qosymsha.domain.trials import commands as trials
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import uploads
from tests.factories.attendance import plan
from tests.factories.families import named
from tests.factories.vouchers import AT, SYSTEM, add_children, add_group, enrolled, key, make_city
from tests.interfaces import browsing
from tests.interfaces.test_provider_desk import come
from tests.journeys import axe, eyes
from tests.rooms.test_agreements import guardian, manager
from tests.rooms.test_halls import hall

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("QOSYMSHA_SHOTS", "")
EVERY = (
    ("kk", eyes.PHONE, "light"), ("ru", eyes.DESKTOP, "dark"), ("en", eyes.PHONE, "dark"), ("ru", eyes.PHONE, "light"),
    ("kk", eyes.DESKTOP, "light"),
)  # fmt: skip


LOOKS = EVERY if os.environ.get("LOOKS") == "whole" else EVERY[:2]


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


def scene() -> list[tuple[Client, dict[str, str]]]:
    """A club with two halls, a move ahead, guests and scans; a family that tries and one that stays."""
    city = make_city()
    groups = [add_group(city, capacity=n) for n in (15, 10, 12)]
    other = hall(city, 25)
    TimetableSlot.objects.filter(group_id=groups[1]).update(starts=time(15, 30), ends=time(17))
    TimetableSlot.objects.filter(group_id=groups[2]).update(starts=time(14), ends=time(15))
    ((_, stays, place),) = enrolled(city, groups[0], 1)
    plan(city)
    changes.change_hall(
        actor=manager(city), group_id=groups[0], venue_id=other, first=date(2026, 9, 14), at=AT, key=key()
    )
    visiting, later = add_children(city, 2)
    for child, given in ((visiting, "Айша"), (later, "Дана")):
        named(("child", child, "Серікова", given))
    lessons = Session.objects.filter(starts_at__gt=AT).order_by("starts_at", "id")
    for child, group in ((visiting, groups[1]), (visiting, groups[2]), (later, groups[1])):
        session = lessons.filter(group_id=group)[0 if child == visiting else 1]
        visitor = guardian(city.guardian(child))
        trials.book_trial(actor=visitor, child_id=child, session_id=session.pk, at=AT, key=key())
    draft = PaperDraft(place, "health_027u", "N 5", date(2026, 8, 20), scan=uploads.png())
    agreements.give_paper(actor=guardian(stays), paper=draft, at=AT, key=key())
    agreements.draw_contracts(actor=SYSTEM, programme_id=city.programme_id, at=AT, key=key())
    clock.shift_to(lessons.filter(group_id=groups[1])[0].starts_at + timedelta(minutes=20))
    house, family, own = Client(), Client(), Client()
    come(house, city)
    browsing.come_in(family, browsing.guardian_user(city.guardian(visiting)), strong=True)
    browsing.come_in(own, browsing.guardian_user(stays), strong=True)
    paper = EnrolmentPaper.objects.get()
    spot, first = paper.enrolment.uuid, ClubGroup.objects.get(pk=groups[0]).uuid
    return [
        (house, {
            "home": "provider/", "week": "provider/week/?on=2026-09-14", "hall": f"provider/groups/{first}/hall/",
            "group": f"provider/groups/{first}/", "guests": "provider/guests/", "lessons": "provider/lessons/",
            "pay": "provider/pay/", "papers": "provider/families/papers/",
            "paper": f"provider/families/papers/{spot}/", "check": f"provider/families/papers/{spot}/{paper.uuid}/",
        }),
        (family, {"trials": "family/trials/", "trial": f"family/groups/{first}/trial/"}),
        (own, {"own-papers": "family/enrolment-papers/", "own-paper": f"family/enrolment-papers/{spot}/"}),
    ]  # fmt: skip


def test_the_pages_are_readable_in_each_look(live_server: Any, browser_path: Path) -> None:
    everybody, faults = scene(), []
    with eyes.browser(browser_path) as browser:
        for language, viewport, scheme in LOOKS:
            for client, pages in everybody:
                session = str(client.cookies[settings.SESSION_COOKIE_NAME].value)
                cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
                options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
                with eyes.page(browser, f"{live_server.url}/{language}/", **options) as page:
                    page.context.add_cookies([cookie])
                    for name, address in pages.items():
                        faults += looked_at(page, f"{live_server.url}/{language}/{address}", name, language, viewport)
    assert faults == [], "\n".join(faults)
    assert {language for language, _, _ in EVERY} == set(texts.LANGUAGES)


def looked_at(page: Any, address: str, name: str, language: str, viewport: Any) -> list[str]:
    """What is wrong with the page at an address; its picture where a folder for pictures is named."""
    answer = page.goto(address)
    if answer is None or answer.status != 200:
        return [f"{address}: {answer and answer.status}"]
    if name == "hall":  # looked at before it is done
        page.locator("input[name=venue]").first.check()
        page.fill("input[name=first]", "2026-09-21")
        page.click("button[value=look]")
        page.wait_for_selector("#looked")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{language}-{viewport['width']}.png", full_page=True)
        if name == "week" and viewport is eyes.DESKTOP:
            page.pdf(path=f"{SHOTS}/week-{language}.pdf")
    try:
        eyes.assert_readable(page)
        axe.assert_clean(page)
    except AssertionError as fault:
        return [f"{name}-{language}-{viewport['width']}: {str(fault)[:400]}"]
    return []

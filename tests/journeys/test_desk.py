"""The manager's desk in a browser: a week changed after a look; how every page of desk and review reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers import commands as providers
from qosymsha.domain.providers.commands import Decision, Verdict
from qosymsha.domain.providers.models import Accreditation, ClubGroup, Teacher, Venue
from qosymsha.domain.providers.rules import Paper
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from tests.factories.attendance import manager, plan
from tests.factories.people import number
from tests.factories.providers import CHECKER
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing
from tests.journeys import axe, eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
MID = local_instant(date(2026, 9, 8), 9)
NAMES = ("Ибраев Марат", "Ахметова Гүлнәр")
SHOTS = os.environ.get("QOSYMSHA_SHOTS", "")


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def desk() -> City:
    """A club with two groups, named teachers, one of whom is gone, papers that end, a review's reasons."""
    clock.shift_to(MID)
    city = make_city()
    programmes.load_classifiers(actor=SYSTEM, at=MID, key=key())
    groups = [add_group(city), add_group(city, "creative", weekdays=(1, 5), tariff=6_000)]
    enrolled(city, groups[0], 3)
    plan(city)
    for one, name in zip(Teacher.objects.order_by("id"), NAMES, strict=True):
        surname, given = name.split()
        person = PersonDetails(number(one.pk, "800101"), surname, given)
        with transaction.atomic():
            seal("teacher", [SecretRow(one.pk, person_json(person))])
    _reviewed(city)
    call = {"actor": manager(city), "provider_id": city.provider_id, "at": MID}
    providers.end_teacher(**call, teacher_id=Teacher.objects.latest("id").pk, reason="ушла", key=key())
    browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="demo:manager")
    browsing.official(Role.CHECKER, territory_id=city.territory_id, name="demo:checker")
    return city


def _reviewed(city: City) -> None:
    """Papers of which one ends within the month and one is missing; limited with reasons, answered."""
    file = Accreditation.objects.get(provider_id=city.provider_id)
    day = date(2026, 1, 1)
    papers = [Paper("premises", "П-17", day), Paper("fire", "ПБ-204", day, date(2026, 9, 30)),
              Paper("sanitary", "СЭ-9", day, date(2026, 9, 1))]  # fmt: skip
    call = {"accreditation_id": file.pk, "at": MID}
    providers.add_papers(**call, actor=manager(city), papers=papers, key=key())
    verdict = Decision(Verdict.LIMIT, "Нет второго выхода из зала.", grounds=("fire_unsafe", "papers_missing"))
    providers.decide_accreditation(**call, actor=CHECKER, decision=verdict, key=key())
    providers.answer_accreditation(**call, actor=manager(city), words="Выход открыли 5 сентября.", key=key())


def enter(page: Page, url: str, who: str, door: str) -> None:
    page.goto(f"{url}/ru/sign-in/")
    page.get_by_role("button", name=who).first.click()
    page.wait_for_url(re.compile(f"/{door}/"))


def desk_pages(city: City) -> list[str]:
    group = ClubGroup.objects.order_by("id").first()
    file, venue, teacher = Accreditation.objects.get(), Venue.objects.get(), Teacher.objects.earliest("id")
    assert group is not None
    one = f"groups/{group.uuid}/"
    return [
        "", "groups/", one, f"{one}timetable/", f"{one}close/", f"{one}edit/", f"{one}places/",
        f"groups/open/?like={group.uuid}", f"venues/{venue.uuid}/", "teachers/", "teachers/invite/",
        f"teachers/{teacher.uuid}/end/", "accreditation/", f"accreditation/{file.uuid}/",
        f"accreditation/for/{programme_uuid()}/",
    ]  # fmt: skip


def programme_uuid() -> str:
    return str(Programme.objects.get().uuid)


def office_pages() -> list[str]:
    file = Accreditation.objects.get()
    one = f"accreditation/{file.uuid}/"
    return ["accreditation/?state=limited", one, f"{one}accredit/", f"{one}revoke/"]


def test_pages_of_the_desk_read_well_small_and_large_by_day_and_night(live_server: Any, browser_path: Path) -> None:
    city = desk()
    doors = (("demo:manager", "provider", desk_pages(city)), ("demo:checker", "office", office_pages()))
    looks = ((eyes.PHONE, "light"), (eyes.DESKTOP, "dark"))
    with eyes.browser(browser_path) as browser:
        for who, door, pages in doors:
            for n, (size, scheme) in enumerate(looks):
                with eyes.page(browser, f"{live_server.url}/ru/", viewport=size, color_scheme=scheme) as page:
                    enter(page, live_server.url, who, door)
                    for at, address in enumerate(pages):
                        if not SHOTS and not eyes.is_turn(at, n, len(looks)):
                            continue
                        for language in ("ru", "kk", "en") if SHOTS else (("ru", "kk")[n],):
                            page.goto(f"{live_server.url}/{language}/{door}/{address}")
                            if SHOTS:
                                name = f"{door}-{at:02}-{language}-{size['width']}-{scheme}.png"
                                page.screenshot(path=Path(SHOTS) / name, full_page=True)
                        eyes.assert_readable(page)
                        axe.assert_clean(page)


def test_a_week_is_looked_at_then_saved_by_keyboard_and_without_scripts(live_server: Any, browser_path: Path) -> None:
    desk()
    group = ClubGroup.objects.earliest("id")
    with eyes.browser(browser_path) as browser:
        options = {"viewport": eyes.PHONE, "java_script_enabled": False}
        with eyes.page(browser, f"{live_server.url}/ru/", **options) as page:
            enter(page, live_server.url, "demo:manager", "provider")
            page.goto(f"{live_server.url}/ru/provider/groups/{group.uuid}/timetable/")
            page.locator("#f-starts_1").fill("15:00")
            page.locator("#f-ends_1").fill("16:00")
            page.locator("#f-teacher_1").select_option(label="Ибраев Марат")
            page.get_by_role("button", name=texts.say("ru", "week.look")).click()
            expect(page.locator("#looked h2")).to_have_text(texts.say("ru", "week.free"))
            page.get_by_role("button", name=texts.say("ru", "week.save")).click()
            expect(page.get_by_role("status")).to_contain_text("Расписание изменено")
            expect(page.locator(".week")).to_contain_text("Понедельник, 15:00–16:00")

"""A manager's month in a browser: plan, move a lesson, correct a mark, send, get it back, send again; how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import MonthSheet, Session, SheetRow
from qosymsha.domain.attendance.rules import RowRemark, Word
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from tests.factories.attendance import OVER, guardian_of, mark, phone, plan, send, sync
from tests.factories.papers import ALL_PAPERS, act_of
from tests.factories.settlement import AT as FEBRUARY
from tests.factories.settlement import city as paid_city
from tests.factories.vouchers import AT, CHANNEL, OFFICER, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
MID = local_instant(date(2026, 9, 15), 9)
NAMES = ("Ахметова Айша", "Сейтқали Нұрислам", "Ким Артём", "Жұмабаева Томирис", "Оспанов Әлихан")


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def club(children: int = 3) -> tuple[City, int, list[int]]:
    """A club with a group of named children; its manager is a user."""
    clock.shift_to(AT)
    city = make_city()
    group = add_group(city)
    places = [e for _, _, e in enrolled(city, group, children)]
    for number, child in enumerate(Child.objects.order_by("id")):
        surname, given = NAMES[number % len(NAMES)].split()
        person = PersonDetails(iin=None, surname=surname, given=given, born_on=date(2016, 5, 5))
        with transaction.atomic():
            seal("child", [SecretRow(child.pk, person_json(person))])
    browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="demo:manager")
    return city, group, places


def enter(page: Page, url: str, language: str = "ru") -> None:
    page.goto(f"{url}/{language}/sign-in/")
    page.get_by_role("button", name="demo:manager").first.click()
    page.wait_for_url(re.compile("/provider/"))


@contextmanager
def phone_of(browser: Browser, url: str) -> Iterator[Page]:
    """A phone on which the manager is signed in, in Russian."""
    with eyes.page(browser, f"{url}/ru/sign-in/", viewport=eyes.PHONE) as page:
        enter(page, url)
        yield page


def say(language: str, key: str, **values: object) -> str:
    return texts.say(language, key, **values)


def test_a_managers_month_from_the_plan_to_the_second_sending(live_server: Any, browser_path: Path) -> None:
    city, group, places = club()
    clock.shift_to(local_instant(date(2026, 9, 1), 8))
    with eyes.browser(browser_path) as browser, phone_of(browser, live_server.url) as page:
        page.goto(f"{live_server.url}/ru/provider/month/?m=2026-09")
        page.get_by_role("button", name=say("ru", "month.plan")).click()
        expect(page.get_by_role("status")).to_have_text(say("ru", "month.plan_done", n=9))
        page.locator(".groups h2 a").first.click()
        page.locator(".lessons a").nth(2).click()
        page.get_by_role("link", name=say("ru", "change.moved")).click()
        page.locator("#f-on").fill("2026-09-11")
        page.locator("#f-reason").fill("в зале ремонт")
        page.get_by_role("button", name=say("ru", "change.moved")).click()
        expect(page.get_by_role("status")).to_have_text(say("ru", "change.moved.done"))
        expect(page.locator("h1")).to_contain_text("11.09.2026")
    uuid = marked(city, group, places)
    with eyes.browser(browser_path) as browser, phone_of(browser, live_server.url) as page:
        page.goto(f"{live_server.url}/ru/provider/groups/{uuid}/month/?m=2026-09")
        page.locator(".register tbody a.cell").first.click()
        page.get_by_label(say("ru", "mark.absent"), exact=True).check()
        page.locator("#f-reason").fill("по журналу не был")
        page.get_by_role("button", name=say("ru", "marks.do")).click()
        expect(page.get_by_role("status")).to_have_text(say("ru", "marks.amended"))
        expect(page.locator(".register tbody .cell.absent")).to_have_count(1)
        page.goto(f"{live_server.url}/ru/provider/")
        page.get_by_role("link", name=say("ru", "manage.to_send", n=1)).click()
        page.get_by_role("button", name=say("ru", "send.do", n=1)).click()
        expect(page.get_by_role("status")).to_have_text(say("ru", "send.done", n=1))
    sheet = come_back()
    with eyes.browser(browser_path) as browser, phone_of(browser, live_server.url) as page:
        page.get_by_role("link", name=say("ru", "manage.returned", n=1)).click()
        page.locator(".list h3 a").first.click()
        expect(page.locator("#remarks + ul")).to_contain_text("3 сентября был")
        page.get_by_role("link", name=say("ru", "sheet.correct")).click()
        page.locator(".register tbody .cell.absent").click()
        page.get_by_label(say("ru", "mark.present"), exact=True).check()
        page.locator("#f-reason").fill("замечание заказчика")
        page.get_by_role("button", name=say("ru", "marks.do")).click()
        page.goto(f"{live_server.url}/ru/provider/sheets/{sheet}/")
        page.get_by_role("button", name=say("ru", "sheet.resend")).click()
        expect(page.get_by_role("status")).to_have_text(say("ru", "sheet.resent", n=1))
        expect(page.locator(".badge").first).to_have_text(say("ru", "sheet.state.with_parents"))
    assert MonthSheet.objects.get().version == 2


def marked(city: City, group: int, places: list[int]) -> UUID:
    """The month is over, every lesson that was held is marked; the group's uuid."""
    clock.shift_to(OVER)
    live = [s for s in queries.sessions_of(city.provider_id, date(2026, 9, 1)) if s.state == "planned"]
    assert set(mark(city, [(s.id, e, "present") for s in live for e in places])) == {None}
    return ClubGroup.objects.get(pk=group).uuid


def come_back() -> UUID:
    """Every family confirms; the customer sends the sheet back for one row; its uuid."""
    rows = list(SheetRow.objects.order_by("id"))
    words = [Word(r.pk, guardian_of(r), "confirmed") for r in rows]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    sheet = MonthSheet.objects.get()
    wrong = SheetRow.objects.get(absent=1)
    remark = [RowRemark(wrong.pk, "3 сентября был")]
    commands.return_sheet(actor=OFFICER, sheet_id=sheet.pk, remarks=remark, at=OVER, key=key())
    return sheet.uuid


def full_club() -> list[str]:
    """A club with something on every page; their addresses."""
    city, group, places = club(5)
    add_group(city, "creative", weekdays=(1, 3), tariff=6_000)
    clock.shift_to(MID)
    sessions = [s for s in plan(city) if s.group_id == group]
    values = ("present", "present", "absent", "ill", "excused")
    mark(city, [(s.id, e, values[(n + i) % 5]) for n, s in enumerate(sessions[:4]) for i, e in enumerate(places)], MID)
    sync(city, phone(1), [(1, sessions[0].id, places[0], "absent")], at=MID)
    for day in (date(2026, 9, 22), date(2026, 9, 29)):
        CalendarDay.objects.create(territory_id=city.territory_id, day=day, is_working=False, source="test")
    lesson = Session.objects.get(pk=sessions[-1].id).uuid
    place = Enrolment.objects.get(pk=places[0]).uuid
    first = Session.objects.get(pk=sessions[0].id).uuid
    uuid = ClubGroup.objects.get(pk=group).uuid
    return [
        "", "month/?m=2026-09", "month/free-days/?m=2026-09", f"groups/{uuid}/month/?m=2026-09", f"lesson/{lesson}/",
        f"lesson/{lesson}/move/", f"marks/{first}/{place}/", "objections/", "sheets/", "sheets/send/?m=2026-09",
    ]  # fmt: skip


def sheet_club() -> list[str]:
    """A club whose sheet came back; the address of the sheet."""
    city, group, places = club(3)
    live = plan(city)
    mark(city, [(s.id, e, "present") for s in live for e in places])
    mark(city, [(live[1].id, places[0], "absent")])
    clock.shift_to(OVER + timedelta(hours=1))
    send(city)
    rows = list(SheetRow.objects.order_by("id"))
    last = Session.objects.filter(group_id=group).order_by("starts_at").last()
    assert last is not None
    words = [Word(r.pk, guardian_of(r), "confirmed") for r in rows[:2]]
    words.append(Word(rows[2].pk, guardian_of(rows[2]), "confirmed", "дома", (last.pk,)))
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    sheet = MonthSheet.objects.get()
    remark = [RowRemark(rows[0].pk, "3 сентября ребёнок был в больнице, есть справка")]
    commands.return_sheet(actor=OFFICER, sheet_id=sheet.pk, remarks=remark, at=OVER, key=key())
    return ["", "sheets/", f"sheets/{sheet.uuid}/"]


def pay_club() -> list[str]:
    """A provider with a claim and its act to sign."""
    clock.shift_to(FEBRUARY)
    with transaction.atomic():
        home = paid_city(**ALL_PAPERS)
    act = act_of(home)
    browsing.official(Role.PROVIDER_MANAGER, provider_id=home.provider.id, name="demo:manager")
    return ["", "pay/", f"acts/{act.uuid}/", f"acts/{act.uuid}/refuse/"]


def empty_club() -> list[str]:
    """A club that begins."""
    clock.shift_to(AT)
    city = make_city()
    browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="demo:manager")
    return ["", "month/", "sheets/", "objections/", "pay/"]


KEPT = {
    ("full", 3, "kk", "phone", "light"): "register-kk-phone-light",
    ("sheet", 2, "ru", "desktop", "light"): "sheet-ru-desktop-light",
}


def look(browser: Browser, url: str, language: str, made: str, addresses: list[str]) -> None:
    """Every page, in one of four looks by day; the pictures that the docs show are kept."""
    with eyes.page(browser, f"{url}/{language}/sign-in/", viewport=eyes.PHONE) as page:
        enter(page, url, language)
        for number, address in enumerate(addresses):
            for size, viewport, scheme in eyes.looks(number, language):
                eyes.look_like(page, viewport, scheme)
                page.goto(f"{url}/{language}/provider/{address}")
                eyes.assert_readable(page)
                name = KEPT.get((made, number, language, size, scheme))
                if name:
                    eyes.picture(page, name)


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("made", ["full", "sheet", "pay", "empty"])
def test_it_reads_well(made: str, language: str, live_server: Any, browser_path: Path) -> None:
    addresses = {"full": full_club, "sheet": sheet_club, "pay": pay_club, "empty": empty_club}[made]()
    with eyes.browser(browser_path) as browser:
        look(browser, live_server.url, language, made, addresses)


def test_without_scripts_everything_works_as_no_script_is_there(live_server: Any, browser_path: Path) -> None:
    club(1)
    clock.shift_to(MID)
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "java_script_enabled": False}
        with eyes.page(browser, f"{live_server.url}/kk/sign-in/", **options) as page:
            enter(page, live_server.url, "kk")
            page.goto(f"{live_server.url}/kk/provider/month/?m=2026-09")
            page.get_by_role("button", name=say("kk", "month.plan")).click()
            expect(page.get_by_role("status")).to_have_text(say("kk", "month.plan_done", n=9))

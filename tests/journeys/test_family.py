"""A guardian at the venue and at home: scans the code, is checked in, without network too; confirms the month."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.admission.models import Application
from qosymsha.domain.attendance.models import AbsenceCase, CheckIn, DayHold, SheetRow
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission
from tests.factories.attendance import OVER
from tests.factories.families import month_sent, own_family
from tests.factories.presence import Venue, shown_at
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SHOWN = {"family-come-kk-phone-light", "family-month-ru-phone-light"}  # in the docs
LOOK = os.environ.get("QOSYMSHA_LOOK", "")


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def at_the_lesson(children: int = 2) -> tuple[Venue, str]:
    """Ten minutes into the first lesson, and the guardian's outside id."""
    here = own_family(children)
    clock.shift_to(here.lesson.starts_at + timedelta(minutes=10))
    return here, str(Guardian.objects.get(pk=here.families[0][0]).uuid)


def come_in(page: Page, person: str, language: str) -> None:
    """Sign in on the page one was led to."""
    page.locator("#person").fill(person)
    page.get_by_role("button", name=texts.say(language, "demo.enter")).click()


def prove(page: Page, language: str) -> None:
    """The one-time code; a trial shows it."""
    page.get_by_role("button", name=texts.say(language, "step.send")).click()
    page.get_by_label(texts.say(language, "step.code"), exact=True).fill(page.locator(".code").inner_text())
    page.get_by_role("button", name=texts.say(language, "step.go_on")).click()


def see(page: Page, language: str, name: str) -> None:
    """It reads well; a picture of some for the docs."""
    assert page.locator("html").get_attribute("lang") == language
    eyes.assert_readable(page)
    if name in SHOWN:
        eyes.picture(page, name)
    if LOOK:
        page.screenshot(path=f"{LOOK}/{name}.png", full_page=True)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_from_the_picture_at_the_venue_to_the_green_page(language: str, live_server: Any, browser_path: Path) -> None:
    here, person = at_the_lesson()
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "locale": language}
        with eyes.page(browser, f"{live_server.url}/V/ABCD2345", **options) as page:
            come_in(page, person, language)  # led to sign in first, and then back
            assert page.url.startswith(f"{live_server.url}/{language}/family/here/?c=")
            page.goto(f"{live_server.url}/V/{_code(here)}")
            page.get_by_role("button", name=texts.say(language, "here.we_are")).first.click()
            expect(page.locator(".come")).to_have_count(1)
            expect(page.locator(".come .when")).to_contain_text("15:1")
            see(page, language, f"family-come-{language}-phone-light")
            page.go_back()
            page.reload()  # nothing twice
            page.goto(f"{live_server.url}/{language}/family/here/")
            expect(page.get_by_role("button", name=texts.say(language, "here.we_are"))).to_have_count(1)
    assert CheckIn.objects.count() == 1


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_refused_code_says_what_to_do(language: str, live_server: Any, browser_path: Path) -> None:
    _, person = at_the_lesson()
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(
            viewport={"width": 360, "height": 740}
        )  # a 422 is an error to the browser's console
        page = context.new_page()
        page.goto(f"{live_server.url}/{language}/family/here/")
        come_in(page, person, language)
        code = page.get_by_label(texts.say(language, "here.code"), exact=True)
        code.fill("abcd 2345")
        page.get_by_role("button", name=texts.say(language, "here.we_are")).first.click()
        expect(page.get_by_text(texts.refusal(language, "unknown_code"))).to_be_visible()
        expect(code).to_have_value("abcd 2345")
        see(page, language, f"refused-{language}-phone-light")
        context.close()


def _code(here: Venue) -> str:
    return shown_at(here.lesson, here.lesson.starts_at + timedelta(minutes=10))


# Both addresses that a scan may open have their worker at work.
READY = """async () => {
  for (let n = 0; n < 100; n += 1) {
    const found = await navigator.serviceWorker.getRegistrations();
    if (found.filter((one) => one.active && one.active.state === "activated").length === 2) return true;
    await new Promise((go) => setTimeout(go, 100));
  }
  return false;
}"""


def test_without_network_the_code_is_kept_and_sent_later_as_evidence(live_server: Any, browser_path: Path) -> None:
    here, person = at_the_lesson(1)
    code, read_at = _code(here), clock.read()
    options: dict[str, Any] = {"viewport": eyes.PHONE, "timezone_id": "Asia/Almaty", "locale": "ru"}
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(**options)
        context.clock.set_fixed_time(read_at)
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/family/here/")
        come_in(page, person, "ru")
        assert page.evaluate(READY)
        context.set_offline(True)
        page.goto(f"{live_server.url}/V/{code}")  # the camera opens the picture's address
        expect(page.get_by_role("heading", name=texts.say("ru", "offline.h1"))).to_be_visible()
        expect(page.get_by_text(texts.say("ru", "offline.lead"))).to_be_visible()
        expect(page.locator("#kept li")).to_have_count(1)
        see(page, "ru", "offline-ru-phone-light")
        phone = context.storage_state()  # what stays on it over a dead battery
        context.close()
    clock.shift_to(read_at + timedelta(hours=20))
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(**options, storage_state=phone)
        context.clock.set_fixed_time(read_at + timedelta(hours=20))
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/family/")
        come_in(page, person, "ru")
        page.locator("#kept").get_by_role("link", name=texts.say("ru", "kept.send")).click()
        expect(page.get_by_label(texts.say("ru", "here.code"), exact=True)).to_have_value(code)
        see(page, "ru", "kept-ru-phone-light")
        page.get_by_role("button", name=texts.say("ru", "here.send_kept")).click()
        expect(page.get_by_text(texts.say("ru", "done.late"))).to_be_visible()
        expect(page.locator("#kept")).to_be_hidden()  # sent, so forgotten
        context.close()
    assert CheckIn.objects.get().kind == "late"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_month_is_confirmed_and_a_day_disputed(language: str, live_server: Any, browser_path: Path) -> None:
    here, person = at_the_lesson()
    first, second, _ = month_sent(here, ["present", "ill", "absent"])
    clock.shift_to(OVER)
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "locale": language}
        with eyes.page(browser, f"{live_server.url}/{language}/family/months/", **options) as page:
            come_in(page, person, language)
            page.get_by_role("button", name=texts.say(language, "months.confirm")).first.click()
            prove(page, language)
            expect(page.get_by_text(texts.say(language, "months.again"))).to_be_visible()
            page.keyboard.press("Enter")  # one touch: the button has the focus
            expect(page.get_by_role("status")).to_have_text(texts.say(language, "months.confirmed", n=1))
            page.get_by_role("link", name=texts.say(language, "months.look"), exact=True).click()
            page.get_by_text(texts.say(language, "month.not_true")).click()
            page.get_by_role("checkbox").first.check()
            page.get_by_label(texts.say(language, "month.reason"), exact=True).fill("Тіс дәрігерінде болдық")
            page.get_by_role("button", name=texts.say(language, "month.dispute_days")).click()
            expect(page.get_by_role("status")).to_have_text(texts.say(language, "month.said_disputed"))
            expect(page.get_by_text(texts.say(language, "month.hold.disputed"))).to_be_visible()
    assert [SheetRow.objects.get(pk=row.pk).word for row in (first, second)] == ["confirmed", "confirmed"]
    assert DayHold.objects.get().session_id == here.lesson.pk


def test_without_scripts_all_of_it_works(live_server: Any, browser_path: Path) -> None:
    here, person = at_the_lesson(1)
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "locale": "kk", "java_script_enabled": False}
        with eyes.page(browser, f"{live_server.url}/V/{_code(here)}", **options) as page:
            come_in(page, person, "kk")
            page.get_by_role("button", name=texts.say("kk", "here.we_are")).click()
            expect(page.locator(".come")).to_have_count(1)
    rows = month_sent(here)
    clock.shift_to(OVER)
    month = f"{live_server.url}/kk/family/months/{rows[0].uuid}/"
    with eyes.browser(browser_path) as browser, eyes.page(browser, month, **options) as page:
        come_in(page, person, "kk")
        page.get_by_text(texts.say("kk", "month.not_true")).click()
        page.get_by_role("checkbox").nth(1).check()
        page.get_by_label(texts.say("kk", "month.reason"), exact=True).fill("Ауырып қалды")
        page.get_by_role("button", name=texts.say("kk", "month.dispute_days")).click()
        prove(page, "kk")
        expect(page.get_by_role("checkbox").nth(1)).to_be_checked()  # what was typed came back
        page.get_by_role("button", name=texts.say("kk", "month.dispute_days")).click()
        expect(page.get_by_text(texts.say("kk", "month.hold.disputed"))).to_be_visible()
    assert SheetRow.objects.get(pk=rows[0].pk).seen == 1
    assert DayHold.objects.get().session_id == here.lessons[1].pk


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_page_reads_well(language: str, live_server: Any, browser_path: Path) -> None:
    here, person = at_the_lesson()
    rows = month_sent(here, ["present", "ill", "absent", "absent", "absent"])
    _warned(here)
    case = AbsenceCase.objects.order_by("id").first()
    assert case is not None
    pages = {
        "here": f"here/?c={_code(here)}",
        "home": "",
        "months": "months/",
        "month": f"months/{rows[0].uuid}/",
        "absences": "absences/",
        "case": f"absences/{case.uuid}/",
        "done": "here/done/",
        "shell": "here/offline/",
        "vouchers": "vouchers/",
        "applications": "applications/",
    }
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/{language}/sign-in/", viewport=eyes.PHONE) as page,
    ):
        come_in(page, person, language)
        for number, (name, address) in enumerate(pages.items()):
            for size, viewport, scheme in eyes.looks(number, language):
                eyes.look_like(page, viewport, scheme)
                page.goto(f"{live_server.url}/{language}/family/{address}")
                for folded in page.locator("main details").all():
                    folded.locator("summary").first.click()
                see(page, language, f"family-{name}-{language}-{size}-{scheme}")


def _warned(here: Venue) -> None:
    """One child has a warning."""
    AbsenceCase.objects.create(
        territory_id=here.city.territory_id,
        programme_id=here.city.programme_id,
        enrolment_id=here.families[0][2],
        voucher_id=_voucher(here),
        state="warned",
        missed=3,
        opened_at=OVER,
    )


def _voucher(here: Venue) -> int:
    return Enrolment.objects.get(pk=here.families[0][2]).voucher_id


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_granted_family_reads_why_and_accepts(language: str, live_server: Any, browser_path: Path) -> None:
    city = admission.City(money={"sport": admission.money_for(2)})
    the_round = city.opened()
    families = [*city.families(1, categories=["orphan"]), *city.families(3)]
    city.file(the_round, families)
    city.run(the_round)
    clock.shift_to(admission.AFTER + timedelta(hours=1))
    voucher = Voucher.objects.order_by("id").first()
    assert voucher is not None
    application = Application.objects.get(child_id=voucher.child_id)
    person = str(Guardian.objects.get(pk=application.guardian_id).uuid)
    with eyes.browser(browser_path) as browser:
        why = f"{live_server.url}/{language}/family/applications/{application.uuid}/"
        with eyes.page(browser, why, viewport=eyes.PHONE, color_scheme="dark") as page:
            come_in(page, person, language)
            see(page, language, f"family-why-{language}-phone-dark")
            page.get_by_role("link", name=texts.say(language, "application.category")).click()
            prove(page, language)
            expect(page.get_by_role("link", name=texts.say(language, "application.category"))).to_have_count(0)
            page.goto(f"{live_server.url}/{language}/family/")
            see(page, language, f"family-home-voucher-{language}-phone-dark")
            page.get_by_role("link", name=texts.say(language, "home.look_voucher")).click()
            see(page, language, f"family-voucher-{language}-phone-dark")
            page.get_by_role("button", name=texts.say(language, "voucher.accept")).click()
            expect(page.get_by_role("status")).to_have_text(texts.say(language, "voucher.said_accepted"))
    assert Voucher.objects.get(pk=voucher.pk).state == "accepted"

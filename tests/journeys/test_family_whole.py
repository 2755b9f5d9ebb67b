"""A guardian's whole way: signs in, files, accepts, finds a club, takes a place, confirms the month, sees money.

One way is gone in Kazakh on a phone, each page of it looked at in all languages and sizes, by day and by night; one
in Russian without scripts; nothing is clicked that a page does not show.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.admission.models import Application
from qosymsha.domain.attendance.models import DayHold, SheetRow
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission, lives
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}
LOOKS = (("kk", "phone", "light"), ("kk", "desktop", "dark"), ("ru", "phone", "dark"), ("en", "desktop", "light"))
SHOWN = {"home-voucher-kk-phone", "voucher-ru-phone", "club-kk-phone", "money-en-desktop"}  # in the docs
LOOK = os.environ.get("QOSYMSHA_LOOK", "")


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page takes invented people."""
    with override_settings(MODE="trial"):
        yield


class Way:
    """A guardian's browser on the way, in one language; `looks`: each page is seen as others have it too."""

    def __init__(self, page: Page, home: str, language: str, *, looks: bool) -> None:
        self.page, self.home, self.language, self.looks = page, home, language, looks
        self.seen = 0

    def say(self, key: str, **values: object) -> str:
        return texts.say(self.language, key, **values)

    def go(self, address: str) -> None:
        self.page.goto(f"{self.home}/{self.language}/{address}")

    def follow(self, key: str, **values: object) -> None:
        """Press the page's own link of these words."""
        link = self.page.locator("main").get_by_role("link", name=self.say(key, **values), exact=True)
        link.first.click()

    def press(self, key: str, **values: object) -> None:
        self.page.get_by_role("button", name=self.say(key, **values), exact=True).first.click()

    def see(self, name: str) -> None:
        """The page as it stands, then as others have it, by day in turn: another language, a desk, the night."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        eyes.assert_readable(self.page)
        if not self.looks:
            return
        address, size = self.page.url, self.page.viewport_size
        self.seen += 1
        for turn, (language, look, scheme) in enumerate(LOOKS):
            if not eyes.is_turn(self.seen, turn, len(LOOKS)) and os.environ.get("QOSYMSHA_PICTURES") != "1":
                continue
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self.page.set_viewport_size(SIZES[look])  # type: ignore[arg-type]
            self.page.goto(address.replace(f"/{self.language}/", f"/{language}/", 1))
            eyes.assert_readable(self.page)
            if f"{name}-{language}-{look}" in SHOWN:
                eyes.picture(self.page, f"family-{name}-{language}-{look}-{scheme}")
            if LOOK:
                self.page.screenshot(path=f"{LOOK}/{name}-{language}-{look}-{scheme}.png", full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(size)  # type: ignore[arg-type]
        self.page.goto(address)

    def prove(self) -> None:
        """The second factor; a trial shows the code."""
        self.press("step.send")
        self.page.get_by_label(self.say("step.code"), exact=True).fill(self.page.locator(".code").inner_text())
        self.press("step.go_on")


def come_in(way: Way, person: str) -> None:
    """From the first page to one's own."""
    way.go("")
    way.page.get_by_role("link", name=way.say("door.my_page"), exact=True).click()
    way.page.locator("#person").fill(person)
    way.press("demo.enter")


def file(way: Way) -> None:
    """From one's own page to the filed application."""
    way.see("home-open")
    way.follow("home.look_apply")
    way.follow("apply.choose")
    way.see("apply")
    way.page.get_by_role("radio", name=way.say("kind.sport"), exact=True).check()
    way.press("apply.send")
    expect(way.page.get_by_role("status")).to_contain_text("A-0")
    way.see("why")


def choose(way: Way) -> None:
    """The voucher is answered, a club is found, a place is taken."""
    way.see("home-voucher")
    way.follow("home.look_voucher")
    way.see("voucher")
    way.press("voucher.accept")
    expect(way.page.get_by_role("status")).to_have_text(way.say("voucher.said_accepted"))
    way.follow("voucher.choose")
    way.page.locator("#q").fill("курес")  # typed without Kazakh letters
    way.press("clubs.search")
    way.page.wait_for_url("**/clubs/?q=**")
    way.page.locator(".clubs h3 a").first.click()
    way.see("club")
    way.follow("club.take")
    way.see("take")
    way.press("take.send")
    expect(way.page.get_by_role("status")).to_have_text(way.say("take.done"))


def confirm(way: Way) -> None:
    """The month is looked at, proved, confirmed; its money is seen."""
    way.see("home-month")
    way.follow("home.look_months")
    way.see("months")
    way.follow("months.look")
    way.see("month")
    way.press("month.all_true")
    way.prove()
    way.press("month.all_true")
    expect(way.page.get_by_role("status").first).to_have_text(way.say("month.said_confirmed"))
    way.go("family/vouchers/")
    way.see("voucher-active")
    way.follow("family.money")
    way.see("money")
    expect(way.page.locator("main")).to_contain_text(way.say("own_money.kept"))


@pytest.mark.parametrize(("language", "has_scripts"), [("kk", True), ("ru", False)])
def test_a_guardian_goes_the_whole_way(language: str, has_scripts: bool, live_server: Any, browser_path: Any) -> None:
    life = lives.begun()
    person = str(Guardian.objects.get(pk=life.guardian).uuid)
    options: dict[str, Any] = {"viewport": eyes.PHONE, "locale": language, "java_script_enabled": has_scripts}

    def stage(at: datetime, go: Callable[[Way], None]) -> None:
        clock.shift_to(at)
        with (
            eyes.browser(browser_path) as browser,
            eyes.page(browser, f"{live_server.url}/{language}/", **options) as page,
        ):
            way = Way(page, live_server.url, language, looks=has_scripts)
            come_in(way, person)
            go(way)

    stage(admission.INSIDE, file)
    lives.drawn(life)
    stage(admission.AFTER + timedelta(hours=1), choose)
    assert Voucher.objects.get(child_id__in=life.children).state == "active"
    lives.lessons_over(life)
    stage(lives.MARCH_OVER, confirm)
    assert Application.objects.filter(guardian_id=life.guardian).count() == Enrolment.objects.count() == 1
    assert SheetRow.objects.get().word == "confirmed"


def enter(page: Page, selector: str) -> None:
    """Tab there and press Enter; the next page is there."""
    eyes.tab_to(page, selector)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def by_keyboard_to_a_place(page: Page, language: str) -> None:
    """The menu is opened, the language kept; the voucher accepted, a club searched, the place taken."""
    said = page.get_by_role("status")
    eyes.tab_to(page, ".menu summary")
    page.keyboard.press("Enter")
    enter(page, ".menu a[href$='/family/preferences/']")
    eyes.tab_to(page, "input[name=language]")
    enter(page, "main form .button")
    expect(said).to_have_text(texts.say(language, "prefs.saved"))
    enter(page, ".menu a[href$='/family/']")
    enter(page, ".todos a[href*='/vouchers/']")
    enter(page, "form[action$='/accept/'] button")
    expect(said).to_have_text(texts.say(language, "voucher.said_accepted"))
    enter(page, ".list .button")
    enter(page, ".clubs h3 a")
    enter(page, "a.button[href*='/take/']")
    enter(page, "main form button")
    expect(said).to_have_text(texts.say(language, "take.done"))


def by_keyboard_to_the_months_word(page: Page, language: str) -> None:
    """A day is disputed, the rest confirmed, with a second factor in between."""
    enter(page, ".todos a[href$='/months/']")
    enter(page, "main a.button[href*='/months/']")
    eyes.tab_to(page, "main summary")
    page.keyboard.press("Enter")
    eyes.tab_to(page, "input[name=days]")
    page.keyboard.press("Space")
    eyes.tab_to(page, "textarea")
    page.keyboard.type("Аурып қалды")
    enter(page, "details button")
    enter(page, "main form button")
    code = page.locator(".code").inner_text()
    expect(page.get_by_label(texts.say(language, "step.code"), exact=True)).to_be_focused()
    page.keyboard.type(code)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_have_text(texts.say(language, "month.again"))
    expect(page.locator("input[name=days]").first).to_be_checked()
    with page.expect_navigation():
        page.keyboard.press("Enter")  # the button that was pressed has the focus
    expect(page.get_by_role("status").first).to_have_text(texts.say(language, "month.said_disputed"))


def test_a_keyboard_alone_goes_the_way(live_server: Any, browser_path: Any) -> None:
    life = lives.begun()
    life.city.file(life.the_round, [(life.guardian, life.children[0])])
    lives.drawn(life)
    person = str(Guardian.objects.get(pk=life.guardian).uuid)

    def stage(at: datetime, go: Callable[[Page, str], None]) -> None:
        clock.shift_to(at)
        with (
            eyes.browser(browser_path) as browser,
            eyes.page(browser, f"{live_server.url}/kk/sign-in/", viewport=eyes.PHONE) as page,
        ):
            eyes.tab_to(page, "#person")
            page.keyboard.type(person)
            page.keyboard.press("Enter")
            page.wait_for_url("**/kk/family/")
            go(page, "kk")

    stage(admission.AFTER + timedelta(hours=1), by_keyboard_to_a_place)
    lives.lessons_over(life)
    stage(lives.MARCH_OVER, by_keyboard_to_the_months_word)
    assert DayHold.objects.filter(kind="disputed").count() == 1

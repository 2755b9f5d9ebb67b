"""A guardian looks for a club: by keyboard, without scripts, with them; every public page in all its looks."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from tests.factories import front
from tests.interfaces.test_catalogue import SARYARKA, Clubs, varied
from tests.journeys import axe, eyes
from tests.journeys.eyes import tab_to

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
PAGES = (
    "",
    "clubs/",
    "clubs/?q=домбара&free=1&day=Mon",
    "clubs/map/",
    "points/",
    "open/",
    "accessibility/",
    "design/",
    "offline/",
    "rounds/",
    "choice/",
)
# Colours are the same in every language; widths are not. Each is seen on a phone by day and at a desk by night.
LOOKS = (("dark", eyes.PHONE), ("light", eyes.DESKTOP), ("dark", eyes.DESKTOP))
LOOK = os.environ.get("QOSYMSHA_LOOK", "")
SHOWN = {("clubs/", "kk"), ("clubs/map/", "ru"), ("design/", "en"), ("points/", "kk")}


@pytest.fixture
def town() -> Clubs:
    clock.shift_to(local_instant(date(2026, 3, 2), 10))
    clubs = Clubs()
    varied(clubs)
    clubs.open(*({"activity": ("dombra", "ballet", "drawing")[n % 3]} for n in range(30)))
    front.points()
    return clubs


def look(page: Page, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]


def picture(page: Page, address: str, language: str) -> None:
    if (address, language) in SHOWN:
        name = re.sub(r"\W+", "-", address).strip("-") or "first"
        eyes.picture(page, f"{name}-{language}-phone-light")


def keep(page: Page, address: str, name: str) -> None:
    """A look at it, where somebody asks."""
    if LOOK:
        words = re.sub(r"\W+", "-", address.partition("://")[2].partition("/")[2]).strip("-")
        page.screenshot(path=f"{LOOK}/{words[:40]}-{name}.png", full_page=True)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_axe_finds_nothing_on_any_public_page(language: str, live_server: Any, browser_path: Path, town: Clubs) -> None:
    with eyes.browser(browser_path) as browser:
        addresses = [f"{live_server.url}/{language}/{address}" for address in PAGES]
        with eyes.page(browser, addresses[1], viewport=eyes.PHONE) as page:
            addresses.append(page.evaluate("() => document.querySelector('.clubs h3 a').href"))
            for address in addresses:
                look(page, "light", eyes.PHONE)
                page.goto(address)
                assert page.locator("html").get_attribute("lang") == language
                axe.assert_clean(page)
                eyes.assert_readable(page)
                picture(page, address.removeprefix(f"{live_server.url}/{language}/"), language)
                keep(page, address, f"{language}-phone-light")
                for scheme, size in LOOKS if language == "kk" else LOOKS[-1:]:
                    look(page, scheme, size)
                    keep(page, address, f"{language}-{size['width']}-{scheme}")
                    axe.assert_clean(page, *axe.BY_LOOK)
                    assert page.evaluate(eyes.OVERFLOW) <= 0, f"{address} scrolls sideways"


def test_axe_sees_what_is_wrong(browser_path: Path) -> None:
    """The control: faults of structure and of looks are found."""
    with eyes.browser(browser_path) as browser:
        page = browser.new_page()
        page.set_content("<title>x</title><p style='color:#aaa'>pale</p><input><img src='x'>")
        found = {rule for rule, _ in axe.violations(page)}
        assert {"html-has-lang", "label", "image-alt", "color-contrast"} <= found
        assert [rule for rule, _ in axe.violations(page, *axe.BY_LOOK)] == ["color-contrast"]
        page.close()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_keyboard_alone_finds_a_club_and_a_place(
    has_scripts: bool, live_server: Any, browser_path: Path, town: Clubs
) -> None:
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/kk/", viewport=eyes.PHONE, java_script_enabled=has_scripts) as page,
    ):
        tab_to(page, ".ways a[href$='/clubs/']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/kk/clubs/")
        tab_to(page, "#q")
        page.keyboard.type("плаванье")
        page.keyboard.press("Enter")
        page.wait_for_url("**/kk/clubs/?q=**")
        page.locator("h2", has_text=texts.say("kk", "clubs.found", n=1)).wait_for()
        tab_to(page, ".clubs h3 a")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/kk/clubs/[0-9a-f-]{36}/$"))
        assert page.get_by_role("heading", level=1).inner_text() == "Жүзу"
        assert page.get_by_text("сейсенбі, бейсенбі, сенбі").is_visible()
        page.get_by_role("link", name="Русский").click()
        page.wait_for_url(re.compile(r"/ru/clubs/[0-9a-f-]{36}/$"))
        assert page.get_by_role("heading", level=1).inner_text() == "Плавание"


def answered(page: Page, total: int, language: str = "ru") -> None:
    page.locator("h2", has_text=texts.say(language, "clubs.found", n=total)).wait_for()


def test_scripts_make_the_search_smooth_and_lose_nothing(live_server: Any, browser_path: Path, town: Clubs) -> None:
    with eyes.browser(browser_path) as browser, eyes.page(browser, f"{live_server.url}/ru/clubs/") as page:
        page.evaluate("() => { window.same = true }")
        page.get_by_label(texts.say("ru", "clubs.district")).select_option(SARYARKA)
        answered(page, 1)
        assert page.url.endswith(f"/ru/clubs/?district={SARYARKA}")
        assert page.evaluate("() => window.same"), "the page was not loaded again"
        assert page.get_by_role("link", name="English").get_attribute("href") == f"/en/clubs/?district={SARYARKA}"
        page.get_by_label(texts.say("ru", "clubs.free")).check()
        page.wait_for_url("**&free=1")
        answered(page, 1)
        page.go_back()
        page.wait_for_url(f"**/ru/clubs/?district={SARYARKA}")
        page.get_by_label(texts.say("ru", "clubs.q"), exact=True).fill("парашют")
        page.get_by_role("button", name=texts.say("ru", "clubs.search")).click()
        page.get_by_role("link", name=texts.say("ru", "clubs.loosen.words")).click()
        page.wait_for_url(f"**/ru/clubs/?district={SARYARKA}")
        answered(page, 1)


FIRST_VISIT_BYTES = 60_000


def transferred(browser: Browser, address: str) -> int:
    """Bytes over the network of a first visit to a page, as Chromium counts them."""
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[int] = []
    network.on("Network.loadingFinished", lambda said: sizes.append(int(said["encodedDataLength"])))
    page.goto(address, wait_until="networkidle")
    context.close()
    assert len(sizes) >= 3, "the page, its style, its icon or script"
    return sum(sizes)


def test_a_first_visit_is_light(live_server: Any, browser_path: Path, town: Clubs) -> None:
    with eyes.browser(browser_path) as browser:
        for address in ("", "clubs/", "clubs/map/", "design/"):
            assert transferred(browser, f"{live_server.url}/kk/{address}") <= FIRST_VISIT_BYTES, address

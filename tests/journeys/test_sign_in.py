"""Coming in and proving it anew, in a real browser: phone and desk, three languages, day and night, by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from tests.factories import people
from tests.interfaces import browsing
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}
NAME = "Әлиева Гүлнар Серікқызы"
SHOWN = {
    ("sign-in", "kk", "phone"),
    ("step-up-asked", "ru", "phone"),
    ("second-factor", "en", "desktop"),
}  # in the docs


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the page says that people are invented."""
    with override_settings(MODE="trial"):
        yield


def town() -> None:
    """Two guardians and an official of each role."""
    territory_id = people.astana()
    people.register(territory_id, [people.family(1, children=2), people.family(2)])
    for role in (Role.TEACHER, Role.PROVIDER_MANAGER, Role.CHECKER, Role.APPROVER, Role.PAYER, Role.AUDITOR):
        browsing.official(role, name=f"demo:{role.value}")


def see(page: Page, language: str, size: str, scheme: str, name: str) -> None:
    """It reads well; a picture of some for the docs."""
    assert page.locator("html").get_attribute("lang") == language
    eyes.assert_readable(page)
    if scheme == "light" and (name, language, size) in SHOWN:
        eyes.picture(page, f"{name}-{language}-{size}")


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_guardian_comes_in_and_proves_it_anew(language: str, live_server: Any, browser_path: Path) -> None:
    town()
    with eyes.browser(browser_path) as browser:
        for size, viewport in SIZES.items():
            for scheme in ("light", "dark"):
                options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme, "java_script_enabled": True}
                with eyes.page(browser, f"{live_server.url}/{language}/family/", **options) as page:
                    see(page, language, size, scheme, "sign-in")
                    page.get_by_role("button", name=NAME).first.click()
                    assert page.url == f"{live_server.url}/{language}/family/"
                    assert page.get_by_text(NAME).is_visible()
                    see(page, language, size, scheme, "family-home")
                    page.goto(f"{live_server.url}/{language}/step-up/?next=/{language}/family/")
                    see(page, language, size, scheme, "step-up")
                    page.get_by_role("button", name=texts.say(language, "step.send")).click()
                    see(page, language, size, scheme, "step-up-asked")
                    page.get_by_label(texts.say(language, "step.code"), exact=True).fill(
                        page.locator(".code").inner_text()
                    )
                    page.keyboard.press("Enter")
                    page.wait_for_url(f"{live_server.url}/{language}/family/")
                    page.get_by_role("button", name=texts.say(language, "door.sign_out")).click()
                    assert page.url == f"{live_server.url}/{language}/sign-in/"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_an_official_sees_how_to_add_an_app(language: str, live_server: Any, browser_path: Path) -> None:
    town()
    with eyes.browser(browser_path) as browser:
        for size, viewport in SIZES.items():
            with eyes.page(browser, f"{live_server.url}/{language}/sign-in/", viewport=viewport) as page:
                page.get_by_role("button", name="demo:payer").click()
                see(page, language, size, "light", "office-home")
                page.goto(f"{live_server.url}/{language}/second-factor/")
                page.locator("form:has(input[name=begin]) button").click()
                page.locator("#f-code").wait_for()
                see(page, language, size, "light", "second-factor")


def test_coming_in_needs_neither_mouse_nor_script(live_server: Any, browser_path: Path) -> None:
    town()
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/en/sign-in/", viewport=eyes.PHONE, java_script_enabled=False) as page,
    ):
        button = page.get_by_role("button", name=NAME).first
        for _ in range(12):
            page.keyboard.press("Tab")
            if button.evaluate("e => e === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"{live_server.url}/en/family/")

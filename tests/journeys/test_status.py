"""Anybody reads on a phone how the system stands; the operator reads which rows are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from tests.interfaces import browsing
from tests.interfaces.test_status import looked
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}
SHOWN = {("kk", "phone", "light"), ("ru", "desktop", "dark"), ("en", "phone", "dark")}


def test_the_status_page_is_readable_in_three_languages_by_day_and_by_night(
    live_server: Any, browser_path: Path
) -> None:
    looked(span="full", minutes_ago=90)
    looked(red="INV-6", minutes_ago=1)
    with eyes.browser(browser_path) as browser:
        for language in texts.LANGUAGES:
            for size, viewport in SIZES.items():
                for scheme in ("light", "dark"):
                    options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
                    with eyes.page(browser, f"{live_server.url}/{language}/status/", **options) as page:
                        assert page.get_by_role("heading", level=1).inner_text() == texts.say(language, "status.h1")
                        assert page.locator(".promises .broken").count() == 1
                        eyes.assert_readable(page)
                        if (language, size, scheme) in SHOWN:
                            eyes.picture(page, f"status-{language}-{size}-{scheme}")


def test_the_operator_reads_which_rows_are_wrong_on_a_phone(live_server: Any, browser_path: Path) -> None:
    looked(red="INV-6")
    cookie = browsing.come_in(Client(), browsing.official(Role.OPERATOR)).cookies["visit"].value
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE)
        context.add_cookies([{"name": "visit", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/office/checks/")
        assert page.get_by_role("heading", level=1).inner_text() == texts.say("ru", "office.checks.h1")
        assert page.get_by_text("child 4711").is_visible()
        eyes.assert_readable(page)
        eyes.picture(page, "office-checks-ru-phone-light")
        context.close()

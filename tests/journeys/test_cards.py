"""A reader at the door types where the cursor is: card after card, a mistake in between costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from playwright.sync_api import expect

from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.families import named
from tests.factories.presence import venue
from tests.interfaces.test_provider_cards import manager, voucher_of
from tests.journeys import axe, eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def trial() -> Iterator[None]:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_cards_are_read_one_after_another_without_a_hand(language: str, live_server: Any, browser_path: Path) -> None:
    here = venue(2)
    for (_, child, _), given in zip(here.families, ("Айгүл", "Дана"), strict=True):
        named(("child", child, "Серікова", given))
    clock.shift_to(here.lesson.starts_at + timedelta(minutes=1))
    client = manager(here)
    numbers = [voucher_of(place).number for _, _, place in here.families]
    cookie: Any = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": live_server.url,
    }
    address = f"{live_server.url}/{language}/provider/lessons/{here.lesson.uuid}/cards/"
    with eyes.browser(browser_path) as browser:
        page = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty").new_page()
        page.context.add_cookies([cookie])
        page.goto(address)
        for typed, came in ((numbers[0], 1), ("V-1", 1), (numbers[1].lower(), 2)):
            page.keyboard.type(typed)
            page.keyboard.press("Enter")
            if typed == "V-1":
                expect(page.get_by_text(texts.say(language, "card.unknown"))).to_be_visible()
            expect(page.locator("main .list li")).to_have_count(came)
            expect(page.get_by_label(texts.say(language, "card.code"), exact=True)).to_be_focused()
        expect(page.get_by_text(texts.say(language, "card.came", n=2, all=2))).to_be_visible()
        eyes.assert_readable(page)
        axe.assert_clean(page)
        eyes.picture(page, f"provider-cards-{language}-phone-light")

"""A family's timetable, money, wishes, and how it leaves and moves: readable, and axe finds nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import expect

from qosymsha.domain.people.models import Guardian, Guardianship
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import choice
from tests.factories.attendance import plan
from tests.factories.vouchers import accepted, add_group, enrolled
from tests.interfaces import browsing
from tests.journeys import axe, eyes
from tests.journeys.test_family import come_in

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SHOWN = {("wishes", "kk", "phone-light"), ("preferences", "ru", "phone-light")}  # in the docs
LOOK = os.environ.get("QOSYMSHA_LOOK", "")
LOOKS = {"phone-light": (eyes.PHONE, "light"), "desktop-dark": (eyes.DESKTOP, "dark")}


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


def family() -> tuple[str, dict[str, str]]:
    """A guardian of two children, one in a group and one with three wishes; her uuid, her pages by name."""
    city = choice.town()
    ((voucher, guardian, _),) = enrolled(city, add_group(city), 1)
    plan(city)
    ((free, child, _),) = accepted(city, 1)
    valid = Guardianship.objects.get(guardian_id=guardian).valid
    Guardianship.objects.create(guardian_id=guardian, child_id=child, kind="mother", evidence="test", valid=valid)
    groups = [add_group(city, weekdays=(day,)) for day in (1, 3, 5)]
    choice.file(choice.opened(city), [(choice.Child(free, child, guardian), groups)])
    clock.shift_to(choice.INSIDE)
    browsing.guardian_user(guardian)
    group, own = ClubGroup.objects.get(pk=groups[0]).uuid, Voucher.objects.get(pk=voucher).uuid
    pages = {"week": "week/", "money": "money/", "wishes": "wishes/", "vouchers": "vouchers/", "children": "children/"}
    pages |= {"home": "", "preferences": "preferences/", "absences": "absences/", "here": "here/", "apply": "apply/"}
    pages |= {"applications": "applications/", "months": "months/"}
    pages |= {"wish": f"wishes/add/{group}/", "move": f"groups/{group}/move/", "leave": f"vouchers/{own}/leave/"}
    return str(Guardian.objects.get(pk=guardian).uuid), pages


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_places_wishes_and_money_are_readable(language: str, live_server: Any, browser_path: Path) -> None:
    person, pages = family()
    with eyes.browser(browser_path) as browser:
        for turn, (look, (viewport, scheme)) in enumerate(LOOKS.items(), texts.LANGUAGES.index(language)):
            options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
            with eyes.page(browser, f"{live_server.url}/{language}/sign-in/", **options) as page:
                come_in(page, person, language)
                for number, (name, address) in enumerate(pages.items()):
                    if (name, language, look) not in SHOWN and not eyes.is_turn(number, turn % 2, len(LOOKS)):
                        continue
                    page.goto(f"{live_server.url}/{language}/family/{address}")
                    eyes.assert_readable(page)
                    axe.assert_clean(page, *([] if language == "kk" else axe.BY_LOOK))
                    if (name, language, look) in SHOWN:
                        eyes.picture(page, f"family-{name}-{language}-{look}")
                    if LOOK:
                        page.screenshot(path=f"{LOOK}/{name}-{language}-{look}.png", full_page=True)


def test_large_letters_a_narrow_screen_and_paper_lose_nothing(live_server: Any, browser_path: Path) -> None:
    person, pages = family()
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/kk/sign-in/", viewport={"width": 320, "height": 600}) as page,
    ):
        come_in(page, person, "kk")
        for address in pages.values():
            page.set_viewport_size({"width": 320, "height": 600})
            page.goto(f"{live_server.url}/kk/family/{address}")
            assert page.evaluate(eyes.OVERFLOW) <= 0, f"{address} scrolls sideways at 320"
            page.set_viewport_size({"width": 640, "height": 600})
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert page.evaluate(eyes.OVERFLOW) <= 0, f"{address} scrolls sideways at 200 %"
            page.emulate_media(media="print")
            assert not page.locator(".menu").is_visible()
            assert page.locator("h1").is_visible()
            page.emulate_media(media="screen")


def test_a_wrong_address_inside_the_door_is_readable_and_leads_home(live_server: Any, browser_path: Path) -> None:
    person, _ = family()
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE)  # a 404 is an error to the browser's console
        page = context.new_page()
        page.goto(f"{live_server.url}/kk/sign-in/")
        come_in(page, person, "kk")
        for language in texts.LANGUAGES:
            page.goto(f"{live_server.url}/{language}/family/nowhere/")
            eyes.assert_readable(page)
            axe.assert_clean(page)
            page.locator("main .button").first.click()
            expect(page).to_have_url(f"{live_server.url}/{language}/family/")
        context.close()

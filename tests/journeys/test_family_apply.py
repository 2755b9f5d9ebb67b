"""A family files an application and takes a place, on a phone: links lead there, one button, twice is once."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.admission.models import Application
from qosymsha.domain.people.models import Guardian, Guardianship
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment, Seat
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission, vouchers
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOK = os.environ.get("QOSYMSHA_LOOK", "")
PHONE: dict[str, Any] = {"viewport": eyes.PHONE}


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page takes invented people."""
    with override_settings(MODE="trial"):
        yield


def come_in(page: Page, guardian: str, language: str) -> None:
    page.locator("#person").fill(guardian)
    page.get_by_role("button", name=texts.say(language, "demo.enter")).click()


def see(page: Page, language: str, name: str) -> None:
    """It reads well; a look at it where somebody asks."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    eyes.assert_readable(page)
    if LOOK:
        page.screenshot(path=f"{LOOK}/{name}-{language}.png", full_page=True)


def uuid_of(guardian_id: int) -> str:
    return str(Guardian.objects.get(pk=guardian_id).uuid)


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_an_application_is_filed_from_the_first_page_on(language: str, live_server: Any, browser_path: Any) -> None:
    city = admission.City()
    city.opened()
    clock.shift_to(admission.INSIDE)
    families = [*city.families(2), *city.families(1, born_on=admission.date(2023, 6, 1))]
    guardian = families[0][0]
    Guardianship.objects.filter(child_id__in=[child for _, child in families]).update(guardian_id=guardian)
    person = uuid_of(guardian)
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/{language}/family/", locale=language, **PHONE) as page,
    ):
        come_in(page, person, language)
        page.get_by_role("link", name=texts.say(language, "home.look_apply"), exact=True).click()
        see(page, language, "apply-rounds")
        page.get_by_role("link", name=texts.say(language, "apply.choose"), exact=True).click()
        expect(page.get_by_role("radio", name="Сынақ Бала")).to_have_count(2)
        expect(page.get_by_text(texts.refusal(language, "wrong_age"))).to_be_visible()
        see(page, language, "apply")
        page.get_by_role("radio", name="Сынақ Бала").first.check()
        page.get_by_role("radio", name=texts.say(language, "kind.sport"), exact=True).check()
        page.get_by_role("button", name=texts.say(language, "apply.send"), exact=True).dblclick()
        expect(page.get_by_role("status")).to_contain_text("A-0")
        see(page, language, "apply-done")
        page.go_back()
        page.goto(f"{live_server.url}/{language}/family/apply/")
        page.get_by_role("link", name=texts.say(language, "apply.choose"), exact=True).click()
        expect(page.get_by_text(texts.say(language, "apply.filed"), exact=True)).to_be_visible()
        expect(page.get_by_role("radio", name="Сынақ Бала")).to_have_count(1)
        see(page, language, "apply-again")
    assert Application.objects.count() == 1


def test_a_place_is_taken_and_a_full_group_says_so(live_server: Any, browser_path: Any) -> None:
    language = "kk"
    city = vouchers.make_city()
    group = vouchers.add_group(city, capacity=1)
    own, other = vouchers.accepted(city, 2)
    clock.shift_to(vouchers.AT)
    first, second = uuid_of(own[2]), uuid_of(other[2])
    take = f"{live_server.url}/{language}/family/groups/{ClubGroup.objects.get(pk=group).uuid}/take/"
    with eyes.browser(browser_path) as browser:
        late = browser.new_context(timezone_id="Asia/Almaty", locale=language, **PHONE)
        slow = late.new_page()
        slow.goto(take)
        come_in(slow, second, language)
        expect(slow.get_by_role("button", name=texts.say(language, "take.send"), exact=True)).to_be_visible()
        with eyes.page(browser, take, locale=language, **PHONE) as page:
            come_in(page, first, language)
            expect(page.get_by_label(texts.say(language, "take.starts_on"), exact=True)).to_have_value("2026-09-01")
            see(page, language, "take")
            page.get_by_role("button", name=texts.say(language, "take.send"), exact=True).dblclick()
            expect(page.get_by_role("status")).to_have_text(texts.say(language, "take.done"))
        slow.get_by_role("button", name=texts.say(language, "take.send"), exact=True).click()
        expect(slow.get_by_role("alert")).to_have_text(texts.say(language, "take.full"))
        expect(slow.get_by_role("link", name=texts.say(language, "take.look_clubs"), exact=True)).to_be_visible()
        see(slow, language, "take-full")
        late.close()
    assert Enrolment.objects.count() == Seat.objects.get(group_id=group).taken == 1

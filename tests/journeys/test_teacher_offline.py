"""By night: a teacher in a hall with a bad network; a second phone, a next day, another account on the same phone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from qosymsha.domain.attendance.models import Mark
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.interfaces import browsing
from tests.journeys import eyes
from tests.journeys.test_teacher import (
    HAS_KEPT,
    aside,
    assert_no_name_is_kept,
    at_the_lesson,
    feet,
    has_gone,
    marks,
    opened,
    say,
    touch,
    trial,  # noqa: F401 - an autouse fixture
    until,
    watched,
)

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

BY_NIGHT = pytest.mark.skipif(os.environ.get("LOOKS") != "whole", reason="by night")
SLOW_2G = {"offline": False, "latency": 2000, "downloadThroughput": 6250, "uploadThroughput": 6250}  # bytes a second
NO_NETWORK = {**SLOW_2G, "offline": True}


@BY_NIGHT
def test_in_a_hall_with_a_bad_network_nothing_is_lost_and_nothing_comes_twice(
    live_server: Any, browser_path: Path
) -> None:
    """Twenty children over 2G: the network goes in the middle, the tab is killed, a second phone marks a child too."""
    venue = at_the_lesson(20)
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        page = context.new_page()
        page.goto(f"{live_server.url}/kk/sign-in/")
        opened(page, live_server.url, "kk")
        watched(page)
        until(page, f"({HAS_KEPT})()")
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", SLOW_2G)
        before = feet(page)
        for child in (3, 7):
            touch(page, child, "absent")
        expect(page.locator("[data-stand]").nth(7)).to_have_text(texts.say("kk", "lessons.row_waits"))
        assert feet(page) == before
        context.set_offline(True)  # between the sending and its answer
        touch(page, 11, "ill")
        page.locator("[data-all]").last.click()
        expect(page.locator("[data-place][data-state=kept]")).to_have_count(20)
        expect(say(page, "offline")).to_contain_text("20")
        page.close()  # the tab is killed
        second_phone(browser, live_server.url)
        page = context.new_page()
        page.goto(f"{live_server.url}/kk/provider/")  # the door's first page leads to the kept day
        expect(page).to_have_url(re.compile("/kk/provider/lessons/$"))
        expect(page.locator(".marks input:checked")).to_have_count(20)
        expect(page.get_by_text(texts.say("kk", "lessons.short"))).to_be_visible()
        context.set_offline(False)
        for child in range(20):
            has_gone(page, child)
        expect(page.get_by_text(texts.say("kk", "lessons.short"))).to_be_hidden()  # the names came back by themselves
        expect(page.locator(".marks legend").first).to_have_text(re.compile(r"^[^0-9]"))
        expect(say(page, "sent")).to_be_visible()
        context.close()
    values = marks(venue)
    assert (len(values), values.count("absent"), values.count("ill")) == (20, 3, 1)
    assert Mark.objects.filter(session_id=venue.lesson.pk).count() == 20


def second_phone(browser: Browser, url: str) -> None:
    """The same teacher's tablet says of the first child that it is absent, before the phone's word comes."""
    with eyes.page(browser, f"{url}/ru/sign-in/", viewport=eyes.PHONE) as tablet:
        opened(tablet, url)
        touch(tablet, 0, "absent")
        has_gone(tablet, 0)


@BY_NIGHT
def test_the_rows_of_a_lesson_to_come_open_without_network(live_server: Any, browser_path: Path) -> None:
    venue = at_the_lesson()
    clock.shift_to(venue.lesson.starts_at - timedelta(minutes=40))
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        page = context.new_page()
        page.clock.install()
        page.goto(f"{live_server.url}/ru/sign-in/")
        opened(page, live_server.url)
        expect(page.locator("[data-until]")).to_be_visible()
        expect(page.locator(".marks").first).to_be_hidden()
        context.set_offline(True)
        page.clock.fast_forward("41:00")
        expect(page.locator(".marks").first).to_be_visible()
        touch(page, 0, "present")
        expect(say(page, "offline")).to_contain_text("1")
        aside(lambda: clock.shift_to(venue.lesson.starts_at + timedelta(minutes=1)))
        context.set_offline(False)
        page.clock.fast_forward("01:00")
        has_gone(page, 0)
        context.close()
    assert marks(venue) == ["present"]


TOMORROW = """async () => {
  const pages = await caches.open("qosymsha-pages-3"); let moved = 0;
  for (const one of await pages.keys()) {
    const kept = await pages.match(one), day = kept.headers.get("X-Day"), headers = new Headers(kept.headers);
    if (!day) continue;
    const [ahead, ends] = day.split(" ").map(Number); moved += 1;
    headers.set("X-Day", `${ahead} ${ends - 86400000}`);
    await pages.put(one, new Response(await kept.text(), { status: 200, headers }));
  }
  return moved;
}"""


@BY_NIGHT
def test_the_next_day_without_network_shows_that_days_lessons_not_yesterdays(
    live_server: Any, browser_path: Path
) -> None:
    """Tomorrow's page was kept while there was a network; the clock of the worker cannot be moved, its pages can."""
    at_the_lesson()
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/sign-in/")
        opened(page, live_server.url)
        watched(page)
        until(page, "caches.open('qosymsha-pages-3').then((one) => one.keys()).then((all) => all.length >= 3)")
        assert_no_name_is_kept(page)
        context.set_offline(True)
        page.goto(f"{live_server.url}/ru/provider/lessons/")
        expect(page.locator(".days strong")).to_have_text("01.09.2026")
        assert page.evaluate(TOMORROW) == 2
        page.goto(f"{live_server.url}/ru/provider/lessons/")
        expect(page.locator(".days strong")).to_have_text("02.09.2026")
        context.close()


def lost_on_the_way(route: Route) -> None:
    route.abort()


def lost_on_the_way_back(route: Route) -> None:
    """The server has it, the phone does not know."""
    route.fetch()
    route.abort()


@BY_NIGHT
@pytest.mark.parametrize(("network", "stored"), [(lost_on_the_way, []), (lost_on_the_way_back, ["absent"])])
def test_a_phone_sends_marks_only_as_who_made_them(
    network: Callable[[Route], None], stored: list[str], live_server: Any, browser_path: Path
) -> None:
    """A colleague signs in on the phone of one whose marks still wait: they wait on, and the page says so.

    Without the worker: what it lets pass may go past `route`.
    """
    venue = at_the_lesson()
    browsing.official(Role.PROVIDER_MANAGER, provider_id=venue.city.provider_id, name="demo:manager")
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty", service_workers="block")
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/sign-in/")
        opened(page, live_server.url)
        expect(page.locator("[data-all]").first).to_be_visible()
        context.route("**/lessons/sync/", network)
        touch(page, 0, "absent")
        expect(say(page, "offline")).to_contain_text("1")
        for who, waits in (("demo:manager", True), ("demo:teacher", False)):
            page.get_by_role("button", name=texts.say("ru", "door.sign_out")).click()
            page.wait_for_url("**/sign-in/")
            context.unroute("**/lessons/sync/") if who == "demo:manager" else None
            page.get_by_role("button", name=who).first.click()
            page.goto(f"{live_server.url}/ru/provider/lessons/")
            others = page.locator("[data-others]")
            if waits:
                expect(others).to_contain_text("1")
                assert aside(lambda: marks(venue)) == stored
            else:
                has_gone(page, 0)
                expect(others).to_be_hidden()
                assert aside(lambda: marks(venue)) == ["absent"]
        context.close()
    assert marks(venue) == ["absent"]


@BY_NIGHT
def test_a_mark_that_goes_while_its_page_comes_again_is_shown(live_server: Any, browser_path: Path) -> None:
    """The page was drawn before the mark came, and opens after it has gone: it still shows what the teacher said."""
    venue = at_the_lesson()
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty", service_workers="block")
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/sign-in/")
        opened(page, live_server.url)
        expect(page.locator("[data-all]").first).to_be_visible()
        waiting: list[Route] = []
        context.route("**/lessons/sync/", lambda route: waiting.append(route))
        with page.expect_request("**/lessons/sync/"):
            touch(page, 0, "absent")

        def drawn_before(route: Route) -> None:
            drawn = route.fetch()
            assert aside(lambda: marks(venue)) == []
            with page.expect_response("**/lessons/sync/"):
                waiting[0].continue_()
            page.wait_for_timeout(500)  # for the phone to write it down, before the page goes
            assert aside(lambda: marks(venue)) == ["absent"]
            route.fulfill(response=drawn)

        context.route("**/provider/lessons/", drawn_before)
        page.goto(f"{live_server.url}/ru/provider/lessons/")
        has_gone(page, 0)
        expect(page.locator("[data-place]").first.locator('input[value="absent"]')).to_be_checked()
        context.close()

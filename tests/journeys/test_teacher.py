"""A teacher marks a lesson on a phone: with network, without, after a dead battery; and shows the rotating code."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from django.db import connection
from django.test import override_settings
from playwright.sync_api import Page, Route, expect

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.models import Mark
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Teacher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import presence
from tests.interfaces import browsing
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def at_the_lesson(families: int = 3) -> presence.Venue:
    """A quarter of an hour into the first lesson; its teacher is a user."""
    venue = presence.venue(families=families)
    clock.shift_to(venue.lesson.starts_at + timedelta(minutes=15))
    user = browsing.official(Role.TEACHER, provider_id=venue.city.provider_id, name="demo:teacher")
    Teacher.objects.filter(pk=venue.lesson.teacher_id).update(user_id=user)
    return venue


def opened(page: Page, url: str, language: str = "ru") -> None:
    """Signed in as the teacher, on the day's page."""
    page.get_by_role("button", name="demo:teacher").first.click()
    page.goto(f"{url}/{language}/provider/lessons/")


def touch(page: Page, child: int, value: str) -> None:
    """Touch a value for the n-th child of the page."""
    page.locator(f".marks li:nth-of-type({child + 1}) label.{value}").click()


def marks(venue: presence.Venue) -> list[str]:
    """The values that the server holds of the first lesson, in the order of the places."""
    return [m.value for m in Mark.objects.filter(session_id=venue.lesson.pk).order_by("enrolment_id")]


def until(page: Page, told: str) -> None:
    """Wait until the page tells it so: the page's policy forbids Playwright's own waiting on a sentence of script."""
    for _ in range(300):
        if page.evaluate(told):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {told}")


def watched(page: Page) -> None:
    """Load the page until the worker has it: a page still coming as the worker starts is had at the next load only."""
    for _ in range(10):
        page.reload()
        if page.evaluate("navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"):
            return
    raise AssertionError("the worker never had the page")


def aside(work: Callable[[], Any]) -> Any:
    """Work with the database beside a running browser."""

    def alone() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        return other.submit(alone).result()


def say(page: Page, word: str) -> Any:
    """The line that tells how the sending stands."""
    return page.locator(f'#sync [data-say="{word}"]')


def has_gone(page: Page, child: int) -> None:
    """Wait until the server's word on this very mark is back: "sent" may still be said of what was sent before."""
    row = page.locator("[data-place]").nth(child)
    expect(row).to_have_attribute("data-state", re.compile("^(?!kept$).+"), timeout=45_000)


HAS_KEPT = "async () => (await (await caches.open('qosymsha-pages-3')).keys()).length > 0"
KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const store = await caches.open(name);
    for (const one of await store.keys()) found.push(await (await store.match(one)).text());
  }
  return found.join("\\n");
}"""
WHOLE = "fetch(location.href, { headers: { 'X-Fresh': '1' } }).then((answer) => answer.text())"


def assert_no_name_is_kept(page: Page) -> None:
    """What lies in the browser names no child (ASVS 14.3.3); the page as the server sends it is the control."""
    names = [word for shown in page.locator(".marks legend").all_inner_texts() for word in shown.split()]
    whole, kept = str(page.evaluate(WHOLE)), str(page.evaluate(KEPT))
    assert names
    assert all(name in whole for name in names)
    assert "data-place=" in kept, "a page with children is kept"
    assert [name for name in names if name in kept] == []


def test_marks_are_sent_at_once_and_kept_without_network(live_server: Any, browser_path: Path) -> None:
    venue = at_the_lesson()
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/sign-in/")
        opened(page, live_server.url)
        touch(page, 0, "present")
        has_gone(page, 0)
        watched(page)  # the worker keeps this page from now on
        page.reload()
        until(page, f"({HAS_KEPT})()")
        assert_no_name_is_kept(page)

        context.set_offline(True)
        touch(page, 1, "absent")
        expect(say(page, "offline")).to_be_visible()
        page.close()  # a dead battery
        page = context.new_page()
        page.goto(f"{live_server.url}/ru/provider/lessons/")
        expect(page.locator(".marks legend").first).to_have_text(re.compile(r"^1 · ([^ .]\. )?[^ .]\.$"))
        expect(page.get_by_text(texts.say("ru", "lessons.short"))).to_be_visible()
        touch(page, 2, "ill")
        touch(page, 0, "absent")  # a second thought about a mark that was sent
        expect(say(page, "offline")).to_contain_text("3")
        expect(page.locator(".marks li:nth-of-type(2) input:checked")).to_have_value("absent")
        context.set_offline(False)
        for child in range(3):
            has_gone(page, child)  # tried again by the clock, at most every 30 s
        context.close()
    assert marks(venue) == ["absent", "absent", "ill"]


def test_the_page_sends_nothing_twice_and_says_who_must_decide(live_server: Any, browser_path: Path) -> None:
    """Another phone marked the child otherwise: this phone's word is kept beside, and the page says so."""
    venue = at_the_lesson(1)
    with eyes.browser(browser_path) as browser:
        for value in ("present", "absent"):
            with eyes.page(browser, f"{live_server.url}/kk/sign-in/", viewport=eyes.PHONE) as page:
                opened(page, live_server.url, "kk")
                touch(page, 0, value)
                has_gone(page, 0)
                word = page.locator("[data-word]").first
                if value == "absent":
                    expect(word).to_have_text(texts.refusal("kk", "contradicts"))
    assert marks(venue) == ["present"]
    assert [o.value for o in queries.objections_by_id(venue.city.provider_id, [1, 2, 3]).values()] in ([], ["absent"])


def feet(page: Page) -> list[float]:
    """Where the rows of children end on the page: the finger's marks."""
    found: list[float] = page.evaluate("() => [...document.querySelectorAll('.marks .choices')].map(e => e.offsetTop)")
    return found


def test_all_marked_is_a_touch_for_each_absent_child_and_one_for_the_rest(live_server: Any, browser_path: Path) -> None:
    """Sign-in leads to the day itself; what is touched before a late script is kept; no row moves under the finger."""
    venue = at_the_lesson()
    late: list[Route] = []
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        context.route("**/provider/lessons.js", lambda route: late.append(route))
        page = context.new_page()
        page.goto(f"{live_server.url}/kk/sign-in/")
        page.get_by_role("button", name="demo:teacher").first.click(no_wait_after=True)
        page.wait_for_url("**/kk/provider/lessons/", wait_until="commit")
        page.locator(".marks li").nth(2).wait_for()
        touch(page, 1, "absent")
        before = feet(page)
        assert late, "the page waits for its script"
        late[0].continue_()
        has_gone(page, 1)
        page.get_by_role("button", name=texts.say("kk", "lessons.all")).first.click()
        for child in range(3):
            has_gone(page, child)
        expect(say(page, "sent")).to_be_visible()
        expect(page.locator("[data-stand]")).to_have_text([texts.say("kk", "lessons.row_sent")] * 3)
        assert feet(page) == before
        context.close()
    assert marks(venue) == ["present", "absent", "present"]


def keep(page: Page, name: str) -> None:
    """The pictures that the docs show, of all those looked at."""
    if name in ("lessons-kk-phone-light", "code-ru-phone-light"):
        eyes.picture(page, name)


def read_off(page: Page) -> str:
    """What a camera reads off the picture: its squares, painted and given to a reader of QR codes."""
    side = int(str(page.locator("#picture").get_attribute("viewBox")).split()[2])
    squares = re.findall(r"M(\d+) (\d+)h", str(page.locator("#picture path").get_attribute("d")))
    image = np.full((side, side), 255, np.uint8)
    for x, y in squares:
        image[int(y), int(x)] = 0
    (read,) = zxingcpp.read_barcodes(np.kron(image, np.ones((6, 6), np.uint8)))
    return str(read.text)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_it_reads_well(language: str, live_server: Any, browser_path: Path) -> None:
    at_the_lesson()
    with eyes.browser(browser_path) as browser:
        for size, viewport, scheme in eyes.looks(0, language):
            options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
            with eyes.page(browser, f"{live_server.url}/{language}/sign-in/", **options) as page:
                opened(page, live_server.url, language)
                touch(page, 0, "present")
                expect(say(page, "some")).to_contain_text("1 / 3")
                eyes.assert_readable(page)
                keep(page, f"lessons-{language}-{size}-{scheme}")
                page.get_by_role("link", name=texts.say(language, "lessons.code")).first.click()
                expect(page.locator("#letters")).to_have_text(re.compile(r"^\w{4} \w{4}$"))
                shown = page.locator("#letters").inner_text().replace(" ", "")
                assert read_off(page) == f"{live_server.url}/V/{shown}".upper()
                eyes.assert_readable(page)
                keep(page, f"code-{language}-{size}-{scheme}")


def test_without_scripts_a_lesson_is_sent_by_its_form(live_server: Any, browser_path: Path) -> None:
    venue = at_the_lesson()
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "java_script_enabled": False}
        with eyes.page(browser, f"{live_server.url}/en/sign-in/", **options) as page:
            opened(page, live_server.url, "en")
            touch(page, 0, "present")
            touch(page, 2, "excused")
            page.get_by_role("button", name=texts.say("en", "lessons.send")).click()
            expect(page.get_by_role("status").first).to_have_text(texts.say("en", "lessons.marked", n=2))
            touch(page, 2, "absent")
            page.get_by_role("button", name=texts.say("en", "lessons.send")).click()
            eyes.assert_readable(page)
            page.goto(f"{live_server.url}/en/provider/lessons/{venue.lesson.uuid}/code/")
            shown = page.locator("#letters").inner_text().replace(" ", "")
            assert read_off(page) == f"{live_server.url}/V/{shown}".upper()
    assert marks(venue) == ["present", "absent"]

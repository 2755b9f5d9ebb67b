"""One sending counts once: the browser keeps the key of a form through a lost answer, a closed tab, a second tab."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, Page, Route, expect

from qosymsha.domain.attendance.models import AbsenceNotice
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.attendance import OVER
from tests.factories.families import own_family
from tests.interfaces import browsing
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
NOTE, ANEW = "[data-key-note]", "[data-key-anew]"
FORM = "main form[method=post]"
PERSONAL = "Тіс дәрігерінде"


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_straight = urllib.request.build_opener(_Stays)


@pytest.fixture
def visit() -> Iterator[str]:
    """A guardian signed in: the session's cookie."""
    with override_settings(MODE="trial"):
        here = own_family(1)
        clock.shift_to(OVER)
        client = Client()
        browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
        yield client.cookies["visit"].value


@contextmanager
def signed_in(path: Path, home: str, visit: str, **options: Any) -> Iterator[BrowserContext]:
    """A browser in which the guardian is signed in."""
    with eyes.browser(path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, locale="ru", **options)
        context.set_default_timeout(30_000)
        context.add_cookies([{"name": "visit", "value": visit, "url": home}])
        yield context
        context.close()


def opened(context: BrowserContext, home: str, state: str = "ready") -> Page:
    """The page of absences, its form armed."""
    page = context.new_page()
    page.goto(f"{home}/ru/family/absences/")
    expect(page.locator(f"{FORM}[data-keyed={state}]")).to_have_count(1)
    return page


def fill(page: Page, *, reason: str = PERSONAL, last: str = "2026-10-05") -> None:
    """The form, filled."""
    page.locator("select[name=place]").select_option(index=0)
    page.locator("input[name=kind][value=ill]").check()
    page.locator("input[name=first]").fill("2026-09-30")
    page.locator("input[name=last]").fill(last)
    page.locator("textarea[name=reason]").fill(reason)


def send(page: Page) -> None:
    """Press the button."""
    page.get_by_role("button", name=texts.say("ru", "absence.send")).click(no_wait_after=True)


def send_and_lose_the_answer(page: Page) -> None:
    """The server gets it and answers; the answer never arrives."""

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        headers = {k: v for k, v in route.request.all_headers().items() if not k.startswith(":")}
        request = urllib.request.Request(route.request.url, route.request.post_data_buffer, headers)  # noqa: S310
        with suppress(urllib.error.HTTPError):  # a redirect, not followed: done
            _straight.open(request, timeout=60).close()
        route.abort("connectionreset")

    page.route("**/absences/", lose)
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        send(page)
    page.unroute("**/absences/")


def done(page: Page) -> None:
    """The server said that it was taken, and the browser keeps no key for it any more."""
    expect(page.get_by_role("status")).to_have_text(texts.say("ru", "absence.announced"))
    expect(page.locator(f"{FORM}[data-keyed=ready]")).to_have_count(1)
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('key ')).length") == 0


def kept_of(page: Page) -> str:
    """Everything that the browser keeps for the site."""
    return str(page.evaluate("JSON.stringify(localStorage)"))


def test_a_lost_answer_a_closed_tab_and_a_second_tab_make_one_effect(
    visit: str, live_server: Any, browser_path: Path
) -> None:
    home = live_server.url
    with signed_in(browser_path, home, visit) as context:
        beside = opened(context, home)  # open before anything was sent
        first = opened(context, home)
        fill(first)
        send_and_lose_the_answer(first)
        first.close()
        again = opened(context, home, "pending")
        expect(again.locator(NOTE)).to_contain_text(texts.say("ru", "keys.pending"))
        expect(again.locator("input[name=first]")).to_have_value("2026-09-30")
        kept = kept_of(again)
        assert "2026-09-30" in kept, "the control: what is kept is seen"
        assert PERSONAL not in kept, "words are not kept"
        assert "ill" not in kept, "nor what says something of a child"
        expect(again.locator("input[name=kind][value=ill]")).not_to_be_checked()
        eyes.assert_readable(again)
        again.reload()
        expect(again.locator(f"{FORM}[data-keyed=pending]")).to_have_count(1)
        fill(again)
        send(again)
        done(again)
        fill(beside, last="2026-10-06")  # the other tab, another sending: a key of its own
        send(beside)
        done(beside)
    assert AbsenceNotice.objects.count() == 2


def test_two_tabs_at_once_make_one_effect_and_other_content_is_sent_at_ones_wish(
    visit: str, live_server: Any, browser_path: Path
) -> None:
    home = live_server.url
    with signed_in(browser_path, home, visit) as context:
        one, two = opened(context, home), opened(context, home)
        for page in (one, two):
            fill(page)
        send_and_lose_the_answer(one)
        send(two)
        done(two)
        fill(two, last="2026-10-07")
        send_and_lose_the_answer(two)
        changed = opened(context, home, "pending")
        fill(changed, last="2026-10-08")
        send(changed)
        expect(changed.locator(NOTE)).to_contain_text(texts.say("ru", "keys.reused"))
        expect(changed.get_by_role("alert")).to_contain_text(texts.refusal("ru", "key_reused"))
        changed.locator(ANEW).click()
        expect(changed.locator(f"{FORM}[data-keyed=ready]")).to_have_count(1)
        expect(changed.locator("textarea[name=reason]")).to_have_value(PERSONAL)
        send(changed)
        done(changed)
    assert [one.days.upper.day for one in AbsenceNotice.objects.order_by("id")] == [6, 8, 9], "to the day before"


def test_without_network_nothing_is_lost_and_a_double_click_sends_once(
    visit: str, live_server: Any, browser_path: Path
) -> None:
    home, posts = live_server.url, []
    with signed_in(browser_path, home, visit) as context:
        page = opened(context, home)
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        fill(page)
        context.set_offline(True)
        send(page)
        expect(page.locator(NOTE)).to_contain_text(texts.say("ru", "keys.offline"))
        expect(page.locator(NOTE)).to_contain_text(texts.say("ru", "keys.kept"))
        expect(page.locator("textarea[name=reason]")).to_have_value(PERSONAL)
        assert posts == []
        context.set_offline(False)
        expect(page.locator(NOTE)).to_contain_text(texts.say("ru", "keys.online"))
        page.get_by_role("button", name=texts.say("ru", "absence.send")).dblclick(no_wait_after=True)
        done(page)
        assert len(posts) == 1
    assert AbsenceNotice.objects.count() == 1


def test_control_without_the_script_a_lost_answer_sent_again_is_a_second_effect(
    visit: str, live_server: Any, browser_path: Path
) -> None:
    home = live_server.url
    with signed_in(browser_path, home, visit, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{home}/ru/family/absences/")
        fill(page)
        send_and_lose_the_answer(page)
        page.goto(f"{home}/ru/family/absences/")
        fill(page)
        send(page)
        expect(page.get_by_role("status")).to_have_text(texts.say("ru", "absence.announced"))
    assert AbsenceNotice.objects.count() == 2

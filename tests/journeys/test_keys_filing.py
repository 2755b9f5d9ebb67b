"""Filing an application over a bad network and a short memory: nothing is lost, nothing is done twice."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import BrowserContext, Page, Route, expect

from qosymsha.domain.admission.models import Application
from qosymsha.domain.people.models import Guardian
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission, lives
from tests.factories.families import KIDS
from tests.journeys import eyes
from tests.journeys.test_family import come_in
from tests.journeys.test_keys import NOTE, _straight

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
FIRST, SECOND, THIRD = (" ".join(kid) for kid in KIDS[:3])
FORM = "main form:has([name=child])"


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


@contextmanager
def signed_in(path: Path, address: str, person: str) -> Iterator[BrowserContext]:
    """A browser in which the guardian is signed in."""
    with eyes.browser(path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, locale="ru")
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(address)
        come_in(page, person, "ru")
        page.close()
        yield context
        context.close()


def opened(context: BrowserContext, address: str) -> Page:
    """The filing page, its form armed."""
    page = context.new_page()
    page.goto(address)
    expect(page.locator(f"{FORM}[data-keyed]")).to_have_count(1)
    return page


def choose(page: Page, child: str) -> None:
    page.get_by_role("radio", name=child, exact=True).check()
    page.get_by_role("radio", name=texts.say("ru", "kind.sport"), exact=True).check()


def send(page: Page, **how: Any) -> None:
    page.get_by_role("button", name=texts.say("ru", "apply.send"), exact=True).click(no_wait_after=True, **how)


def lose_the_answer(page: Page) -> None:
    """The server gets what is sent and answers; the answer never arrives."""

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        headers = {k: v for k, v in route.request.all_headers().items() if not k.startswith(":")}
        request = urllib.request.Request(route.request.url, route.request.post_data_buffer, headers)  # noqa: S310
        with suppress(urllib.error.HTTPError):  # a redirect, not followed: done
            _straight.open(request, timeout=60).close()
        route.abort("connectionreset")

    page.route("**/apply/**", lose)


def done(page: Page) -> None:
    expect(page.get_by_role("status")).to_contain_text("A-0")


def test_filing_survives_a_lost_answer_a_closed_tab_two_tabs_the_back_button_and_an_expired_visit(
    live_server: Any, browser_path: Path
) -> None:
    life = lives.begun(3)
    clock.shift_to(admission.INSIDE)
    person = str(Guardian.objects.get(pk=life.guardian).uuid)
    address = f"{live_server.url}/ru/family/apply/{life.the_round.uuid}/"
    with signed_in(browser_path, address, person) as context:
        beside, page = opened(context, address), opened(context, address)
        choose(page, FIRST)
        lose_the_answer(page)
        with page.expect_event("requestfailed", lambda request: request.method == "POST"):
            send(page)
        page.close()
        page = opened(context, address)  # says that it stands, and offers the other children only
        expect(page.get_by_text(texts.say("ru", "apply.filed"), exact=True)).to_have_count(1)
        expect(page.get_by_role("radio", name=FIRST, exact=True)).to_have_count(0)
        expect(page.locator(NOTE)).to_contain_text(texts.say("ru", "keys.pending"))
        page.locator("[data-key-anew]").click()
        choose(beside, FIRST)  # a tab that was open all the time
        send(beside)
        expect(beside.get_by_text(texts.refusal("ru", "already_filed"))).to_be_visible()
        beside.close()

        choose(page, SECOND)
        context.set_offline(True)
        send(page)
        expect(page.locator(NOTE)).to_contain_text(texts.say("ru", "keys.offline"))
        context.set_offline(False)
        expect(page.get_by_role("radio", name=SECOND, exact=True)).to_be_checked()
        with override_settings(VISIT_IDLE=timedelta(0)):  # the visit has run out meanwhile
            send(page)
            page.wait_for_url("**/sign-in/**")
        come_in(page, person, "ru")
        expect(page.get_by_role("radio", name=SECOND, exact=True)).to_be_checked()
        send(page)
        done(page)

        page.goto(address)
        expect(page.locator(f"{FORM}[data-keyed]")).to_have_count(1)
        choose(page, THIRD)
        send(page, click_count=2)
        done(page)
        page.go_back()
        expect(page.get_by_text(texts.say("ru", "apply.filed"), exact=True)).to_have_count(3)
        expect(page.locator(FORM)).to_have_count(0)
    filed = Application.objects.filter(guardian_id=life.guardian)
    assert sorted(filed.values_list("child_id", flat=True)) == sorted(life.children), "each once"

"""What stays on a family's device: searched for a canary child after a visit to every page: only what is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.people.models import Child, Guardian
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.families import named, own_family
from tests.factories.presence import minutes
from tests.journeys import eyes
from tests.journeys.test_family import READY, come_in

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
CANARY = "Қанарейгүл"
PAGES = ("", "children/", "here/", "week/", "months/", "absences/", "vouchers/", "applications/", "money/")

# Everything that the browser keeps for the site and a page can reach: caches, both storages, databases, cookies.
KEPT = """async () => {
  const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  for (const name of await caches.keys()) {
    const store = await caches.open(name);
    for (const request of await store.keys()) found.push(request.url, await (await store.match(request)).text());
  }
  for (const { name } of await indexedDB.databases()) found.push(`database ${name}`);
  return found.join("\\n");
}"""
PLANT = """async (word) => (await caches.open("planted")).put("/planted", new Response(word))"""


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


def kept(page: Page) -> str:
    return str(page.evaluate(KEPT))


def test_nothing_of_a_child_stays_on_the_device_without_being_stated(live_server: Any, browser_path: Path) -> None:
    here = own_family(1)
    guardian, child, _ = here.families[0]
    named(("child", child, "Әлиева", CANARY))
    words = (CANARY, "Сәуле", str(Child.objects.get(pk=child).uuid))
    person = str(Guardian.objects.get(pk=guardian).uuid)
    clock.shift_to(here.lesson.starts_at + minutes(10))
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/ru/family/", viewport=eyes.PHONE) as page,
    ):
        come_in(page, person, "ru")
        seen = set()
        for address in PAGES:
            page.goto(f"{live_server.url}/ru/family/{address}")
            seen |= {word for word in words if word in page.content()}
        assert seen == set(words), "the control: the pages do show the child"
        page.goto(f"{live_server.url}/ru/family/here/")
        assert page.evaluate(READY)
        found = kept(page)
        assert "/ru/family/here/offline/" in found, "the worker keeps its page"
        assert [word for word in words if word in found] == []
        page.get_by_role("button", name=texts.say("ru", "door.sign_out")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(texts.say("ru", "signin.h1"))
        page.go_back()  # nobody keeps the page itself: the browser asks for it anew, and is led to sign in
        page.wait_for_url("**/sign-in/**")
        assert [word for word in words if word in page.content()] == []
        page.evaluate(PLANT, CANARY)
        assert CANARY in kept(page), "the control: a planted word is found"

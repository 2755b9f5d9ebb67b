"""Drafts, categories with papers, the officer's desk and the clerk's, seen in a browser in three languages."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, Page, expect

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.assistance.models import AssistedVisit
from qosymsha.domain.intake import commands as intake
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import uploads
from tests.factories.admission import INSIDE, City
from tests.factories.people import family, guardian_id, register
from tests.interfaces import browsing
from tests.journeys import axe, eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOK = os.environ.get("QOSYMSHA_LOOK", "")


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which a code is shown on the page instead of sent."""
    with override_settings(MODE="trial"):
        yield


class Scene:
    """A city with an open round; a family with a draft, a filed application and papers; an officer and a clerk."""

    def __init__(self) -> None:
        clock.shift_to(INSIDE)
        self.city = City()
        self.round = self.city.opened()
        row = family(1, children=2)
        register(self.city.territory.id, [row])
        self.iin = row.guardian.iin or ""
        self.guardian = browsing.guardian_user(guardian_id(row))
        actor = browsing.actor(self.guardian)
        first, second = Child.objects.order_by("id")
        own: dict[str, Any] = {"actor": actor, "round_uuid": self.round.uuid, "at": INSIDE}
        self.draft = intake.save_draft(**own, child_uuid=second.uuid, kind="creative", key=uuid4())
        admission.submit_own_application(**own, child_uuid=first.uuid, kind="sport", key=uuid4())
        own |= {"child_uuid": first.uuid, "content": uploads.jpeg()}
        self.case = intake.name_category(**own, category="emergency", key=uuid4())
        refused = intake.name_category(**own, category="prevention", key=uuid4())
        checker = browsing.official(Role.CHECKER, territory_id=self.city.territory.id)
        intake.refuse_case(
            actor=browsing.actor(checker), case_uuid=refused, ground="out_of_date", at=INSIDE, key=uuid4(),
            words="Анықтаманың мерзімі мамырда аяқталған.",
        )  # fmt: skip
        clerk = browsing.official(Role.CLERK, territory_id=self.city.territory.id)
        self.visits = {user: browsing.come_in(Client(), user, strong=True) for user in (self.guardian, checker, clerk)}
        self.checker, self.clerk = checker, clerk
        self.categories = f"family/apply/{self.round.uuid}/{first.uuid}/categories/"

    def cookies(self, of: BrowserContext, user: int, address: str) -> None:
        """This browser is this user's."""
        visit = self.visits[user].cookies["visit"].value if "visit" in self.visits[user].cookies else ""
        of.add_cookies([{"name": "visit", "value": visit, "url": address}])


def see(page: Page, name: str, language: str, *, whole: bool) -> None:
    """It reads well and axe finds nothing; a look at it where somebody asks."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    if LOOK:
        page.screenshot(path=f"{LOOK}/{name}-{language}-{page.viewport_size['width']}.png", full_page=True)  # type: ignore[index]
    eyes.assert_readable(page)
    axe.assert_clean(page, *(() if whole else axe.BY_LOOK))


def test_papers_and_help_read_well_in_every_language(live_server: Any, browser_path: Any) -> None:
    scene = Scene()
    walks = (
        (scene.guardian, ["family/apply/", f"family/apply/{scene.round.uuid}/", f"family/drafts/{scene.draft}/",
                          scene.categories, f"{scene.categories}{scene.case}/", "family/applications/"]),
        (scene.checker, ["office/applications/", f"office/applications/{scene.case}/"]),
        (scene.clerk, ["office/assist/"]),
    )  # fmt: skip
    with eyes.browser(browser_path) as browser:
        for user, pages in walks:
            wide = {"colorScheme": "dark"} if user == scene.checker else {}
            context = browser.new_context(
                viewport=eyes.DESKTOP if user == scene.checker else eyes.PHONE, timezone_id="Asia/Almaty",
                color_scheme=wide.get("colorScheme"),
            )  # fmt: skip
            scene.cookies(context, user, live_server.url)
            page = context.new_page()
            for n, language in enumerate(texts.LANGUAGES):
                for where in pages:
                    page.goto(f"{live_server.url}/{language}/{where}")
                    name = where.rstrip("/").replace("/", "_").replace(str(scene.round.uuid), "R")[:40]
                    see(page, name, language, whole=n == 0)
            context.close()


def test_a_clerk_files_with_the_guardians_codes_and_a_keyboard(live_server: Any, browser_path: Any) -> None:
    scene, language = Scene(), "ru"
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty", locale=language)
        scene.cookies(context, scene.clerk, live_server.url)
        page = context.new_page()
        page.goto(f"{live_server.url}/{language}/office/assist/")
        page.get_by_label(texts.say(language, "assist.iin")).fill(scene.iin)
        page.get_by_role("button", name=texts.say(language, "assist.begin"), exact=True).press("Enter")
        page.get_by_label(texts.say(language, "assist.code")).fill(page.locator(".code").inner_text())
        see(page, "visit_code", language, whole=True)
        page.get_by_role("button", name=texts.say(language, "assist.go_on"), exact=True).press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Әлиева")
        see(page, "visit", language, whole=True)
        page.get_by_role("link", name=texts.say(language, "assist.file"), exact=True).press("Enter")
        page.get_by_role("radio", name=texts.say(language, "kind.educational"), exact=True).press("Space")
        page.get_by_role("button", name=texts.say(language, "assist.send_word"), exact=True).press("Enter")
        expect(page.get_by_role("radio", name=texts.say(language, "kind.educational"), exact=True)).to_be_checked()
        page.get_by_label(texts.say(language, "assist.word_code")).fill(page.locator(".code").inner_text())
        see(page, "visit_file", language, whole=True)
        page.get_by_role("button", name=texts.say(language, "assist.file_send"), exact=True).press("Enter")
        expect(page.get_by_role("status")).to_contain_text("A-0")
        page.get_by_role("button", name=texts.say(language, "assist.end"), exact=True).press("Enter")
        expect(page.get_by_role("status")).to_have_text(texts.say(language, "assist.ended"))
        context.close()
    assert AssistedVisit.objects.get().ended_at is not None

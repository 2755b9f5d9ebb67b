"""An officer writes rules and runs a round, another person approves: in a real browser; every page read and by axe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, Page, expect

from qosymsha.domain.admission.models import Round
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.programmes.models import RuleDraft, RuleSet
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission, choice
from tests.factories.errands import worker_beside
from tests.factories.programmes import OPERATOR
from tests.interfaces import browsing
from tests.journeys import eyes
from tests.journeys.test_office import come_in, press, prove, told

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
OFFICER, APPROVER = "planning:officer", "planning:approver"
PLACES = 8


@pytest.fixture(autouse=True)
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The mode in which the sign-in page lists invented people; files of rounds in a folder of this test; a worker."""
    worker_beside(monkeypatch)
    with override_settings(MODE="trial", PUBLISHED=str(tmp_path)):
        yield


def city() -> admission.City:
    """A city with rules, money, holidays, an officer and an approver; its day is the window's first."""
    of = admission.City(money={"sport": admission.money_for(PLACES)})
    clock.shift_to(admission.OPENS)
    programmes.load_classifiers(actor=OPERATOR, at=clock.read(), key=browsing.new_key())
    for role, name in ((Role.PROGRAMME_OFFICER, OFFICER), (Role.RULE_APPROVER, APPROVER)):
        browsing.official(role, territory_id=of.territory.id, name=name)
    return of


def opened(browser: Browser, url: str, name: str, *, strong: bool = False, **options: Any) -> Page:
    """A browser of that official."""
    page = browser.new_context(**{"viewport": eyes.PHONE, "timezone_id": "Asia/Almaty", **options}).new_page()
    come_in(page, url, name, strong=strong)
    return page


def test_rules_go_from_a_draft_to_their_approval_by_two_people(live_server: Any, browser_path: Path) -> None:
    of = city()
    with eyes.browser(browser_path) as browser:
        page = opened(browser, live_server.url, OFFICER)
        page.goto(f"{live_server.url}/ru/office/programmes/{of.programme.uuid}/")
        press(page, "rules.draft_begin")
        page.wait_for_url("**/draft/")
        page.locator("main button[type=submit]").click()
        told(page, "rules.draft_begun")
        page.get_by_role("link", name="Возраст", exact=True).click()
        page.get_by_label("Не младше, лет").fill("6")
        press(page, "rules.save")
        told(page, "rules.section_saved")
        press(page, "rules.policy_choose")
        page.get_by_label("Строго", exact=False).check()
        press(page, "rules.save")
        told(page, "rules.section_saved")
        press(page, "rules.submit")
        told(page, "rules.submitted")
        address = page.url
        other = opened(browser, live_server.url, APPROVER)
        other.goto(address)
        press(other, "rules.look_approve")
        prove(other)
        expect(other.locator("tr", has_text="Не младше, лет")).to_contain_text("6")
        other.locator("[name=looked]").check()
        press(other, "rules.approve")
        told(other, "rules.approved", version=2)
    made = RuleSet.objects.get(version=2)
    assert (made.state, made.document["ages"]["minimum"]) == ("approved", 6)
    assert made.document["allocation"]["policy"] == "tiers"
    assert made.approved_by not in made.authors


def test_a_round_goes_from_its_window_to_its_public_files(live_server: Any, browser_path: Path) -> None:
    of = city()
    with eyes.browser(browser_path) as browser:
        page = opened(browser, live_server.url, OFFICER, strong=True)
        page.goto(f"{live_server.url}/ru/office/programmes/{of.programme.uuid}/round/")
        page.locator("[name=opens_on]").fill("2026-02-02")
        page.locator("[name=opens_hour]").fill("0")
        page.locator("[name=closes_on]").fill("2026-02-16")
        press(page, "stage.plan_button")
        told(page, "stage.planned_done")
        step(page, "open")
        address = page.url
    of.file(Round.objects.get(), of.families(20))
    with eyes.browser(browser_path) as browser:
        page = opened(browser, live_server.url, OFFICER, strong=True)
        page.goto(address)
        step(page, "close", early=True)
        step(page, "draw", looked=False)
        step(page, "allocate")
        step(page, "publish")
        page.get_by_role("link", name=texts.say("ru", "stage.public_page")).first.click()
        page.wait_for_url("**/ru/rounds/**")
    assert Round.objects.get().state == "published"


def step(page: Page, name: str, *, looked: bool = True, early: bool = False) -> None:
    """From the round's page to the step's, and there do it."""
    press(page, f"stage.go.{name}")
    page.wait_for_url(f"**/{name}/")
    if looked:
        page.locator("[name=looked]").check()
    if early:
        page.locator("[name=early]").check()
    page.locator("main button[type=submit]").last.click()
    told(page, f"stage.done.{name}")


def whole() -> dict[str, str]:
    """A draft, a version, rounds of both kinds, lines and days; page → address."""
    of = city()
    officer = of.officer
    key = browsing.new_key
    draft = programmes.open_rule_draft(
        actor=officer, programme_id=of.programme.id, based_on=of.rule_set.id,
        valid_from=clock.local_day(admission.AFTER), at=admission.OPENS, key=key(),
    )  # fmt: skip
    content = {**RuleDraft.objects.get().document["ages"], "minimum": 6}
    edit = programmes.Edit("ages", 0, content)
    programmes.edit_rule_draft(actor=officer, draft_uuid=draft, edit=edit, at=admission.OPENS, key=key())
    drafted = programmes.draft_rule_set(
        actor=officer, draft=programmes.RuleSetDraft(of.programme.id, RuleDraft.objects.get().document,
        clock.local_day(admission.AFTER)), at=admission.OPENS, key=key(),
    )  # fmt: skip
    the_round = of.opened()
    of.file(the_round, of.families(20))
    planned = of.planned()
    town = choice.opened(choice.town())
    rules, p = RuleSet.objects.get(pk=drafted).uuid, of.programme.uuid
    pages = {"programmes": "programmes/", "programme": f"programmes/{p}/", "found": "programmes/new/"}
    pages |= {
        "rules": f"programmes/rules/{rules}/",
        "order": f"programmes/rules/{rules}/order/",
        "draft": f"programmes/drafts/{draft}/",
    }
    sections = ("ages", "categories", "allocation", "tariffs", "choice", "flags", "agreements")
    pages |= {f"section-{name}": f"programmes/drafts/{draft}/sections/{name}/" for name in sections}
    pages |= {
        "try": f"programmes/drafts/{draft}/try/",
        "load": f"programmes/drafts/{draft}/load/",
        "withdraw": f"programmes/rules/{rules}/withdraw/",
    }
    pages |= {"rounds": f"rounds/?p={p}", "round": f"rounds/{the_round.uuid}/", "plan": f"programmes/{p}/round/"}
    pages |= {"close": f"rounds/{the_round.uuid}/close/", "open": f"rounds/{planned.uuid}/open/"}
    pages |= {"draw": f"rounds/{the_round.uuid}/draw/", "cancel": f"rounds/{the_round.uuid}/cancel/"}
    pages |= {"choice": f"rounds/choice/{town.uuid}/", "choice-close": f"rounds/choice/{town.uuid}/close/"}
    pages |= {"budget": f"budget/?p={p}", "line": f"programmes/{p}/line/", "calendar": f"calendar/?p={p}"}
    return pages | {"day": f"programmes/{p}/day/"}


def test_every_page_reads_well_and_axe_finds_nothing(live_server: Any, browser_path: Path) -> None:
    pages = whole()
    browsing.official(Role.PROGRAMME_OFFICER, name="planning:country")
    with eyes.browser(browser_path) as browser:
        country = partial(opened, browser, live_server.url, "planning:country", strong=True)
        eyes.look_through(pages, f"{live_server.url}/{{language}}/office/", country, "planning")

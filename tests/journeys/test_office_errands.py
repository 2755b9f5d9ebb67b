"""An officer asks for a long step and watches it: waiting, running, done; with scripts and without."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.admission.models import Round
from qosymsha.domain.errands import commands
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.states import ErrandState, Phase
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from tests.factories import admission, choice
from tests.factories.errands import carry_all, nobody_works
from tests.interfaces import browsing
from tests.journeys import eyes
from tests.journeys.test_office import press
from tests.journeys.test_office_planning import OFFICER, city, opened

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
WORKER = Actor.system("errands")


@pytest.fixture(autouse=True)
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A trial, its files in a folder of this test, and no worker but the test's own."""
    nobody_works(monkeypatch)
    with override_settings(MODE="trial", PUBLISHED=str(tmp_path)):
        yield


def beside(act: Callable[[], None]) -> None:
    """What a worker does meanwhile, in a thread of its own: a browser's loop runs in this one."""

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        other.submit(run).result()


def drawn() -> tuple[admission.City, Round]:
    """A city with a drawn round."""
    of = city()
    the_round = of.opened()
    of.file(the_round, of.families(12))
    of.close(the_round)
    of.draw(the_round)
    clock.shift_to(admission.AFTER)
    return of, the_round


def says(page: Page, state: str) -> None:
    expect(page.locator('[data-part="state"]')).to_have_text(texts.say("ru", f"errand.state.{state}"))


def begun() -> None:
    uuid = Errand.objects.latest("id").uuid
    commands.begin(actor=WORKER, errand_uuid=uuid, at=clock.read())
    commands.note(actor=WORKER, errand_uuid=uuid, phase=Phase.VOUCHERS, done=1200, of=5000)


def ended() -> None:
    """Given up halfway and carried out anew: what the page shows at the end is the worker's."""
    Errand.objects.filter(state=ErrandState.RUNNING).update(state=ErrandState.WAITING)
    carry_all()


def test_a_long_step_is_watched_with_scripts_and_without(live_server: Any, browser_path: Path) -> None:
    _, the_round = drawn()
    address = f"{live_server.url}/ru/office/rounds/{the_round.uuid}/allocate/"
    with eyes.browser(browser_path) as browser:
        page = opened(browser, live_server.url, OFFICER, strong=True)
        page.goto(address)
        page.locator("[name=looked]").check()
        press(page, "stage.go.allocate")
        says(page, "waiting")
        expect(page.get_by_text(texts.say("ru", "errand.no_worker"))).to_be_visible()
        plain = opened(browser, live_server.url, OFFICER, java_script_enabled=False)
        plain.goto(page.url)
        says(plain, "waiting")
        beside(begun)
        says(page, "running")
        expect(page.locator("progress")).to_have_attribute("value", "1200")
        says(plain, "running")
        beside(ended)
        says(page, "done")
        says(plain, "done")
        expect(page.get_by_text(texts.say("ru", "errand.tally.vouchers", n=8))).to_be_visible()
        press(page, "errand.back")
        page.wait_for_url(f"**/rounds/{the_round.uuid}/")
    assert Round.objects.get().state == "allocated"


def whole() -> dict[str, str]:
    """An errand in each of its states, the page of a rerun, the page of a screening; page → address."""
    of, the_round = drawn()
    officer = browsing.actor(browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory.id, name="asker"))
    pages: dict[str, str] = {}
    for state in ErrandState:
        found = Errand.objects.create(
            verb="allocate_round", territory_id=of.territory.id, subject_kind="round",
            subject_id=the_round.id + len(pages), subject_uuid=the_round.uuid, label=the_round.number,
            user_id=officer.user_id, form_key=browsing.new_key(),
            state=state, asked_at=clock.read(), tries=2, tally={"vouchers": 8, "waiting": 4},
            begun_at=clock.read(), ended_at=None if state in ("waiting", "running") else clock.read(),
            phase="vouchers", rows_done=1200, rows_all=5000,
            reason={"refused": "money_gone", "failed": "errand_gave_up"}.get(state, ""),
        )  # fmt: skip
        pages[f"errand-{state}"] = f"errands/{found.uuid}/"
    town = choice.town(freed="rerun")
    run = choice.run(town, [])
    pages["rerun"] = f"rounds/choice/{run.uuid}/rerun/"
    pages["freed"] = f"rounds/choice/{run.uuid}/"
    return pages


def test_every_page_reads_well_and_axe_finds_nothing(live_server: Any, browser_path: Path) -> None:
    pages = whole()
    browsing.official(Role.PROGRAMME_OFFICER, name="planning:country")
    browsing.official(Role.CHECKER, name="planning:country")
    pages["screening"] = "flags/screen/"
    with eyes.browser(browser_path) as browser:
        country = partial(opened, browser, live_server.url, "planning:country", strong=True)
        eyes.look_through(pages, f"{live_server.url}/{{language}}/office/", country, "errands")

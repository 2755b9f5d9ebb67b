"""A guardian sees how much is new, opens a message, is led to its matter, marks the rest as read, without scripts too.

`QOSYMSHA_LOOK=folder` keeps pictures of every language, size and scheme, of the club's and the office's too.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.attendance.states import Topic as Attendance
from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people.models import Guardian, User
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import notices
from tests.factories.families import month_sent, own_family
from tests.factories.notices import make, tell
from tests.factories.vouchers import AT
from tests.interfaces import browsing
from tests.journeys import axe, eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOK = os.environ.get("QOSYMSHA_LOOK", "")
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A family with news of several kinds, its club and its office; outside ids by door."""
    notices.at_once_over(monkeypatch)
    clock.shift_to(AT)
    here = own_family(2)
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=here.city.provider_id, name="m:1")
    checker = browsing.official(Role.CHECKER, territory_id=here.city.territory_id, name="c:1")
    month_sent(here)
    voucher = Enrolment.objects.get(pk=here.families[0][2]).voucher_id
    tell(Vouchers.CLOSED, "voucher", [voucher], AT + timedelta(minutes=4))
    tell(Attendance.CANCELLED, "session", [here.lessons[1].pk, here.lessons[2].pk], AT + timedelta(minutes=5))
    tell(Vouchers.TRANSFERRED, "enrolment", [place for *_, place in here.families], AT + timedelta(minutes=6))
    make(AT + timedelta(minutes=10))
    Notice.objects.filter(kind="voucher_closed").update(kind="voucher_issued", due_at=AT + timedelta(days=2))
    clock.shift_to(AT + timedelta(minutes=20))
    return {
        "family": str(Guardian.objects.get(pk=here.families[0][0]).uuid),
        "provider": str(User.objects.get(pk=manager).uuid),
        "office": str(User.objects.get(pk=checker).uuid),
    }


def come_in(page: Page, person: str, language: str) -> None:
    page.locator("#person").fill(person)
    page.get_by_role("button", name=texts.say(language, "demo.enter")).click()


def test_messages_are_seen_opened_and_read(
    live_server: Any, browser_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = told(monkeypatch)
    guardian = Guardian.objects.get(uuid=people["family"]).pk
    count = Notice.objects.filter(guardian_id=guardian).count()
    assert count >= 3
    with eyes.browser(browser_path) as browser:
        address = f"{live_server.url}/kk/family/notices/"
        with eyes.page(browser, address, viewport=eyes.PHONE) as page:
            come_in(page, people["family"], "kk")
            expect(page.locator(".notices > li.fresh")).to_have_count(count)
            expect(page.locator(".bell .count")).to_have_text(str(count))
            looks(page, "family")
            page.locator(".notices > li").last.get_by_role("button").click()
            expect(page.locator(".bell .count")).to_have_text(str(count - 1))
            assert "/notices/" not in page.url
            page.locator(".bell").click()
            expect(page.locator(".notices > li.fresh")).to_have_count(count - 1)
            eyes.tab_to(page, "main form.actions button")
            page.keyboard.press("Enter")
            expect(page.locator(".verdict.ok")).to_have_text(texts.say("kk", "notices.read_done"))
            expect(page.locator(".bell .count")).to_have_count(0)
            expect(page.locator(".notices > li")).to_have_count(count)
        with eyes.page(browser, address, viewport=eyes.PHONE, java_script_enabled=False) as page:
            come_in(page, people["family"], "kk")
            page.locator(".notices > li").first.get_by_role("button").click()
            expect(page.locator(".notices")).to_have_count(0)
        if LOOK:
            seen = [("provider", "notices"), ("office", "notices"), *((door, "preferences") for door in people)]
            for door, leaf in seen:
                with eyes.page(browser, f"{live_server.url}/kk/{door}/{leaf}/") as page:
                    come_in(page, people[door], "kk")
                    looks(page, door if leaf == "notices" else f"{door}-{leaf}")


def looks(page: Page, door: str) -> None:
    """It reads well in every language; by `QOSYMSHA_LOOK` in every size and scheme, with a picture."""
    address, size = page.url, page.viewport_size
    for n, language in enumerate(("kk", "ru", "en")):
        page.goto(address.replace("/kk/", f"/{language}/", 1))
        for look, scheme in [(look, scheme) for look in SIZES for scheme in ("light", "dark")]:
            if not LOOK and (look, scheme) != (("phone", "light"), ("desktop", "dark"), ("phone", "dark"))[n]:
                continue
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size(SIZES[look])  # type: ignore[arg-type]
            if LOOK:
                page.screenshot(path=f"{LOOK}/{door}-{language}-{look}-{scheme}.png", full_page=True)
            eyes.assert_readable(page)
            axe.assert_clean(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(address)

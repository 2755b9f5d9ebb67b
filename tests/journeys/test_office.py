"""Officials at their desks in a real browser: a month from its red flag to the bank's word; every page looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.utils import translation
from playwright.sync_api import Browser, Page, expect

from qosymsha.domain.flags.models import RedFlag
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.models import Claim, PaymentFile, PaymentLine
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui import texts
from tests.factories import office
from tests.factories.errands import worker_beside
from tests.factories.office import Desk, desk
from tests.interfaces import browsing
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOKS = (("kk", "phone", "light"), ("ru", "desktop", "dark"), ("en", "phone", "dark"), ("ru", "desktop", "light"))
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}
KEPT = {"office-flag-kk-phone-light", "office-money-ru-desktop-light"}  # in the docs


@pytest.fixture(autouse=True)
def trial(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The mode in which the sign-in page lists invented people; a worker does what a page waits for."""
    worker_beside(monkeypatch)
    with override_settings(MODE="trial"):
        yield


def options(size: dict[str, int], scheme: str = "light") -> dict[str, Any]:
    """A browser of that size, in Astana's time."""
    return {"viewport": size, "timezone_id": "Asia/Almaty", "color_scheme": scheme}


def come_in(page: Page, url: str, name: str, *, strong: bool = False) -> None:
    """Signed in by the button of that name, with a second factor where wanted."""
    page.goto(f"{url}/ru/sign-in/")
    page.get_by_role("button", name=name, exact=False).first.click()
    if strong:
        prove(page, f"{url}/ru/step-up/?next=/ru/office/")


def prove(page: Page, address: str = "") -> None:
    """Give the code that the trial shows."""
    if address:
        page.goto(address)
    page.get_by_role("button", name=texts.say("ru", "step.send")).click()
    page.get_by_label(texts.say("ru", "step.code"), exact=True).fill(page.locator(".code").inner_text())
    page.keyboard.press("Enter")
    page.wait_for_url("**/office/**")


def press(page: Page, key: str, **values: object) -> None:
    """Press the button, or follow the link, of that sentence."""
    words = texts.say("ru", key, **values)
    page.locator("main").get_by_text(words, exact=True).last.click()


def told(page: Page, key: str, **values: object) -> None:
    """The page says so once."""
    expect(page.get_by_role("status")).to_have_text(texts.say("ru", key, **values))


@pytest.fixture
def desk_of(live_server: Any, browser_path: Path) -> Any:
    """Open a browser as the official of a role, on a page of the office."""

    def opened(browser: Browser, of: Desk, role: Role, where: str) -> Any:
        context = browser.new_context(**options(eyes.PHONE))
        page = context.new_page()
        come_in(page, live_server.url, of.name_of(role))
        page.goto(f"{live_server.url}/ru/office/{where}")
        return page

    return opened


def test_a_month_goes_from_its_red_flag_to_the_banks_word(desk_of: Any, browser_path: Path) -> None:
    of = desk(families=8, silent=0)
    for role in (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER):
        of.official(role)
    flags = office.screened(of)
    assert flags
    with eyes.browser(browser_path) as browser:
        page = desk_of(browser, of, Role.CHECKER, "flags/")
        for n, _ in enumerate(flags):
            page.goto(page.url.partition("flags/")[0] + "flags/")
            page.locator(".list h2 a").first.click()
            page.get_by_label(texts.say("ru", "office.flag.dismiss")).check()
            page.locator("[name=reason]").fill("одна бабушка на всех")
            page.locator("[name=evidence]").fill("выезд 9 октября")
            press(page, "office.flag.button")
            if n == 0:  # what was typed comes back after the proof
                prove(page)
                press(page, "office.flag.button")
            told(page, "office.flag.done.dismissed")
        page = desk_of(browser, of, Role.PROGRAMME_OFFICER, "")
        page.locator("a", has_text="ждёт проверки").click()
        page.locator("[name=s]").first.check()
        press(page, "office.sheets.look")
        press(page, "office.approve.button")
        told(page, "office.sheets.approved", n=1)
    assert set(RedFlag.objects.values_list("state", flat=True)) == {"dismissed"}
    claim = office.claimed(of)
    with eyes.browser(browser_path) as browser:
        page = desk_of(browser, of, Role.APPROVER, "claims/?state=drawn")
        page.get_by_role("link", name=claim.number).click()
        press(page, "office.claim.approve")
        prove(page)
        press(page, "office.claim.approve")
        told(page, "office.claims.approve.done", n=1)
        page = desk_of(browser, of, Role.PAYER, f"claims/{claim.number}/")
        press(page, "office.claim.release")
        prove(page)
        press(page, "office.claim.release")
        told(page, "office.claims.release.done", n=1)
        page.goto(page.url.partition("claims/")[0] + "files/")
        press(page, "office.files.look_draw")
        press(page, "office.file.draw")
        told(page, "office.file.drawn", n=1)
        press(page, "office.file.look_send")
        page.locator("[name=looked]").check()
        press(page, "office.file.send")
        told(page, "office.file.sent")
    assert PaymentFile.objects.get().state == "sent"
    office.answer(PaymentLine.objects.get())
    assert Claim.objects.get().state == "paid"
    with eyes.browser(browser_path) as browser:
        page = desk_of(browser, of, Role.PAYER, "money/")
        expect(page.get_by_text(texts.say("ru", "office.money.zero"))).to_be_visible()
        row = page.locator("tr", has_text=texts.say("ru", "money.paid")).first
        with translation.override("ru"):
            expect(row.locator("td").first).to_contain_text("₸")


def whole_office() -> dict[str, tuple[Role, str]]:
    """Four providers' months in different stages, and officials of the whole country; page → (role, address)."""
    flagged = desk(families=8)
    flags = office.screened(flagged)
    drawn, ready, sent = (desk(device="") for _ in range(3))
    assert office.screened(drawn) == []
    office.approved_sheet(drawn)
    claim = office.claimed(drawn)
    office.released(ready)
    line = office.paid_out(sent)
    office.answer(line, more_tiyn=100)
    for role in (Role.CHECKER, Role.APPROVER, Role.PAYER, Role.AUDITOR):
        browsing.official(role, name=f"demo:whole:{role.value}")
    sheet = f"sheets/{flagged.sheet.uuid}/"
    place = Enrolment.objects.get(pk=flagged.rows[0].enrolment_id).uuid
    silent = Enrolment.objects.get(pk=flagged.rows[-1].enrolment_id).uuid
    held = f"T-{line.pk}-100"
    return {
        "home": (Role.CHECKER, ""),
        "home-payer": (Role.PAYER, ""),
        "sheets": (Role.CHECKER, "sheets/"),
        "sheet": (Role.CHECKER, sheet),
        "sheets-approve": (Role.CHECKER, f"sheets/approve/?s={flagged.sheet.uuid}"),
        "sheet-return": (Role.CHECKER, f"{sheet}return/"),
        "sheet-pause": (Role.CHECKER, f"{sheet}pause/"),
        "row": (Role.CHECKER, f"{sheet}rows/{place}/"),
        "row-silent": (Role.CHECKER, f"{sheet}rows/{silent}/"),
        "flags": (Role.CHECKER, "flags/"),
        "flag": (Role.CHECKER, f"flags/{flags[0].uuid}/"),
        "claims": (Role.APPROVER, "claims/"),
        "claim": (Role.APPROVER, f"claims/{claim.number}/"),
        "claim-approve": (Role.APPROVER, f"claims/approve/?c={claim.number}"),
        "claim-reverse": (Role.APPROVER, f"claims/reverse/?c={claim.number}"),
        "trail": (Role.AUDITOR, f"claims/{line.claim.number}/trail/"),
        "files": (Role.PAYER, "files/"),
        "file-draw": (Role.PAYER, "files/draw/"),
        "file": (Role.PAYER, f"files/{line.file.number}/"),
        "replies": (Role.PAYER, "replies/"),
        "reply": (Role.PAYER, f"replies/resolve/?r={held}"),
        "recoveries": (Role.AUDITOR, "recoveries/"),
        "money": (Role.PAYER, "money/"),
    }


def test_every_page_reads_well(live_server: Any, browser_path: Path) -> None:
    pages = whole_office()
    with eyes.browser(browser_path) as browser:
        for role in (Role.CHECKER, Role.APPROVER, Role.PAYER, Role.AUDITOR):
            context = browser.new_context(**options(eyes.PHONE))
            page = context.new_page()
            come_in(page, live_server.url, f"demo:whole:{role.value}", strong=role in (Role.APPROVER, Role.PAYER))
            for turn, (language, size, scheme) in enumerate(LOOKS):
                page.set_viewport_size({"width": SIZES[size]["width"], "height": SIZES[size]["height"]})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                for n, (name, (whose, where)) in enumerate(pages.items()):
                    as_seen = f"{name}-{language}-{size}-{scheme}"
                    if whose is role and (f"office-{as_seen}" in KEPT or eyes.is_turn(n, turn, len(LOOKS))):
                        look(page, f"{live_server.url}/{language}/office/{where}", as_seen)
            context.close()


def look(page: Page, address: str, name: str) -> None:
    """It is there, and reads well."""
    answer = page.goto(address)
    assert answer is not None
    assert (name, answer.status) == (name, 200)
    if f"office-{name}" in KEPT:
        eyes.picture(page, f"office-{name}")
    try:
        eyes.assert_readable(page)
    except AssertionError as fault:
        raise AssertionError(f"{name}: {fault}") from fault

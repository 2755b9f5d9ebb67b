"""The later desks in a real browser: looked at in three languages, on a phone and at a desk, by axe too; a search."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import override_settings
from playwright.sync_api import Page, expect

from qosymsha.domain.casework import commands as casework
from qosymsha.domain.casework.rules import EndingDraft
from qosymsha.domain.casework.states import Ending, Kind
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import Contract, Provider
from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.controls import drawn, found, plan, planned, visits
from tests.factories.office import Desk, answer, approved_sheet, claimed, desk, paid_out, screened
from tests.factories.people import number
from tests.factories.waits import NEEDED, town
from tests.interfaces import browsing
from tests.interfaces.test_office_desks import case_of, late_word
from tests.journeys import axe, eyes
from tests.journeys.test_office import come_in, options

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
ROLES = (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR)
LOOKS = (("kk", eyes.PHONE, "light"), ("ru", eyes.DESKTOP, "light"), ("en", eyes.PHONE, "dark"))
SHOTS = os.environ.get("QOSYMSHA_SHOTS", "")


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def whole_desks() -> dict[Role, dict[str, str]]:
    """Something on every desk; role → its pages."""
    home = town()
    clock.shift_to(clock.local_instant(date(2026, 9, 14), 9))
    home.ask(0, 1)
    home.pay_in(NEEDED)
    home.run()
    of, paid = desk(silent=2), desk(silent=0)
    approved_sheet(paid)
    claimed(paid)
    case, word = case_of(of), late_word(of)
    campaign, early = drawn(of.city), planned(of.city, plan())
    (visit,) = visits(campaign)
    due = visits(drawn(of.city))[0]
    found(of.city, visit)
    for role in ROLES:
        browsing.official(role, name=f"demo:desks:{role.value}")
    child = of.rows[0].child_id
    who = PersonDetails(number(1), "Серікова", "Айгүл", "", date(2016, 5, 5))
    with transaction.atomic():
        lookup = people.iin_lookup("child", str(who.iin))
        seal("child", [SecretRow(child, person_json(who), lookup, people.person_tokens(who))])
    assert word.state == "open"
    month = f"{of.sheet.month:%Y-%m}"
    cases = casework_pages(of)
    return {
        Role.CHECKER: {
            "home": "", "rows": "rows/", "absences": "absences/", "absence": f"absences/{case.uuid}/",
            "objections": "objections/", "visit": f"controls/visits/{due.uuid}/", "people": "people/",
            "finding": f"controls/visits/{visit.uuid}/", **cases[Role.CHECKER],
        },
        Role.PROGRAMME_OFFICER: {
            "home-officer": "", "controls": "controls/", "control-plan": "controls/plan/",
            "control": f"controls/{campaign}/", "control-freeze": f"controls/{early}/freeze/",
            "transfers": "transfers/", "covers": "covers/", **cases[Role.PROGRAMME_OFFICER],
        },
        Role.APPROVER: {"home-approver": "", "refunds": "refunds/"},
        Role.PAYER: {"home-payer": "", "closing": "closing/"},
        Role.AUDITOR: {"decided": f"decided/?m={month}", "control-audited": f"controls/{campaign}/"},
    }  # fmt: skip


def casework_pages(of: Desk) -> dict[Role, dict[str, str]]:
    """A month to draw, a paid claim, a voucher with an ending under way, a row in somebody's hands; their pages."""
    fresh, spent = desk(silent=0, device=""), desk(silent=0, device="", families=2)
    screened(fresh)
    approved_sheet(fresh)
    answer(paid_out(spent))
    home, checker = fresh.city, browsing.actor(of.official(Role.CHECKER))
    voucher = Voucher.objects.get(pk=Enrolment.objects.get(pk=of.rows[1].enrolment_id).voucher_id)
    vouchers.suspend_vouchers(actor=checker, voucher_ids=[voucher.pk], reason="moved", at=clock.read(), key=uuid4())
    draft = EndingDraft(Ending.CLOSE, CloseReason.MOVED, "Сіз басқа қалаға көштіңіз: жаңа мекенжайды растаңыз.")
    ending = casework.propose_ending(
        actor=checker, voucher_uuid=voucher.uuid, draft=draft, at=clock.read(), key=uuid4()
    )
    held, at = of.rows[-1].uuid, clock.read()
    casework.take_row(actor=checker, kind=Kind.ROW, subject_uuid=held, at=at, key=uuid4())
    programme = Programme.objects.get(pk=home.programme_id).uuid
    claim = Claim.objects.get(programme_id=spent.city.programme_id).number
    at_voucher = f"vouchers/{voucher.uuid}/"
    contract = Contract.objects.filter(provider_id=home.provider_id).earliest("id").uuid
    at_house = f"providers/{Provider.objects.get(pk=home.provider_id).uuid}/"
    return {
        Role.CHECKER: {
            "rows-nobody": "rows/?whose=nobody", "voucher": at_voucher, "voucher-resume": f"{at_voucher}resume/",
            "ending-propose": f"{at_voucher}end/release/", "endings": "endings/", "ending": f"endings/{ending}/",
            "claim-recover": f"claims/{claim}/recover/",
        },
        Role.PROGRAMME_OFFICER: {
            "claims-draw": f"claims/draw/?p={programme}&m=2026-09", "acts-draw": "acts/draw/", "points": "points/",
            "outside": "outside/",
            "hold": f"holds/row/{held}/", "houses": "providers/?q=", "house": at_house,
            "house-contract": f"{at_house}contract/", "house-register": "providers/register/",
            "contract-end": f"contracts/{contract}/end/",
        },
    }  # fmt: skip


def look(page: Page, address: str, name: str) -> list[str]:
    """What is wrong with it: it is there, and reads well; a picture where `QOSYMSHA_SHOTS` names a folder."""
    answer = page.goto(address)
    assert answer is not None
    assert (name, answer.status) == (name, 200)
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
    try:
        eyes.assert_readable(page)
    except AssertionError as fault:
        return [f"{name}: {fault}"]
    return []


def search(page: Page, url: str) -> None:
    """A checker asks for a child, sees it masked, opens it; the menu opens by keyboard."""
    page.goto(f"{url}/ru/office/people/")
    page.locator("[name=purpose]").select_option("complaint")
    page.locator("[name=reference]").fill("ЖЛ-2026/118")
    page.locator("[name=iin]").fill(number(1))
    page.get_by_role("button", name=texts.say("ru", "enquiry.ask")).click()
    expect(page.get_by_role("heading", name="С•••• А••••, 2016")).to_be_visible()
    assert number(1) not in page.url
    shot(page, "found")
    page.get_by_role("button", name=texts.say("ru", "enquiry.open")).click()
    expect(page.get_by_role("heading", name="Серікова Айгүл")).to_be_visible()
    eyes.assert_readable(page)
    shot(page, "record")
    eyes.tab_to(page, ".menu summary")
    page.keyboard.press("Enter")
    expect(page.locator(".menu details[open] a").first).to_be_visible()
    shot(page, "menu-open")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_every_later_desk_reads_well_and_a_search_opens_a_record(live_server: Any, browser_path: Path) -> None:
    desks, faults = whole_desks(), list[str]()
    with eyes.browser(browser_path) as browser:
        for role, pages in desks.items():
            context = browser.new_context(**options(eyes.PHONE))
            page = context.new_page()
            strong = role is not Role.AUDITOR
            come_in(page, live_server.url, f"demo:desks:{role.value}", strong=strong)
            for turn, (language, size, scheme) in enumerate(LOOKS):
                page.set_viewport_size({"width": size["width"], "height": size["height"]})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                for n, (name, where) in enumerate(pages.items()):
                    if not eyes.is_turn(n, turn, len(LOOKS)):
                        continue
                    at = f"{live_server.url}/{language}/office/{where}"
                    faults += look(page, at, f"{name}-{language}-{size['width']}-{scheme}")
                    if language == "ru" or os.environ.get("LOOKS") != "whole":
                        faults += [f"{name}: {found}" for found in axe.violations(page)]
            if role is Role.CHECKER:
                search(page, live_server.url)
            context.close()
    assert faults == []

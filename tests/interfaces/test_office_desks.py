"""The desks that came later: hearings, late marks, waiting rows, transfers, closing, refunds; the home and the menu."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import AbsenceCase, AbsenceCaseHistory, MarkBatch, MarkObjection, SheetRow
from qosymsha.domain.attendance.queries import hearings
from qosymsha.domain.people.models import Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.models import ClosedMonth, Refund
from qosymsha.domain.vouchers.models import Enrolment, TransferRequest
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.controls import drawn
from tests.factories.errands import worker_beside
from tests.factories.office import Desk, approved_sheet, attendance_sessions, claimed, desk
from tests.factories.vouchers import YEAR
from tests.factories.waits import MID_AT, NEEDED, town
from tests.interfaces import browsing
from tests.rooms.test_settlement_recoveries import decide, upheld_after_payment

pytestmark = pytest.mark.django_db
HOME = "/en/office/"
HEARERS = {Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}
OFFICIALS = (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR, Role.CLERK)


def come(territory_id: int, role: Role, name: str = "") -> Client:
    user = browsing.official(role, territory_id=territory_id, name=name or f"{role}:{territory_id}:desks")
    return browsing.come_in(Client(), user, strong=True)


def text(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status, (where, answer.status_code)
    return unescape(answer.content.decode())


def press(client: Client, where: str, status: int = 302, part: str = "", **said: Any) -> str:
    sent = browsing.form_of(client.get(where).content.decode(), part)
    answer = client.post(part or where, sent | said)
    shown = unescape(answer.content.decode())
    assert answer.status_code == status, shown[-2500:]
    return shown


def say(key: str, **values: object) -> str:
    return texts.say("en", key, **values)


def case_of(of: Desk, n: int = 0, state: str = "suspended", objection: str = "he was in hospital") -> AbsenceCase:
    """A place's case of long absence, as the clock opened it."""
    place = Enrolment.objects.get(pk=of.rows[n].enrolment_id)
    today = clock.local_day(clock.read())
    case = AbsenceCase.objects.create(
        territory_id=place.territory_id, programme_id=place.programme_id, enrolment=place, voucher_id=place.voucher_id,
        state="warned", missed=8, opened_at=clock.read(), hear_until=today + timedelta(days=3), objection=objection,
    )  # fmt: skip
    AbsenceCaseHistory.objects.create(
        absence_case=case, seq=1, from_state="", to_state="warned", cause="watch", at=clock.read(), actor_id=0
    )
    if state != "warned":
        AbsenceCase.objects.filter(pk=case.pk).update(state=state)
    case.refresh_from_db()
    return case


def late_word(of: Desk, n: int = 0) -> MarkObjection:
    """A phone's word beside the first lesson's mark of a row."""
    row = of.rows[n]
    batch = MarkBatch.objects.create(
        provider_id=of.city.provider_id, user_id=1, device=uuid4(), counter_from=1, counter_to=1,
        received_at=clock.read(),
    )  # fmt: skip
    first = attendance_sessions(row)[0]
    with connection.cursor() as cursor:
        cursor.execute('SELECT "on" FROM session WHERE id = %s', [first])
        (on,) = cursor.fetchone()
    return MarkObjection.objects.create(
        provider_id=of.city.provider_id, session_id=first, on=on, enrolment_id=row.enrolment_id, value="absent",
        device=batch.device, counter=1, said_by=1, batch=batch, received_at=clock.read(), state="open",
        reason="contradicts",
    )  # fmt: skip


def test_a_hearing_is_decided_on_evidence_by_a_checker_and_no_warned_place_is_released() -> None:
    of = desk()
    case, warned = case_of(of), case_of(of, 1, "warned", "")
    checker = come(of.city.territory_id, Role.CHECKER)
    assert say("hearing.waits") in text(checker, f"{HOME}absences/")
    where = f"{HOME}absences/{case.uuid}/"
    shown = text(checker, where)
    assert "he was in hospital" in shown
    assert "Серікова" in shown
    assert say("hearing.nothing_by_itself") in shown
    assert "Серікова" not in text(come(of.city.territory_id, Role.AUDITOR), where)  # an auditor sees no name
    press(checker, where, 422, kept="yes", evidence=" ")
    press(checker, where, kept="yes", evidence="paper 12 of the hospital")
    case.refresh_from_db()
    assert (case.state, case.evidence) == ("kept", "paper 12 of the hospital")
    assert say("hearing.release") not in text(checker, f"{HOME}absences/{warned.uuid}/")
    press(checker, f"{HOME}absences/{warned.uuid}/", 422, kept="no", evidence="x")
    officer = come(of.city.territory_id, Role.PROGRAMME_OFFICER)
    assert "<form" not in text(officer, f"{HOME}absences/{warned.uuid}/").partition('id="decide"')[2]
    assert officer.post(f"{HOME}absences/{warned.uuid}/", {}).status_code == 403


def test_a_late_mark_is_resolved_with_a_reason_once() -> None:
    of = desk()
    word = late_word(of)
    checker = come(of.city.territory_id, Role.CHECKER)
    where = f"{HOME}objections/"
    assert say("mark.absent") in text(checker, where)
    press(checker, where, 422, objection=word.pk, word="dismissed", reason=" ")
    refused = press(checker, where, 422, objection=word.pk, word="upheld", reason="the sheet has left")
    assert "role" in refused
    press(checker, where, objection=word.pk, word="dismissed", reason="the register says otherwise")
    word.refresh_from_db()
    assert (word.state, word.resolution) == ("dismissed", "the register says otherwise")
    assert say("objection.none") in text(checker, where)


def test_rows_wait_with_their_days_and_decided_ones_are_sampled_by_the_control() -> None:
    of = desk(silent=2)
    checker, auditor = (come(of.city.territory_id, role) for role in (Role.CHECKER, Role.AUDITOR))
    shown = text(checker, f"{HOME}rows/")
    due = shown.partition('id="due"')[2].partition('id="later"')[0]
    assert due.count("<li>") == 2
    (where, *_) = re.findall(r'href="(/en/office/sheets/[^"]*/rows/[^"]*)"', due)
    press(checker, where, payable="yes", evidence="the hall's register")
    assert SheetRow.objects.filter(word="decided").count() == 1
    assert text(checker, f"{HOME}rows/").partition('id="due"')[2].partition('id="later"')[0].count("<li>") == 1
    month = f"{of.sheet.month:%Y-%m}"
    decided = text(auditor, f"{HOME}decided/?m={month}")
    assert say("decided.share", decided=1, total=4, share="25 %").replace("25 %", "25\u00a0%") in decided


def test_a_transfer_waits_in_its_turn_and_its_month_is_split_by_line() -> None:
    home = town()
    clock.shift_to(MID_AT)
    home.ask(0, 1)
    officer = come(home.city.territory_id, Role.PROGRAMME_OFFICER)
    where = f"{HOME}transfers/"
    shown = text(officer, where)
    assert shown.index(home.voucher(0).number) < shown.index(home.voucher(1).number)
    press(officer, where, part=f"{where}take/", programme=home.city.programme_id)
    assert set(TransferRequest.objects.values_list("state", flat=True)) == {"waiting"}  # nothing covers it
    home.pay_in(NEEDED)
    press(officer, where, part=f"{where}take/", programme=home.city.programme_id)
    assert list(TransferRequest.objects.order_by("id").values_list("state", flat=True)) == ["done", "waiting"]
    split = text(officer, where).partition('id="split"')[2]
    assert home.voucher(0).number in split
    assert home.voucher(1).number not in split
    checker = come(home.city.territory_id, Role.CHECKER)
    assert say("transfers.take") not in text(checker, where)
    other = browsing.form_of(text(officer, where))
    assert officer.post(f"{where}take/", other | {"programme": "999999"}).status_code == 404


def test_a_month_is_closed_once_after_it_is_shown_what_is_not_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    worker_beside(monkeypatch)
    of = desk(silent=0)
    approved_sheet(of)
    claim = claimed(of)
    payer = come(of.city.territory_id, Role.PAYER)
    shown = text(payer, f"{HOME}closing/")
    (where, *_) = re.findall(r'href="(/en/office/closing/[^"]+-9/)"', shown)
    assert say("closing.unpaid", n=1, sum="").split(",")[0] in text(payer, where)
    press(payer, where)
    closed = ClosedMonth.objects.get()
    assert closed.summary["unpaid"] == [claim.number]
    assert bytes(closed.hash).hex() in text(payer, f"{HOME}closing/")
    press(payer, where, 422)
    assert text(payer, f"{HOME}closing/").count("closing/") > 0
    assert come(of.city.territory_id, Role.AUDITOR).get(where).status_code == 403


def test_a_refund_needs_two_people_and_a_bank_reference() -> None:
    home, _, recovery = upheld_after_payment()
    decide(home, recovery)
    place = home.territory.pk
    payer, approver = come(place, Role.PAYER), come(place, Role.APPROVER)
    assert say("refunds.record") in text(payer, f"{HOME}refunds/")
    where = f"{HOME}refunds/record/{recovery.uuid}/"
    press(payer, where, 422, reference="B-77", amount="99999999.00")
    press(payer, where, reference="B-77", amount="10.00")
    refund = Refund.objects.get()
    assert (refund.amount_tiyn, refund.state) == (1_000, "recorded")
    assert say("office.task.refunds", n=1) in text(approver, HOME)
    confirm = f"{HOME}refunds/{refund.uuid}/confirm/"
    assert payer.get(confirm).status_code == 403
    press(approver, confirm)
    refund.refresh_from_db()
    assert refund.state == "confirmed"
    press(approver, confirm, 422)


def test_each_role_opens_its_desks_and_no_other() -> None:
    of = desk()
    case_of(of)
    table = {
        "absences/": HEARERS,
        "objections/": HEARERS,
        "rows/": HEARERS,
        "transfers/": HEARERS,
        "decided/": {Role.PROGRAMME_OFFICER, Role.AUDITOR},
        "closing/": {Role.PAYER, Role.PROGRAMME_OFFICER, Role.AUDITOR, Role.APPROVER},
        "refunds/": {Role.PAYER, Role.APPROVER, Role.AUDITOR, Role.PROGRAMME_OFFICER},
        "covers/": {Role.PROGRAMME_OFFICER, Role.AUDITOR},
        "controls/": HEARERS,
        "people/": HEARERS,
    }
    clients = {role: come(of.city.territory_id, role) for role in OFFICIALS}
    found = {(page, role): clients[role].get(f"{HOME}{page}").status_code == 200 for page in table for role in clients}
    assert found == {(page, role): role in table[page] for page in table for role in clients}


def test_another_citys_desks_are_empty_and_without_the_territory_in_the_question_they_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = desk(silent=2)
    case = case_of(of)
    late_word(of)
    far = Territory.objects.create(kato="990000000", kind="city", name_kk="Қала", name_ru="Город", valid=YEAR)
    stranger = come(far.pk, Role.CHECKER)
    pages = {"absences/": "hearing.none", "objections/": "objection.none", "rows/": "rows.none_due"}
    for page, nothing in pages.items():
        assert say(nothing) in text(stranger, f"{HOME}{page}")
    assert stranger.get(f"{HOME}absences/{case.uuid}/").status_code == 404
    mine = hearings._mine  # the control run: the wall taken away
    monkeypatch.setattr(hearings, "_mine", lambda actor: mine(actor) | {"programmes": [of.city.programme_id]})
    for page, nothing in pages.items():
        assert say(nothing) not in text(stranger, f"{HOME}{page}")


def test_the_home_counts_each_queue_with_its_day_at_a_price_that_does_not_grow() -> None:
    of = desk()
    clients = {role: come(of.city.territory_id, role) for role in OFFICIALS}
    for client in clients.values():
        client.get(HOME)  # what is kept for a while is kept

    def price() -> dict[Role, int]:
        spent = {}
        for role, client in clients.items():
            with CaptureQueriesContext(connection) as found:
                assert client.get(HOME).status_code == 200
            spent[role] = len(found)
        return spent

    before = price()
    case_of(of)
    case_of(of, 1)
    late_word(of)
    drawn(of.city)
    assert price() == before
    shown = text(clients[Role.CHECKER], HOME)
    assert say("office.task.hearings", n=2) in shown
    assert say("office.task.words", n=1) in shown
    assert say("office.task.control_visits", n=1) in shown
    assert say("office.due", day="").strip() in shown
    assert max(before.values()) < 60


def test_every_page_of_ones_menu_opens_and_the_pages_of_its_group_stand_below() -> None:
    of = desk()
    for role in OFFICIALS:
        client = come(of.city.territory_id, role)
        menu = text(client, HOME).partition('<nav class="menu"')[2].partition("</nav>")[0]
        links = dict.fromkeys(re.findall(r'href="([^"]+)"', menu))
        assert links, role
        for where in links:
            assert client.get(where).status_code == 200, (role, where)
    menu = text(come(of.city.territory_id, Role.CHECKER), f"{HOME}rows/").partition('<nav class="menu"')[2]
    below = menu.partition('class="below"')[2].partition("</nav>")[0]
    assert f'href="{HOME}rows/" aria-current="page"' in below
    assert f'href="{HOME}sheets/"' in below

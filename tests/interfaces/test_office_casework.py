"""Done by page since the casework: claims and acts drawn, money claimed back, vouchers ended, rows held by name."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.casework import commands as casework
from qosymsha.domain.casework.models import RowHold, VoucherEnding
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.flags.models import PointDevice
from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.providers.models import Contract, Provider
from qosymsha.domain.settlement.models import Claim, Recovery, ServiceAct
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import tenge
from qosymsha.kernel import clock
from tests.factories.attendance import guardian_of
from tests.factories.errands import worker_beside
from tests.factories.office import Desk, answer, approved_sheet, claimed, desk, paid_out, screened
from tests.factories.vouchers import make_city
from tests.interfaces import browsing
from tests.interfaces.test_office_desks import case_of, come, press, say, text

pytestmark = pytest.mark.django_db
HOME = "/en/office/"
MONTH = "?m=2026-09"


@pytest.fixture(autouse=True)
def a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker does what a page asked for while that page waits."""
    worker_beside(monkeypatch)


def ready(families: int = 3) -> Desk:
    """A desk whose sheet is for payment, its month screened."""
    of = desk(families=families, silent=0, device="")
    assert screened(of) == []
    approved_sheet(of)
    return of


def at_desk(of: Desk, role: Role, name: str = "") -> Client:
    return come(of.city.territory_id, role, name and f"{name}:{of.city.territory_id}")


def test_claims_are_drawn_as_they_were_shown_once_and_after_a_proof() -> None:
    of = ready()
    officer, where = at_desk(of, Role.PROGRAMME_OFFICER), f"{HOME}claims/draw/{MONTH}"
    shown = text(officer, where)
    assert say("office.draw.h1") in text(officer, f"{HOME}claims/")
    number = re.search(r'name="provider" value="([^"]+)"', shown)
    assert number is not None
    form = browsing.form_of(shown, 'method="post"')
    sent = form | {"provider": number[1]}
    assert officer.post(where, form).status_code == 422  # nothing chosen
    assert [officer.post(where, sent).status_code for _ in range(2)] == [302, 302]
    claim = Claim.objects.get()
    assert say("office.draw.will", n=1, sum=tenge(claim.amount_tiyn)) in shown
    assert claim.number in text(officer, f"{HOME}claims/?state=drawn")
    assert say("office.draw.none") in text(officer, where)
    weak = browsing.come_in(Client(), browsing.official(Role.PAYER, territory_id=of.city.territory_id))
    assert "/step-up/" in weak.get(where)["Location"]
    assert at_desk(of, Role.CHECKER).get(where).status_code == 403
    elsewhere = come(make_city().territory_id, Role.PROGRAMME_OFFICER)
    assert number[1] not in text(elsewhere, where)


def test_rows_that_wait_say_why_and_nothing_of_them_is_drawn() -> None:
    of = desk(families=2, silent=0, device="")
    approved_sheet(of)
    Contract.objects.filter(provider_id=of.city.provider_id).update(volume_tiyn=1)
    shown = text(at_desk(of, Role.PAYER), f"{HOME}claims/draw/{MONTH}")
    assert texts.refusal("en", "contract_volume") in shown
    assert '<input type="checkbox" name="provider"' not in shown


def test_acts_are_drawn_for_claims_that_have_none() -> None:
    of = ready(1)
    claim, payer, where = claimed(of), at_desk(of, Role.PAYER), f"{HOME}acts/draw/"
    shown = text(payer, where)
    assert say("office.actdraw.will", n=1, sum=tenge(claim.amount_tiyn)) in shown
    sent = browsing.form_of(shown) | {"c": claim.number}
    assert [payer.post(where, sent).status_code for _ in range(2)] == [302, 302]
    assert ServiceAct.objects.get().claim_id == claim.pk
    assert say("office.actdraw.none") in text(payer, where)


def test_money_of_a_paid_claim_is_claimed_back_row_by_row_and_no_more_than_was_paid() -> None:
    of = desk(families=2, silent=0, device="")
    answer(paid_out(of))
    claim, checker = Claim.objects.get(), at_desk(of, Role.CHECKER)
    where = f"{HOME}claims/{claim.number}/recover/"
    assert say("office.recover.h1") in text(checker, f"{HOME}claims/{claim.number}/")
    shown = text(checker, where)
    first, other = re.findall(r'name="(row-[0-9a-f]{32}-\d{6})"', shown)
    sent = browsing.form_of(shown) | {"reason": "no lesson", "evidence": "visit of 3 October"}
    assert checker.post(where, sent).status_code == 422
    assert checker.post(where, sent | {first: "99999999"}).status_code == 422
    assert [checker.post(where, sent | {first: "100.50"}).status_code for _ in range(2)] == [302, 302]
    made = Recovery.objects.get()
    assert (made.amount_tiyn, made.state, made.reason) == (10_050, "supported", "no lesson")
    assert made.number in text(checker, f"{HOME}recoveries/")
    assert other in text(checker, where)
    assert at_desk(of, Role.PAYER).get(where).status_code == 403
    assert come(make_city().territory_id, Role.CHECKER).get(where).status_code == 404


def voucher_of(of: Desk, n: int = 0) -> Voucher:
    return Voucher.objects.get(pk=Enrolment.objects.get(pk=of.rows[n].enrolment_id).voucher_id)


def test_a_voucher_stands_still_is_active_again_and_is_ended_by_two_after_the_hearing() -> None:
    of = desk(families=1, silent=0)
    voucher, first = voucher_of(of), at_desk(of, Role.CHECKER, "one")
    second, where = at_desk(of, Role.CHECKER, "two"), f"{HOME}vouchers/{voucher_of(of).uuid}/"
    assert say("office.voucher.suspend_first") in text(first, where)
    press(first, f"{where}suspend/", 422, words=" ")
    press(first, f"{where}suspend/", words="asked by the school")
    press(first, f"{where}resume/", words="it was another child")
    press(first, f"{where}suspend/", words="moved to another city")
    shown = text(first, f"{where}end/close/")
    assert say("ending.two_people") in shown
    press(first, f"{where}end/close/", 422, ground="", words="you have moved")
    press(first, f"{where}end/close/", ground="moved", words="you have moved")
    ending = VoucherEnding.objects.get()
    page = f"{HOME}endings/{ending.uuid}/"
    assert voucher.number in text(second, f"{HOME}endings/")
    assert texts.refusal("en", "ending_same_official") in text(first, page)
    press(second, page, 422, outcome="yes", words="heard")  # the hearing runs
    assert say("office.task.endings_later", n=1) in text(first, HOME)
    family = browsing.come_in(Client(), browsing.guardian_user(guardian_of(of.rows[0])))
    told = text(family, "/en/family/vouchers/")
    assert say("voucher.close_proposed") in told
    assert "you have moved" in told
    assert say("voucher.office_says", words="moved to another city") in told
    until = say("voucher.be_heard", day=f"{ending.hear_until:%d.%m.%Y}")
    assert f"{say('voucher.close_proposed')} {until}" in text(family, "/en/family/"), "it stands among what is to do"
    clock.shift_to(clock.read() + timedelta(days=10))
    second, first = at_desk(of, Role.CHECKER, "two"), at_desk(of, Role.CHECKER, "one")
    assert say("office.task.endings", n=1) in text(second, HOME)
    press(second, page, outcome="yes", words="nobody came to the hearing")
    voucher.refresh_from_db()
    assert (voucher.state, voucher.reason) == ("closed", "moved")
    assert "nobody came" in text(first, page)


def test_a_long_absence_keeps_its_own_way_and_no_stranger_sees_a_voucher() -> None:
    of = desk(families=1, silent=0)
    case = case_of(of)
    where = f"{HOME}vouchers/{voucher_of(of).uuid}/"
    checker = at_desk(of, Role.CHECKER)
    shown = text(checker, where)
    assert f"{HOME}absences/{case.uuid}/" in shown
    assert "suspend/" not in shown
    press(checker, f"{where}suspend/", 422, words="x")
    assert "Серікова" not in shown
    for tail in ("", "suspend/", "end/close/"):
        assert come(make_city().territory_id, Role.CHECKER).get(f"{where}{tail}").status_code == 404
    assert at_desk(of, Role.PAYER).get(where).status_code == 403
    weak = browsing.come_in(Client(), browsing.official(Role.CHECKER, territory_id=of.city.territory_id, name="weak"))
    assert "/step-up/" in weak.get(f"{where}suspend/")["Location"]


def test_a_row_is_taken_given_and_found_by_whose_it_is() -> None:
    of = desk(families=3, silent=2)
    first, second = at_desk(of, Role.CHECKER, "one"), at_desk(of, Role.CHECKER, "two")
    head, rows = at_desk(of, Role.PROGRAMME_OFFICER), f"{HOME}rows/"
    mine, other = of.rows[1].uuid, of.rows[2].uuid
    take = f"{HOME}holds/row/{mine}/take/"
    sent = browsing.form_of(text(first, rows), take)
    assert [first.post(take, sent).status_code for _ in range(2)] == [302, 302]
    assert second.post(take, browsing.form_of(text(second, rows), str(other))).status_code == 409
    held = RowHold.objects.get()
    assert say("holds.yours", day=f"{held.until:%d.%m.%Y}") in text(first, rows)
    name = User.objects.get(pk=held.holder_id).subject
    assert say("holds.theirs", name=name, day=f"{held.until:%d.%m.%Y}") in text(second, rows)
    shown = {whose: text(first, f"{rows}?whose={whose}") for whose in ("mine", "nobody", "all")}
    assert {whose: (str(mine) in page, str(other) in page) for whose, page in shown.items()} == {
        "mine": (True, False), "nobody": (False, True), "all": (True, True),
    }  # fmt: skip
    assert say("office.task.held_row", n=1) in text(first, HOME)
    sheet_row = f"{HOME}sheets/{of.sheet.uuid}/rows/{Enrolment.objects.get(pk=of.rows[1].enrolment_id).uuid}/"
    press(second, sheet_row, payable="yes", evidence="the trainer's list")  # deciding stays open to all who may
    assert say("office.task.held_row", n=1) not in text(first, HOME)
    give = f"{HOME}holds/row/{other}/"
    to = User.objects.get(subject__startswith="two:").uuid
    press(head, give, 422, holder=uuid4())
    press(head, give, holder=to)
    assert RowHold.objects.filter(ended_at=None, subject_id=of.rows[2].pk).get().holder_id != held.holder_id
    assert first.post(give, {}).status_code == 403


def test_each_queue_lets_its_rows_be_taken_by_name_with_no_query_more_per_row() -> None:
    of = desk(families=4, silent=3)
    checker = at_desk(of, Role.CHECKER)
    text(checker, f"{HOME}rows/")
    with CaptureQueriesContext(connection) as none:
        text(checker, f"{HOME}rows/")
    actor = browsing.actor(browsing.official(Role.CHECKER, territory_id=of.city.territory_id, name="holder"))
    for row in of.rows[1:]:
        casework.take_row(actor=actor, kind=Kind.ROW, subject_uuid=row.uuid, at=clock.read(), key=uuid4())
    with CaptureQueriesContext(connection) as three:
        text(checker, f"{HOME}rows/")
    assert len(three) == len(none)
    case = case_of(of)
    _take(checker, Kind.ABSENCE, case.uuid, f"{HOME}absences/", f"{HOME}absences/{case.uuid}/")


def test_a_flag_is_taken_by_name() -> None:
    of = desk(families=8)
    flag = screened(of)[0]
    _take(at_desk(of, Role.CHECKER), Kind.FLAG, flag.uuid, f"{HOME}flags/", f"{HOME}flags/{flag.uuid}/")


def _take(client: Client, kind: Kind, uuid: UUID, *pages: str) -> None:
    take = f"{HOME}holds/{kind}/{uuid}/take/"
    for page in pages:
        assert take in text(client, page)
    press(client, pages[0], 302, take)
    for page in (*pages, f"{pages[0]}?whose=mine"):
        assert f"{HOME}holds/{kind}/{uuid}/back/" in text(client, page)
    press(client, pages[0], 302, f"{HOME}holds/{kind}/{uuid}/back/")


def test_a_points_device_is_registered_once_by_a_programme_officer() -> None:
    of = desk(families=1)
    officer, where = at_desk(of, Role.PROGRAMME_OFFICER), f"{HOME}points/"
    given: dict[str, Any] = {"device": "5f2c-1", "name": "Point at Kabanbay 1", "first": "2026-10-05", "last": ""}
    assert say("points.none") in text(officer, where)
    press(officer, where, 422, **given | {"last": "2026-10-01"})
    press(officer, where, **given)
    press(officer, where, 422, **given)
    assert PointDevice.objects.get().name == "Point at Kabanbay 1"
    assert "Point at Kabanbay 1" in unescape(text(officer, where))
    assert at_desk(of, Role.CHECKER).get(where).status_code == 403


def test_a_provider_is_registered_found_and_given_a_contract_that_ends() -> None:
    of = desk(families=1, silent=0, device="")
    officer, where = at_desk(of, Role.PROGRAMME_OFFICER), f"{HOME}providers/"
    register = f"{where}register/"
    programme = re.search(r'name="programme" value="([^"]+)"', text(officer, register))
    assert programme is not None
    given: dict[str, Any] = {"programme": programme[1], "number": "150140000002", "name": "Тұмар", "iban": ""}
    press(officer, register, 422, **given | {"number": "150140000003"})
    press(officer, register, **given)
    made = Provider.objects.get(bin="150140000002")
    assert made.name in text(officer, f"{where}?q=тұмар")
    assert made.name not in text(officer, f"{where}?q=260440")
    assert made.name not in text(come(make_city().territory_id, Role.CHECKER), where)
    house = Provider.objects.get(pk=of.city.provider_id)
    sign, days = f"{where}{house.uuid}/contract/", {"first": "2026-01-01", "last": "2026-12-31"}
    line = BudgetLine.objects.filter(programme_id=of.city.programme_id).earliest("id")
    press(officer, sign, 422, line=line.uuid, volume="1000", **days)  # one stands for this line in those days
    contract = Contract.objects.get(provider=house, line=line)
    end = f"{HOME}contracts/{contract.uuid}/end/"
    press(officer, end, 422, last="2026-10-31", reason=" ")
    press(officer, end, last="2026-10-31", reason="by agreement of both sides")
    press(officer, sign, line=line.uuid, volume="1000.50", first="2026-11-01", last="2026-12-31")
    assert Contract.objects.filter(provider=house, line=line).latest("id").volume_tiyn == 100_050
    assert say("houses.over") in text(officer, f"{where}{house.uuid}/")
    for page in (f"{where}{house.uuid}/", sign, end):
        assert come(make_city().territory_id, Role.PROGRAMME_OFFICER).get(page).status_code == 404
    assert at_desk(of, Role.CHECKER).get(sign).status_code == 403

"""Claims, files, replies and the money of a day at the office's pages."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement.models import BankReply, Claim, PaymentFile, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.errands import worker_beside
from tests.factories.office import Desk, approved_sheet, claimed, desk, screened
from tests.factories.vouchers import SYSTEM, key
from tests.interfaces import browsing
from tests.interfaces.test_office_pages import come, press, say, text

pytestmark = pytest.mark.django_db
HOME = "/en/office/"


@pytest.fixture(autouse=True)
def a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker does what a page asked for while that page waits."""
    worker_beside(monkeypatch)


OFFICIALS = (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR)


def ready(of: Desk) -> Claim:
    """A drawn claim: screened without a flag, approved by the customer."""
    assert screened(of) == []
    approved_sheet(of)
    return claimed(of)


def test_two_people_sign_and_the_page_says_why_one_cannot() -> None:
    of = desk(device="")
    claim = ready(of)
    both = of.official(Role.APPROVER)
    browsing.official(Role.PAYER, territory_id=of.city.territory_id, name=of.name_of(Role.APPROVER))
    client = browsing.come_in(Client(), both, strong=True)
    where = f"{HOME}claims/approve/?c={claim.number}"
    assert say("office.claims.will.approve") in text(client, where)
    assert press(client, where)["Location"] == f"{HOME}claims/{claim.number}/"
    assert Claim.objects.get().state == "approved"
    mine = f"{HOME}claims/release/?c={claim.number}"
    page = text(client, mine)
    assert texts.refusal("en", "same_official") in page
    assert say("office.claim.release") not in page.partition("<form")[2].partition("main")[0].split("</form>")[1:]
    assert texts.refusal("en", "same_official") in text(client, f"{HOME}claims/{claim.number}/")
    forced = client.post(mine, {"key": str(key())} | browsing.form_of(client.get(mine).content.decode()))
    assert forced.status_code == 422
    other = come(of, Role.PAYER)
    assert press(other, mine)["Location"] == f"{HOME}claims/{claim.number}/"
    assert say("office.claim.step.release") in text(other, f"{HOME}claims/{claim.number}/")


def test_signing_asks_for_a_second_factor_first() -> None:
    of = desk(device="")
    claim = ready(of)
    client = come(of, Role.APPROVER, strong=False)
    answer = client.get(f"{HOME}claims/approve/?c={claim.number}")
    assert answer["Location"].startswith("/en/step-up/?next=")
    assert Claim.objects.get().state == "drawn"


def test_a_claim_is_given_back_then_taken_back_with_reasons() -> None:
    of = desk(device="")
    claim = ready(of)
    client = come(of, Role.APPROVER)
    press(client, f"{HOME}claims/approve/?c={claim.number}")
    assert press(client, f"{HOME}claims/return/?c={claim.number}", reason=" ").status_code == 422
    assert press(client, f"{HOME}claims/return/?c={claim.number}", reason="the contract ends").status_code == 302
    assert Claim.objects.get().state == "drawn"
    assert press(client, f"{HOME}claims/reverse/?c={claim.number}", reason="drawn too early").status_code == 302
    assert Claim.objects.get().state == "reversed"


def sent_file(of: Desk) -> PaymentFile:
    """A file that left by the pages."""
    claim = ready(of)
    press(come(of, Role.APPROVER), f"{HOME}claims/approve/?c={claim.number}")
    payer = come(of, Role.PAYER)
    press(payer, f"{HOME}claims/release/?c={claim.number}")
    assert say("office.files.look_draw") in text(payer, f"{HOME}files/")
    drawn = press(payer, f"{HOME}files/draw/", pay_on="2026-10-16")
    file = PaymentFile.objects.get()
    where = f"{HOME}files/{file.number}/"
    assert drawn["Location"] == where
    assert press(payer, f"{where}send/").status_code == 422, "the total was not looked at"
    sent = browsing.form_of(payer.get(f"{where}send/").content.decode()) | {"looked": "on"}
    for _ in range(2):
        assert payer.post(f"{where}send/", sent)["Location"] == where
    return PaymentFile.objects.get()


def said(line: PaymentLine, amount: int | None = None) -> None:
    """The treasury says that a line was paid."""
    reply = Reply(
        f"T-{line.pk}-{amount}", line.end_to_end_id, ReplyStatus.ACCEPTED, amount or line.amount_tiyn, "",
        line.file.number,
    )  # fmt: skip
    settlement.apply_replies(actor=SYSTEM, replies=[reply], at=clock.read(), key=key())


def test_a_file_is_drawn_looked_at_sent_once_and_a_strange_word_is_ended_by_a_person() -> None:
    of = desk(device="")
    file = sent_file(of)
    assert file.state == "sent"
    line = PaymentLine.objects.get()
    said(line, line.amount_tiyn + 100)
    payer = come(of, Role.PAYER)
    held = BankReply.objects.get()
    assert say("office.reply.held_other_amount") in text(payer, f"{HOME}replies/")
    where = f"{HOME}replies/resolve/?r={held.reference}"
    words = {"choice": "apply", "line": line.end_to_end_id, "status": "", "basis": "the bank's letter 5"}
    assert press(payer, where, **words | {"line": "nobody"}).status_code == 422
    sent = browsing.form_of(payer.get(where).content.decode())
    for _ in range(2):
        assert payer.post(where, sent | words)["Location"] == f"{HOME}replies/"
    assert Claim.objects.get().state == "paid"
    assert say("office.replies.none") in text(payer, f"{HOME}replies/")


def test_the_money_page_ties_out_names_a_difference_and_seals_a_day() -> None:
    of = desk(device="")
    sent_file(of)
    said(PaymentLine.objects.get())
    payer = come(of, Role.PAYER)
    page = text(payer, f"{HOME}money/")
    assert say("office.money.zero") in page
    assert say("office.money.no_days") in page
    sealed = press(payer, f"{HOME}money/", f"{HOME}money/seal/")
    assert sealed["Location"] == f"{HOME}money/"
    assert say("office.money.days_caption") in text(payer, f"{HOME}money/")
    claim = Claim.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_account SET balance_tiyn = balance_tiyn + 5 WHERE kind = 'payable'")
    red = text(payer, f"{HOME}money/?now=1")
    assert say("office.money.zero") not in red
    assert f"claim {claim.pk}" in red
    assert say("office.money.zero") in text(payer, f"{HOME}money/"), "what was sealed stays as it was"


def test_the_way_of_a_claim_leads_from_days_to_the_bank_and_names_no_child() -> None:
    of = desk(device="")
    sent_file(of)
    said(PaymentLine.objects.get())
    page = text(come(of, Role.AUDITOR), f"{HOME}claims/{Claim.objects.get().number}/trail/")
    assert PaymentLine.objects.get().end_to_end_id in page
    assert say("club.word.confirmed") in page
    assert "Серікова" not in page

"""The manager sends a month's sheet after it was shown, follows it row by row, and mends what came back."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from qosymsha.domain.attendance import commands
from qosymsha.domain.attendance.models import MonthSheet, SheetRow
from qosymsha.domain.attendance.rules import HeldDay, RowRemark, Word
from qosymsha.domain.attendance.steps import hold_days
from qosymsha.domain.flags.access import Action as FlagAction
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.clock import local_instant
from tests.factories.attendance import OVER, guardian_of, send
from tests.factories.vouchers import CHANNEL, OFFICER, SYSTEM, City, key
from tests.interfaces import browsing
from tests.interfaces.test_provider_manager import club, lessons, over, post, said, shown

__all__ = ["club"]
pytestmark = pytest.mark.django_db
MID = local_instant(date(2026, 9, 15), 9)  # a Tuesday: lessons of the 1st, 3rd, 8th, 10th are over
SEPTEMBER = "?m=2026-09"


def test_the_month_is_sent_after_it_is_shown_and_followed_row_by_row(club: tuple[Client, City]) -> None:
    client, city = club
    group, _ = over(client, city)
    assert texts.say("en", "manage.to_send", n=1) in shown(client, "provider-home")
    page = shown(client, "provider-send", query=SEPTEMBER)
    assert texts.say("en", "send.do", n=1) in page
    assert MonthSheet.objects.count() == 0
    sent = browsing.form_of(page)
    for _ in range(2):
        answer = client.post(f"/en/provider/sheets/send/{SEPTEMBER}", sent)
        assert said(client, answer) == texts.say("en", "send.done", n=1)
    assert texts.say("en", "send.nothing") in shown(client, "provider-send", query=SEPTEMBER)
    sheet = MonthSheet.objects.get()
    rows = list(SheetRow.objects.order_by("enrolment_id"))
    last = lessons(group)[-1]
    commands.confirm_rows(
        actor=CHANNEL,
        words=[Word(rows[0].pk, guardian_of(rows[0]), "confirmed", "the coach shouted", (last.pk,))],
        at=OVER,
        key=key(),
    )
    hold_days(Deed(SYSTEM, next(iter(FlagAction)), OVER, key()), [HeldDay(rows[1].pk, last.pk, "flagged", 7, "twins")])
    page = shown(client, "provider-sheet", sheet.uuid)
    for expected in ("club.word.confirmed", "club.word.silent", "sheet.day.disputed", "sheet.day.checked"):
        assert texts.say("en", expected) in page, expected
    assert "shouted" not in page  # a family's own sentence is not for the accused
    assert "twins" not in page
    assert "flag" not in page.lower()
    assert bytes(sheet.hash or b"").hex() in page
    assert texts.say("en", "sheet.rows", confirmed=1, total=2) in shown(client, "provider-sheets")


def test_a_returned_sheet_is_corrected_and_sent_again(club: tuple[Client, City]) -> None:
    client, city = club
    group, places = over(client, city)
    send(city)
    rows = list(SheetRow.objects.order_by("enrolment_id"))
    words = [Word(r.pk, guardian_of(r), "confirmed") for r in rows]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    sheet = MonthSheet.objects.get()
    remark = [RowRemark(rows[1].pk, "absent on the 1st")]
    commands.return_sheet(actor=OFFICER, sheet_id=sheet.pk, remarks=remark, at=OVER, key=key())
    assert texts.say("en", "manage.returned", n=1) in shown(client, "provider-home")
    page = shown(client, "provider-sheet", sheet.uuid)
    assert "absent on the 1st" in page
    place = Enrolment.objects.get(pk=places[1])
    answer = post(client, "provider-mark", lessons(group)[0].uuid, place.uuid, value="absent", reason="remark")
    assert said(client, answer)
    sent = browsing.form_of(page)
    address = f"/en/provider/sheets/{sheet.uuid}/"
    assert said(client, client.post(address, sent)) == texts.say("en", "sheet.resent", n=1)
    assert client.post(address, sent).status_code == 302
    sheet.refresh_from_db()
    assert (sheet.version, sheet.state) == (2, "with_parents")
    assert client.post(address, sent | {"key": str(key())}).status_code == 409

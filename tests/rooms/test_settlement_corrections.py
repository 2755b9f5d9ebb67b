"""Facts that change after a claim: later parts, whole claims reversed, money owed back by two people's decision."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.attendance.rules import HeldDay
from qosymsha.domain.flags.models import FlagRun
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.commands import (
    apply_replies,
    approve_claims,
    draw_claims,
    draw_payment_file,
    propose_recoveries,
    release_claims,
    reverse_claims,
    send_payment_file,
)
from qosymsha.domain.settlement.models import Claim, ClaimRow, PaymentLine, Recovery
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import RowOutcome
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    JANUARY,
    MARCH,
    PAYER,
    PAYER_OFFICIAL,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    city,
    enrol,
    person,
    promise,
    row,
    sheet,
    speak,
)

pytestmark = pytest.mark.django_db
FULL = TARIFF * UNITS
CHECKER = person(Role.CHECKER, 41)
NEXT_YEAR = datetime(2027, 2, 10, 5, tzinfo=UTC)


def draw(home: City, month: date = JANUARY, at: datetime = AT) -> list[RowOutcome]:
    return draw_claims(
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=month, at=at, key=uuid4()
    )


def drawn(home: City, month: date = JANUARY, at: datetime = AT) -> Claim:
    (outcome,) = draw(home, month, at)
    return Claim.objects.get(id=outcome.id or 0)


def paid(home: City, claim: Claim) -> Claim:
    """Signed by two, sent, accepted by the treasury."""
    for verb, actor in ((approve_claims, APPROVER), (release_claims, PAYER_OFFICIAL)):
        (signed,) = verb(actor=actor, programme_id=home.programme.id, claim_ids=[claim.id], at=AT, key=uuid4())
        assert signed.id
    given: dict[str, Any] = {"actor": PAYER_OFFICIAL, "programme_id": home.programme.id, "at": AT}
    file = draw_payment_file(**given, payer=PAYER, pay_on=AT.date(), key=uuid4())
    send_payment_file(**given, file_id=file.file_id, key=uuid4())  # type: ignore[arg-type]
    line = PaymentLine.objects.get(claim=claim)
    reply = Reply(f"bank {line.id}", line.end_to_end_id, ReplyStatus.ACCEPTED, line.amount_tiyn)
    apply_replies(actor=SYSTEM, replies=[reply], at=AT, key=uuid4())
    claim.refresh_from_db()
    assert claim.state == "paid"
    return claim


def days_of(on: SheetRow, count: int) -> list[int]:
    """Sessions at which the row's child was marked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_id FROM mark WHERE enrolment_id = %s AND date_trunc('month', \"on\") = %s"
            ' ORDER BY "on" LIMIT %s',
            [on.enrolment_id, on.sheet.month, count],
        )
        return [session for (session,) in cursor.fetchall()]


def deed(user_id: int = 41) -> Deed:
    return Deed(person(Role.CHECKER, user_id), Action.DECIDE_RECOVERY, AT, uuid4())


def flag(on: SheetRow, days: int, cause: int = 7) -> None:
    with transaction.atomic():
        held = attendance.hold_days(
            deed(), [HeldDay(on.id, session, "flagged", cause, "twins") for session in days_of(on, days)]
        )
    assert len(held) == days


def resolve(verb: Any, cause: int = 7) -> None:
    with transaction.atomic():
        verb(deed(), "flagged", [cause], "camera of the hall")


def one_row(**rules: Any) -> tuple[City, SheetRow]:
    home = city(**rules)
    (child,) = enrol(home)
    promise(home, [child])
    return home, row(sheet(home), child)


def place(home: City, on: SheetRow, month: date = JANUARY) -> int:
    key = AccountKey(AccountKind.PLACE, home.line.id, on.enrolment_id, month)
    return ledger.balances([key])[key]


def totals(home: City) -> dict[str, int]:
    found = ledger.totals([home.line.id])[home.line.id]
    assert sum(found.values()) == 0
    return {kind: tiyn for kind, tiyn in found.items() if tiyn and kind != "free"}


def test_a_held_day_keeps_its_money_and_is_paid_in_the_next_claim_when_it_is_cleared() -> None:
    home, on = one_row()
    flag(on, 2)
    first = drawn(home)
    assert first.amount_tiyn == 6 * TARIFF
    assert place(home, on) == 2 * TARIFF
    assert draw(home, FEBRUARY) == []
    resolve(attendance.clear_holds)
    second = drawn(home, FEBRUARY)
    assert (second.amount_tiyn, place(home, on)) == (2 * TARIFF, 0)
    parts = ClaimRow.objects.order_by("part").values_list("part", "units", "amount_tiyn", "due_tiyn", "claimed_tiyn")
    assert list(parts) == [(1, 6, 6 * TARIFF, 6 * TARIFF, 0), (2, 2, 2 * TARIFF, FULL, 6 * TARIFF)]
    assert "later parts" in " ".join(second.formula["words"]["en"])
    assert draw(home, MARCH) == []


def test_a_held_day_that_is_upheld_is_lost_and_its_money_goes_back() -> None:
    home, on = one_row()
    flag(on, 2)
    drawn(home)
    resolve(attendance.uphold)
    second = drawn(home, FEBRUARY)
    assert (second.amount_tiyn, second.state, place(home, on)) == (0, "nothing_due", 0)
    assert totals(home)["held"] == 2 * TARIFF


def test_the_scan_pays_days_of_a_silent_row_and_the_late_word_the_rest() -> None:
    home = city()
    (child,) = enrol(home)
    promise(home, [child])
    on = sheet(home)
    type(on).objects.filter(id=on.id).update(scan_is_word=True)
    made = row(on, child, word="silent", seen=5)
    assert (drawn(home).amount_tiyn, place(home, made)) == (5 * TARIFF, 3 * TARIFF)
    speak(made, "confirmed")
    assert (drawn(home, FEBRUARY).amount_tiyn, place(home, made)) == (3 * TARIFF, 0)


def test_absences_are_paid_only_with_the_paper_that_the_rule_asks_for() -> None:
    home = city(pay={"paid_absences_cap": 4, "evidence": "paper"})
    with_paper, without = enrol(home, 2)
    promise(home, [with_paper, without])
    on = sheet(home)
    first, _ = (row(on, child, (4, 4, 0, 0)) for child in (with_paper, without))
    ill_days = days_of(first, 8)[4:6]
    from qosymsha.domain.attendance.models import AbsenceNotice, Session  # noqa: PLC0415 - one test's table

    for day in Session.objects.filter(id__in=ill_days).values_list("on", flat=True):
        AbsenceNotice.objects.create(
            **home.place_ids,
            enrolment=with_paper,
            child=with_paper.child,
            guardian_id=first.confirmed_by or 0,
            kind="ill",
            days=DateRange(day, day, "[]"),
            reason="flu",
            paper="№ 12",
            at=AT,
        )
    claim = drawn(home)
    paid_units = dict(ClaimRow.objects.filter(claim=claim).values_list("enrolment_id", "units"))
    assert paid_units == {with_paper.id: 6, without.id: 4}


def test_a_sheet_is_claimed_whole_where_the_rule_says_so() -> None:
    home = city(pay={"partial_sheets": False})
    spoken, silent = enrol(home, 2)
    promise(home, [spoken, silent])
    on = sheet(home)
    row(on, spoken)
    waiting = row(on, silent, word="silent")
    (outcome,) = draw(home)
    assert outcome.reason is SettlementRefusal.SHEET_INCOMPLETE
    speak(waiting, "confirmed")
    assert drawn(home).amount_tiyn == 2 * FULL


def test_a_sheet_is_claimed_after_it_was_screened_where_the_rule_says_so() -> None:
    home, _ = one_row(pay={"screened": True})
    (outcome,) = draw(home)
    assert outcome.reason is SettlementRefusal.NOT_SCREENED
    run = {"provider": home.provider.bin, "provider_id": home.provider.id, "month": JANUARY, "rules_hash": b"1"}
    counts = {"places": 1, "marks": 8, "flagged": 0}
    FlagRun.objects.create(**home.place_ids, **run, **counts, at=AT - timedelta(hours=1))
    (outcome,) = draw(home)
    assert outcome.reason is SettlementRefusal.NOT_SCREENED, "screened before the sheet was drawn"
    FlagRun.objects.create(**home.place_ids, **run, **counts, at=AT)
    assert drawn(home).amount_tiyn == FULL


def test_before_payment_the_whole_claim_is_reversed_and_drawn_anew_from_todays_facts() -> None:
    home, on = one_row()
    first = drawn(home)
    flag(on, 3)
    resolve(attendance.uphold)
    (told,) = propose_recoveries(actor=SYSTEM, programme_id=home.programme.id, at=AT, key=uuid4())
    assert (told.reason, told.detail) == (SettlementRefusal.CLAIM_NOT_PAID, first.number)
    assert not Recovery.objects.exists()
    reverse_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[first.id], reason="flag", at=AT, key=uuid4()
    )
    assert drawn(home).amount_tiyn == 5 * TARIFF
    assert totals(home)["held"] == 3 * TARIFF

"""Facts that change after a claim: later parts, whole claims reversed, money owed back by two people's decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.attendance.rules import HeldDay
from qosymsha.domain.flags.models import FlagRun
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.commands import (
    apply_replies,
    approve_claims,
    confirm_refund,
    cover_places,
    decide_recoveries,
    draw_claims,
    draw_payment_file,
    propose_recoveries,
    propose_recovery,
    record_refund,
    release_claims,
    reverse_claims,
    send_payment_file,
    support_recoveries,
)
from qosymsha.domain.settlement.commands.corrections import Verdict
from qosymsha.domain.settlement.models import Claim, ClaimRow, PaymentLine, Recovery
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused, RowOutcome
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    JANUARY,
    MARCH,
    OFFICER,
    PAYER,
    PAYER_OFFICIAL,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    approve_rules,
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


def upheld_after_payment(days: int = 3) -> tuple[City, SheetRow, Recovery]:
    """A paid claim of which days were upheld as flagged since; the system has proposed."""
    home, on = one_row()
    claim = paid(home, drawn(home))
    flag(on, days)
    resolve(attendance.uphold)
    (told,) = propose_recoveries(actor=SYSTEM, programme_id=home.programme.id, at=AT, key=uuid4())
    recovery = Recovery.objects.get(id=told.id or 0)
    assert (recovery.claim_id, recovery.amount_tiyn, recovery.state) == (claim.id, days * TARIFF, "proposed")
    return home, on, recovery


def decide(home: City, recovery: Recovery, *, is_owed: bool = True, plan: int | None = None) -> None:
    (supported,) = support_recoveries(
        actor=CHECKER, programme_id=home.programme.id, evidence={recovery.id: "act 5"}, at=AT, key=uuid4()
    )
    assert supported.id == recovery.id
    (decided,) = decide_recoveries(
        actor=APPROVER,
        programme_id=home.programme.id,
        verdicts=[Verdict(recovery.id, is_owed, "order 9", plan)],
        at=AT,
        key=uuid4(),
    )
    assert decided.id == recovery.id


def test_what_is_upheld_after_payment_is_proposed_once_and_moves_nothing_until_two_people_decided() -> None:
    home, _, recovery = upheld_after_payment()
    assert propose_recoveries(actor=SYSTEM, programme_id=home.programme.id, at=AT, key=uuid4()) == []
    assert totals(home)["paid"] == FULL
    verdict = Verdict(recovery.id, True, "order 9")
    given: dict[str, Any] = {"programme_id": home.programme.id, "at": AT}
    (early,) = decide_recoveries(actor=APPROVER, verdicts=[verdict], key=uuid4(), **given)
    assert early.reason is SettlementRefusal.RECOVERY_IN_OTHER_STATE
    (bare,) = support_recoveries(actor=CHECKER, evidence={recovery.id: " "}, key=uuid4(), **given)
    assert bare.reason is SettlementRefusal.EVIDENCE_MISSING
    support_recoveries(actor=CHECKER, evidence={recovery.id: "act 5"}, key=uuid4(), **given)
    same = person(Role.APPROVER, CHECKER.user_id)
    (refused,) = decide_recoveries(actor=same, verdicts=[verdict], key=uuid4(), **given)
    assert refused.reason is SettlementRefusal.SAME_OFFICIAL
    key = uuid4()
    first = decide_recoveries(actor=APPROVER, verdicts=[verdict], key=key, **given)
    assert decide_recoveries(actor=APPROVER, verdicts=[verdict], key=key, **given) == first
    assert totals(home) == {"approp": -(10**10), "paid": 5 * TARIFF, "receivable": 3 * TARIFF}
    (debt,) = queries.provider_debts(home.provider.id)
    assert (debt.left_tiyn, debt.decision, debt.plan_permille) == (3 * TARIFF, "order 9", 500)


def test_two_people_stand_behind_a_receivable_by_constraint() -> None:
    _, _, recovery = upheld_after_payment()
    with pytest.raises(IntegrityError, match="recovery_has_evidence"), transaction.atomic():
        Recovery.objects.update(state="supported")
    Recovery.objects.update(state="supported", supported_by=41, supported_at=AT, evidence="act")
    with pytest.raises(IntegrityError, match="recovery_two_people"), transaction.atomic():
        Recovery.objects.update(state="decided", decided_by=41, decided_at=AT, decision="order")
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        Recovery.objects.filter(id=recovery.id).update(amount_tiyn=1)


def next_month(home: City, on: SheetRow, month: date, marks: tuple[int, int, int, int] = (8, 0, 0, 0)) -> SheetRow:
    promise(home, [on.enrolment], month)
    return row(sheet(home, month), on.enrolment, marks)


def test_what_is_owed_is_kept_back_from_the_next_claims_by_the_plan() -> None:
    home, on, recovery = upheld_after_payment()
    decide(home, recovery, plan=250)
    next_month(home, on, FEBRUARY)
    second = drawn(home, FEBRUARY)
    assert (second.amount_tiyn, second.offset_tiyn) == (FULL, 2 * TARIFF)
    assert totals(home)["receivable"] == TARIFF
    assert totals(home)["released"] == 2 * TARIFF
    assert paid(home, second).state == "paid"
    assert PaymentLine.objects.get(claim=second).amount_tiyn == 6 * TARIFF
    assert totals(home)["paid"] == 5 * TARIFF + FULL
    next_month(home, on, MARCH)
    third = drawn(home, MARCH)
    assert third.offset_tiyn == TARIFF
    assert totals(home).get("receivable", 0) == 0
    assert queries.provider_debts(home.provider.id)[0].left_tiyn == 0


def test_a_reversed_claim_owes_again_what_it_kept_back() -> None:
    home, on, recovery = upheld_after_payment()
    decide(home, recovery)
    next_month(home, on, FEBRUARY)
    second = drawn(home, FEBRUARY)
    before = totals(home)
    reverse_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[second.id], reason="x", at=AT, key=uuid4()
    )
    assert totals(home)["receivable"] == 3 * TARIFF
    assert drawn(home, FEBRUARY).offset_tiyn == second.offset_tiyn
    assert totals(home) == before


def test_a_dismissed_recovery_leaves_the_money_paid_and_is_not_proposed_again() -> None:
    home, _, recovery = upheld_after_payment()
    decide(home, recovery, is_owed=False)
    assert totals(home)["paid"] == FULL
    assert propose_recoveries(actor=SYSTEM, programme_id=home.programme.id, at=AT, key=uuid4()) == []


def test_money_paid_back_by_bank_stands_in_suspense_until_another_person_confirms_it() -> None:
    home, _, recovery = upheld_after_payment()
    decide(home, recovery)
    given: dict[str, Any] = {"programme_id": home.programme.id, "at": AT}

    def record(reference: str, tiyn: int) -> int:
        return record_refund(
            actor=PAYER_OFFICIAL, recovery_id=recovery.id, reference=reference, amount_tiyn=tiyn, key=uuid4(), **given
        )

    refund = record("B-1", TARIFF)
    for reference, tiyn, reason in (
        ("B-2", 2 * TARIFF + 1, SettlementRefusal.MORE_THAN_OWED),
        ("B-1", TARIFF, SettlementRefusal.REFERENCE_REUSED),
        (" ", TARIFF, SettlementRefusal.EVIDENCE_MISSING),
    ):
        with pytest.raises(Refused) as refused:
            record(reference, tiyn)
        assert refused.value.reason is reason
    assert (totals(home)["suspense"], totals(home)["receivable"]) == (TARIFF, 2 * TARIFF)
    with pytest.raises(Refused, match="same_official"):
        confirm_refund(actor=person(Role.APPROVER, PAYER_OFFICIAL.user_id), refund_id=refund, key=uuid4(), **given)
    key = uuid4()
    for _ in range(2):
        confirm_refund(actor=APPROVER, refund_id=refund, key=key, **given)
    assert totals(home) == {
        "approp": -(10**10), "paid": 5 * TARIFF, "receivable": 2 * TARIFF, "released": TARIFF
    }  # fmt: skip


def test_a_prior_years_refund_goes_to_refunds_never_to_free() -> None:
    home, _, recovery = upheld_after_payment()
    decide(home, recovery)
    given: dict[str, Any] = {"programme_id": home.programme.id, "at": NEXT_YEAR}
    refund = record_refund(
        actor=PAYER_OFFICIAL, recovery_id=recovery.id, reference="B-1", amount_tiyn=TARIFF, key=uuid4(), **given
    )
    confirm_refund(actor=APPROVER, refund_id=refund, key=uuid4(), **given)
    assert (totals(home)["refunds"], totals(home).get("released", 0)) == (TARIFF, 0)


def test_an_audits_finding_is_proposed_by_hand_within_what_was_paid() -> None:
    home, on = one_row()
    unpaid = drawn(home)

    def propose(claim: Claim, amounts: dict[int, int], evidence: str = "audit 3") -> int:
        return propose_recovery(
            actor=CHECKER, claim_id=claim.id, amounts=amounts, reason="audit", evidence=evidence, at=AT, key=uuid4()
        )

    cases: Sequence[tuple[dict[int, int], str, SettlementRefusal]] = (
        ({on.id: FULL + 1}, "audit 3", SettlementRefusal.MORE_THAN_PAID),
        ({on.id + 1: 1}, "audit 3", SettlementRefusal.MORE_THAN_PAID),
        ({}, "audit 3", SettlementRefusal.MORE_THAN_PAID),
        ({on.id: 1}, "", SettlementRefusal.EVIDENCE_MISSING),
    )
    with pytest.raises(Refused, match="claim_not_paid"):
        propose(unpaid, {on.id: 1})
    claim = paid(home, unpaid)
    for amounts, evidence, reason in cases:
        with pytest.raises(Refused) as refused:
            propose(claim, amounts, evidence)
        assert refused.value.reason is reason
    made = Recovery.objects.get(id=propose(claim, {on.id: 2 * TARIFF}))
    assert (made.state, made.supported_by) == ("supported", CHECKER.user_id)
    with pytest.raises(Refused, match="more_than_paid"):
        propose(claim, {on.id: 6 * TARIFF + 1})


def test_days_cleared_after_a_recovery_are_topped_up_by_a_named_decision() -> None:
    home, on = one_row()
    paid(home, drawn(home))
    flag(on, 3)
    resolve(attendance.uphold)
    (told,) = propose_recoveries(actor=SYSTEM, programme_id=home.programme.id, at=AT, key=uuid4())
    decide(home, Recovery.objects.get(id=told.id or 0))
    with connection.cursor() as cursor:  # a court says the days were real: outside the verbs of this test's rooms
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE day_hold SET state = 'cleared'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    (waits,) = draw(home, FEBRUARY)
    assert waits.reason is SettlementRefusal.PLACE_NOT_COVERED
    given: dict[str, Any] = {"programme_id": home.programme.id, "at": AT, "sheet_row_ids": [on.id]}
    with pytest.raises(Refused, match="evidence_missing"):
        cover_places(actor=OFFICER, decision="", key=uuid4(), **given)
    (covered,) = cover_places(actor=OFFICER, decision="court 7", key=uuid4(), **given)
    assert covered.reason is None
    (again,) = cover_places(actor=OFFICER, decision="court 7", key=uuid4(), **given)
    assert again.reason is SettlementRefusal.NOTHING_TO_COVER
    second = drawn(home, FEBRUARY)
    assert (second.amount_tiyn, ClaimRow.objects.get(claim=second).part) == (3 * TARIFF, 2)
    assert second.offset_tiyn == TARIFF * 3 // 2  # still owed by the earlier decision: that is a matter of its own


@pytest.mark.parametrize("actor", [SYSTEM, PAYER_OFFICIAL, person(Role.PROVIDER_MANAGER, 5, provider_id=1)])
def test_nobody_but_the_named_officials_decides(actor: Any) -> None:
    home = city()
    given: dict[str, Any] = {"actor": actor, "programme_id": home.programme.id, "at": AT, "key": uuid4()}
    with pytest.raises(Forbidden):
        decide_recoveries(verdicts=[], **given)
    with pytest.raises(Forbidden):
        support_recoveries(evidence={}, **given)
    with pytest.raises(Forbidden):
        cover_places(sheet_row_ids=[], decision="x", **given)


def test_rules_of_another_year_do_not_reach_back() -> None:
    home, on = one_row()
    approve_rules(home.programme, dict(home.rule_set.document), DateRange(date(2027, 1, 1), date(2028, 1, 1)), 2)
    flag(on, 2)
    assert drawn(home).formula["rules"] == {"2026-01": bytes(home.rule_set.hash).hex()}

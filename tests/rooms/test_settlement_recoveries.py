"""Money owed back after payment: proposed, supported and decided by two people, kept back or refunded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import (
    confirm_refund,
    cover_places,
    decide_recoveries,
    propose_recoveries,
    propose_recovery,
    record_refund,
    reverse_claims,
    support_recoveries,
)
from qosymsha.domain.settlement.commands.corrections import Verdict
from qosymsha.domain.settlement.models import Claim, ClaimRow, PaymentLine, Recovery
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    MARCH,
    OFFICER,
    PAYER_OFFICIAL,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    approve_rules,
    city,
    person,
    promise,
    row,
    sheet,
)
from tests.rooms.test_settlement_corrections import (
    draw,
    drawn,
    flag,
    one_row,
    paid,
    resolve,
    totals,
)

pytestmark = pytest.mark.django_db
FULL = TARIFF * UNITS
CHECKER = person(Role.CHECKER, 41)
NEXT_YEAR = datetime(2027, 2, 10, 5, tzinfo=UTC)


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

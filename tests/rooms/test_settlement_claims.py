"""Claims: drawn from confirmed rows only, once each, with money from the place to the provider and the rest back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import draw_claims, reverse_claims
from qosymsha.domain.settlement.models import Claim, ClaimRow
from qosymsha.domain.settlement.rules.formula import claim_hash
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused, RowOutcome
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    JANUARY,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    add_group,
    add_provider,
    city,
    confirmed_month,
    enrol,
    person,
    promise,
    row,
    sheet,
    speak,
)

pytestmark = pytest.mark.django_db
FULL = TARIFF * UNITS


def draw(home: City, month: date = JANUARY, **changes: Any) -> list[RowOutcome]:
    given = {"actor": SYSTEM, "provider_ids": [home.provider.id], "at": AT, "key": uuid4()} | changes
    return draw_claims(programme_id=home.programme.id, month=month, **given)


def held_in(kind: str, home: City, subject: int = 0, month: date | None = None) -> int:
    key = AccountKey(AccountKind(kind), home.line.id, subject, month)
    return ledger.balances([key])[key]


def test_a_claim_takes_confirmed_rows_and_moves_exactly_what_was_earned() -> None:
    home = city()
    full, part, silent = enrol(home, 3)
    promise(home, [full, part, silent])
    on = sheet(home)
    row(on, full)
    row(on, part, (5, 0, 0, 3))
    row(on, silent, word="silent")

    (outcome,) = draw(home)

    claim = Claim.objects.get(id=outcome.id)
    assert (claim.units, claim.amount_tiyn, claim.state) == (13, 13 * TARIFF, "drawn")
    assert held_in("payable", home, claim.id) == 13 * TARIFF
    assert held_in("held", home, part.voucher_id) == 3 * TARIFF
    assert [held_in("place", home, e.id, JANUARY) for e in (full, part, silent)] == [0, 0, FULL]
    assert claim.formula["amount_tiyn"] == claim.amount_tiyn
    rows = list(ClaimRow.objects.filter(claim=claim).order_by("id"))
    hashed = [[r.sheet_row_id, r.part, r.units, r.unit_tariff_tiyn, r.amount_tiyn, r.kept_tiyn] for r in rows]
    assert bytes(claim.hash) == claim_hash(claim.number, claim.formula, hashed)
    assert ledger.unbalanced_lines() == []


def test_the_rest_of_a_closed_voucher_is_released_and_a_rejected_row_pays_nothing() -> None:
    home = city()
    closed, rejected = enrol(home, 2)
    promise(home, [closed, rejected])
    on = sheet(home)
    row(on, closed, (3, 0, 0, 0))
    row(on, rejected, word="rejected")
    Enrolment.objects.filter(id=closed.id).update(state="ended", ends_on=date(2026, 1, 15))
    Voucher.objects.filter(id=closed.voucher_id).update(state="closed", reason="moved")

    (outcome,) = draw(home)

    assert Claim.objects.get(id=outcome.id).amount_tiyn == 3 * TARIFF
    assert ledger.totals([home.line.id])[home.line.id]["released"] == 5 * TARIFF
    assert held_in("held", home, rejected.voucher_id) == FULL
    assert held_in("place", home, rejected.id, JANUARY) == 0


def test_a_month_where_nobody_earned_anything_is_settled_without_a_payment() -> None:
    home = city()
    (child,) = enrol(home)
    promise(home, [child])
    row(sheet(home), child, (0, 0, 0, 8))

    (outcome,) = draw(home)

    assert Claim.objects.get(id=outcome.id).state == "nothing_due"
    assert held_in("held", home, child.voucher_id) == FULL


def test_rows_confirmed_later_are_picked_up_by_a_later_claim_once() -> None:
    home = city()
    early, late = enrol(home, 2)
    promise(home, [early, late])
    on = sheet(home)
    row(on, early)
    late_row = row(on, late, word="silent")
    draw(home)

    speak(late_row, "confirmed")
    (again,) = draw(home)
    assert again.reason is SettlementRefusal.CLAIM_ALREADY_DRAWN
    (february,) = draw(home, FEBRUARY)
    assert Claim.objects.get(id=february.id).amount_tiyn == FULL
    assert "01.2026" in Claim.objects.get(id=february.id).formula["words"]["ru"][1]
    assert draw(home, date(2026, 3, 1)) == []
    assert ClaimRow.objects.filter(sheet_row=late_row).count() == 1


@pytest.mark.parametrize("state", ["open", "with_parents", "with_customer"])
def test_a_sheet_that_the_customer_has_not_approved_is_not_paid(state: str) -> None:
    home = city()
    (child,) = enrol(home)
    promise(home, [child])
    row(sheet(home, state=state), child)
    assert draw(home) == []


def test_the_contracts_volume_holds_rows_with_their_reason_until_there_is_room() -> None:
    home = city(volume_tiyn=2 * FULL)
    rows = confirmed_month(home, 3)

    outcomes = draw(home)

    (held,) = [o for o in outcomes if o.reason]
    (claim,) = [o for o in outcomes if o.id]
    assert (held.reason, held.detail) == (SettlementRefusal.CONTRACT_VOLUME, f"sheet_row {rows[2].id}")
    assert Claim.objects.get(id=claim.id).amount_tiyn == 2 * FULL
    assert Claim.objects.get(id=claim.id).formula["held"] == {"contract_volume": 1}
    (again,) = draw(home, FEBRUARY)
    assert again.reason is SettlementRefusal.CONTRACT_VOLUME

    home.contract.volume_tiyn = 3 * FULL
    home.contract.save()
    (third,) = draw(home, FEBRUARY)
    assert Claim.objects.get(id=third.id).amount_tiyn == FULL


def test_a_row_whose_place_was_never_promised_waits() -> None:
    home = city()
    (child,) = enrol(home)
    row(sheet(home), child)
    (outcome,) = draw(home)
    assert outcome.reason is SettlementRefusal.PLACE_NOT_COVERED
    assert not Claim.objects.exists()


def test_the_rule_set_of_the_rows_own_month_pays_it() -> None:
    home = city(pay={"paid_absences_cap": 2})
    (child,) = enrol(home)
    promise(home, [child])
    row(sheet(home), child, (5, 3, 0, 0))
    (outcome,) = draw(home)
    claim = Claim.objects.get(id=outcome.id)
    assert claim.amount_tiyn == 7 * TARIFF
    assert claim.formula["rules"] == {"2026-01": bytes(home.rule_set.hash).hex()}


def test_a_repeated_key_answers_the_same_and_moves_nothing() -> None:
    home = city()
    confirmed_month(home)
    key = uuid4()
    first = draw(home, key=key)
    assert draw(home, key=key) == first
    assert Claim.objects.count() == 1
    with pytest.raises(Refused) as reused:
        draw(home, FEBRUARY, key=key)
    assert reused.value.reason is KeyReason.KEY_REUSED


def test_a_batch_of_providers_has_a_claim_each() -> None:
    home = city()
    other = add_provider(home.territory)
    _, group = add_group(home, other)
    confirmed_month(home, 1)
    (child,) = enrol(home, group=group)
    promise(home, [child])
    row(sheet(home, group=group), child)
    outcomes = draw(home, provider_ids=[home.provider.id, other.id])
    assert {(o.row, Claim.objects.get(id=o.id).provider_id) for o in outcomes} == {(0, home.provider.id), (1, other.id)}


def statements(home: City, children: int) -> int:
    _, group = add_group(home, add_provider(home.territory))
    type(group).objects.filter(id=group.id).update(capacity=90)
    group.seat.capacity = 90
    group.seat.save()
    enrolments = enrol(home, children, group=group)
    promise(home, enrolments)
    on = sheet(home, group=group)
    for e in enrolments:
        row(on, e)
    with CaptureQueriesContext(connection) as captured:
        draw(home, provider_ids=[group.provider_id])
    return len(captured)


def test_the_number_of_statements_does_not_grow_with_the_rows() -> None:
    home = city()
    statements(home, 2)  # fills the process's cache of rule sets
    assert statements(home, 10) == statements(home, 60)


def test_who_may_not_draw_learns_nothing() -> None:
    home = city()
    confirmed_month(home)
    for actor in (
        APPROVER,
        person(Role.PROVIDER_MANAGER, 5, provider_id=home.provider.id + 1),
        person(Role.GUARDIAN, 6),
    ):
        with pytest.raises(Forbidden):
            draw(home, actor=actor)
    assert draw(home, actor=person(Role.PROVIDER_MANAGER, 5, provider_id=home.provider.id))[0].id


def test_a_reversed_claim_gives_everything_back_and_its_rows_can_be_claimed_anew() -> None:
    home = city()
    rows = confirmed_month(home, 2)
    (first,) = draw(home)
    assert first.id
    (done,) = reverse_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[first.id], reason="wrong sheet", at=AT, key=uuid4()
    )
    assert done.id == first.id
    assert held_in("payable", home, first.id) == 0
    assert [held_in("place", home, r.enrolment_id, JANUARY) for r in rows] == [FULL, FULL]
    (second,) = draw(home)
    assert second.id != first.id
    assert Claim.objects.get(id=second.id).amount_tiyn == 2 * FULL
    (refused,) = reverse_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[first.id], reason="again", at=AT, key=uuid4()
    )
    assert refused.reason is SettlementRefusal.CLAIM_IN_OTHER_STATE


def test_a_row_stands_in_one_live_claim_by_constraint() -> None:
    home = city()
    confirmed_month(home, 1)
    draw(home)
    taken = ClaimRow.objects.get()
    other = Claim.objects.get()
    claim = Claim(
        **{f.attname: getattr(other, f.attname) for f in Claim._meta.concrete_fields if f.attname not in ("id", "uuid")}
    )
    claim.number, claim.month = "C-other", FEBRUARY
    claim.save()
    with pytest.raises(IntegrityError, match="claim_row_part_once"), transaction.atomic():
        ClaimRow.objects.create(
            claim=claim,
            sheet_row=taken.sheet_row,
            enrolment_id=1,
            units=1,
            unit_tariff_tiyn=1,
            amount_tiyn=1,
            due_tiyn=1,
            present=1,
        )


@pytest.mark.parametrize("field", ["amount_tiyn", "units", "month", "contract_id"])
def test_what_was_claimed_never_changes(field: str) -> None:
    home = city()
    confirmed_month(home, 1)
    draw(home)
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        Claim.objects.update(**{field: Claim.objects.values_list(field, flat=True).get()})
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        ClaimRow.objects.update(amount_tiyn=1)
    with pytest.raises(DatabaseError, match="no such transition"), transaction.atomic():
        Claim.objects.update(state="paid")


def test_a_provider_sees_what_is_due_and_why() -> None:
    home = city()
    confirmed_month(home, 2)
    draw(home)
    (line,) = queries.provider_statement(home.provider.id)
    assert (line.state, line.amount_tiyn, line.paid_at) == ("drawn", 2 * FULL, None)
    assert line.formula["words"]["kk"][-1].startswith("Барлығы")

"""Every tenge is tied to its documents; what is planted is found by its subject; a month drawn again, same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetPlan
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import close_month, explain_money, reverse_claims
from qosymsha.domain.settlement.models import Claim, MoneyDay
from qosymsha.domain.settlement.rules.explained import Explained
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.readings import readings
from tests.factories.settlement import APPROVER, AT, FEBRUARY, JANUARY, OFFICER, SYSTEM, TARIFF, City, person
from tests.rooms.test_settlement_corrections import drawn, flag, one_row, paid, resolve
from tests.rooms.test_settlement_recoveries import decide, next_month, upheld_after_payment

pytestmark = pytest.mark.django_db


def planned(home: City) -> None:
    """The budget's document behind the factory's posting."""
    BudgetPlan.objects.create(
        line=home.line,
        period=DateRange(JANUARY, JANUARY + timedelta(days=364)),
        amount_tiyn=10**10,
        decision="law 1",
        decided_at=AT,
        decided_by=1,
    )


def busy_city() -> City:
    """Money of every kind: paid, clawed back and kept back, a claim that waits, days under a flag, a reversed claim."""
    home, on, recovery = upheld_after_payment()
    planned(home)
    decide(home, recovery, plan=250)
    february = next_month(home, on, FEBRUARY)
    flag(february, 1, cause=9)
    second = drawn(home, FEBRUARY)
    reverse_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[second.id], reason="x", at=AT, key=uuid4()
    )
    drawn(home, FEBRUARY)
    return home


def look(home: City) -> Explained:
    return queries.explained(home.programme.id, AT)


def test_every_account_of_a_line_is_tied_to_its_documents_to_zero() -> None:
    home = busy_city()
    found = look(home)
    assert found.findings == ()
    (line,) = found.lines
    by_kind = {tie.kind: tie.ledger_tiyn for tie in line.ties}
    assert [tie for tie in line.ties if tie.difference_tiyn] == []
    assert found.differences == 0
    assert (by_kind["approp"], by_kind["place"]) == (-(10**10), TARIFF)
    for kind in ("free", "payable", "paid", "receivable", "released"):
        assert by_kind[kind], kind
    assert all(tie.tied_to for tie in line.ties)


@contextmanager
def by_hand() -> Iterator[Any]:
    """As somebody with the database's password would write."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")


PLANTED = {
    "UPDATE ledger_account SET balance_tiyn = balance_tiyn + 7 WHERE kind = 'payable' AND balance_tiyn > 0": "claim",
    "UPDATE ledger_account SET balance_tiyn = balance_tiyn - 5 WHERE kind = 'place' AND balance_tiyn > 0": "enrolment",
    "UPDATE claim SET amount_tiyn = amount_tiyn + 1, offset_tiyn = offset_tiyn WHERE state = 'drawn'": "claim",
    "UPDATE ledger_account SET balance_tiyn = balance_tiyn + 1 WHERE kind = 'receivable'": "provider",
    "UPDATE recovery SET amount_tiyn = amount_tiyn - 1": "provider",
    "UPDATE voucher SET state = 'closed', reason = 'moved'": "held",
    "UPDATE bank_reply SET amount_tiyn = amount_tiyn + 1": "payment line",
    "UPDATE payment_line SET state = 'sent'": "payment line",
    "UPDATE ledger_posting SET cause_key = 'C-nobody' WHERE id = (SELECT max(id) FROM ledger_posting"
    " WHERE cause_kind = 'claim')": "claim C-nobody",
    "INSERT INTO ledger_account (kind, line_id, subject_id, balance_tiyn) SELECT 'transit', id, 77, 5 FROM budget_line":
        "transit 77",
    "UPDATE claim_row SET kept_tiyn = kept_tiyn + 3 WHERE kept_tiyn > 0 AND live": "enrolment",
}  # fmt: skip


@pytest.mark.parametrize("statement", PLANTED)
def test_a_planted_difference_is_found_and_named_by_its_subject(statement: str) -> None:
    home = busy_city()
    if "voucher" in statement:  # money of a voucher's own, to be orphaned
        home = one_row()[0]
        planned(home)
        resolve_all_held(home)
    assert look(home).differences == 0
    with by_hand() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0
    found = look(home)
    assert found.differences > 0
    assert any(PLANTED[statement] in finding.subject for finding in found.findings), found.findings


def resolve_all_held(home: City) -> None:
    """A claim whose upheld days gave money back to the voucher."""
    from qosymsha.domain.attendance import steps as attendance  # noqa: PLC0415
    from qosymsha.domain.attendance.models import SheetRow  # noqa: PLC0415

    flag(SheetRow.objects.get(sheet__programme=home.programme), 2)
    resolve(attendance.uphold)
    drawn(home)


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("free", "UPDATE ledger_account SET balance_tiyn = balance_tiyn + 1 WHERE kind = 'free'"),
        ("approp", "UPDATE budget_plan SET amount_tiyn = amount_tiyn - 1"),
        ("paid", "UPDATE payment_line SET amount_tiyn = amount_tiyn - 1"),
        ("released", "UPDATE claim SET offset_tiyn = offset_tiyn - 1 WHERE offset_tiyn > 0 AND state <> 'reversed'"),
    ],
)
def test_a_line_that_does_not_close_is_told_by_its_account(kind: str, statement: str) -> None:
    home = busy_city()
    with by_hand() as cursor:
        cursor.execute(statement)
    (line,) = look(home).lines
    assert kind in {tie.kind for tie in line.ties if tie.difference_tiyn}


def explain(home: City, **changes: Any) -> Any:
    given: dict[str, Any] = {"actor": SYSTEM, "at": AT, "key": uuid4()} | changes
    return explain_money(programme_id=home.programme.id, **given)


def test_a_day_is_sealed_once_by_hash_and_stays() -> None:
    home = busy_city()
    key = uuid4()
    sealed = explain(home, key=key)
    assert (sealed.differences, sealed.day.isoformat()) == (0, "2026-02-10")
    assert explain(home, key=key) == sealed
    assert explain(home) == sealed
    stored = queries.money_day(home.programme.id, sealed.day)
    assert stored is not None
    assert stored.summary["lines"][0]["accounts"][0]["kind"] == "approp"
    assert MoneyDay.objects.count() == 1
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        MoneyDay.objects.update(differences=1)
    with pytest.raises(Forbidden):
        explain(home, actor=person(Role.PROVIDER_MANAGER, 2, provider_id=home.provider.id))


def test_a_claim_is_followed_from_the_childs_day_to_the_banks_word() -> None:
    home, _ = one_row()
    claim = paid(home, drawn(home))
    way = queries.trail(actor=OFFICER, number=claim.number, at=AT)
    (row,) = way.rows
    assert (len(row.days), {value for _, value in row.days}, row.amount_tiyn) == (8, {"present"}, 8 * TARIFF)
    assert [m["cause"] for m in way.movements] == ["claim", "payment_sent"]
    assert [p["state"] for p in way.payments] == ["accepted"]
    assert [r["outcome"] for r in way.replies] == ["paid"]
    (read,) = readings("settlement.read_trail")
    assert len(read.subject_ids) == 1  # the child whose row was followed
    with pytest.raises(Refused, match="unknown_claim"):
        queries.trail(actor=OFFICER, number="C-nobody", at=AT)
    with pytest.raises(Forbidden):
        queries.trail(actor=person(Role.GUARDIAN, 9), number=claim.number, at=AT)


def test_a_month_drawn_again_from_its_frozen_input_has_the_same_bytes() -> None:
    home = busy_city()
    close_month(actor=OFFICER, programme_id=home.programme.id, month=JANUARY, at=AT, key=uuid4())
    for month, is_sealed in ((JANUARY, True), (FEBRUARY, None)):
        again = queries.redraw(home.programme.id, month)
        assert (again.claims, again.faults, again.is_sealed) == (1, (), is_sealed)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE claim SET amount_tiyn = amount_tiyn + 1", "amount"),
        ("UPDATE claim SET hash = sha256(hash)", "hash or formula"),
        ("UPDATE claim_row SET amount_tiyn = amount_tiyn + 1, due_tiyn = due_tiyn + 1", "rows differ"),
        ("UPDATE claim_input SET content = content || ' '::bytea", "not what was hashed"),
        ("DELETE FROM claim_input", "no frozen input"),
        ("UPDATE ledger_posting SET cause_key = 'x' WHERE cause_kind = 'claim'", "posting differs"),
    ],
)
def test_whatever_was_changed_by_hand_is_seen_when_the_month_is_drawn_again(statement: str, fault: str) -> None:
    home, _ = one_row()
    drawn(home)
    with by_hand() as cursor:
        cursor.execute(statement)
    faults = queries.redraw(home.programme.id, JANUARY).faults
    assert any(fault in text for text in faults), faults


def test_a_closed_months_hash_sees_a_claim_that_was_taken_away() -> None:
    home, _ = one_row()
    drawn(home)
    close_month(actor=OFFICER, programme_id=home.programme.id, month=JANUARY, at=AT, key=uuid4())
    with by_hand() as cursor:
        cursor.execute("UPDATE claim SET state = 'reversed'")
    assert queries.redraw(home.programme.id, JANUARY).is_sealed is False
    assert Claim.objects.count() == 1

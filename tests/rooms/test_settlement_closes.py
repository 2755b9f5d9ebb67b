"""Months closed by hash, years closed at the cut-off with a named decision on what still stands on places."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.settlement.commands import close_month, close_year, draw_claims
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.domain.settlement.models import Claim, ClosedMonth, ClosedYear
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    JANUARY,
    OFFICER,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    approve_rules,
    city,
    confirmed_month,
    enrol,
    person,
    promise,
    row,
    sheet,
)

pytestmark = pytest.mark.django_db
FULL = TARIFF * UNITS
CUT_OFF = datetime(2026, 12, 20, 5, tzinfo=UTC)
DECEMBER = date(2026, 12, 1)


def draw(home: City, month: date = JANUARY, at: datetime = AT) -> list[Any]:
    return draw_claims(
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=month, at=at, key=uuid4()
    )


def close(home: City, month: date = JANUARY, **changes: Any) -> Any:
    given = {"actor": OFFICER, "at": AT, "key": uuid4()} | changes
    return close_month(programme_id=home.programme.id, month=month, **given)


def close_the_year(home: City, december: DecemberDecision | None = None, **changes: Any) -> Any:
    given = {"actor": OFFICER, "at": CUT_OFF, "key": uuid4(), "year": 2026} | changes
    return close_year(programme_id=home.programme.id, december=december, **given)


def refusal(call: Any, *args: Any, **kwargs: Any) -> SettlementRefusal:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    assert isinstance(refused.value.reason, SettlementRefusal)
    return refused.value.reason


def test_a_closed_month_holds_its_claims_fast_by_hash_and_takes_no_more() -> None:
    home = city()
    confirmed_month(home, 2)
    (drawn,) = draw(home)
    key = uuid4()
    closed = close(home, key=key)
    assert closed.hash == digest(closed.summary)
    assert closed.summary["claims"] == 1
    assert closed.summary["unpaid"] == [Claim.objects.get(id=drawn.id).number]
    assert closed.summary["ledger"][str(home.line.id)]["payable"] == 2 * FULL
    assert close(home, key=key) == closed
    assert refusal(close, home) is SettlementRefusal.MONTH_CLOSED
    assert refusal(draw, home) is SettlementRefusal.MONTH_CLOSED
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        ClosedMonth.objects.update(summary={})


def test_rows_confirmed_after_the_close_go_into_the_next_month() -> None:
    home = city()
    close(home)
    confirmed_month(home, 1)
    (late,) = draw(home, FEBRUARY)
    assert Claim.objects.get(id=late.id).amount_tiyn == FULL


def test_a_month_is_closed_when_it_is_over_in_astana() -> None:
    home = city()
    last_evening = datetime(2026, 1, 31, 18, 59, tzinfo=UTC)  # 23:59 of 31 January in Astana
    assert refusal(close, home, at=last_evening) is SettlementRefusal.MONTH_NOT_OVER
    assert close(home, at=datetime(2026, 1, 31, 19, 0, tzinfo=UTC)).id


def test_what_was_not_promised_or_earned_lapses_at_the_years_end() -> None:
    home = city()
    (child,) = enrol(home)
    promise(home, [child])
    row(sheet(home), child, (5, 0, 0, 3))
    draw(home)
    key = uuid4()
    closed = close_the_year(home, key=key)
    totals = ledger.totals([home.line.id])[home.line.id]
    assert (totals["free"], totals["held"], totals["payable"]) == (0, 0, 5 * TARIFF)
    assert totals["lapsed"] == 10**10 - 5 * TARIFF
    assert closed.summary["lapsed"] == {"free": 10**10 - FULL, "held": 3 * TARIFF}
    assert ledger.unbalanced_lines() == []
    assert close_the_year(home, key=key) == closed
    assert refusal(close_the_year, home) is SettlementRefusal.YEAR_CLOSED


def test_decembers_places_need_a_named_decision() -> None:
    home = city()
    (child,) = enrol(home)
    promise(home, [child], DECEMBER)
    assert refusal(close_the_year, home) is SettlementRefusal.DECEMBER_UNDECIDED

    close_the_year(home, DecemberDecision(December.PAY, "№ 17"))
    assert ledger.totals([home.line.id])[home.line.id]["place"] == FULL
    stored = ClosedYear.objects.get()
    assert (stored.december, stored.decision, stored.closed_by) == ("pay", "№ 17", OFFICER.user_id)
    row(sheet(home, DECEMBER), child)
    (claim,) = draw(home, DECEMBER, datetime(2027, 1, 5, tzinfo=UTC))
    assert Claim.objects.get(id=claim.id).amount_tiyn == FULL


def test_a_decision_may_let_decembers_places_lapse() -> None:
    home = city()
    promise(home, enrol(home), DECEMBER)
    close_the_year(home, DecemberDecision(December.LAPSE, "№ 18"))
    totals = ledger.totals([home.line.id])[home.line.id]
    assert (totals["place"], totals["lapsed"]) == (0, 10**10)


def next_years_line(home: City, free_tiyn: int) -> BudgetLine:
    """The same department, kind and code in 2027, with so much free money."""
    old = home.line
    line = BudgetLine.objects.create(
        **home.place_ids, department=old.department, kind=old.kind, code=old.code, fiscal_year=2027
    )
    if free_tiyn:
        source, target = (AccountKey(AccountKind(kind), line.id) for kind in ("approp", "free"))
        ledger_steps.post([Draft("test", f"2027 {line.id}", ((source, -free_tiyn), (target, free_tiyn)))], at=AT)
    return line


def test_places_are_promised_again_from_the_next_years_free_money_only_where_it_covers_them() -> None:
    home = city(year_end={"december": "promise_again"})
    approve_rules(home.programme, dict(home.rule_set.document), DateRange(date(2027, 1, 1), date(2028, 1, 1)), 2)
    children = enrol(home, 3)
    promise(home, children, DECEMBER)
    assert refusal(close_the_year, home) is SettlementRefusal.NO_NEXT_LINE
    line = next_years_line(home, 2 * FULL + 1)
    wrong = DecemberDecision(December.PAY, "№ 19")
    assert refusal(close_the_year, home, wrong) is SettlementRefusal.DECEMBER_NOT_BY_RULE

    closed = close_the_year(home)

    assert closed.summary["promised_again_tiyn"] == 2 * FULL
    assert closed.summary["not_covered"] == [[children[2].id, "2026-12-01", FULL]]
    totals = ledger.totals([home.line.id, line.id])
    assert (totals[home.line.id]["place"], totals[home.line.id]["lapsed"]) == (0, 10**10)
    assert (totals[line.id]["place"], totals[line.id]["free"]) == (2 * FULL, 1)
    on = sheet(home, DECEMBER)
    for child, marks in zip(children, [(8, 0, 0, 0), (5, 0, 0, 3), (8, 0, 0, 0)], strict=True):
        row(on, child, marks)
    paid, waits = sorted(draw(home, DECEMBER, datetime(2027, 1, 5, tzinfo=UTC)), key=lambda o: o.id is None)
    claim = Claim.objects.get(id=paid.id)
    assert (claim.line_id, claim.amount_tiyn) == (line.id, 13 * TARIFF)
    assert waits.reason is SettlementRefusal.PLACE_NOT_COVERED
    totals = ledger.totals([line.id])[line.id]
    assert (totals["place"], totals["payable"], totals["released"]) == (0, 13 * TARIFF, 3 * TARIFF)
    assert ledger.unbalanced_lines() == []


def test_a_late_claim_of_a_closed_year_lets_its_rest_lapse_whatever_month_it_is_drawn_for() -> None:
    home = city()
    approve_rules(home.programme, dict(home.rule_set.document), DateRange(date(2027, 1, 1), date(2028, 1, 1)), 2)
    (child,) = enrol(home)
    promise(home, [child], DECEMBER)
    close_the_year(home, DecemberDecision(December.PAY, "№ 17"))
    row(sheet(home, DECEMBER), child, (5, 0, 0, 3))
    draw(home, date(2027, 1, 1), datetime(2027, 2, 5, tzinfo=UTC))
    totals = ledger.totals([home.line.id])[home.line.id]
    assert (totals.get("held", 0), totals["payable"], totals["place"]) == (0, 5 * TARIFF, 0)
    assert totals["lapsed"] == 10**10 - 5 * TARIFF


def test_the_year_closes_at_the_rule_sets_cut_off_and_not_before() -> None:
    home = city()
    early = datetime(2026, 12, 19, 18, 59, tzinfo=UTC)
    assert refusal(close_the_year, home, at=early) is SettlementRefusal.BEFORE_CUT_OFF
    assert refusal(close_the_year, home, year=2031) is SettlementRefusal.NO_BUDGET_LINE


def test_only_officials_close() -> None:
    home = city()
    for actor in (SYSTEM, APPROVER, person(Role.PROVIDER_MANAGER, 2, provider_id=home.provider.id)):
        with pytest.raises(Forbidden):
            close(home, actor=actor)
        with pytest.raises(Forbidden):
            close_the_year(home, actor=actor)

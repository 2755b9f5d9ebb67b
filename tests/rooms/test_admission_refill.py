"""Freed money goes on by rank, nobody's position worsens, and old waiting lists end with a cause."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.models import Application, ApplicationHistory, Outcome, Refill, Round
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.vouchers.models import Voucher
from tests.factories.admission import AFTER, CLOSES, INSIDE, OPENS, City, document, money_for, month_tiyn
from tests.factories.refusals import refusal

pytestmark = pytest.mark.django_db
R = AdmissionRefusal


def waiting(families: int = 12, places: int = 4, **rules: Any) -> tuple[City, Round]:
    """An allocated round in which `families - places` wait."""
    city = City(rules=document(**rules), money={"sport": money_for(places)})
    the_round = city.opened()
    city.file(the_round, city.families(families))
    city.run(the_round)
    return city, the_round


def by_rank(the_round: Round, state: str) -> list[int]:
    rows = Outcome.objects.filter(round=the_round, application__state=state).order_by("rank")
    return list(rows.values_list("application_id", flat=True))


def test_freed_money_goes_to_the_next_by_rank_and_is_recorded() -> None:
    city, the_round = waiting()
    before = by_rank(the_round, "waiting")
    city.give("sport", 3 * 10 * month_tiyn())
    # The round's first month is March; the refill comes in February, so all ten months are funded.
    assert city.refill(the_round).granted["sport"] == 3
    assert by_rank(the_round, "waiting") == before[3:]
    assert set(before[:3]) <= set(Voucher.objects.values_list("application_id", flat=True))
    assert list(Refill.objects.values_list("segment", "granted")) == [("sport", 3)]
    last = ApplicationHistory.objects.filter(application_id=before[0]).latest("seq")
    assert (last.seq, last.from_state, last.to_state, last.cause) == (5, "waiting", "granted", "refill")
    assert not ledger.unbalanced_lines()


def test_the_appeals_reserve_is_never_given_away() -> None:
    city, the_round = waiting(places=150, families=152)
    free = AccountKey(AccountKind.FREE, city.lines["sport"])
    kept = ledger.balances([free])[free]
    assert kept > 10 * month_tiyn()  # 1 % of 150 places is more than one place
    assert city.refill(the_round).granted["sport"] == 0
    assert ledger.balances([free])[free] == kept


def test_late_in_the_year_a_place_costs_the_months_that_are_left() -> None:
    city, the_round = waiting()
    city.give("sport", 4 * month_tiyn())
    assert city.refill(the_round, at=datetime(2026, 11, 10, tzinfo=UTC)).granted["sport"] == 2
    late = Voucher.objects.order_by("id").last()
    assert late is not None
    assert (late.first_month, late.last_month) == (date(2026, 11, 1), date(2026, 12, 1))


def test_who_lost_the_right_while_waiting_leaves_with_a_reason_and_the_next_moves_up() -> None:
    city, the_round = waiting()
    first, second, third = by_rank(the_round, "waiting")[:3]
    children = dict(Application.objects.values_list("id", "child_id"))
    Guardianship.objects.filter(child_id=children[first]).update(valid=(date(2020, 1, 1), date(2026, 2, 10)))
    city.hold_voucher(children[second])
    city.give("sport", 10 * month_tiyn())
    refilled = city.refill(the_round)
    assert (refilled.granted["sport"], refilled.rejected) == (1, 2)
    told = {row.id: (row.state, row.reason) for row in Application.objects.filter(id__in=[first, second, third])}
    assert told == {
        first: ("rejected", "not_guardian"),
        second: ("rejected", "holds_voucher"),
        third: ("granted", ""),
    }


def test_a_list_shorter_than_the_money_is_served_whole() -> None:
    city, the_round = waiting(families=6)
    city.give("sport", money_for(50))
    assert city.refill(the_round).granted["sport"] == 2
    assert city.refill(the_round).granted["sport"] == 0
    assert Refill.objects.count() == 1


def test_a_repeated_refill_gives_nothing_twice() -> None:
    city, the_round = waiting()
    city.give("sport", 10 * month_tiyn())
    key = uuid4()
    first, second = (commands.refill(actor=city.officer, round_id=the_round.id, at=AFTER, key=key) for _ in range(2))
    assert first == second
    assert Voucher.objects.count() == 5


def test_no_refill_before_the_run_nor_while_a_later_round_runs_nor_against_the_rule_set() -> None:
    city = City(money={"sport": money_for(1)})
    early = city.opened()
    assert refusal(lambda: city.refill(early)) is R.ROUND_IN_OTHER_STATE
    city.run(early)
    later = later_round(city)
    assert refusal(lambda: city.refill(early)) is R.ANOTHER_ROUND_RUNS
    assert later.state == "open"


def test_a_rule_set_may_give_freed_places_to_the_next_round() -> None:
    city, the_round = waiting(allocation={"freed_places": "next_round"})
    assert refusal(lambda: city.refill(the_round)) is R.FREED_PLACES_WAIT


def test_a_refill_takes_as_many_queries_for_two_as_for_forty() -> None:
    counts = []
    for places, kato in ((2, "710000000"), (40, "750000000")):
        city = City(kato=kato, money={"sport": money_for(1)})
        the_round = city.opened()
        city.file(the_round, city.families(60))
        city.run(the_round)
        city.give("sport", places * 10 * month_tiyn())
        with CaptureQueriesContext(connection) as seen:
            assert city.refill(the_round).granted["sport"] == places
        counts.append(len(seen))
    assert counts[0] == counts[1]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.sampled_from(["withdraw", "refill", "lose"]), min_size=3, max_size=8), pick=st.randoms())
def test_between_rounds_nobodys_position_gets_worse(moves: list[str], pick: Any) -> None:
    before = transaction.savepoint()
    try:
        city, the_round = waiting(families=20, places=5)
        known = queries.positions(the_round.id, "sport")
        for move in moves:
            move_somebody(city, the_round, move, pick)
            now = queries.positions(the_round.id, "sport")
            assert set(now) <= set(known)
            assert all(place <= known[i] for i, place in now.items())
            assert all(queries.position(i) == place for i, place in now.items())
            known = now
    finally:
        transaction.savepoint_rollback(before)


def move_somebody(city: City, the_round: Round, move: str, pick: Any) -> None:
    left = by_rank(the_round, "waiting")
    if move == "refill" or not left:
        city.give("sport", 2 * 10 * month_tiyn())
        city.refill(the_round)
        return
    chosen = Application.objects.get(pk=pick.choice(left))
    if move == "lose":
        if not Voucher.objects.filter(child_id=chosen.child_id).exists():
            city.hold_voucher(chosen.child_id)
        return
    commands.withdraw_application(
        actor=city.channel, application_id=chosen.id, guardian_id=chosen.guardian_id, at=AFTER, key=uuid4()
    )


def later_round(city: City) -> Round:
    months = {"first_month": date(2026, 5, 1), "last_month": date(2026, 12, 1)}
    opens = AFTER + timedelta(days=1)
    plan = city.plan(opens_at=opens, closes_at=opens + timedelta(days=5), **months)
    return city.opened(plan, at=opens)


def test_who_waits_moves_to_a_later_round_by_filing_again_and_else_leaves_when_it_is_allocated() -> None:
    city, first = waiting()
    again, stays, *_ = by_rank(first, "waiting")
    moving = Application.objects.get(pk=again)
    later = later_round(city)
    inside = later.opens_at + timedelta(days=1)
    (outcome,) = city.file(later, [(moving.guardian_id, moving.child_id)], at=inside)
    assert outcome.reason is None
    moving.refresh_from_db()
    assert moving.state == "ended"
    assert ApplicationHistory.objects.filter(application=moving).latest("seq").cause == f"filed_again:{later.number}"
    assert Application.objects.get(pk=stays).state == "waiting"
    commands.close_round(actor=city.officer, round_id=later.id, at=later.closes_at, key=uuid4())
    city.draw(later)
    city.allocate(later, at=later.closes_at)
    assert Application.objects.get(pk=stays).state == "ended"
    assert ApplicationHistory.objects.filter(application_id=stays).latest("seq").cause == f"later_round:{later.number}"


def test_a_child_whose_voucher_is_closed_may_file_in_a_later_round_and_one_who_holds_it_may_not() -> None:
    city, _ = waiting()
    closed, held = Application.objects.filter(state="granted")[:2]
    Voucher.objects.filter(child_id=closed.child_id).update(state="closed", reason="refused")
    later = later_round(city)
    inside = later.opens_at + timedelta(days=1)
    outcomes = city.file(later, [(a.guardian_id, a.child_id) for a in (closed, held)], at=inside)
    assert [outcome.reason for outcome in outcomes] == [None, R.HOLDS_VOUCHER]
    closed.refresh_from_db()
    assert closed.state == "ended"


def test_the_factory_tells_the_story_in_order() -> None:
    assert OPENS < INSIDE < CLOSES < AFTER

"""Allocate: one answer, checked, and vouchers that take the money."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.db import transaction

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.commands import allocating
from qosymsha.domain.admission.models import Application, ApplicationHistory, Outcome
from qosymsha.domain.admission.queries import granted
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.steps import lives
from qosymsha.kernel.numbers import human_number
from tests.factories.admission import (
    AFTER,
    City,
    document,
    money_for,
    month_tiyn,
)
from tests.factories.refusals import refusal
from tests.factories.round_stages import closed, expected_order

pytestmark = pytest.mark.django_db
R = AdmissionRefusal


def test_grants_follow_iterations_over_the_categories_and_vouchers_take_the_money() -> None:
    city = City(money={"sport": money_for(17)})
    the_round = city.opened()
    for categories, count in ((["orphan"], 15), (["large-family"], 8), (["single-parent"], 5), ([], 9)):
        city.file(the_round, city.families(count, categories=categories))
    allocated = city.run(the_round)
    order = expected_order(city, the_round)
    outcomes = Outcome.objects.in_bulk(order)
    assert [outcomes[i].rank for i in order] == list(range(1, 38))
    assert [outcomes[i].waiting_rank for i in order] == [None] * 17 + list(range(1, 21))
    assert set(Application.objects.filter(state="granted").values_list("id", flat=True)) == set(order[:17])
    assert set(Application.objects.filter(state="waiting").values_list("id", flat=True)) == set(order[17:])
    assert allocated.granted["sport"] == allocated.vouchers == Voucher.objects.count() == 17
    assert allocated.waiting["sport"] == 20
    totals = ledger.totals([city.lines["sport"]])[city.lines["sport"]]
    assert totals["held"] == 17 * 10 * month_tiyn()
    assert not ledger.unbalanced_lines()
    voucher = Voucher.objects.get(application_id=order[0])
    assert (voucher.first_month, voucher.last_month, voucher.month_tiyn) == (
        date(2026, 3, 1), date(2026, 12, 1), month_tiyn(),
    )  # fmt: skip


def test_strict_tiers_serve_every_orphan_before_anybody_else() -> None:
    city = City(rules=document(allocation={"policy": "tiers"}), money={"sport": money_for(15)})
    the_round = city.opened()
    city.file(the_round, [*city.families(15, categories=["orphan"]), *city.families(15)])
    city.run(the_round)
    assert set(Application.objects.filter(state="granted").values_list("category", flat=True)) == {"orphan"}


def test_a_reserve_says_how_a_place_was_given() -> None:
    reserves = [{"segment": "sport", "category": "single-parent", "permille": 300}]
    city = City(rules=document(allocation={"reserves": reserves}), money={"sport": money_for(10)})
    the_round = city.opened()
    city.file(the_round, [*city.families(20, categories=["orphan"]), *city.families(5, categories=["single-parent"])])
    city.run(the_round)
    hows = list(Outcome.objects.filter(result="granted").values_list("how", flat=True))
    assert hows.count("single-parent") == 3
    assert hows.count("open") == 7


def test_each_application_has_every_step_of_its_life_in_its_history() -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    lives: dict[int, list[tuple[int, str]]] = {}
    for row in ApplicationHistory.objects.order_by("application_id", "seq"):
        lives.setdefault(row.application_id, []).append((row.seq, row.to_state))
    begin = [(1, "submitted"), (2, "checked"), (3, "ranked")]
    ends = sorted(life[3][1] for life in lives.values())
    assert all(life[:3] == begin and life[3][0] == 4 and len(life) == 4 for life in lives.values())
    assert ends == ["granted"] * 3 + ["waiting"] * 3


def follows(numbered: str, ordered: str) -> bool:
    """Whether vouchers in one order stand in the other too, segment by segment."""
    places = {o.application_id: o for o in Outcome.objects.filter(result="granted")}
    rows = list(Voucher.objects.order_by(numbered).values_list("application_id", flat=True))
    found = [getattr(places[row], ordered) for row in rows if row is not None]
    return found == sorted(found)


def test_neither_a_vouchers_number_nor_its_id_tells_how_far_in_front_its_child_stood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The published coefficients would make a category of it, and a provider reads numbers on contracts."""

    def run() -> None:
        city = City(money={"sport": money_for(40)})
        the_round = city.opened()
        city.file(the_round, [*city.families(20, categories=["orphan"]), *city.families(20)])
        city.run(the_round)

    savepoint = transaction.savepoint()
    run()
    assert Voucher.objects.count() == 40
    assert not follows("number", "rank")
    assert not follows("id", "rank")
    transaction.savepoint_rollback(savepoint)
    # The control run: vouchers born by rank, numbered as they are born.
    in_turn = granted._GRANTED.replace("SELECT a.line_id", "SELECT int4send(o.rank)")
    in_turn = in_turn.replace("a.line_id > %s", "int4send(o.rank) > %s").replace(
        "ORDER BY a.line_id", "ORDER BY o.rank"
    )
    monkeypatch.setattr(granted, "_GRANTED", in_turn)
    monkeypatch.setattr(lives, "_numbers", lambda serials, _: [human_number("V", one) for one in serials])
    run()
    assert follows("number", "rank")
    assert follows("id", "rank")


def test_money_cut_since_the_close_stops_the_run_whole() -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.give("sport", -month_tiyn() * 10)
    assert refusal(lambda: city.allocate(the_round)) is R.MONEY_GONE
    assert not Voucher.objects.exists()
    assert not Outcome.objects.exists()


def test_a_run_that_the_independent_checker_faults_is_never_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    city, the_round = closed()
    city.draw(the_round)
    before = transaction.savepoint()
    monkeypatch.setattr(allocating, "findings", lambda *_: ["somebody was passed over"])
    with pytest.raises(AssertionError, match="passed over"):
        city.allocate(the_round)
    transaction.savepoint_rollback(before)
    assert not Outcome.objects.exists()


def test_a_repeated_run_answers_the_same_and_there_is_no_other() -> None:
    city, the_round = closed()
    city.draw(the_round)
    key = uuid4()
    first, second = (
        commands.allocate_round(actor=city.officer, round_id=the_round.id, at=AFTER, key=key) for _ in range(2)
    )
    assert first == second
    assert refusal(lambda: city.allocate(the_round)) is R.ROUND_IN_OTHER_STATE
    assert Voucher.objects.count() == 3


def test_who_withdraws_between_close_and_run_keeps_a_rank_and_gets_no_voucher() -> None:
    city, the_round = closed(places=6)
    gone = Application.objects.first()
    assert gone is not None
    commands.withdraw_application(
        actor=city.channel, application_id=gone.id, guardian_id=gone.guardian_id, at=AFTER, key=uuid4()
    )
    city.draw(the_round)
    assert city.allocate(the_round).vouchers == 5
    gone.refresh_from_db()
    assert gone.state == "withdrawn"
    assert Outcome.objects.get(application=gone).result == "granted"
    assert not Voucher.objects.filter(child_id=gone.child_id).exists()


def test_a_child_that_got_a_voucher_by_another_way_since_the_close_gets_no_second() -> None:
    city, the_round = closed(places=6)
    lucky = Application.objects.first()
    assert lucky is not None
    city.hold_voucher(lucky.child_id)
    city.draw(the_round)
    assert city.allocate(the_round).vouchers == 5
    lucky.refresh_from_db()
    assert (lucky.state, lucky.reason) == ("rejected", "holds_voucher")
    assert Voucher.objects.filter(child_id=lucky.child_id).count() == 1

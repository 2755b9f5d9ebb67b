"""Problem A: the engine against a slow implementation, what must hold when something changes, what the checker sees."""

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import exchange, round_check
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_terms import (
    Budget,
    OnShort,
    Policy,
    ReserveRule,
    RoundArrays,
    RoundTerms,
    Segment,
    Tie,
)
from tests.factories import slow_round
from tests.factories.allocation_rounds import CATEGORIES, random_instance

instances = st.integers(0, 2**40).map(random_instance)


def answered(instance: Any) -> Any:
    return json.loads(exchange.answer(json.dumps(instance), problem="round").text)


@given(instances)
def test_the_engine_answers_as_the_slow_implementation_and_the_checker_agrees(instance: Any) -> None:
    found = exchange.answer(json.dumps(instance), problem="round", check=True)
    assert json.loads(found.text) == slow_round.solve(instance)
    assert found.findings == ()


@given(instances, st.randoms())
def test_the_order_of_rows_never_matters(instance: Any, r: Any) -> None:
    shuffled = copy.deepcopy(instance)
    r.shuffle(shuffled["applications"])
    assert answered(shuffled) == answered(instance)


@given(instances, st.data())
def test_the_time_of_filing_never_matters_to_a_lottery(instance: Any, data: st.DataObject) -> None:
    late = copy.deepcopy(instance) | {"tie": "lottery"}
    before = answered(late)
    for application in late["applications"]:
        application["arrived"] = data.draw(st.integers(0, 99))
    assert answered(late) == before


def unbudgeted(instance: Any) -> Any:
    return copy.deepcopy(instance) | {"budgets": []}


@given(instances, st.data())
def test_one_more_place_takes_none_away(instance: Any, data: st.DataObject) -> None:
    wider = unbudgeted(instance)
    before = answered(wider)["granted"]
    data.draw(st.sampled_from(wider["segments"]))["places"] += 1
    assert before.keys() <= answered(wider)["granted"].keys()


@given(instances, st.data())
def test_a_claim_never_hurts_who_makes_it(instance: Any, data: st.DataObject) -> None:
    changed = unbudgeted(instance)
    before = answered(changed)["granted"]
    if changed["applications"]:
        claimant = data.draw(st.sampled_from(changed["applications"]))
        claimant["categories"].append(data.draw(st.sampled_from(CATEGORIES)))
        assert claimant["id"] not in before or claimant["id"] in answered(changed)["granted"]


@given(instances, st.data())
def test_a_better_tier_never_hurts_under_tiers(instance: Any, data: st.DataObject) -> None:
    changed = unbudgeted(instance) | {"policy": "tiers"}
    before = answered(changed)["granted"]
    granted = [a for a in changed["applications"] if a["id"] in before]
    if granted:
        raised = data.draw(st.sampled_from(granted))
        raised["tier"] -= 1
        assert raised["id"] in answered(changed)["granted"]


@given(instances)
def test_a_last_application_changes_nobody_else_under_tiers_by_arrival(instance: Any) -> None:
    changed = unbudgeted(instance) | {"policy": "tiers", "tie": "arrived"}
    before = answered(changed)
    late = {"id": "zz", "segment": changed["segments"][0]["id"], "tier": 9, "arrived": 10**6, "lottery": 0}
    changed["applications"].append(late)
    after = answered(changed)
    after["granted"].pop("zz", None)
    after["waiting"] = {name: [i for i in ids if i != "zz"] for name, ids in after["waiting"].items()}
    assert after == before


@given(instances)
def test_nobody_waits_beside_a_free_place_under_soft_reserves(instance: Any) -> None:
    soft = unbudgeted(instance)
    if soft["rule"] == "hard":
        return
    found = answered(soft)
    for segment in soft["segments"]:
        granted = sum(name == segment["id"] for name, _ in found["granted"].values())
        assert granted == segment["places"] or not found["waiting"][segment["id"]]


# --- examples from the specification


def example(**changes: Any) -> Any:
    applications = [
        {"id": f"a{i}", "segment": "s", "tier": tier, "lottery": i, "categories": claims}
        for i, (tier, claims) in enumerate([(1, []), (1, []), (1, []), (1, []), (2, ["sen"]), (2, ["orphan", "sen"])])
    ]
    return {"applications": applications, "segments": [{"id": "s", "places": 3}]} | changes


def granted(instance: Any) -> Any:
    return {ident: how for ident, (_, how) in answered(instance)["granted"].items()}


def test_iterations_let_the_second_category_stand_before_the_fourth_of_the_first() -> None:
    dealt = example(policy="iterations", coefficients={"1": 2, "2": 1})
    assert granted(dealt) == dict.fromkeys(["a0", "a1", "a4"], "open")
    assert granted(example()) == dict.fromkeys(["a0", "a1", "a2"], "open")


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        ("soft_first", {"a4": "sen", "a5": "orphan", "a0": "open"}),
        ("soft_last", {"a0": "open", "a5": "orphan", "a4": "sen"}),
        ("hard", {"a4": "sen", "a5": "orphan", "a0": "open"}),
        ("max", {"a4": "sen", "a5": "orphan", "a0": "open"}),
    ],
)
def test_each_rule_fills_its_reserves(rule: str, due: Any) -> None:
    segment = {"id": "s", "places": 3, "reserves": [["orphan", 1], ["sen", 1]]}
    assert granted(example(rule=rule, segments=[segment])) == due


def test_only_hard_holds_back_and_only_max_uses_every_reserve() -> None:
    applications = [
        {"id": "x", "segment": "s", "lottery": 1, "categories": ["a", "b"]},
        {"id": "y", "segment": "s", "lottery": 2, "categories": ["a"]},
        {"id": "z", "segment": "s", "lottery": 3},
    ]
    instance = {"applications": applications, "segments": [{"id": "s", "places": 2, "reserves": [["a", 1], ["b", 1]]}]}
    assert granted(instance | {"rule": "hard"}) == {"x": "a"}
    assert granted(instance | {"rule": "soft_first"}) == {"x": "a", "y": "open"}
    assert granted(instance | {"rule": "max"}) == {"x": "b", "y": "a"}


def test_skip_passes_to_the_next_that_fits_and_stop_closes() -> None:
    instance = {
        "applications": [
            {"id": "a", "segment": "dear", "tier": 1, "lottery": 1},
            {"id": "b", "segment": "dear", "tier": 1, "lottery": 2},
            {"id": "c", "segment": "cheap", "tier": 2, "lottery": 3},
        ],
        "segments": [{"id": "dear", "places": 5, "cost": 3}, {"id": "cheap", "places": 5}],
        "budgets": [{"id": "city", "segments": ["dear", "cheap"], "limit": 4}],
    }
    assert granted(instance) == {"a": "open", "c": "open"}
    assert granted(instance | {"on_short": "stop"}) == {"a": "open"}


def test_all_256_bits_decide() -> None:
    close = [(7 << 248) + bit for bit in (2, 0, 1)]
    applications = [{"id": f"a{i}", "segment": "s", "lottery": n} for i, n in enumerate(close)]
    assert granted({"applications": applications, "segments": [{"id": "s", "places": 1}]}) == {"a1": "open"}
    numbers = np.array([list(n.to_bytes(32)) for n in close], dtype=np.uint8)
    arrays = RoundArrays(np.zeros(3, int), np.zeros(3, int), numbers)
    assert solve(RoundTerms((Segment("s", 1),)), arrays).ranks().tolist() == [3, 1, 2]


# --- arrays at some size


def big_round(seed: int, *, rule: ReserveRule, policy: Policy, budgets: tuple[Budget, ...] = ()) -> Any:
    r = np.random.default_rng(seed)
    n, segments = 20_000, 40
    numbers = r.integers(0, 256, (n, 32), dtype=np.uint8)
    numbers[:, :12] = (
        numbers[:, :12] % 2 * (seed % 2)
    )  # leading bits nearly equal: what a packed key keeps decides little
    terms = RoundTerms(
        segments=tuple(Segment(f"s{i}", 150, (("a", 20), ("b", 20), ("c", 15))) for i in range(segments)),
        policy=policy,
        rule=rule,
        coefficients={1: 5, 2: 3, 3: 1},
        budgets=budgets,
    )
    arrays = RoundArrays(
        segment=r.integers(-1, segments, n),
        tier=r.integers(1, 4, n),
        number=numbers,
        claims=r.random((3, n)) < 0.1,
        child=r.integers(0, 18_000, n),
    )
    return terms, arrays


@pytest.mark.parametrize("rule", list(ReserveRule))
@pytest.mark.parametrize("policy", list(Policy))
def test_the_checker_finds_nothing_wrong_at_twenty_thousand(rule: ReserveRule, policy: Policy) -> None:
    for seed in (1, 2):
        terms, arrays = big_round(seed, rule=rule, policy=policy)
        assert round_check.findings(terms, arrays, solve(terms, arrays)) == []


@pytest.mark.parametrize("rule", list(ReserveRule))
def test_the_checker_finds_a_swap_of_any_two(rule: ReserveRule) -> None:
    """The control of the test above: a wrong answer is red, whatever the rule."""
    terms, arrays = big_round(3, rule=rule, policy=Policy.ITERATIONS)
    answer = solve(terms, arrays)
    r = np.random.default_rng(5)
    for _ in range(30):
        segment = int(r.integers(len(terms.segments)))
        start, end = answer.queue.starts[segment], answer.queue.starts[segment + 1]
        inside = np.arange(start, end)
        took, waits = inside[answer.kind[start:end] != -2], inside[answer.kind[start:end] == -2]
        kind = answer.kind.copy()
        one, other = r.choice(took), r.choice(waits)
        kind[one], kind[other] = answer.kind[other], answer.kind[one]
        wrong = RoundAnswer(terms, answer.queue, kind, answer.count)
        assert round_check.findings(terms, arrays, wrong)


@pytest.mark.parametrize("fault", ["place too many", "place unused", "false rank", "false rejection"])
def test_the_checker_finds_each_kind_of_fault(fault: str) -> None:
    terms, arrays = big_round(4, rule=ReserveRule.SOFT_FIRST, policy=Policy.TIERS)
    answer = solve(terms, arrays)
    outcomes, kinds, ranks = answer.outcomes(), answer.granted_from(), answer.ranks()
    waiting, took = np.flatnonzero(answer.waiting_ranks() == 1)[0], np.flatnonzero(kinds == -1)[0]
    if fault == "place too many":
        outcomes[waiting], kinds[waiting] = 0, -1
    elif fault == "place unused":
        outcomes[took], kinds[took] = 1, -2
    elif fault == "false rank":
        ranks[[waiting, took]] = ranks[[took, waiting]]
    else:
        outcomes[waiting] = 2
    assert round_check.check(terms, arrays, outcomes, kinds, ranks)


def nested(limit: int) -> tuple[Budget, ...]:
    names = tuple(f"s{i}" for i in range(40))
    districts = (Budget(f"d{i}", names[i * 10 : i * 10 + 10], limit) for i in range(4))
    return (Budget("city", names, 3 * limit), *districts, Budget("s0 only", ("s0",), 17))


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("on_short", list(OnShort))
def test_nested_budgets_in_one_cut_equal_the_replay(policy: Policy, on_short: OnShort) -> None:
    terms, arrays = big_round(6, rule=ReserveRule.SOFT_FIRST, policy=policy, budgets=nested(900))
    plain = replace(terms, segments=tuple(Segment(s.id, s.places) for s in terms.segments), on_short=on_short)
    arrays = replace(arrays, claims=None)
    answer = solve(plain, arrays)
    assert round_check.findings(plain, arrays, answer) == []
    assert int((answer.granted_from() != -2).sum()) == 2700


@pytest.mark.parametrize("policy", list(Policy))
def test_rows_without_ids_stand_in_the_order_of_their_ids_across_segments_too(policy: Policy) -> None:
    terms, arrays = big_round(7, rule=ReserveRule.SOFT_FIRST, policy=policy, budgets=nested(300))
    plain = replace(
        terms, segments=tuple(Segment(s.id, s.places, cost=1 + i % 2) for i, s in enumerate(terms.segments))
    )
    tied = replace(arrays, claims=None, number=np.random.default_rng(1).integers(0, 9, len(arrays.tier)))
    named = replace(tied, ident=np.arange(len(arrays.tier)))
    assert np.array_equal(solve(plain, tied).granted_from(), solve(plain, named).granted_from())
    assert round_check.findings(plain, tied, solve(plain, tied)) == []


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="unequal"):
        RoundArrays(np.zeros(3, int), np.zeros(2, int), np.zeros(3, int))


@pytest.mark.parametrize(
    "terms",
    [
        RoundTerms((Segment("s", -1),)),
        RoundTerms((Segment("s", 1), Segment("s", 1))),
        RoundTerms((Segment("s", 1),), budgets=(Budget("b", ("t",), 1),)),
        RoundTerms((Segment("s", 1, (("a", 1),)),)),
        RoundTerms((Segment("s", 1),), policy=Policy.ITERATIONS, coefficients={1: 1}),
    ],
)
def test_terms_that_contradict_themselves_are_refused(terms: RoundTerms) -> None:
    with pytest.raises(ValueError):
        solve(terms, RoundArrays(np.zeros(1, int), np.full(1, 2), np.zeros(1, int)))


def test_an_empty_round_is_answered() -> None:
    none = np.zeros(0, int)
    for policy in Policy:
        terms = RoundTerms((Segment("s", 3),), policy=policy, tie=Tie.ARRIVED, budgets=(Budget("b", ("s",), 2),))
        assert solve(terms, RoundArrays(none, none, none)).outcomes().tolist() == []

"""Markets too large for brute force: every path through the engine agrees with plain heaps, or with the checker."""

from dataclasses import replace

import numpy as np
import pytest

from bench.market import draw_market
from bench.places import as_lists, heapq_match
from qosymsha.domain.allocation.exchange_places import answer_places
from qosymsha.domain.allocation.market import Market, Reserves
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.round_terms import ReserveRule
from qosymsha.domain.allocation.stability import FindingKind, findings


@pytest.mark.parametrize("per_entry", [False, True])
def test_rounds_equal_plain_heaps_child_by_child(per_entry: bool) -> None:
    market = draw_market(20_000, seed=7, per_entry=per_entry)
    match = solve(market).groups
    assert match.tolist() == heapq_match(*as_lists(market))
    assert findings(market, match) == []


def _with_two_reserves(children: int, rule: ReserveRule) -> Market:
    """Every group keeps a quarter of its places for each of two categories, in a random order; a fifth claim both."""
    market, random = draw_market(children, seed=11), np.random.default_rng(11)
    groups = market.capacities.size
    claims = random.random((children, 2)) < 0.45
    categories = np.stack([first := random.integers(0, 2, groups), 1 - first], axis=1).ravel().astype(np.int32)
    places = np.repeat(market.capacities // 4, 2)
    return replace(market, reserves=Reserves(rule, np.arange(groups + 1) * 2, categories, places, claims))


@pytest.mark.parametrize("rule", list(ReserveRule))
def test_every_reserve_rule_gives_a_stable_matching_by_rounds_and_one_by_one(rule: ReserveRule) -> None:
    market = _with_two_reserves(1_500, rule)
    by_rounds, one_by_one = solve(market, tail_below=0), solve(market, tail_below=1_500)
    assert np.array_equal(by_rounds.groups, one_by_one.groups)
    assert findings(market, by_rounds.groups) == []


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("x:ab z: w: y:a", {"soft_first": "xzw", "soft_last": "xzy", "hard": "xz", "max": "xzy"}),
        ("z: x:ab w: y:a", {"soft_first": "zxw", "soft_last": "zxw", "hard": "zx", "max": "zxy"}),
    ],
)
def test_each_rule_takes_what_its_definition_says(line: str, taken: dict[str, str]) -> None:
    """Three places, one of them for `a` and one for `b`; children in the order of priority with their claims."""
    group = {"id": "g", "capacity": 3, "reserves": [["a", 1], ["b", 1]]}
    named = [entry.split(":") for entry in line.split()]
    children = [
        {"id": name, "prefs": ["g"], "lottery": n, "categories": list(claims)} for n, (name, claims) in enumerate(named)
    ]
    for rule, expected in taken.items():
        match = answer_places({"rule": rule, "groups": [group], "children": children}, check=True).answer["match"]
        assert {child for child, place in match.items() if place} == set(expected), rule


@pytest.mark.parametrize("rule", [None, *ReserveRule])
def test_planted_faults_are_found(rule: ReserveRule | None) -> None:
    market = draw_market(1_500, seed=3) if rule is None else _with_two_reserves(1_500, rule)
    match = solve(market).groups
    placed, unplaced = np.flatnonzero(match >= 0), np.flatnonzero(match < 0)
    lost = match.copy()
    lost[placed[0]] = -1
    assert (FindingKind.BLOCKING_PAIR, placed[0], match[placed[0]]) in [
        (f.kind, f.child, f.group) for f in findings(market, lost)
    ]
    strange = match.copy()
    strange[placed[0]] = next(g for g in range(market.capacities.size) if g not in _wishes(market, placed[0]))
    assert FindingKind.NOT_WISHED in {f.kind for f in findings(market, strange)}
    crowded = match.copy()
    crowded[unplaced[0]] = _wishes(market, unplaced[0])[0]
    assert FindingKind.AGAINST_RULE in {f.kind for f in findings(market, crowded)}


def _wishes(market: Market, child: int) -> list[int]:
    groups: list[int] = market.groups[market.offsets[child] : market.offsets[child + 1]].tolist()
    return groups

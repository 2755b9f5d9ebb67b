"""Freed places: the chain hurts nobody and ends stable; the rerun is the best for all who stayed."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation.exchange_places import PlacesInstance, parse
from qosymsha.domain.allocation.freed import Move, applicants, fill, next_offer, rerun, without
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.stability import findings
from tests.rules.allocation_places.instances import markets

Doc = dict[str, Any]


def _rank(instance: PlacesInstance, child: int, group: int) -> int:
    market = instance.market
    mine = market.groups[market.offsets[child] : market.offsets[child + 1]].tolist()
    return mine.index(group) if group >= 0 else len(mine)


@given(markets(children=10, groups=4), st.data())
def test_the_chain_is_stable_and_hurts_nobody_and_the_rerun_is_no_worse_for_anyone(
    doc: Doc, data: st.DataObject
) -> None:
    instance = parse(doc)
    market = instance.market
    before = solve(market).groups
    gone = {c for c in range(market.children) if data.draw(st.integers(0, 3)) == 0}
    left = np.isin(np.arange(market.children), list(gone))
    freed = [int(group) for group in before[left] if group >= 0]
    after, moves = fill(
        applicants(market), np.where(left, -1, before).astype(np.int32), freed, lambda child, group: child in gone
    )
    anew = rerun(market, left).groups
    assert findings(without(market, left), after) == []
    for child in set(range(market.children)) - gone:
        assert _rank(instance, child, after[child]) <= _rank(instance, child, before[child])
        assert _rank(instance, child, anew[child]) <= _rank(instance, child, after[child])
    assert all(after[child] == -1 == anew[child] for child in gone)
    assert {move.child for move in moves} == set(np.flatnonzero((after != before) & ~left).tolist())


def _line_of_three() -> PlacesInstance:
    """Group `a` and `b` have a place each; everyone prefers `a`; the order is c0, c1, c2."""
    children = [{"id": f"c{n}", "prefs": ["a", "b"], "lottery": n} for n in range(3)]
    return parse({"children": children, "groups": [{"id": "a", "capacity": 1}, {"id": "b", "capacity": 1}]})


def test_an_offer_goes_to_the_first_who_prefers_it_and_its_old_place_is_offered_on() -> None:
    market = _line_of_three().market
    match, moves = fill(applicants(market), np.array([-1, 1, -1], np.int32), [0], lambda child, group: child == 0)
    assert moves == [Move(1, 1, 0), Move(2, -1, 1)]
    assert match.tolist() == [-1, 0, 1]


def test_who_declines_keeps_what_it_holds_and_the_next_is_asked() -> None:
    market = _line_of_three().market
    match, moves = fill(applicants(market), np.array([-1, 1, -1], np.int32), [0], lambda child, group: child < 2)
    assert moves == [Move(2, -1, 0)]
    assert match.tolist() == [-1, 1, 0]


def test_only_children_without_a_place_are_asked_where_the_rule_set_says_so() -> None:
    line = applicants(_line_of_three().market)
    match = np.array([-1, 1, -1], np.int32)
    assert next_offer(line, match, 0, {0}, unplaced_only=True) == 2
    assert next_offer(line, match, 0, {0}) == 1


def test_no_place_is_offered_that_is_not_free() -> None:
    line = applicants(_line_of_three().market)
    assert next_offer(line, np.array([1, -1, 0], np.int32), 0) is None


def test_under_hard_a_reserved_place_waits_for_its_members() -> None:
    doc = {
        "rule": "hard",
        "groups": [{"id": "g", "capacity": 2, "reserves": [["a", 1]]}],
        "children": [
            {"id": "c0", "prefs": ["g"], "lottery": 0},
            {"id": "c1", "prefs": ["g"], "lottery": 1},
            {"id": "c2", "prefs": ["g"], "lottery": 2, "categories": ["a"]},
        ],
    }
    line = applicants(parse(doc).market)
    assert next_offer(line, np.array([0, -1, -1], np.int32), 0) == 2
    assert next_offer(line, np.array([0, -1, -1], np.int32), 0, {2}) is None
    assert next_offer(line, np.array([-1, -1, 0], np.int32), 0) == 0

"""The engine against definitions: brute force, an independent slow engine, the checker, and PyPI's `matching`."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation.exchange_places import answer_places, parse
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.stability import FindingKind, findings
from tests.rules.allocation_places import slow
from tests.rules.allocation_places.instances import markets

Doc = dict[str, Any]


def engine(doc: Doc) -> slow.Match:
    return answer_places(doc, check=False).answer["match"]


@given(markets(children=5))
def test_the_answer_is_the_stable_matching_that_is_best_for_every_child(doc: Doc) -> None:
    stable, match = slow.all_stable(doc), engine(doc)
    assert match in stable
    for other in stable:
        for child in doc["children"]:
            mine, its = match[child["id"]], other[child["id"]]
            assert slow.rank(doc, child, mine) <= slow.rank(doc, child, its)


@given(markets(children=12, groups=5))
def test_the_rounds_and_the_tail_both_equal_a_slow_engine_written_from_the_definitions(doc: Doc) -> None:
    instance = parse(doc)
    expected = slow.deferred_acceptance(doc)
    for tail_below in (0, 2, 1000):
        groups = solve(instance.market, tail_below=tail_below).groups.tolist()
        names = [None if g < 0 else instance.group_ids[g] for g in groups]
        assert dict(zip(instance.child_ids, names, strict=True)) == expected


@given(markets(children=6, groups=3), st.data())
def test_the_checker_finds_nothing_exactly_where_a_matching_is_stable_by_definition(
    doc: Doc, data: st.DataObject
) -> None:
    instance = parse(doc)
    by_id = {child["id"]: child for child in doc["children"]}
    picks = [data.draw(st.sampled_from([None, *slow.wishes(doc, by_id[c])])) for c in instance.child_ids]
    numbers = [-1 if g is None else instance.group_ids.index(g) for g in picks]
    found = findings(instance.market, np.array(numbers, np.int32))
    assert (not found) == slow.is_stable(doc, dict(zip(instance.child_ids, picks, strict=True)))
    assert not findings(instance.market, solve(instance.market).groups)


@given(markets(children=6, groups=3), st.data())
def test_the_checker_names_every_blocking_pair(doc: Doc, data: st.DataObject) -> None:
    instance = parse(doc)
    match = solve(instance.market).groups.copy()
    if not match.size:
        return
    child = data.draw(st.integers(0, match.size - 1))
    match[child] = -1
    names = dict(zip(instance.child_ids, [None if g < 0 else instance.group_ids[g] for g in match], strict=True))
    children = {c["id"]: c for c in doc["children"]}
    expected = set()
    for group in doc["groups"]:
        held = [children[c] for c, g in names.items() if g == group["id"]]
        for c in doc["children"]:
            prefers = group["id"] in slow.wishes(doc, c) and (
                slow.rank(doc, c, group["id"]) < slow.rank(doc, c, names[c["id"]])
            )
            if prefers and c["id"] in slow.choose(doc, group, [*held, c]):
                expected.add((c["id"], group["id"]))
    found = {f for f in findings(instance.market, match) if f.kind is FindingKind.BLOCKING_PAIR}
    assert {(instance.child_ids[f.child or 0], instance.group_ids[f.group or 0]) for f in found} == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_equals_that_of_an_open_peer(seed: int) -> None:
    games = pytest.importorskip("matching.games")
    random = np.random.default_rng(seed)
    groups = {f"g{n}": int(random.integers(1, 5)) for n in range(12)}
    prefs = {f"c{n}": list(random.permutation(list(groups))[: random.integers(1, 6)]) for n in range(60)}
    lists = {g: [c for c in random.permutation(list(prefs)) if g in prefs[c]] for g in groups}
    wanted = {g: line for g, line in lists.items() if line}
    game = games.HospitalResident.create_from_dictionaries(
        {c: [str(g) for g in line] for c, line in prefs.items()},
        {g: [str(c) for c in line] for g, line in wanted.items()},
        {g: groups[g] for g in wanted},
    )
    expected = {str(c): str(g) for g, line in game.solve(optimal="resident").items() for c in line}
    doc = {
        "children": [{"id": c, "prefs": [str(g) for g in line]} for c, line in prefs.items()],
        "groups": [{"id": g, "capacity": groups[g], "priority_list": [str(c) for c in lists[g]]} for g in groups],
    }
    assert {c: g for c, g in engine(doc).items() if g} == expected

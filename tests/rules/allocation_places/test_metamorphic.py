"""What must not change, and what may only get better."""

from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation.exchange_places import answer_places, parse
from qosymsha.domain.allocation.places import solve
from tests.rules.allocation_places import slow
from tests.rules.allocation_places.instances import markets

Doc = dict[str, Any]


def engine(doc: Doc) -> slow.Match:
    return answer_places(doc, check=False).answer["match"]


@given(markets(children=10, groups=4), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_arrival_never_matter(doc: Doc, random: Random) -> None:
    shuffled = doc | {"children": [*doc["children"]], "groups": [*doc["groups"]]}
    random.shuffle(shuffled["children"])
    random.shuffle(shuffled["groups"])
    shuffled["children"] = [child | {"arrived": random.random()} for child in shuffled["children"]]
    assert list(engine(shuffled).items()) == list(engine(doc).items())


@given(markets(children=8, groups=4, reserves=False), st.data())
def test_one_place_more_makes_no_child_worse_off(doc: Doc, data: st.DataObject) -> None:
    before = engine(doc)
    data.draw(st.sampled_from(doc["groups"]))["capacity"] += 1
    after = engine(doc)
    assert all(slow.rank(doc, c, after[c["id"]]) <= slow.rank(doc, c, before[c["id"]]) for c in doc["children"])


@given(markets(children=8, groups=4), st.data())
def test_one_child_less_makes_no_other_worse_off(doc: Doc, data: st.DataObject) -> None:
    if not doc["children"]:
        return
    before = engine(doc)
    doc["children"].remove(data.draw(st.sampled_from(doc["children"])))
    after = engine(doc)
    assert all(slow.rank(doc, c, after[c["id"]]) <= slow.rank(doc, c, before[c["id"]]) for c in doc["children"])


@given(markets(children=6, groups=3), st.data())
def test_no_child_gains_by_naming_other_wishes_than_its_own(doc: Doc, data: st.DataObject) -> None:
    if not doc["children"]:
        return
    liar = data.draw(st.sampled_from(doc["children"]))
    honest = engine(doc)[liar["id"]]
    wishes = data.draw(st.lists(st.sampled_from([group["id"] for group in doc["groups"]]), unique=True))
    lie = doc | {"children": [child | {"prefs": wishes} if child is liar else child for child in doc["children"]]}
    got = engine(lie)[liar["id"]]
    mine = slow.wishes(doc, liar)
    assert got not in mine or slow.rank(doc, liar, honest) <= mine.index(got)


@given(markets(children=7, groups=3), st.data())
def test_a_better_tier_never_hurts_the_child_who_has_it(doc: Doc, data: st.DataObject) -> None:
    if not doc["children"]:
        return
    child = data.draw(st.sampled_from(doc["children"]))
    before = slow.rank(doc, child, engine(doc)[child["id"]])
    child["tier"] = child.get("tier", 0) - 1
    assert slow.rank(doc, child, engine(doc)[child["id"]]) <= before


@given(markets(children=7, groups=3, reserves=False, lists=False), st.data())
def test_a_child_of_the_last_tier_who_comes_late_moves_nobody_before_it(doc: Doc, data: st.DataObject) -> None:
    doc["priority"] = ["tier"]
    before = engine(doc)
    wishes = data.draw(st.lists(st.sampled_from([group["id"] for group in doc["groups"]]), unique=True))
    late = {"id": "zz", "prefs": wishes, "tier": 9, "lottery": 0}
    after = engine(doc | {"children": [*doc["children"], late]})
    assert {ident: group for ident, group in after.items() if ident != "zz"} == before


@given(markets(children=6, groups=3), st.data())
def test_a_claim_more_never_hurts_the_child_who_makes_it(doc: Doc, data: st.DataObject) -> None:
    if not doc["children"]:
        return
    doc["rule"] = data.draw(st.sampled_from(["soft_first", "max"]))
    child = data.draw(st.sampled_from(doc["children"]))
    before = slow.rank(doc, child, engine(doc)[child["id"]])
    if doc["rule"] == "soft_first":
        child["categories"] = []
        before = slow.rank(doc, child, engine(doc)[child["id"]])
        child["categories"] = [data.draw(st.sampled_from("abc"))]
    else:
        child["categories"] = sorted({*child["categories"], data.draw(st.sampled_from("abc"))})
    assert slow.rank(doc, child, engine(doc)[child["id"]]) <= before


@given(markets(children=12, groups=5), st.integers(0, 5))
def test_the_number_of_knocks_is_fixed_by_the_instance(doc: Doc, tail_below: int) -> None:
    market = parse(doc).market
    quick, slowly = solve(market, tail_below=tail_below), solve(market)
    assert np.array_equal(quick.groups, slowly.groups)

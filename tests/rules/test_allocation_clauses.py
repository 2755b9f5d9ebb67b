"""The exchange format clause by clause (docs/rules/allocation.md), each with an answer computed by hand."""

import json
from typing import Any

import pytest

from qosymsha.domain.allocation import exchange

Doc = dict[str, Any]


def answered(document: Doc, problem: str) -> Any:
    found = exchange.answer(json.dumps(document), problem=problem, check=True)
    assert found.findings == ()
    return json.loads(found.text)


def application(ident: str, lottery: int, segment: str = "s", **more: Any) -> Doc:
    return {"id": ident, "segment": segment, "lottery": lottery, **more}


A, B, C, D = application("a", 1), application("b", 2), application("c", 3), application("d", 4)
ONE = [{"id": "s", "places": 1}]
TWO = [{"id": "s", "places": 2}]
ORPHAN = {"categories": ["orphan"]}


def a_round(applications: list[Doc], segments: list[Doc], **more: Any) -> Doc:
    return {"applications": applications, "segments": segments, **more}


ROUNDS: dict[str, tuple[Doc, Doc, Doc, Doc]] = {
    "a smaller tier stands before any lottery number": (
        a_round([A | {"tier": 2}, B | {"tier": 1}], ONE),
        {"b": ["s", "open"]},
        {"s": ["a"]},
        {},
    ),
    "a missing tier is equal for all, so the lottery decides; a negative number too": (
        a_round([A, application("n", -5)], ONE),
        {"n": ["s", "open"]},
        {"s": ["a"]},
        {},
    ),
    "equal numbers are parted by the id": (
        a_round([application("z", 1), application("y", 1)], ONE),
        {"y": ["s", "open"]},
        {"s": ["z"]},
        {},
    ),
    "a tie by arrival puts the arrival in the lottery's place": (
        a_round([A | {"arrived": 9}, B | {"arrived": 3}], ONE, tie="arrived"),
        {"b": ["s", "open"]},
        {"s": ["a"]},
        {},
    ),
    "a child keeps its best application; elsewhere it is a duplicate and takes no place": (
        a_round(
            [application("a", 1, "t", child="x", tier=2), application("b", 2, child="x", tier=1), C | {"tier": 3}],
            [*ONE, {"id": "t", "places": 1}],
        ),
        {"b": ["s", "open"]},
        {"s": ["c"], "t": []},
        {"a": "duplicate_child"},
    ),
    "an application for no segment is no child's best": (
        a_round([application("a", 1, "t", child="x"), application("b", 2, child="x")], ONE),
        {"b": ["s", "open"]},
        {"s": []},
        {"a": "unknown_segment"},
    ),
    "reserves above the places are cut in the order listed": (
        a_round(
            [A | {"categories": ["sen"]}, B | ORPHAN],
            [{"id": "s", "places": 1, "reserves": [["orphan", 1], ["sen", 1]]}],
        ),
        {"b": ["s", "orphan"]},
        {"s": ["a"]},
        {},
    ),
    "soft_first takes the claimant by the reserve, the best one by an open place": (
        a_round([A | ORPHAN, B, C | ORPHAN], [{"id": "s", "places": 2, "reserves": [["orphan", 1]]}]),
        {"a": ["s", "orphan"], "b": ["s", "open"]},
        {"s": ["c"]},
        {},
    ),
    "soft_last takes the best one first, so the reserve is left for the next claimant": (
        a_round([A | ORPHAN, B, C | ORPHAN], [{"id": "s", "places": 2, "reserves": [["orphan", 1]]}], rule="soft_last"),
        {"a": ["s", "open"], "c": ["s", "orphan"]},
        {"s": ["b"]},
        {},
    ),
    "hard holds back what nobody claims": (
        a_round([A, B], [{"id": "s", "places": 2, "reserves": [["orphan", 1]]}], rule="hard"),
        {"a": ["s", "open"]},
        {"s": ["b"]},
        {},
    ),
    "max leaves no reserve unused where claims overlap": (
        a_round(
            [A | {"categories": ["orphan", "sen"]}, B | ORPHAN, C],
            [{"id": "s", "places": 2, "reserves": [["orphan", 1], ["sen", 1]]}],
            rule="max",
        ),
        {"a": ["s", "sen"], "b": ["s", "orphan"]},
        {"s": ["c"]},
        {},
    ),
    "the k-th of a category with coefficient w stands in iteration ceil(k / w); an empty queue is passed over": (
        a_round(
            [*(application(x, i, tier=1) for i, x in enumerate("abc")), application("z", 9, tier=3)],
            [{"id": "s", "places": 3}],
            policy="iterations",
            coefficients={"1": 2, "2": 5, "3": 1},
        ),
        {"a": ["s", "open"], "b": ["s", "open"], "z": ["s", "open"]},
        {"s": ["c"]},
        {},
    ),
    "nested budgets: the district's limit, then the city's": (
        a_round(
            [A, B, application("c", 3, "t"), application("d", 4, "u"), application("e", 5, "u")],
            [{"id": i, "places": 5} for i in "stu"],
            budgets=[
                {"id": "city", "segments": ["s", "t", "u"], "limit": 3},
                {"id": "north", "segments": ["s", "t"], "limit": 2},
            ],
        ),
        {"a": ["s", "open"], "b": ["s", "open"], "d": ["u", "open"]},
        {"s": [], "t": ["c"], "u": ["e"]},
        {},
    ),
    "skip passes to the next that fits": (
        a_round(
            [A, B, application("c", 3, "t")],
            [{"id": "s", "places": 5, "cost": 2}, {"id": "t", "places": 5}],
            budgets=[{"id": "city", "segments": ["s", "t"], "limit": 3}],
        ),
        {"a": ["s", "open"], "c": ["t", "open"]},
        {"s": ["b"], "t": []},
        {},
    ),
    "stop closes every segment under the broken budget, and no other": (
        a_round(
            [A, B, application("c", 3, "t"), application("d", 4, "u")],
            [{"id": "s", "places": 5, "cost": 2}, {"id": "t", "places": 5}, {"id": "u", "places": 5}],
            budgets=[{"id": "city", "segments": ["s", "t"], "limit": 3}],
            on_short="stop",
        ),
        {"a": ["s", "open"], "d": ["u", "open"]},
        {"s": ["b"], "t": ["c"], "u": []},
        {},
    ),
    "the order across segments, not that of the file, spends a shared budget": (
        a_round(
            [application("a", 8, "t"), application("b", 7)],
            [{"id": "t", "places": 1}, *ONE],
            budgets=[{"id": "city", "segments": ["s", "t"], "limit": 1}],
        ),
        {"b": ["s", "open"]},
        {"s": [], "t": ["a"]},
        {},
    ),
    "no place, no grant; all wait in order": (
        a_round([B, D, A, C], [{"id": "s", "places": 0}]),
        {},
        {"s": ["a", "b", "c", "d"]},
        {},
    ),
}


@pytest.mark.parametrize("clause", ROUNDS)
def test_a_round_is_answered_as_the_clause_says(clause: str) -> None:
    document, granted, waiting, rejected = ROUNDS[clause]
    assert answered(document, "round") == {"granted": granted, "waiting": waiting, "rejected": rejected}


def child(ident: str, lottery: Any = 1, prefs: str = "g", **more: Any) -> Doc:
    return {"id": ident, "prefs": prefs.split(), "lottery": lottery, **more}


def market(children: list[Doc], *groups: Doc, **more: Any) -> Doc:
    return {"children": children, "groups": list(groups), **more}


G = {"id": "g", "capacity": 1}
H = {"id": "h", "capacity": 1}
ALL = ["tier", "sibling", "district", "lottery"]
NORTH = {"district": "n"}

MATCHINGS: dict[str, tuple[Doc, Doc]] = {
    "a smaller tier stands before a smaller number": (
        market([child("a", 1, tier=2), child("b", 2, tier=1)], G),
        {"a": None, "b": "g"},
    ),
    "the criteria count in the order listed: tier before sibling": (
        market([child("a", 1, tier=1), child("b", 2, tier=2, sibling_at=["g"])], G, priority=ALL),
        {"a": "g", "b": None},
    ),
    "sibling before tier, where the list says so": (
        market([child("a", 1, tier=1), child("b", 2, tier=2, sibling_at=["g"])], G, priority=["sibling", "tier"]),
        {"a": None, "b": "g"},
    ),
    "a sibling elsewhere does not count": (
        market([child("a", 1), child("b", 2, sibling_at=["h"])], G, H, priority=ALL),
        {"a": "g", "b": None},
    ),
    "the own district stands before the lottery": (
        market([child("a", 1, district="s"), child("b", 2, **NORTH)], G | NORTH, priority=ALL),
        {"a": None, "b": "g"},
    ),
    "a missing district matches none, not even a group's missing one": (
        market([child("a", 2), child("b", 1, district="s")], G, priority=ALL),
        {"a": None, "b": "g"},
    ),
    "a lottery inside the list of criteria counts there": (
        market([child("a", 1, tier=2), child("b", 2, tier=1)], G, priority=["lottery", "tier"]),
        {"a": "g", "b": None},
    ),
    "one number per child and group": (
        market([child("a", {"g": 1, "h": 2}, "h g"), child("b", {"g": 2, "h": 1}, "h g")], G, H),
        {"a": "g", "b": "h"},
    ),
    "numbers of any size are compared whole; equal ones by the id": (
        market([child("b", 1 << 300), child("c", (1 << 300) + 1), child("d", 1 << 300)], G),
        {"b": "g", "c": None, "d": None},
    ),
    "a group's own list replaces all criteria; who is absent is not acceptable, even beside a free place": (
        market([child("a", tier=1), child("b", tier=9), child("c")], G | {"capacity": 3, "priority_list": ["b", "a"]}),
        {"a": "g", "b": "g", "c": None},
    ),
    "a number may be missing where every listed group has a list": (
        market([{"id": "a", "prefs": ["g"]}, {"id": "b", "prefs": ["g"]}], G | {"priority_list": ["b", "a"]}),
        {"a": None, "b": "g"},
    ),
    "both bounds of an age belong to it; one year outside is not acceptable": (
        market(
            [child("a", age=6), child("b", age=7), child("c", age=10), child("d", age=11)],
            G | {"capacity": 9, "age": [7, 10]},
        ),
        {"a": None, "b": "g", "c": "g", "d": None},
    ),
    "unknown groups and repeated wishes are ignored; an empty list places nobody": (
        market([child("a", 1, "x g g h"), child("b", 2, "")], G),
        {"a": "g", "b": None},
    ),
    "a child displaced goes on to its next wish": (
        market([child("a", 2, "g h"), child("b", 1, "g")], G, H),
        {"a": "h", "b": "g"},
    ),
    "children propose: both get their first wish although both groups would rather exchange them": (
        market(
            [child("a", prefs="g h"), child("b", prefs="h g")],
            G | {"priority_list": ["b", "a"]},
            H | {"priority_list": ["a", "b"]},
        ),
        {"a": "g", "b": "h"},
    ),
    "a reserve is cut to the capacity in the order listed": (
        market(
            [child("a", 1, categories=["sen"]), child("b", 2, **ORPHAN)],
            G | {"reserves": [["orphan", 1], ["sen", 1]]},
        ),
        {"a": None, "b": "g"},
    ),
}
RESERVED = G | {"capacity": 2, "reserves": [["orphan", 1]]}
CLAIMANTS = [child("a", 1, **ORPHAN), child("b", 2), child("c", 3, **ORPHAN)]
for _rule, _due in {"soft_first": "ab", "soft_last": "ac", "hard": "ab", "max": "ab"}.items():
    MATCHINGS[f"{_rule} fills the reserve as it does in a round"] = (
        market(CLAIMANTS, RESERVED, rule=_rule),
        {c: "g" if c in _due else None for c in "abc"},
    )
MATCHINGS["hard holds back what nobody claims"] = (
    market([child("a", 1), child("b", 2)], RESERVED, rule="hard"),
    {"a": "g", "b": None},
)


@pytest.mark.parametrize("clause", MATCHINGS)
def test_a_matching_is_answered_as_the_clause_says(clause: str) -> None:
    document, match = MATCHINGS[clause]
    assert answered(document, "matching") == {"match": match}


def test_cases_are_answered_in_their_order() -> None:
    both = [MATCHINGS[clause] for clause in list(MATCHINGS)[:2]]
    assert answered({"cases": [case for case, _ in both]}, "matching") == [{"match": match} for _, match in both]

"""`allocate places --explain`: the same figures in three languages, ranks and counts only, true by definition."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import exchange
from qosymsha.domain.allocation.exchange_places import parse
from qosymsha.domain.allocation.explain_places import WishEnd, reasons, trace
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.sentences_places import CRITERIA, SENTENCES
from tests.rules.allocation_places import slow
from tests.rules.allocation_places.instances import markets

Doc = dict[str, Any]

DOC: Doc = {
    "problem": "matching",
    "priority": ["tier", "sibling", "district", "lottery"],
    "children": [
        {"id": "c1", "prefs": ["g1", "g2"], "tier": 1, "lottery": 5, "district": "d1", "age": 9},
        {"id": "c2", "prefs": ["g1"], "tier": 2, "lottery": 4, "categories": ["orphan"]},
        {"id": "c3", "prefs": ["g2", "g1", "g3", "g4"], "lottery": 1, "age": 20},
        {"id": "c4", "prefs": ["g3"], "lottery": 9},
        {"id": "c5", "prefs": ["nowhere"], "lottery": 9},
    ],
    "groups": [
        {"id": "g1", "capacity": 1, "district": "d1", "age": [7, 10], "reserves": [["orphan", 1]]},
        {"id": "g2", "capacity": 12, "priority_list": ["c1"]},
        {"id": "g3", "capacity": 1},
        {"id": "g4", "capacity": 1},
    ],
}


def told(ident: str, language: str = "en") -> list[str] | None:
    return exchange.explanation(json.dumps(DOC), problem="matching", ident=ident, language=language)


def codes(ident: str) -> list[str]:
    instance = parse(DOC)
    found = trace(instance.market, solve(instance.market).groups, instance.child_ids.index(ident))
    return [reason.code for reason in reasons(found, instance.group_ids, instance.places)]


@pytest.mark.parametrize(
    ("ident", "due"),
    [
        (
            "c1",
            ["placed", "full", "by_criteria", "last_taken", "taken_behind", "needs_free", "came_true", "by_own_list"],
        ),
        ("c2", ["placed", "came_true", "by_criteria"]),
        ("c3", ["placed", "not_listed", "wrong_age", "came_true", "by_criteria", "later_wishes"]),
        ("c4", ["unplaced", "full", "by_criteria", "last_taken", "needs_free"]),
        ("c5", ["no_wish"]),
    ],
)
def test_each_wish_is_told_with_its_reason(ident: str, due: list[str]) -> None:
    assert codes(ident) == due


def test_what_would_have_to_happen_is_a_count_and_names_no_other_child() -> None:
    words = " ".join(told("c4") or [])
    assert "place 1 among those who wait" in words
    assert not re.search(r"\bc[1235]\b", words)
    assert told("nobody") is None


def test_three_languages_say_the_same_figures() -> None:
    assert len({tuple(sorted(words)) for words in SENTENCES.values()}) == 1
    assert len({tuple(sorted(words)) for words in CRITERIA.values()}) == 1
    fields = [{code: sorted(re.findall(r"{(\w+)}", s)) for code, s in words.items()} for words in SENTENCES.values()]
    assert fields[0] == fields[1] == fields[2]
    for ident in ("c1", "c2", "c3", "c4", "c5"):
        said = {tuple(told(ident, language) or []) for language in ("kk", "ru", "en")}
        assert len(said) == 3


@given(markets(children=7, groups=3), st.data())
def test_the_figures_are_those_of_the_definitions(doc: Doc, data: st.DataObject) -> None:
    if not doc["children"]:
        return
    instance = parse(doc)
    match = slow.deferred_acceptance(doc)
    child = data.draw(st.sampled_from(doc["children"]))
    found = trace(instance.market, solve(instance.market).groups, instance.child_ids.index(child["id"]))
    mine = slow.wishes(doc, child)
    reached = mine[: slow.rank(doc, child, match[child["id"]]) + 1]
    assert [instance.group_ids[wish.group] for wish in found.wishes] == reached
    for wish, group in zip(
        found.wishes, (next(g for g in doc["groups"] if g["id"] == name) for name in reached), strict=True
    ):
        if not slow.is_acceptable(doc, child, group):
            assert wish.end in {WishEnd.WRONG_AGE, WishEnd.NOT_LISTED}
            continue
        assert wish.end is (WishEnd.CAME_TRUE if match[child["id"]] == group["id"] else WishEnd.FULL)
        _figures_agree(doc, match, child, group, wish)


def _figures_agree(doc: Doc, match: slow.Match, child: Doc, group: Doc, wish: Any) -> None:
    line = [c for c in doc["children"] if group["id"] in slow.wishes(doc, c) and slow.is_acceptable(doc, c, group)]
    line = sorted(line, key=lambda c: slow.standing(doc, c, group))
    at = line.index(child)
    taken = [match[c["id"]] == group["id"] for c in line]
    assert (wish.position, wish.line) == (at + 1, len(line))
    assert (wish.before, wish.behind) == (sum(taken[:at]), sum(taken[at + 1 :]))
    assert wish.last == max((i + 1 for i, sits in enumerate(taken) if sits), default=0)
    if wish.end is WishEnd.FULL:
        waits = [slow.rank(doc, c, group["id"]) < slow.rank(doc, c, match[c["id"]]) for c in line]
        assert wish.waiting == sum(waits[: at + 1])

"""Whatever stands in a file, it is answered or refused with the place of the fault; nothing else ever comes out."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import exchange
from qosymsha.domain.allocation.errors import InstanceError
from tests.factories.allocation_rounds import random_instance
from tests.rules.allocation_places.instances import markets

STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 1 << 31, 1 << 32, 1 << 63, -(1 << 63), 1 << 64, 1 << 256, 10**400, 0.5, 1e400,
    float("nan"), "", " ", "c1", "s0", "g1", "orphan", "max", "iterations", "\x00", "\ud800", "é", "é" * 300, [], {},
    [[]], [None], ["s0", "s0"], [["orphan", 1]], [["orphan", -1]], [1, 0], [0, 1 << 40], {"g1": 1}, {"1": 0}, {"x": 1},
    {"1": 1 << 70},
]  # fmt: skip
KEYS = (
    "problem", "rule", "on_short", "policy", "tie", "applications", "segments", "budgets", "coefficients", "id",
    "child", "segment", "tier", "lottery", "categories", "arrived", "places", "reserves", "cost", "limit", "priority",
    "children", "groups", "prefs", "district", "age", "sibling_at", "capacity", "priority_list", "cases",
)  # fmt: skip


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [spot for key, inner in list(pairs) for spot in [(value, key), *spots(inner)]]


def mutated(document: Any, r: random.Random) -> Any:
    """Return a copy with one to four places changed: dropped, repeated, exchanged, replaced by something strange."""
    found = copy.deepcopy(document)
    for _ in range(r.randint(1, 4)):
        if not (places := spots(found)):
            break
        container, key = r.choice(places)
        what = r.choice(["drop", "strange", "strange", "strange", "other", "key", "repeat"])
        if what == "drop":
            del container[key]
        elif what == "strange":
            container[key] = copy.deepcopy(r.choice(STRANGE))
        elif what == "other":
            source, at = r.choice(places)
            container[key] = copy.deepcopy(source[at]) if at in source or isinstance(source, list) else None
        elif isinstance(container, dict):
            container[r.choice(KEYS)] = copy.deepcopy(r.choice(STRANGE))
        else:
            container.append(copy.deepcopy(container[key]))
    return found


def answer_or_refusal(document: Any, problem: str) -> str | None:
    """Return the place of the fault, or None where the file is answered (and the checker then finds nothing)."""
    try:
        found = exchange.answer(json.dumps(document), problem=problem, check=True)
    except InstanceError as fault:
        return fault.path or "a fault without a place"
    assert found.findings == ()
    keys = {"match"} if problem == exchange.PLACES else {"granted", "waiting", "rejected"}
    answers = json.loads(found.text)
    assert all(one.keys() == keys for one in (answers if isinstance(answers, list) else [answers]))
    return None


def explained(document: Any, problem: str, ident: str) -> None:
    for language in ("kk", "ru", "en"):
        told = exchange.explanation(json.dumps(document), problem=problem, ident=ident, language=language)
        assert told is None or all(told)


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_a_spoilt_round_is_answered_or_refused_with_its_place(seed: int, spoil: int) -> None:
    document = mutated(random_instance(seed), random.Random(spoil))
    if answer_or_refusal(document, exchange.ROUND) is None:
        explained(document, exchange.ROUND, "x1")


@given(markets(children=6, groups=3), st.integers(0, 1 << 40))
def test_a_spoilt_market_is_answered_or_refused_with_its_place(document: Any, spoil: int) -> None:
    spoilt = mutated(document, random.Random(spoil))
    if answer_or_refusal(spoilt, exchange.PLACES) is None:
        explained(spoilt, exchange.PLACES, "c1")


def test_the_control_most_spoilt_documents_are_refused_and_some_are_not() -> None:
    """Both ends are reached, so that neither half of the tests above is empty."""
    r = random.Random(1)
    places = [answer_or_refusal(mutated(random_instance(n), r), exchange.ROUND) for n in range(300)]
    assert 30 < places.count(None) < 270


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("round", '{"segments": [], "applications": []}'),
        ("round", '{"cases": []}'),
        ("matching", '{"cases": []}'),
        ("matching", '{"groups": [], "children": []}'),
    ],
)
def test_files_with_nothing_in_them_are_answered(problem: str, text: str) -> None:
    assert exchange.answer(text, problem=problem, check=True).findings == ()


def test_half_a_character_is_refused_since_no_answer_could_be_printed() -> None:
    text = '{"segments": [{"id": "\\ud800", "places": 1}], "applications": []}'
    with pytest.raises(InstanceError, match=r"segments\[0\]\.id: has half a character"):
        exchange.answer(text, problem=exchange.ROUND)

"""The exchange format of problem A: every fault has its place, nothing ever ends in a traceback."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import exchange
from qosymsha.domain.allocation.errors import InstanceError
from qosymsha.domain.allocation.sentences import SENTENCES
from tests.factories.allocation_rounds import random_instance

GOOD: Any = {
    "problem": "round",
    "applications": [
        {"id": "a1", "child": "c1", "segment": "s1", "tier": 2, "lottery": 123, "categories": ["orphan"], "arrived": 7}
    ],
    "segments": [{"id": "s1", "places": 10, "reserves": [["orphan", 2]], "cost": 1}],
    "budgets": [{"id": "city", "segments": ["s1"], "limit": 10}],
    "coefficients": {"1": 3, "2": 1},
}


def test_the_specification_s_example_is_answered() -> None:
    found = exchange.answer(json.dumps(GOOD), problem="round", check=True)
    assert json.loads(found.text) == {"granted": {"a1": ["s1", "orphan"]}, "waiting": {"s1": []}, "rejected": {}}
    assert found.findings == ()


def test_all_keys_are_there_when_nothing_is_asked() -> None:
    text = exchange.answer('{"applications": [], "segments": []}', problem="round").text
    assert json.loads(text) == {"granted": {}, "waiting": {}, "rejected": {}}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("applications", 0, "tier"), "2", "applications[0].tier: must be an integer"),
        (("applications", 0, "tier"), True, "applications[0].tier: must be an integer"),
        (("applications", 0, "tier"), 2**63, "applications[0].tier: must be at most"),
        (("applications", 0, "lottery"), 1.5, "applications[0].lottery: must be an integer"),
        (("applications", 0, "lottery"), None, "applications[0].lottery: must be an integer"),
        (("applications", 0, "id"), 7, "applications[0].id: must be a text"),
        (("applications", 0, "id"), "", "applications[0].id: must be a text"),
        (("applications", 0, "categories"), "orphan", "applications[0].categories: must be a list"),
        (("applications", 0, "categories", 0), 3, "applications[0].categories[0]: must be a text"),
        (("applications", 0), [], "applications[0]: must be an object"),
        (("applications",), {}, "applications: must be a list"),
        (("segments", 0, "places"), -1, "segments[0].places: must be at least 0"),
        (("segments", 0, "reserves", 0), ["orphan"], "segments[0].reserves[0]: must be a pair"),
        (("segments", 0, "reserves", 0, 1), "2", "segments[0].reserves[0][1]: must be an integer"),
        (("budgets", 0, "segments", 0), "s2", "budgets[0].segments[0]: no segment has this id"),
        (("budgets", 0, "limit"), None, "budgets[0].limit: must be an integer"),
        (("coefficients", "2"), 0, "coefficients.2: must be at least 1"),
        (("coefficients", "x"), 1, "coefficients.x: must be a tier"),
        (("policy",), "queue", "policy: must be one of tiers, iterations"),
        (("rule",), ["hard"], "rule: must be one of soft_first"),
        (("problem",), "matching", "problem: must be round"),
    ],
)
def test_a_fault_is_named_with_its_place(path: tuple[Any, ...], value: Any, where: str) -> None:
    broken = json.loads(json.dumps(GOOD))
    inside = broken
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    with pytest.raises(InstanceError) as fault:
        exchange.answer(json.dumps(broken), problem="round")
    assert str(fault.value).startswith(where)
    with pytest.raises(InstanceError) as fault:
        exchange.answer(json.dumps({"cases": [GOOD, broken]}), problem="round")
    assert str(fault.value).startswith(f"cases[1].{where}")


@pytest.mark.parametrize(
    ("missing", "where"),
    [("lottery", "applications[0].lottery: is missing"), ("segment", "applications[0].segment: is missing")],
)
def test_what_is_missing_is_named(missing: str, where: str) -> None:
    broken = json.loads(json.dumps(GOOD))
    del broken["applications"][0][missing]
    with pytest.raises(InstanceError, match=where.replace("[", r"\[")):
        exchange.answer(json.dumps(broken), problem="round")


def test_a_tie_by_arrival_needs_arrivals_and_iterations_need_coefficients() -> None:
    broken = json.loads(json.dumps(GOOD | {"tie": "arrived"}))
    del broken["applications"][0]["arrived"]
    with pytest.raises(InstanceError, match=r"applications\[0\].arrived: is missing"):
        exchange.answer(json.dumps(broken), problem="round")
    with pytest.raises(InstanceError, match=r"coefficients.2: is missing"):
        exchange.answer(json.dumps(GOOD | {"policy": "iterations", "coefficients": {"1": 1}}), problem="round")


def test_equal_ids_are_refused_at_the_second() -> None:
    twice = GOOD | {"applications": GOOD["applications"] * 2}
    with pytest.raises(InstanceError, match=r"applications\[1\].id: stands twice"):
        exchange.answer(json.dumps(twice), problem="round")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "null",
        '{"segments": NaN}',
        '{"a": 1, "a": 2}',
        "[" * 100_000,
        '{"cases": {}}',
        '{"cases": [1]}',
        b"\xff",
    ],
)
def test_what_is_no_instance_is_refused(text: str | bytes) -> None:
    with pytest.raises(InstanceError):
        exchange.answer(text, problem="round")


def test_a_byte_order_mark_is_no_fault_and_a_number_may_have_ten_thousand_digits() -> None:
    instance = json.dumps(GOOD).replace("123", "1" + "0" * 10_000).replace('"lottery": 1', '"lottery": -1')
    assert "orphan" in exchange.answer(b"\xef\xbb\xbf" + instance.encode(), problem="round").text


def test_cases_are_answered_in_their_order() -> None:
    found = json.loads(
        exchange.answer(json.dumps({"cases": [GOOD, {"applications": [], "segments": []}]}), problem="round").text
    )
    assert [len(case["granted"]) for case in found] == [1, 0]


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["s1", "a1", "max"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@given(st.integers(0, 2**30), values, st.data())
def test_no_json_ends_in_a_traceback(seed: int, junk: Any, data: st.DataObject) -> None:
    """A good instance with one value anywhere replaced by anything is answered or refused."""
    instance: Any = random_instance(seed) if seed % 2 else json.loads(json.dumps(GOOD))
    inside: Any = instance
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inside[key], (dict, list)) or data.draw(st.booleans()):
            inside[key] = junk
            break
        inside = inside[key]
    try:
        found = exchange.answer(json.dumps(instance), problem="round", check=True)
    except InstanceError as fault:
        where, findings = fault.path, ()
    else:
        where, findings = "answered", found.findings
    assert where
    assert findings == ()


@given(st.text())
def test_no_text_ends_in_a_traceback(text: str) -> None:
    with pytest.raises(InstanceError):
        exchange.answer(text, problem="round")


# --- explanations


@given(st.integers(0, 2**30), st.sampled_from(["kk", "ru", "en"]))
def test_every_application_of_every_instance_is_explained_in_full(seed: int, language: str) -> None:
    instance: Any = random_instance(seed)
    for application in instance["applications"][:3]:
        told = exchange.explanation(json.dumps(instance), problem="round", ident=application["id"], language=language)
        assert told
        assert all("{" not in sentence for sentence in told)


def test_an_explanation_tells_rank_and_what_must_happen() -> None:
    applications = [{"id": f"a{i}", "segment": "s", "tier": 1 + i // 2, "lottery": i} for i in range(4)]
    instance = {"applications": applications, "segments": [{"id": "s", "places": 1}], "policy": "iterations"}
    text = json.dumps(instance | {"coefficients": {"1": 1, "2": 1}})
    told = exchange.explanation(text, problem="round", ident="a3", language="en")
    assert told is not None
    assert told[0] == "No voucher yet: place 4 in the queue of “s”, which has 1 places; place 3 on the waiting list."
    assert (
        "Category 2 has coefficient 1: so many are taken in each iteration, and number 2 stands in iteration 2." in told
    )
    assert "Applications before it: 3; of these 1 were granted a voucher." in told
    assert told[-1].startswith("For a voucher, 3 places must become free")
    assert exchange.explanation(text, problem="round", ident="nobody", language="en") is None


def test_each_language_has_the_same_sentences_with_the_same_figures() -> None:
    figures = {
        language: {code: sorted(part.split("}")[0] for part in text.split("{")[1:]) for code, text in words.items()}
        for language, words in SENTENCES.items()
    }
    assert figures["kk"] == figures["ru"] == figures["en"]

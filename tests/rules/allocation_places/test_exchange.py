"""The exchange format: a fault is refused with its place, an oddity is ignored and reported."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from qosymsha.domain.allocation.errors import InstanceError
from qosymsha.domain.allocation.exchange_places import answer_places
from tests.rules.allocation_places.instances import markets

VERIFIER = Path(__file__).parents[3] / "verify" / "places.py"

GOOD: dict[str, Any] = {
    "problem": "matching",
    "priority": ["tier", "sibling", "district", "lottery"],
    "children": [
        {"id": "c1", "prefs": ["g1", "g2"], "tier": 1, "lottery": 5, "district": "d1", "age": 9, "sibling_at": ["g2"]},
        {"id": "c2", "prefs": ["g1"], "tier": 1, "lottery": {"g1": 4}, "categories": ["orphan"]},
        {"id": "c3", "prefs": [], "lottery": 1},
    ],
    "groups": [
        {"id": "g1", "capacity": 1, "district": "d1", "age": [7, 10], "reserves": [["orphan", 1]]},
        {"id": "g2", "capacity": 12, "priority_list": ["c1"]},
    ],
}


def test_the_answer_names_every_child_and_null_for_no_place() -> None:
    found = answer_places(GOOD, check=True)
    assert found.answer == {"match": {"c1": "g2", "c2": "g1", "c3": None}}
    assert found.reports == ()
    assert found.findings == ()


def test_an_empty_market_is_answered() -> None:
    assert answer_places({"children": [], "groups": []}, check=True).answer == {"match": {}}


def test_oddities_of_real_lists_are_ignored_and_reported() -> None:
    doc = deepcopy(GOOD)
    doc["children"][0]["prefs"] = ["nowhere", "g1", "g1", "g2"]
    doc["groups"][1]["priority_list"] = ["c1", "c1", "stranger"]
    found = answer_places(doc, check=True)
    assert found.answer == answer_places(GOOD, check=False).answer
    assert [report.split(":")[0] for report in found.reports] == [
        "children[0].prefs[0]",
        "children[0].prefs[2]",
        "groups[1].priority_list[1]",
        "groups[1].priority_list[2]",
    ]


def test_a_lottery_may_be_missing_where_every_wished_group_has_a_list() -> None:
    doc = {
        "children": [{"id": "a", "prefs": ["g"]}, {"id": "b", "prefs": ["g"]}],
        "groups": [{"id": "g", "capacity": 1, "priority_list": ["b", "a"]}],
    }
    assert answer_places(doc, check=True).answer == {"match": {"a": None, "b": "g"}}


def test_a_capacity_beyond_all_memory_is_no_trouble() -> None:
    doc = deepcopy(GOOD)
    doc["groups"][0] |= {"capacity": 10**40, "reserves": [["orphan", 10**40 - 1]]}
    assert answer_places(doc, check=True).answer["match"] == {"c1": "g1", "c2": "g1", "c3": None}


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        (("children",), {}, "children"),
        (("groups",), None, "groups"),
        (("priority",), ["luck"], "priority[0]"),
        (("rule",), "soft", "rule"),
        (("children", 1), "c2", "children[1]"),
        (("children", 1, "id"), "c1", "children[1].id"),
        (("children", 0, "id"), 7, "children[0].id"),
        (("children", 0, "prefs"), "g1", "children[0].prefs"),
        (("children", 0, "prefs", 1), 3, "children[0].prefs[1]"),
        (("children", 0, "tier"), "1", "children[0].tier"),
        (("children", 0, "tier"), True, "children[0].tier"),
        (("children", 0, "lottery"), 1.5, "children[0].lottery"),
        (("children", 1, "lottery"), {"g1": "x"}, "children[1].lottery.g1"),
        (("children", 1, "lottery"), {}, "children[1].lottery"),
        (("children", 0, "age"), -1, "children[0].age"),
        (("children", 0, "district"), 1, "children[0].district"),
        (("children", 0, "sibling_at"), "g2", "children[0].sibling_at"),
        (("children", 1, "categories", 0), None, "children[1].categories[0]"),
        (("groups", 1, "id"), "g1", "groups[1].id"),
        (("groups", 0, "capacity"), -1, "groups[0].capacity"),
        (("groups", 0, "capacity"), "many", "groups[0].capacity"),
        (("groups", 0, "age"), [10, 7], "groups[0].age"),
        (("groups", 0, "age"), [7], "groups[0].age"),
        (("groups", 0, "reserves"), {"orphan": 1}, "groups[0].reserves"),
        (("groups", 0, "reserves", 0), ["orphan"], "groups[0].reserves[0]"),
        (("groups", 0, "reserves", 0, 1), -1, "groups[0].reserves[0][1]"),
        (("groups", 1, "priority_list", 0), 1, "groups[1].priority_list[0]"),
    ],
)
def test_a_malformed_instance_is_refused_with_the_place_of_the_fault(
    place: tuple[Any, ...], value: object, path: str
) -> None:
    doc = deepcopy(GOOD)
    target: Any = doc
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    with pytest.raises(InstanceError) as refused:
        answer_places(doc, check=True)
    assert refused.value.path == path


@pytest.mark.parametrize("key", ["children", "groups"])
def test_a_missing_table_is_refused(key: str) -> None:
    with pytest.raises(InstanceError) as refused:
        answer_places({k: v for k, v in GOOD.items() if k != key}, check=False)
    assert refused.value.path == key


# --- the stand-alone verifier


def _verify(tmp_path: Path, instance: object, answer: object) -> subprocess.CompletedProcess[str]:
    for name, value in (("instance.json", instance), ("answer.json", answer)):
        (tmp_path / name).write_text(json.dumps(value), encoding="utf-8")
    command = [sys.executable, "-I", str(VERIFIER), str(tmp_path / "instance.json"), str(tmp_path / "answer.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@given(markets(children=9, groups=4))
def _sampled(doc: dict[str, Any]) -> None:
    _SAMPLE.append(doc)


_SAMPLE: list[dict[str, Any]] = []


def test_the_verifier_passes_every_answer_and_finds_each_child_put_elsewhere(tmp_path: Path) -> None:
    _SAMPLE.clear()
    _sampled()
    answers = [answer_places(doc, check=False).answer for doc in _SAMPLE]
    passed = _verify(tmp_path, {"cases": _SAMPLE}, answers)
    assert (passed.returncode, passed.stdout) == (0, "OK: stable\n"), passed.stderr
    spoiled = 0
    for answer in answers:
        placed = [child for child, group in answer["match"].items() if group is not None]
        if placed:  # whoever loses its place would be taken back by the same group: a blocking pair
            answer["match"][placed[0]] = None
            spoiled += 1
    failed = _verify(tmp_path, {"cases": _SAMPLE}, answers)
    assert failed.returncode == 1, failed.stderr
    assert len({line.split(":")[0] for line in failed.stdout.splitlines()}) == spoiled > 10


def test_the_verifier_is_short_and_needs_nothing_but_the_standard_library() -> None:
    text = VERIFIER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert [line for line in text.splitlines() if line.startswith(("import", "from"))] == ["import json, sys"]

"""The security file is honest: every number of the standard once, every test it names is there, nothing open unsaid."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import Counter
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from tests.architecture.house import ROOT

# How many requirements each section of ASVS 5.0.0 has at levels 1 and 2: the standard's own counts, without WebRTC.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}  # fmt: skip
# Level 3 where money or children's data move (RELIABILITY.md, GOAL-7); 16.3.2 is there twice: once for what L3 adds.
BEYOND = {
    "1.2.10", "2.3.5", "4.1.4", "4.1.5", "5.2.4", "5.2.5", "5.2.6", "5.3.3", "7.5.3", "8.3.2", "13.1.2", "13.1.3",
    "13.2.6", "14.2.6", "14.2.7", "14.2.8", "15.4.1", "15.4.2", "15.4.3", "15.4.4", "16.3.2-L3", "16.5.4",
}  # fmt: skip
STATES = {"proved", "held", "not_applicable", "open"}


def loaded(name: str) -> ModuleType:
    """A program of `scripts`."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def register() -> list[dict[str, Any]]:
    """Every item."""
    return [item for _, items in loaded("asvs").chapters() for item in items]


@cache
def collected(path: str) -> frozenset[str]:
    """The tests that pytest collects from a file: its functions that begin with `test_`."""
    file = ROOT / path
    if not file.exists() or not file.name.startswith("test_"):
        return frozenset()
    return frozenset(
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not skipped(node)
    )


def skipped(node: ast.FunctionDef) -> bool:
    """A test that is never run proves nothing."""
    return any(re.search(r"mark\.(skip|xfail)\b", ast.unparse(one)) for one in node.decorator_list)


def missing(items: list[dict[str, Any]]) -> list[str]:
    """Tests that are named and not there."""
    named = [(item["number"], test) for item in items for test in item.get("tests", [])]
    return [
        f"{number}: {test}"
        for number, test in named
        if test.partition("::")[2] not in collected(test.partition("::")[0])
    ]


def test_every_number_stands_there_once(register: list[dict[str, Any]]) -> None:
    numbers = [item["number"] for item in register]
    assert [number for number, times in Counter(numbers).items() if times > 1] == []
    basic = [item["number"] for item in register if item["level"] in (1, 2)]
    assert len(basic) == 246
    assert Counter(number.rpartition(".")[0] for number in basic) == SECTIONS
    assert {item["number"] for item in register if item["level"] == 3} == BEYOND
    assert numbers == sorted(numbers, key=lambda one: [int(part) for part in re.findall("[0-9]+", one)])


def test_every_item_says_what_it_rests_on(register: list[dict[str, Any]]) -> None:
    faults = []
    for item in register:
        state, tests, note = item["state"], item.get("tests", []), item.get("note", "")
        is_right = {
            "proved": bool(tests),
            "held": bool(tests and (note or tests)),
            "not_applicable": bool(
                note and re.fullmatch(r"[a-z ]+, 20[0-9]{2}-[0-9]{2}-[0-9]{2}", item.get("signed", ""))
            ),
            "open": "known limits" in note,
        }.get(state, False)
        if not is_right or not item["about"]:
            faults.append(item["number"])
    assert faults == []
    assert {item["state"] for item in register} <= STATES


def test_every_test_that_is_named_is_there(register: list[dict[str, Any]]) -> None:
    assert missing(register) == []


def test_a_test_that_is_not_there_is_missed(register: list[dict[str, Any]]) -> None:
    """The control run."""
    ghosts = ["tests/security/test_asvs.py::test_none", "tests/none.py::test_x", "tests/security/fuzz.py::told"]
    assert len(missing([{"number": "0", "tests": ghosts}])) == 3
    assert skipped(ast.parse("@pytest.mark.skip(reason='x')\ndef test_x(): ...").body[0])  # type: ignore[arg-type]


def test_what_is_open_is_a_known_limit_and_nothing_else(register: list[dict[str, Any]]) -> None:
    limits = (ROOT / "docs" / "security" / "known-limits.md").read_text("utf-8")
    named = set(re.findall(r"^\| ([0-9]+\.[0-9]+\.[0-9]+) \|", limits, re.MULTILINE))
    assert named == {item["number"] for item in register if item["state"] == "open"}


def test_every_document_that_is_named_is_there(register: list[dict[str, Any]]) -> None:
    text = " ".join(item.get("note", "") for item in register)
    paths = set(re.findall(r"docs/[\w/-]+\.md", text))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert len(paths) >= 8


def test_the_page_says_what_the_data_say(register: list[dict[str, Any]]) -> None:
    program = loaded("asvs")
    page = (ROOT / "docs" / "security" / "asvs.md").read_text("utf-8")
    assert page == program.page(), "run `make docs`"
    for state, word in program.WORDS.items():
        count = sum(item["state"] == state for item in register)
        assert re.search(rf"^\| {re.escape(word)} \| [0-9]+ \| [0-9]+ \| {count} \|$", page, re.MULTILINE)

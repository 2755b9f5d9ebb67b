"""The table of threats cannot rot: each of T1–T26 names tests that prove its control, and control runs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest

from tests.architecture.house import ROOT

TABLE = (ROOT / "docs" / "reference" / "threats.md").read_text("utf-8")
_NAMED = re.compile(r"`([^`]+\.py)::(\w+)`")


@dataclass(frozen=True, slots=True)
class Threat:
    """A line of the table: (file, test) of what proves it, and of its control runs."""

    number: str
    proved: tuple[tuple[str, str], ...]
    controls: tuple[tuple[str, str], ...]


def threats(table: str) -> list[Threat]:
    """The lines of the table."""
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"T\d+", cells[0]):
            found.append(Threat(cells[0], tuple(_NAMED.findall(cells[3])), tuple(_NAMED.findall(cells[4]))))
    return found


@cache
def named_in(path: str) -> frozenset[str]:
    """The tests of a file below `tests/`; none where there is no such file."""
    file = ROOT / "tests" / path
    if not file.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing(table: str) -> list[str]:
    """What the table names and is not there."""
    named = [one for threat in threats(table) for one in (*threat.proved, *threat.controls)]
    return [f"{path}::{name}" for path, name in named if name not in named_in(path)]


def test_every_threat_has_tests_and_a_control_run() -> None:
    found = threats(TABLE)
    assert [one.number for one in found] == [f"T{n}" for n in range(1, 27)]
    assert [one.number for one in found if not one.proved or not one.controls] == []


def test_every_test_that_the_table_names_is_there() -> None:
    assert missing(TABLE) == []


@pytest.mark.parametrize("name", ["test_that_was_renamed", "threats"])
def test_a_name_that_is_no_test_is_seen(name: str) -> None:
    """The control run."""
    planted = f"| T1 | a | b | `interfaces/test_threats_document.py::{name}` | `gone.py::test_x` |"
    assert missing(planted) == [f"interfaces/test_threats_document.py::{name}", "gone.py::test_x"]

"""A registry is asked in one place, which asks nobody about whom consent is withdrawn for. Read from the text."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tests.architecture.house import SOURCE, Module, modules

QUESTIONS = {"children_of", "statuses_of"}
_ONE_PLACE = "domain.people.asking"


def askers(of: Iterable[Module]) -> set[str]:
    """Modules that put a question to something other than that place; adapters answer, they do not ask."""
    return {
        m.name
        for m in of
        if m.name != _ONE_PLACE and not m.name.startswith("integrations.")
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Attribute) and node.attr in QUESTIONS
        if not (isinstance(node.value, ast.Name) and node.value.id == "asking")
    }


def test_nobody_asks_a_registry_past_the_consents() -> None:
    assert askers(modules()) == set()


def test_one_who_does_is_seen() -> None:
    """The control."""
    planted = Module("interfaces.jobs.planted", SOURCE, ast.parse("found = adapter('registry').statuses_of(iins)"))
    assert askers([planted]) == {"interfaces.jobs.planted"}

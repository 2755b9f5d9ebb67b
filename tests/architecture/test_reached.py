"""What the rooms can do somebody can ask for: a door, a job or the command line calls every verb, or it says why."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.architecture.house import Module, modules

# Verbs that no door calls, each with whose they are.
UNREACHED = {
    "admission.submit_application": "one of a channel's; a page files its own guardian's, a file many",
    "attendance.mark_sessions": "many at once, of channels and the demo; a page marks one, a telephone sends its day",
    "attendance.reinstate_sessions": "many at once; a page calls the verb of one",
    "attendance.substitute_teachers": "many at once; a page calls the verb of one",
    "insights.keep_runs": "inside: checks store their own runs",
    "people.end_app": "inside: a factor that ends takes it along",
    "vouchers.close_vouchers": "many at once, of channels and the demo; at the office two people end one (`casework`)",
    "vouchers.enrol": "many at once, of channels and the demo; a page takes one place",
}


def verbs(found: Iterable[Module]) -> Iterator[str]:
    """`room.verb`: each public function of a room's commands that acts for somebody."""
    for module in found:
        parts = module.name.split(".")
        if parts[0] != "domain" or len(parts) < 3 or parts[2] != "commands":
            continue
        for node in module.tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if any(one.arg == "actor" for one in node.args.kwonlyargs):
                yield f"{module.room}.{node.name}"


def named(found: Iterable[Module]) -> set[str]:
    """Every name that doors, jobs and the command line speak."""
    words: set[str] = set()
    for module in found:
        if module.room in ("interfaces", "integrations"):
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Attribute):
                    words.add(node.attr)
                elif isinstance(node, ast.Name):
                    words.add(node.id)
    return words


def unreached(found: Iterable[Module]) -> list[str]:
    """Verbs that nobody can ask for."""
    house = list(found)
    words = named(house)
    return sorted(verb for verb in verbs(house) if verb.partition(".")[2] not in words)


def test_every_verb_is_reached_by_somebody_or_says_why_not() -> None:
    assert [verb for verb in unreached(modules()) if verb not in UNREACHED] == []


def test_no_reason_stands_for_a_verb_that_is_reached() -> None:
    assert sorted(set(UNREACHED) - set(unreached(modules()))) == []


def test_control_a_verb_whose_page_is_taken_away_is_found() -> None:
    without = [one for one in modules() if one.name != "interfaces.family.offered"]
    assert "choice.answer_offers" in unreached(without)

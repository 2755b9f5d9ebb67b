"""Searches over the text of the house: its modules, scripts and pages, and modules that do not exist."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from tests.architecture.house import SOURCE, Module, modules

Finder = Callable[[Module], Iterator[str]]
HOUSE = [m for m in modules() if ".migrations." not in m.name]
SCRIPTS = {p.relative_to(SOURCE).as_posix(): p.read_text("utf-8") for p in sorted(SOURCE.rglob("*.js"))}
PAGES = {p.relative_to(SOURCE).as_posix(): p.read_text("utf-8") for p in sorted(SOURCE.rglob("*.html"))}


def found(finder: Finder, house: list[Module] | None = None) -> list[str]:
    """Every hit, as `module: what`."""
    return [f"{m.name}: {hit}" for m in house or HOUSE for hit in finder(m)]


def planted(text: str, name: str = "interfaces.office.planted") -> list[Module]:
    """A module that does not exist."""
    return [Module(name, Path("planted.py"), ast.parse(text))]


@cache
def calls(module: Module) -> list[tuple[str, ast.Call]]:
    """(dotted name as written, call)."""
    return [(ast.unparse(node.func), node) for node in ast.walk(module.tree) if isinstance(node, ast.Call)]


@cache
def imported(module: Module) -> set[str]:
    """Top names and dotted names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names

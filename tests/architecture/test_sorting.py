"""Lists of names stand in the Kazakh alphabet's order: no list is sorted by a name as Python would (DOMAIN.md 9)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from qosymsha.kernel.text import ORDER, sort_key
from tests.architecture.house import Module, modules

NAMES = {"name", "surname", "given", "title", "label", "provider", "provider_name", "full_name", "activity_name"}


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def sorts(module: Module) -> Iterator[ast.Lambda]:
    """The orders that a module gives to `sorted` and `.sort`."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or called(node) not in ("sorted", "sort"):
            continue
        yield from (one.value for one in node.keywords if one.arg == "key" and isinstance(one.value, ast.Lambda))


def by_name(module: Module) -> list[str]:
    """Orders that read a name as it stands."""
    found = []
    for order in sorts(module):
        keyed = [n for n in ast.walk(order) if isinstance(n, ast.Call) and called(n) == "sort_key"]
        inside = {id(n) for call in keyed for n in ast.walk(call)}
        bare = [n for n in ast.walk(order) if isinstance(n, ast.Attribute) and n.attr in NAMES and id(n) not in inside]
        found += [f"{module.name}: {ast.unparse(order)}" for _ in bare[:1]]
    return found


def test_no_list_of_names_is_sorted_as_python_would() -> None:
    house = [one for one in modules() if not one.name.startswith(("demo", "runtime"))]
    assert [hit for module in house for hit in by_name(module)] == []
    assert sum(1 for module in house for _ in sorts(module)) > 40


def test_a_planted_sort_by_name_is_seen() -> None:
    plain = "sorted(rows, key=lambda one: (one.worst, one.name))"
    right = "sorted(rows, key=lambda one: (one.worst, sort_key(one.name)))"
    assert by_name(Module("x", Path("x.py"), ast.parse(plain))) != []
    assert by_name(Module("x", Path("x.py"), ast.parse(right))) == []


def test_the_order_is_the_kazakh_alphabets() -> None:
    words = ["Жанар", "Ілияс", "Әлия", "Қайрат", "Айгүл", "Үміт", "Ұлан", "Өмір", "Ерлан", "Ғани", "Ёлка", "Һарон"]
    wanted = ["Айгүл", "Әлия", "Ғани", "Ерлан", "Ёлка", "Жанар", "Қайрат", "Өмір", "Ұлан", "Үміт", "Һарон", "Ілияс"]
    assert sorted(words, key=sort_key) == wanted
    assert sorted(words) != wanted, "the control: Python's own order is another"
    assert sorted(ORDER, key=sort_key) == list(ORDER)

"""Reading the house as text: modules, tables and who owns them. Shared by the architecture tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "qosymsha"
_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE(?!\s+OF\b)(?:\s+ONLY)?|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|COPY)\s+\"?([a-z_]+)\"?",
    re.IGNORECASE,
)
_ORM_WRITES = {
    "create", "bulk_create", "update", "bulk_update", "delete", "get_or_create", "update_or_create", "acreate", "save",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Module:
    """A source file: its dotted name below `qosymsha`, its path, its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room or floor it stands in: `ledger`, `kernel`, `interfaces`…"""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "domain" and len(parts) > 1 else parts[0]


def modules(source: Path = SOURCE) -> Iterator[Module]:
    """Every Python module of the package."""
    for path in sorted(source.rglob("*.py")):
        name = ".".join(path.relative_to(source).with_suffix("").parts)
        yield Module(name.removesuffix(".__init__"), path, ast.parse(path.read_text("utf-8")))


def table_owners() -> dict[str, str]:
    """Table → the room whose models describe it."""
    return {model._meta.db_table: model._meta.app_label for model in apps.get_models()}


def tables_written(module: Module) -> set[str]:
    """Tables that SQL texts in the module write to (a word after INSERT INTO, UPDATE, DELETE FROM, TRUNCATE, COPY)."""
    texts = [n.value for n in ast.walk(module.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return {name.lower() for text in texts for name in _WRITES.findall(text)}


def models_written(module: Module) -> set[tuple[str, str]]:
    """(room, model) pairs of other rooms' models on which the module calls a writing method of the ORM."""
    foreign = {
        alias.asname or alias.name: node.module.split(".")[2]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and re.fullmatch(r"qosymsha\.domain\.\w+\.models", node.module)
        for alias in node.names
    }
    calls = (n.func for n in ast.walk(module.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    named = {(foreign[root], root) for call in calls if call.attr in _ORM_WRITES and (root := _root(call)) in foreign}
    return {(room, model) for room, model in named if room != module.room}


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""

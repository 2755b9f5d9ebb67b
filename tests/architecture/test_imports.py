"""Who may import whom: the contracts of .importlinter hold, and each of them goes red on a planted violation."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, SOURCE, modules

PLANTS = {
    "Floors": ("kernel/planted.py", "import qosymsha.domain.people.rules"),
    "Floors (a new folder has no place)": ("utils/__init__.py", ""),
    "Rooms": ("domain/people/planted.py", "import qosymsha.domain.vouchers.rules"),
    "Rooms (a new room has no place)": ("domain/planted_room/__init__.py", ""),
    "Files in a room": ("domain/people/states.py", "import qosymsha.domain.people.queries"),
    "Pure": ("domain/allocation/planted.py", "import django.db"),
    "Doors and the demo": ("demo/planted.py", "import qosymsha.domain.people.models"),
    "Integrations": ("integrations/planted.py", "import qosymsha.domain.people.queries"),
    "A room never calls": ("domain/people/rules.py", "import qosymsha.domain.people.commands"),
    "One front door": ("interfaces/public/planted.py", "import qosymsha.interfaces.cli.main"),
}


def lint(where: Path) -> str:
    """The linter's report on a copy of the house at `where` (or on the house itself)."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {"PYTHONPATH": str(where / "src"), "PATH": "", "COLUMNS": "200"}
    ran = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def test_the_house_keeps_its_contracts() -> None:
    report = lint(ROOT)
    assert re.search(r"Contracts: \d+ kept, 0 broken", report), report


@pytest.mark.parametrize("contract", PLANTS)
def test_a_planted_violation_is_seen(contract: str, tmp_path: Path) -> None:
    copy = tmp_path / "src" / "qosymsha"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "static", "templates", "*.csv"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    planted = copy / PLANTS[contract][0]
    planted.parent.mkdir(parents=True, exist_ok=True)
    before = planted.read_text("utf-8") if planted.exists() else '"""Planted."""\n'
    planted.write_text(f"{before}\n{PLANTS[contract][1]}\n", "utf-8")
    report = lint(tmp_path)
    broken = [line for line in report.splitlines() if re.search(r" BROKEN( \(|$)", line)]
    assert any(line.startswith(contract.split(" (")[0]) for line in broken), report


def test_a_room_never_imports_another_rooms_commands() -> None:
    found = [m.name for m in modules() if m.name.startswith("domain.") and _foreign_commands(m.tree, m.room)]
    assert found == []


def test_the_search_for_foreign_commands_sees_a_planted_one() -> None:
    assert _foreign_commands(ast.parse("from qosymsha.domain.people.commands import appoint"), "vouchers")


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{m.name}:{inner.lineno}"
        for m in modules()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def _foreign_commands(tree: ast.Module, room: str) -> bool:
    names = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    names += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    hits = [re.match(r"qosymsha\.domain\.(\w+)\.commands", name) for name in names]
    return any(hit and hit.group(1) != room for hit in hits)

"""Habits that a reader would otherwise have to check: sizes, notes on personal data, migrations, paths of a machine."""

from __future__ import annotations

import re
import subprocess
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command

from tests.architecture.house import ROOT, SOURCE, modules

KERNEL_LINES = 1000
MODULE_LINES = 400
OURS = [model for model in apps.get_models() if model.__module__.startswith("qosymsha.")]


def lines(text: str) -> int:
    return len(text.splitlines())


def test_the_kernel_stays_small() -> None:
    total = sum(lines(p.read_text("utf-8")) for p in (SOURCE / "kernel").glob("*.py"))
    assert total <= KERNEL_LINES


def test_no_module_outgrows_its_limit() -> None:
    assert {m.name: n for m in modules() if (n := lines(m.path.read_text("utf-8"))) > MODULE_LINES} == {}


def test_no_test_module_outgrows_it_either() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    assert {p.name: n for p in tests if (n := lines(p.read_text("utf-8"))) > MODULE_LINES} == {}


@pytest.mark.parametrize("model", OURS, ids=lambda m: m.__name__)
def test_every_model_says_what_personal_data_it_holds_and_how_long(model: type) -> None:
    note = model.__doc__ or ""
    assert re.search(r"\b(no_)?pii\b", note), "say `pii:` or `no_pii:`"
    assert "Retention:" in note


def test_every_room_says_what_it_owns() -> None:
    rooms = [p for p in (SOURCE / "domain").iterdir() if (p / "__init__.py").exists()]
    assert [r.name for r in rooms if not (r / "__init__.py").read_text("utf-8").startswith('"""')] == []


@pytest.mark.django_db
def test_no_model_change_lacks_its_migration() -> None:
    out = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=out)
    assert "No changes detected" in out.getvalue()


def test_no_signals_no_admin_no_model_forms() -> None:
    words = re.compile(r"django\.dispatch|django\.db\.models\.signals|django\.contrib\.admin|ModelForm")
    assert [m.name for m in modules() if words.search(m.path.read_text("utf-8"))] == []


def test_no_path_of_a_machine_stands_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    if not listed:
        pytest.skip("not a git checkout")
    home = re.compile(r"/(?:home|Users)/[a-z]\w+/|/root/(?!\.)")
    texts = [ROOT / n for n in listed.split("\0") if n.endswith((".py", ".md", ".toml", ".lock", ".in", ".sh"))]
    found = [
        str(p.relative_to(ROOT))
        for p in texts
        if p.exists() and p.name != "test_habits.py" and home.search(p.read_text("utf-8"))
    ]
    assert found == []

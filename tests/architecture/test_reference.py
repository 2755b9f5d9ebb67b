"""The generated pages say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps

from tests.architecture.house import ROOT


@pytest.fixture
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_reference_is_current(reference: ModuleType) -> None:
    assert reference.stale() == [], "run `make docs`"


def test_a_stale_page_is_seen(reference: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    (tmp_path / "states.md").write_text("old", "utf-8")
    assert reference.stale() == ["states.md", "actions.md", "tables.md", "access-matrix.md", "openapi.json"]


def test_every_table_of_ours_is_described(reference: ModuleType) -> None:
    page = reference.tables()
    ours = [model._meta.db_table for model in apps.get_models() if model.__module__.startswith("qosymsha.")]
    assert [table for table in ours if f"### `{table}`" not in page] == []

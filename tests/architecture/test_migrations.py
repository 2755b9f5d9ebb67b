"""No migration stops a city without somebody having said so: squawk reads the SQL of each; waivers are signed."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.special import RunPython, RunSQL

from tests.architecture.migrations import findings, judged, squawk, statements, waivers

PLANTED = "ALTER TABLE voucher ADD COLUMN x int NOT NULL; CREATE INDEX voucher_x ON voucher (x);"


@pytest.mark.django_db
def test_what_squawk_finds_is_mended_or_waived_and_a_planted_fault_is_found() -> None:
    if squawk() is None:
        pytest.fail("squawk is not installed: `make setup`")
    files = {name: (is_atomic, text) for name, is_atomic, text in statements()}
    assert len(files) > 60
    found = findings(files | {"planted.0001_x": (True, PLANTED)})
    open_ones, idle = judged(found, waivers())
    assert {one.rule for one in open_ones if one.migration == "planted.0001_x"} >= {"require-concurrent-index-creation"}
    assert [one for one in open_ones if one.migration != "planted.0001_x"] == []
    assert idle == [], "a waiver of nothing"


def test_every_waiver_is_signed() -> None:
    for one in waivers():
        assert len(one.why) > 20
        assert one.by
        assert date.fromisoformat(one.on) <= date(2100, 1, 1)
        assert one.rules
        assert "." in one.migrations


def test_every_migration_can_be_taken_back() -> None:
    """Control: one whose SQL has no way back is found."""
    loader = MigrationLoader(connection)
    ours = {key: one for key, one in loader.disk_migrations.items() if one.__module__.startswith("qosymsha.")}
    assert len(ours) > 60
    one_way = [
        f"{label}.{name}: {operation.__class__.__name__}"
        for (label, name), migration in ours.items()
        for operation in migration.operations
        if isinstance(operation, RunSQL | RunPython) and not operation.reversible
    ]
    assert one_way == []
    assert not RunSQL("SELECT 1").reversible

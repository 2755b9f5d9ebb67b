"""No migration stops a city without somebody having said so: squawk reads the SQL of each; waivers are signed."""

from __future__ import annotations

import os
from datetime import date

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.special import RunPython, RunSQL

from tests.architecture.migrations import brought_back, findings, in_order, judged, statements, waivers, written

PLANTED = "ALTER TABLE voucher ADD COLUMN x int NOT NULL; CREATE INDEX voucher_x ON voucher (x);"
by_night = pytest.mark.skipif(
    os.environ.get("LOOKS") != "whole", reason="half a minute: LOOKS=whole, as the night sets it"
)


def open_findings(files: dict[str, tuple[bool, str]]) -> list[str]:
    assert len(files) > 60
    open_ones, _ = judged(findings(files | {"planted.0001_x": (True, PLANTED)}), waivers())
    planted = {one.rule for one in open_ones if one.migration == "planted.0001_x"}
    assert planted >= {"require-concurrent-index-creation", "adding-required-field"}, "the control"
    return [f"{one.migration}: {one.rule}" for one in open_ones if one.migration != "planted.0001_x"]


def test_what_squawk_finds_in_sql_of_ours_is_mended_or_waived() -> None:
    assert open_findings({name: (is_atomic, text) for name, is_atomic, text in written()}) == []


@by_night
@pytest.mark.django_db
def test_what_squawk_finds_in_sql_that_django_writes_is_mended_or_waived() -> None:
    files = {name: (is_atomic, text) for name, is_atomic, text in statements()}
    assert open_findings(files) == []
    assert judged(findings(files), waivers())[1] == [], "a waiver of nothing"


def test_every_waiver_is_signed() -> None:
    for one in waivers():
        assert len(one.why) > 20
        assert one.by
        assert date.fromisoformat(one.on) < date(2100, 1, 1)
        assert one.rules
        assert all("." in name for name in one.migrations)


def test_every_migration_can_be_taken_back() -> None:
    loader = MigrationLoader(None)
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


def test_no_migration_brings_back_what_an_earlier_one_replaced() -> None:
    every = list(in_order())
    assert brought_back(every) == []
    texts = {name: text for name, text in every if "FUNCTION take_seat(" in text}
    assert list(texts) == ["vouchers.0005_hot_verbs", "vouchers.0006_waited_for"]
    planted = texts["vouchers.0005_hot_verbs"].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    assert "planted.0001_x: take_seat" in brought_back([*every, ("planted.0001_x", planted)]), "the control"

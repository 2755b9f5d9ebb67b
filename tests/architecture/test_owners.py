"""A room's rows are written by the room alone; SQL functions included."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.house import Module, models_written, modules, table_owners, tables_written

# Not a table of ours: words after UPDATE in `ON CONFLICT DO UPDATE SET`, `FOR UPDATE SKIP`…
_NOT_TABLES = {"set", "skip", "nowait", "of", "or", "on", "a", "an", "the"}


def intruders(module: Module, owners: dict[str, str]) -> list[str]:
    """Tables and models of other rooms that a module writes."""
    tables = [t for t in tables_written(module) - _NOT_TABLES if t in owners and owners[t] != module.room]
    return tables + [f"{room}.{model}" for room, model in models_written(module)]


def test_only_the_owner_writes_its_rows() -> None:
    owners = table_owners()
    found = {m.name: bad for m in modules() if (bad := intruders(m, owners))}
    assert found == {}


def test_a_planted_write_in_sql_is_seen() -> None:
    tree = ast.parse('SQL = "WITH x AS (UPDATE voucher SET state = 1) INSERT INTO seat VALUES (1)"')
    planted = Module("domain.admission.steps", Path("planted.py"), tree)
    assert sorted(intruders(planted, table_owners())) == ["seat", "voucher"]


def test_a_planted_write_by_the_orm_is_seen() -> None:
    text = "from qosymsha.domain.people.models import Child\nChild.objects.filter(pk=1).update(home=None)"
    planted = Module("domain.vouchers.steps", Path("planted.py"), ast.parse(text))
    assert intruders(planted, table_owners()) == ["people.Child"]


def test_doors_and_demo_write_no_table() -> None:
    owners = table_owners()
    doors = [m for m in modules() if m.room in {"interfaces", "demo", "integrations", "config"}]
    assert {m.name for m in doors if set(tables_written(m)) & set(owners)} == set()

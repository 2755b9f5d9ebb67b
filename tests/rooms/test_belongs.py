"""Rows of a month's large tables belong to their parents: asked once per statement, as sure as a foreign key."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.settlement.commands import draw_claims
from qosymsha.kernel.entropy import uuid4
from tests.factories.settlement import AT, JANUARY, SYSTEM, City, city, confirmed_month

pytestmark = pytest.mark.django_db

_HOLD = (
    'INSERT INTO day_hold (territory_id, programme_id, sheet_row_id, session_id, "on", kind, cause_id, state, reason,'
    " is_present, is_seen, opened_at, opened_by) SELECT territory_id, programme_id + {off}, id, 1, '2026-01-05',"
    " 'flagged', 1, 'open', '', true, false, now(), 1 FROM sheet_row ORDER BY id LIMIT 1"
)


@pytest.fixture
def claimed() -> City:
    """A month of three children, claimed."""
    home = city()
    confirmed_month(home, 3)
    draw_claims(
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=JANUARY, at=AT, key=uuid4()
    )
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    return home


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _copied(table: str, **changed: str) -> str:
    """A statement that inserts the table's first row again, with other values in some columns."""
    with connection.cursor() as cursor:
        names = [c.name for c in connection.introspection.get_table_description(cursor, table) if c.name != "id"]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} ORDER BY id LIMIT 1"  # noqa: S608


# Each plant would be taken by every other constraint: free keys, a known sheet, an existing enrolment.
STRAYS = {
    "a row of no sheet": ("sheet_row", "sheet_row_belongs_to_month_sheet", {"sheet_id": "sheet_id + 1000000"}),
    "a row of another programme than its sheet": (
        "sheet_row",
        "sheet_row_belongs_to_month_sheet",
        {"programme_id": "programme_id + 1"},
    ),
    "a row of no enrolment": (
        "sheet_row",
        "sheet_row_belongs_to_enrolment",
        {"enrolment_id": "enrolment_id + 1000000"},
    ),
    "a row of another child than its enrolment's": (
        "sheet_row",
        "sheet_row_belongs_to_enrolment",
        {"child_id": "child_id + 1"},
    ),
    "a part of no claim": ("claim_row", "claim_row_belongs_to_claim", {"claim_id": "claim_id + 1000000"}),
    "a part of no sheet row": (
        "claim_row",
        "claim_row_belongs_to_sheet_row",
        {"sheet_row_id": "sheet_row_id + 1000000"},
    ),
    "a part for another enrolment than its row's": (
        "claim_row",
        "claim_row_belongs_to_sheet_row",
        {"enrolment_id": "enrolment_id + 1"},
    ),
}
_FREE = {"uuid": "gen_random_uuid()", "part": "part + 1", "word": "'silent'"}
# The same row twice on a sheet, the same part twice in a claim: not what is asked here.
_KEYS = {"sheet_row": "sheet_row_once", "claim_row": "claim_row_once"}


@pytest.mark.parametrize("what", STRAYS)
def test_a_stray_row_is_refused_and_the_control_without_its_trigger_lets_it_in(claimed: City, what: str) -> None:
    table, trigger, changed = STRAYS[what]
    _sql(f"ALTER TABLE {table} DROP CONSTRAINT {_KEYS[table]}")
    planted = _copied(table, **(_FREE | changed))
    with pytest.raises(IntegrityError, match="belongs to no"), transaction.atomic():
        _sql(planted)
    for name in {trigger, *(t for _, t, _ in STRAYS.values() if t.startswith(table))}:
        _sql(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    _sql(planted)


def test_a_held_day_is_of_its_row_s_place(claimed: City) -> None:
    _sql("SET CONSTRAINTS ALL DEFERRED")  # the programme's own key is asked at commit
    with pytest.raises(IntegrityError, match="day_hold: a row belongs to no sheet_row"), transaction.atomic():
        _sql(_HOLD.format(off=1))
    _sql(_HOLD.format(off=0))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sheet_row SET sheet_id = sheet_id + 1",
        "UPDATE sheet_row SET enrolment_id = enrolment_id + 1",
        "UPDATE sheet_row SET child_id = child_id + 1",
        "UPDATE sheet_row SET territory_id = territory_id + 1",
        "UPDATE claim_row SET enrolment_id = enrolment_id + 1",
        "UPDATE enrolment SET child_id = child_id + 1",
        "UPDATE enrolment SET id = id + 1000000 WHERE id = (SELECT enrolment_id FROM sheet_row LIMIT 1)",
        "UPDATE month_sheet SET programme_id = programme_id + 1",
        "DELETE FROM enrolment",
        "DELETE FROM month_sheet",
        "DELETE FROM sheet_row",
        "TRUNCATE sheet_row CASCADE",
        "TRUNCATE enrolment CASCADE",
    ],
)
def test_neither_a_row_moves_to_another_parent_nor_a_parent_away_from_its_rows(claimed: City, statement: str) -> None:
    with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
        _sql(statement)


def test_a_parent_s_other_columns_and_a_row_s_own_key_written_again_are_free(claimed: City) -> None:
    _sql("UPDATE enrolment SET child_id = child_id, reason = 'moved away' WHERE state = 'active'")
    _sql("UPDATE sheet_row SET sheet_id = sheet_id, evidence = 'seen'")

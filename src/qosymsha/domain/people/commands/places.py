"""Territories from the classifier, departments of an akimat."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.people import queries
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Department, Territory
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import sort_key

_DATA = Path(__file__).resolve().parents[1] / "data"
COUNTRY = "000000000"  # not in KATO: the root that holds the twenty regions and cities together
ASTANA = "710000000"

# A rename keeps the id; a split or a new code is a new row.
_UPSERT = """
WITH given AS (
    SELECT * FROM unnest(%(kato)s::text[], %(parent)s::text[], %(kind)s::text[], %(kk)s::text[], %(ru)s::text[],
        %(en)s::text[], %(sort)s::text[], %(since)s::date[]) AS g (kato, parent, kind, kk, ru, en, sort, since)
), renamed AS (
    UPDATE territory t SET name_kk = g.kk, name_ru = g.ru, name_en = g.en, sort_kk = g.sort
      FROM given g WHERE g.kato = t.kato AND t.valid @> %(on)s::date
)
INSERT INTO territory (kato, parent_id, kind, name_kk, name_ru, name_en, sort_kk, valid)
SELECT g.kato, p.id, g.kind, g.kk, g.ru, g.en, g.sort, daterange(g.since, NULL)
  FROM given g LEFT JOIN territory p ON p.kato = g.parent AND p.valid @> %(on)s::date
 WHERE NOT EXISTS (SELECT 1 FROM territory t WHERE t.kato = g.kato AND t.valid && daterange(g.since, NULL))"""


@dataclass(frozen=True, slots=True)
class TerritoryRow:
    """A row of the classifier: `parent` is a KATO code, `since` None where the day is unknown and long past."""

    kato: str
    parent: str | None
    kind: str
    name_kk: str
    name_ru: str
    name_en: str
    since: date | None


@dataclass(frozen=True, slots=True)
class DepartmentDraft:
    """A department to open: its akimat's territory, a short code (`education`, `sport`, `culture`), three names."""

    territory_id: int
    code: str
    name_kk: str
    name_ru: str
    name_en: str = ""


@transaction.atomic(durable=True)
def load_territories(*, actor: Actor, at: datetime, key: UUID) -> int:
    """Load the country, its regions and Astana's districts; run again, it takes over renames. Returns how many.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.LOAD_TERRITORIES, ALLOWED)
    levels = [[_country()], _regions(), _districts()]
    body = [[row.kato, row.name_kk, row.name_ru, row.name_en] for rows in levels for row in rows]
    seen = idempotency.repeat(actor=actor, verb="load_territories", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    for rows in levels:  # one statement per level: a parent must stand before its children
        _upsert(rows, local_day(at))
    audit.record(actor=actor, at=at, action=Action.LOAD_TERRITORIES, subject_kind="territory", subject_ids=[])
    idempotency.keep(actor=actor, verb="load_territories", key=key, outcome=len(body))
    return len(body)


@transaction.atomic(durable=True)
def open_department(*, actor: Actor, department: DepartmentDraft, at: datetime, key: UUID) -> int:
    """Open a department of an akimat and return its id.

    Raises:
        Forbidden: the actor may not, here.
        Refused: territory_unknown; department_code_taken.
    """
    require(actor, Action.OPEN_DEPARTMENT, ALLOWED, territory_id=department.territory_id)
    body = [department.territory_id, department.code, department.name_kk, department.name_ru, department.name_en]
    seen = idempotency.repeat(actor=actor, verb="open_department", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if not Territory.objects.filter(id=department.territory_id).exists():
        raise Refused(PeopleRefusal.TERRITORY_UNKNOWN, territory_id=department.territory_id)
    if queries.department_id(department.territory_id, department.code) is not None:
        raise Refused(PeopleRefusal.DEPARTMENT_CODE_TAKEN, code=department.code)
    made = Department.objects.create(
        territory_id=department.territory_id,
        code=department.code,
        name_kk=department.name_kk,
        name_ru=department.name_ru,
        name_en=department.name_en,
    )
    audit.record(
        actor=actor,
        at=at,
        action=Action.OPEN_DEPARTMENT,
        subject_kind="department",
        subject_ids=[made.id],
        territory_id=department.territory_id,
    )
    idempotency.keep(actor=actor, verb="open_department", key=key, outcome=made.id)
    return made.id


def _country() -> TerritoryRow:
    return TerritoryRow(COUNTRY, None, "country", "Қазақстан", "Казахстан", "Kazakhstan", None)


def _regions() -> list[TerritoryRow]:
    return [_row(line, COUNTRY, line["kind"]) for line in _lines("regions.csv")]


def _districts() -> list[TerritoryRow]:
    return [_row(line, ASTANA, "district") for line in _lines("astana_districts.csv")]


def _lines(name: str) -> list[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(line: dict[str, str], parent: str, kind: str) -> TerritoryRow:
    since = date.fromisoformat(line["valid_from"]) if line["valid_from"] else None
    return TerritoryRow(line["kato"], parent, kind, line["name_kk"], line["name_ru"], line["name_en"], since)


def _upsert(rows: list[TerritoryRow], on: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            {
                "kato": [r.kato for r in rows],
                "parent": [r.parent for r in rows],
                "kind": [r.kind for r in rows],
                "kk": [r.name_kk for r in rows],
                "ru": [r.name_ru for r in rows],
                "en": [r.name_en for r in rows],
                "sort": [sort_key(r.name_kk) for r in rows],
                "since": [r.since for r in rows],
                "on": on,
            },
        )

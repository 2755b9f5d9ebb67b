"""Territories and departments, by code and by place in the tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from django.db import connection

_BELOW = """
WITH RECURSIVE below (root, id) AS (
    SELECT id, id FROM territory WHERE id = ANY(%s)
    UNION SELECT below.root, t.id FROM below JOIN territory t ON t.parent_id = below.id
) SELECT root, id FROM below"""


@dataclass(frozen=True, slots=True)
class TerritoryName:
    """A territory for pages and files."""

    id: int
    kato: str
    kind: str
    name_kk: str
    name_ru: str
    name_en: str


def territory_by_kato(kato: str, on: date) -> int | None:
    """The id of the territory that bears this KATO code on that day; names never identify a place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM territory WHERE kato = %s AND valid @> %s::date", [kato, on])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def territories_by_kato(katos: Collection[str], on: date) -> dict[str, int]:
    """KATO code → id for the codes in use on that day; unknown codes are left out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kato, id FROM territory WHERE kato = ANY(%s) AND valid @> %s::date", [list(katos), on])
        return dict(cursor.fetchall())


def territories_below(territory_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """For each territory: itself and everything under it."""
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [list(territory_ids)])
        return _grouped(cursor.fetchall())


def districts_of(territory_id: int, on: date) -> list[TerritoryName]:
    """The territories directly under one, in the Kazakh alphabet's order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, kato, kind, name_kk, name_ru, name_en FROM territory"
            ' WHERE parent_id = %s AND valid @> %s::date ORDER BY sort_kk COLLATE "C", id',
            [territory_id, on],
        )
        return [TerritoryName(*row) for row in cursor.fetchall()]


def department_id(territory_id: int, code: str) -> int | None:
    """A territory's department by its code (`education`, `sport`, `culture`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM department WHERE territory_id = %s AND code = %s", [territory_id, code])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    groups: dict[int, set[int]] = {}
    for key, value in pairs:
        groups.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in groups.items()}

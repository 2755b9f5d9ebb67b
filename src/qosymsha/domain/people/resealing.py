"""A new key for what is sealed at rest: one batch of rows sealed anew, and what stands under which key.

For every room that keeps sealed rows; each writes its own. A row that does not open is passed by and told, so that one
edited row does not keep all others under an old key. Counts are of rows alone: no content is read for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import connection

from qosymsha.kernel import audit, cipher
from qosymsha.kernel.actor import Actor


class Place(NamedTuple):
    """Where sealed rows stand: the table, its column of ids, the column of key ids, which rows are sealed."""

    table: str
    row_id: str
    key_id: str
    where: str = "true"


class Under(NamedTuple):
    """How many rows stand under a key, and the first of them."""

    rows: int
    first_id: int


class Stale(NamedTuple):
    """A locked row under an older key, and what its content is bound to."""

    row_id: int
    sealed: cipher.Sealed
    bound_to: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call did: rows sealed anew, ids of rows that do not open, after which id to go on (None: at the end)."""

    rows: int
    unopened: tuple[int, ...] = ()
    last: int | None = None


_NAMED = 20  # rows of a batch in the audit; where a key has a wrong value, none opens
PERSONS = Place("person_secret", "id", "key_id")


def first_key() -> str:
    """The id of the key that seals."""
    return next(iter(settings.SECRET_KEYS))


def older_keys() -> list[str]:
    """Ids of the keys that only open. What stands under any other cannot be sealed anew, so nobody looks at it."""
    return list(settings.SECRET_KEYS)[1:]


def resealed(found: Iterable[Stale], most: int) -> tuple[dict[int, cipher.Sealed], Batch]:
    """Row → its content under the first key, to be stored by the caller who holds the rows; fewer than `most`: the end.

    A row that does not open is left out: it was edited or moved, or the setting has another value under its key's id.
    """
    rows = list(found)
    fresh, unopened = {}, []
    for row in rows:
        try:
            plain = cipher.unseal(row.sealed, bound_to=row.bound_to)
        except (InvalidTag, ValueError):  # ValueError: a nonce of another length
            unopened.append(row.row_id)
            continue
        fresh[row.row_id] = cipher.seal(plain, bound_to=row.bound_to)
    last = rows[-1].row_id if len(rows) == most else None
    return fresh, Batch(len(fresh), tuple(unopened), last)


def record(batch: Batch, *, actor: Actor, at: datetime, action: StrEnum, kind: str) -> None:
    """The audit row of a batch that did or found something; names the first rows that do not open."""
    if batch.rows or batch.unopened:
        audit.record(
            actor=actor,
            at=at,
            action=action,
            subject_kind=kind,
            subject_ids=list(batch.unopened[:_NAMED]),
            detail={"rows": batch.rows, "key_id": first_key(), "unopened": len(batch.unopened)},
        )


def counted(place: Place) -> dict[str, Under]:
    """Key id → how many rows stand under it. Reads the whole table: for the operator's verbs."""
    found = _asked(place, f"{place.key_id}, count(*), min({place.row_id})", "GROUP BY 1")
    return {str(key_id): Under(int(n), int(row_id)) for key_id, n, row_id in found}


def met(place: Place) -> set[str]:
    """Ids of the keys under which any row stands: what a look each morning may cost."""
    return {str(key_id) for (key_id,) in _asked(place, f"DISTINCT {place.key_id}")}


def _asked(place: Place, what: str, end: str = "") -> list[tuple[Any, ...]]:
    statement = f"SELECT {what} FROM {place.table} WHERE {place.where} {end}"  # noqa: S608 - a room's own words
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())

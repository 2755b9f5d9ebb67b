"""Reading marks of months kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db import connection

from qosymsha.domain.flags.rules.evidence import Numbers
from qosymsha.domain.flags.rules.recording import EVIDENCE, OutsideRow
from qosymsha.domain.vouchers.queries import rows

_FIELD = (("length of ", ">i4"), ("", ">i8"))
_HEADER, _TRAILER = 19, 2  # bytes of PostgreSQL's binary COPY around its rows
OUTSIDE_COLUMNS = ("child_ref", "ref", "child_id", "group_id", "provider_id", *EVIDENCE)


def stored_rows(programme_id: int, drafts: Sequence[OutsideRow]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Key → what is stored of marks with these keys: references, ids and evidence, as `told` gives them of a draft."""
    if not drafts:
        return {}
    days = [d.on for d in drafts]
    listed = ", ".join(f"o.{name}" for name in OUTSIDE_COLUMNS)
    found = rows(
        f'SELECT o."on", o.provider, o.group_code, o.child, o.starts_at, {listed}'  # noqa: S608
        " FROM unnest(%s::date[], %s::text[], %s::text[], %s::bytea[], %s::timestamptz[]) AS k (day, p, g, c, a)"
        ' JOIN outside_mark o ON o."on" = k.day AND o.programme_id = %s AND o.provider = k.p AND o.group_code = k.g'
        ' AND o.child = k.c AND o.starts_at = k.a WHERE o."on" BETWEEN %s AND %s',
        [
            days,
            [d.provider for d in drafts],
            [d.group_code for d in drafts],
            [d.child for d in drafts],
            [d.starts_at for d in drafts],
            programme_id,
            min(days),
            max(days),
        ],
    )
    return {(row[0], row[1], row[2], bytes(row[3]), row[4]): tuple(row[5:]) for row in found}


def told(draft: OutsideRow) -> tuple[object, ...]:
    """What a draft says beside its key, in the order of `OUTSIDE_COLUMNS`."""
    return (draft.child_ref, draft.ref, draft.child_id, draft.group_id, draft.provider_id, *draft.evidence)


def copied(statement: str, given: Mapping[str, Any], names: Sequence[str]) -> dict[str, Numbers]:
    """A statement's rows as arrays by name, straight from binary COPY: no object is made per row.

    Each column must be an eight-byte number and never NULL, so that every row has the same length.
    """
    parts = [("fields", ">i2"), *((f"{kind}{name}", form) for name in names for kind, form in _FIELD)]
    record = np.dtype(parts)
    with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT binary)", given) as out:
        raw = b"".join(out)
    many, rest = divmod(len(raw) - _HEADER - _TRAILER, record.itemsize)
    assert not rest, "every row has the same length"
    table = np.frombuffer(raw, record, many, _HEADER)
    return {name: table[name].astype(np.int64) for name in names}


def fetched(statement: str, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement with named parameters."""
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())

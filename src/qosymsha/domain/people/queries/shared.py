"""Children for whom more than one speaks, or nobody: reads. A child's own account speaks for none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import connection

_SHARED = """
SELECT DISTINCT asked.guardian_id, asked.child_id
  FROM unnest(%s::bigint[], %s::bigint[]) AS asked (guardian_id, child_id)
  JOIN guardianship o ON o.child_id = asked.child_id AND o.guardian_id <> asked.guardian_id
   AND o.kind <> 'self' AND o.valid @> %s::date"""


def shared_wards(pairs: Sequence[tuple[int, int]], on: date) -> set[tuple[int, int]]:
    """Those of the pairs (guardian_id, child_id) whose child somebody else speaks for too on that day."""
    if not pairs:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [[g for g, _ in pairs], [c for _, c in pairs], on])
        return set(cursor.fetchall())

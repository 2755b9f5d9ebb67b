"""Step: who speaks for whom from today on, and the word of it to whoever spoke for the child before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from qosymsha.domain.people.states import Topic
from qosymsha.kernel import outbox
from qosymsha.kernel.clock import local_day

_ADDED_TO = """
SELECT DISTINCT made.guardian_id, made.child_id FROM unnest(%s::bigint[], %s::bigint[]) AS made (guardian_id, child_id)
  JOIN guardianship o ON o.child_id = made.child_id AND o.guardian_id <> made.guardian_id AND o.kind <> 'self'
   AND o.valid @> %s::date AND lower(o.valid) < %s::date"""


def link_guardians(pairs: Mapping[tuple[int, int], tuple[str, str]], at: datetime) -> None:
    """Guardianships (guardian, child) → (kind, evidence) from today; a pair that is valid now is left as it is.

    Whoever has spoken for such a child since before today is told that there is another now.
    """
    assert transaction.get_connection().in_atomic_block, "a right commits with its cause"
    on = local_day(at)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO guardianship (guardian_id, child_id, kind, evidence, valid)"
            " SELECT guardian_id, child_id, kind, evidence, daterange(%s, NULL) FROM unnest(%s::bigint[], %s::bigint[],"
            " %s::text[], %s::text[]) AS g (guardian_id, child_id, kind, evidence)"
            " ON CONFLICT DO NOTHING RETURNING guardian_id, child_id",
            [
                on,
                [g for g, _ in pairs],
                [c for _, c in pairs],
                [kind for kind, _ in pairs.values()],
                [evidence for _, evidence in pairs.values()],
            ],
        )
        cursor.execute(_ADDED_TO, [*_columns(cursor.fetchall()), on, on])
        by = {child_id: {"by": guardian_id} for guardian_id, child_id in cursor.fetchall()}
    if by:
        outbox.tell(topic=Topic.GUARDIAN_ADDED, subject_kind="child", subject_ids=sorted(by), at=at, each=by)


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [first for first, _ in pairs], [second for _, second in pairs]

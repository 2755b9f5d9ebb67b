"""Step of rooms whose verbs certify a child's category: registers' answers, and an officer's word on papers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.people.ports import StatusAnswer
from qosymsha.domain.people.states import StatusState
from qosymsha.kernel.actor import Actor

# The newest word of a source on a child's category counts: what it said before is superseded, what it repeats is kept.
# Three statements: each sees what the one before did, and the children's lock keeps a twin from coming between.
_LOCK = "SELECT id FROM child WHERE id = ANY(%(children)s) ORDER BY id FOR NO KEY UPDATE"
_GIVEN = """
WITH given AS (
    SELECT DISTINCT ON (child_id, category, source) child_id, category, source, evidence,
           daterange(first_day, last_day, '[]') AS valid
      FROM unnest(%(children)s::bigint[], %(categories)s::text[], %(sources)s::text[], %(evidence)s::text[],
                  %(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY
           AS g (child_id, category, source, evidence, first_day, last_day, n)
     ORDER BY child_id, category, source, n DESC
)
"""
_SUPERSEDE = """
UPDATE child_status s SET state = %(superseded)s FROM given g
 WHERE (s.child_id, s.category, s.source, s.state) = (g.child_id, g.category, g.source, %(certified)s)
   AND (s.evidence, s.valid) <> (g.evidence, g.valid)"""
_CERTIFY = """
INSERT INTO child_status (child_id, category, source, evidence, state, valid, certified_at, certified_by)
SELECT g.child_id, g.category, g.source, g.evidence, %(certified)s, g.valid, %(at)s, %(by)s FROM given g
 WHERE NOT EXISTS (SELECT 1 FROM child_status s
       WHERE (s.child_id, s.category, s.source, s.state) = (g.child_id, g.category, g.source, %(certified)s))"""


def certify(stored: Sequence[tuple[int, StatusAnswer]], *, actor: Actor, at: datetime) -> None:
    """Store (child, answer) pairs as certified; the word that the same source gave before is superseded.

    The caller has judged the answers (`rules.refuse_status`), and records.
    """
    assert transaction.get_connection().in_atomic_block, "a certificate commits with its cause"
    parameters: dict[str, Any] = {
        "children": [child_id for child_id, _ in stored],
        "categories": [a.category for _, a in stored],
        "sources": [a.source for _, a in stored],
        "evidence": [a.evidence for _, a in stored],
        "firsts": [a.valid_from for _, a in stored],
        "lasts": [a.valid_to for _, a in stored],
        "certified": StatusState.CERTIFIED,
        "superseded": StatusState.SUPERSEDED,
        "at": at,
        "by": actor.user_id,
    }
    with connection.cursor() as cursor:
        for statement in (_LOCK, _GIVEN + _SUPERSEDE, _GIVEN + _CERTIFY):
            cursor.execute(statement, parameters)

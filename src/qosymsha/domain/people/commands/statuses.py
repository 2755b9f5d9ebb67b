"""Social categories as registers and officers certify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.people import queries
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.ports import StatusAnswer
from qosymsha.domain.people.rules import PeopleRefusal, refuse_status
from qosymsha.domain.people.states import StatusState
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

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


@transaction.atomic(durable=True)
def record_statuses(*, actor: Actor, answers: Sequence[StatusAnswer], at: datetime, key: UUID) -> list[RowOutcome]:
    """Store what registers certified; each outcome's id is the child's. A source's later word replaces its earlier one.

    Raises:
        Forbidden: the actor may not.
        Refused: key_reused.
    """
    require(actor, Action.RECORD_STATUSES, ALLOWED)
    seen = idempotency.repeat(actor=actor, verb="record_statuses", key=key, body=[str(a) for a in answers], at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, PeopleRefusal)
    children = queries.by_iin("child", {a.child_iin.strip() for a in answers})
    outcomes = [_judged(row, answer, children) for row, answer in enumerate(answers)]
    stored = [(o.id, answers[o.row]) for o in outcomes if o.id is not None]
    if stored:
        _store(stored, actor, at)
    touched = sorted({child_id for child_id, _ in stored})
    audit.record(actor=actor, at=at, action=Action.RECORD_STATUSES, subject_kind="child", subject_ids=touched)
    idempotency.keep(actor=actor, verb="record_statuses", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


def _judged(row: int, answer: StatusAnswer, children: dict[str, int]) -> RowOutcome:
    child_id = children.get(answer.child_iin.strip())
    reason = refuse_status(answer) or (PeopleRefusal.CHILD_UNKNOWN if child_id is None else None)
    return RowOutcome(row, reason=reason) if reason else RowOutcome(row, id=child_id)


def _store(stored: Sequence[tuple[int, StatusAnswer]], actor: Actor, at: datetime) -> None:
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

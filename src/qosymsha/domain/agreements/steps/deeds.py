"""The steps `record` and `tell`, histories, and whose word it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.people import queries as people
from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

_TRAILS = {
    "child_refusal": """
INSERT INTO child_refusal_history (child_refusal_id, seq, from_state, to_state, cause, at, actor_id)
SELECT i, 1 + (SELECT count(*) FROM child_refusal_history h WHERE h.child_refusal_id = i), %s, %s, %s, %s, %s
  FROM unnest(%s::bigint[]) AS i""",
    "group_wait": """
INSERT INTO group_wait_history (group_wait_id, seq, from_state, to_state, cause, at, actor_id)
SELECT i, 1 + (SELECT count(*) FROM group_wait_history h WHERE h.group_wait_id = i), %s, %s, %s, %s, %s
  FROM unnest(%s::bigint[]) AS i""",
}


def told(  # noqa: PLR0913 - who, what, the news, of which rows, when, where
    actor: Actor,
    action: StrEnum,
    topic: StrEnum,
    kind: str,
    ids: Sequence[int],
    at: datetime,
    territory_id: int | None = None,
    **detail: object,
) -> None:
    """Record the deed and tell of it; a try that changed nothing is recorded too, but is no news."""
    audit.record(
        actor=actor, at=at, action=action, subject_kind=kind, subject_ids=ids, territory_id=territory_id, detail=detail
    )
    if ids:
        outbox.tell(topic=topic, subject_kind=kind, subject_ids=ids, at=at, detail=detail)


def trail(  # noqa: PLR0913 - which rows, from, to, why, who, when
    table: str, ids: Sequence[int], before: str, after: str, *, cause: StrEnum, actor: Actor, at: datetime
) -> None:
    """One line of history per row."""
    assert transaction.get_connection().in_atomic_block, "a step commits with its history"
    line: list[Any] = [before, after, cause.value, at, actor.user_id, list(ids)]
    with connection.cursor() as cursor:
        cursor.execute(_TRAILS[table], line)


def speaks_for(actor: Actor, child_id: int, at: datetime) -> bool:
    """True where the actor is a guardian of the child on this day."""
    guardian_id = actor.guardian_id
    return guardian_id is not None and (guardian_id, child_id) in people.wards([(guardian_id, child_id)], local_day(at))

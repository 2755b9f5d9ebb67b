"""What is done to trials inside an open transaction: a step of their life, with its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from django.db import connection, transaction

from qosymsha.kernel.actor import Actor

_TRAIL = """
INSERT INTO trial_lesson_history (trial_lesson_id, seq, from_state, to_state, cause, at, actor_id)
SELECT i, 1 + (SELECT count(*) FROM trial_lesson_history h WHERE h.trial_lesson_id = i), %s, %s, %s, %s, %s
  FROM unnest(%s::bigint[]) AS i"""


def trail(  # noqa: PLR0913 - which rows, from, to, why, who, when
    ids: Sequence[int], before: str, after: str, *, cause: StrEnum, actor: Actor, at: datetime
) -> None:
    """One line of history per trial."""
    assert transaction.get_connection().in_atomic_block, "a step commits with its history"
    with connection.cursor() as cursor:
        cursor.execute(_TRAIL, [before, after, cause.value, at, actor.user_id, list(ids)])

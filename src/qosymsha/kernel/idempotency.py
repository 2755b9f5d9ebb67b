"""Idempotency: (user, verb, key) is done once; with another body it is refused; a replay writes before it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.kernel.actor import Actor
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import KeyReason, Refused, RowOutcome

# DO UPDATE, not DO NOTHING: it waits for a twin still running, and makes a replay a write, so that under synchronous
# replication it can't acknowledge what no standby has (RELIABILITY.md 2, row 8).
_CLAIM = """
INSERT INTO idempotency_key (user_id, verb, key, body_hash, at, replays) VALUES (%s, %s, %s, %s, %s, 0)
ON CONFLICT (user_id, verb, key) DO UPDATE SET replays = idempotency_key.replays + 1
RETURNING body_hash, outcome, replays"""


def repeat(*, actor: Actor, verb: str, key: UUID, body: Any, at: datetime) -> Any | None:
    """Step `repeat?`: return the first outcome of this key, or None when this is the first time.

    Raises:
        Refused: `key_reused` — the key was used with another body.
    """
    assert transaction.get_connection().in_atomic_block, "the key commits with its fact"
    body_hash = digest(body)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [actor.user_id, verb, key, body_hash, at])
        stored, outcome, replays = cursor.fetchone()
    if bytes(stored) != body_hash:
        raise Refused(KeyReason.KEY_REUSED, verb=verb)
    if replays == 0:
        return None
    assert outcome is not None, "a committed key has its outcome"
    return json.loads(outcome) if isinstance(outcome, str) else outcome


def keep(*, actor: Actor, verb: str, key: UUID, outcome: Any) -> None:
    """Step `record`: store what is answered (never None: `repeat` says that of a first time), in its transaction."""
    assert outcome is not None, "None would be done again on a replay"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE idempotency_key SET outcome = %s WHERE user_id = %s AND verb = %s AND key = %s",
            [json.dumps(outcome), actor.user_id, verb, key],
        )
        assert cursor.rowcount == 1, "the key was claimed in this transaction"


def outcome_rows(outcomes: Sequence[RowOutcome]) -> list[list[Any]]:
    """A batch's outcomes as `keep` stores them; `outcomes_of` reads them back."""
    return [[o.row, o.id, o.reason.value if o.reason else None, o.detail] for o in outcomes]


def outcomes_of(rows: Sequence[Sequence[Any]], reasons: Callable[[str], StrEnum]) -> list[RowOutcome]:
    """The outcomes of `outcome_rows`; `reasons` makes a room's reason of its code."""
    return [RowOutcome(row, i, reasons(reason) if reason else None, detail) for row, i, reason, detail in rows]

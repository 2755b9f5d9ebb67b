"""Idempotency: (user, verb, key) is done once; with another body it is refused; a replay writes before it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.kernel.actor import Actor
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import KeyReason, Refused, RowOutcome

_CLAIM = "SELECT first_body, first_outcome, times FROM idempotency_claim(%s, %s, %s, %s, %s)"


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


def assert_alone() -> None:
    """A hot verb's one statement is a transaction of its own: it must not run inside another (a test case's apart)."""
    blocks = transaction.get_connection().atomic_blocks
    assert not blocks or blocks[-1]._from_testcase, "a hot verb commits by itself"


def keep(*, actor: Actor, verb: str, key: UUID, outcome: Any) -> None:
    """Step `record`: store what is answered (never None: `repeat` says that of a first time), in its transaction."""
    assert outcome is not None, "None would be done again on a replay"
    with connection.cursor() as cursor:
        cursor.execute("SELECT idempotency_keep(%s, %s, %s, %s)", [actor.user_id, verb, key, json.dumps(outcome)])


def forget(before: datetime, on: date, most: int = 5_000) -> int:
    """Delete up to `most` keys used before an instant, unless kept beyond the day `on`; how many went."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT idempotency_forget(%s, %s, %s)", [before, on, most])
        return int(cursor.fetchone()[0])


def outcome_rows(outcomes: Sequence[RowOutcome]) -> list[list[Any]]:
    """A batch's outcomes as `keep` stores them; `outcomes_of` reads them back."""
    return [[o.row, o.id, o.reason.value if o.reason else None, o.detail] for o in outcomes]


def outcomes_of(rows: Sequence[Sequence[Any]], reasons: Callable[[str], StrEnum]) -> list[RowOutcome]:
    """The outcomes of `outcome_rows`; `reasons` makes a room's reason of its code."""
    return [RowOutcome(row, i, reasons(reason) if reason else None, detail) for row, i, reason, detail in rows]

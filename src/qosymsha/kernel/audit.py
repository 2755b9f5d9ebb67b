"""Audit: an event committed with its fact, and links of a hash chain written a little later by one sequencer.

Writers never wait for each other. What an edit of an event inside the window before its link could hide is said in
docs/decisions (audit and outbox).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from django.db import connection, transaction

from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor

_INSERT = "SELECT audit_record(%s, %s, %s, %s, %s, %s, %s, %s)"

# Only events of transactions below every one still running are linked, so that none appears later between two links.
_LINK = "SELECT audit_link_next(%s)"


def record(  # noqa: PLR0913 - the columns of an event
    *,
    actor: Actor,
    at: datetime,
    action: StrEnum,
    subject_kind: str,
    subject_ids: Sequence[int],
    territory_id: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Step `record`: one event in the caller's transaction, naming every row touched or read by id."""
    assert transaction.get_connection().in_atomic_block, "audit commits with its fact"
    ids, more = json.dumps(list(subject_ids)), json.dumps(dict(detail or {}))
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [at, actor.user_id, actor.label, action.value, subject_kind, ids, territory_id, more])


def link(limit: int = 10_000) -> int:
    """The sequencer's step: chain up to `limit` finished events, return how many. Run by one job at a time."""
    with transaction.atomic(durable=True):
        locks.exclusive("audit_link")
        with connection.cursor() as cursor:
            cursor.execute(_LINK, [limit])
            (linked,) = cursor.fetchone()
    return int(linked)

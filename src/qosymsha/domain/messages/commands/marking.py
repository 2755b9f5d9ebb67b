"""A person says that notices were read. Needs no key: what is read stays read, since when it was first said."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.messages import queries
from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.states import Door
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden

_READ = "UPDATE notice SET read_at = %s WHERE id = ANY (%s) AND read_at IS NULL RETURNING id"


@transaction.atomic(durable=True)
def mark_read(*, actor: Actor, door: Door, notice_uuid: UUID, at: datetime) -> str:
    """One's own notice is read; its kind, which says where it leads.

    Raises:
        Forbidden: it is not the actor's own, or there is none: the same answer.
    """
    require(actor, Action.MARK_NOTICES, ALLOWED)
    found = queries.own_ids(actor, door, at, notice_uuid)
    if not found:
        raise Forbidden(Action.MARK_NOTICES)
    ((notice_id, kind),) = found
    _mark(actor, [notice_id], at)
    return kind


@transaction.atomic(durable=True)
def mark_all_read(*, actor: Actor, door: Door, at: datetime) -> int:
    """All of one's notices in this door are read; how many were not.

    Raises:
        Forbidden: nobody signed in.
    """
    require(actor, Action.MARK_NOTICES, ALLOWED)
    return _mark(actor, [notice_id for notice_id, _ in queries.own_ids(actor, door, at)], at)


def _mark(actor: Actor, ids: list[int], at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_READ, [at, ids])
        marked = sorted(row[0] for row in cursor.fetchall())
    if marked:
        audit.record(actor=actor, at=at, action=Action.MARK_NOTICES, subject_kind="notice", subject_ids=marked)
    return len(marked)

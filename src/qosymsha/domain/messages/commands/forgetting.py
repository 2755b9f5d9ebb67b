"""Notices whose time is over leave, with what was sent of them."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

AT_ONCE = 5_000
_OVER = "SELECT id FROM notice WHERE keep_until < %s ORDER BY keep_until LIMIT %s FOR UPDATE SKIP LOCKED"
_SENT = "DELETE FROM notice_delivery WHERE notice_id = ANY (%s)"
_GONE = "DELETE FROM notice WHERE id = ANY (%s)"


@transaction.atomic(durable=True)
def forget_notices(*, actor: Actor, at: datetime) -> int:
    """Delete a portion of the notices past their day; how many went. Needs no key: gone is gone.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.FORGET_NOTICES, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(_OVER, [local_day(at), AT_ONCE])
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(_SENT, [ids])
        cursor.execute(_GONE, [ids])
    if ids:
        audit.record(
            actor=actor, at=at, action=Action.FORGET_NOTICES, subject_kind="notice", subject_ids=[],
            detail={"gone": len(ids)},
        )  # fmt: skip
    return len(ids)

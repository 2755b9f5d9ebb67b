"""Keeping the table of secrets: rotation of the encryption key."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from qosymsha.domain.people import resealing, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.kernel.actor import Actor, require


@transaction.atomic(durable=True)
def rotate_secrets(*, actor: Actor, at: datetime, after: int = 0, most: int = 1_000) -> resealing.Batch:
    """Re-encrypt up to `most` secrets that stand under an older key, in the order of their ids, from `after` on.

    Doing it twice does nothing the second time, so it takes no idempotency key. Readers are not disturbed; who changes
    one of these rows waits for the end of the batch. A row that somebody holds, or that does not open, is passed by.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.ROTATE_SECRETS, ALLOWED)
    batch = steps.rotate(after, most)
    resealing.record(batch, actor=actor, at=at, action=Action.ROTATE_SECRETS, kind="person_secret")
    return batch

"""Keeping the campaigns' secrets: rotation of the encryption key."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from qosymsha.domain.controls import steps
from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.people import resealing
from qosymsha.kernel.actor import Actor, require


@transaction.atomic(durable=True)
def rotate_campaigns(*, actor: Actor, at: datetime, after: int = 0, most: int = 1_000) -> resealing.Batch:
    """Re-encrypt up to `most` campaigns' secrets that stand under an older key, in the order of ids, from `after` on.

    Doing it twice does nothing the second time. The secret stays the one that the commitment binds.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.ROTATE, ALLOWED)
    batch = steps.rotate_campaigns(after, most)
    resealing.record(batch, actor=actor, at=at, action=Action.ROTATE, kind="control_campaign")
    return batch

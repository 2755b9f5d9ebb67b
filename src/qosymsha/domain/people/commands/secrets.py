"""Keeping the table of secrets: rotation of the encryption key."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require


@transaction.atomic(durable=True)
def rotate_secrets(*, actor: Actor, at: datetime, limit: int = 10_000) -> int:
    """Re-encrypt up to `limit` secrets that stand under an older key; run until it returns 0, then drop the older key.

    Doing it twice does nothing the second time, so it takes no idempotency key. Readers are not disturbed.

    Raises:
        Forbidden: the actor may not.
        cryptography.exceptions.InvalidTag: a row was edited or moved; nothing of this call is stored.
    """
    require(actor, Action.ROTATE_SECRETS, ALLOWED)
    rotated = steps.rotate(limit)
    if rotated:
        detail = {"rows": rotated, "key_id": next(iter(settings.SECRET_KEYS))}
        audit.record(
            actor=actor,
            at=at,
            action=Action.ROTATE_SECRETS,
            subject_kind="person_secret",
            subject_ids=[],
            detail=detail,
        )
    return rotated

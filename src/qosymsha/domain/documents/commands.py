"""The clock's and the operator's verbs: papers past their time are erased, contents change their key."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from qosymsha.domain.documents import steps
from qosymsha.domain.documents.access import ALLOWED, Action
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day


@transaction.atomic(durable=True)
def forget_documents(*, actor: Actor, at: datetime, most: int = 500) -> int:
    """Erase up to `most` papers whose last day has passed; run until it returns 0. Doing it twice does nothing more.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.FORGET_DOCUMENTS, ALLOWED)
    erased = steps.erase_documents(steps.over_documents(local_day(at), most), at=at)
    if erased:
        audit.record(actor=actor, at=at, action=Action.FORGET_DOCUMENTS, subject_kind="document", subject_ids=erased)
    return len(erased)


@transaction.atomic(durable=True)
def rotate_documents(*, actor: Actor, at: datetime, most: int = 100) -> int:
    """Re-encrypt up to `most` papers that stand under an older key; run until it returns 0, then drop the older key.

    Raises:
        Forbidden: the actor may not.
        cryptography.exceptions.InvalidTag: a row was edited or moved; nothing of this call is stored.
    """
    require(actor, Action.ROTATE_DOCUMENTS, ALLOWED)
    rotated = steps.rotate_documents(most)
    if rotated:
        detail = {"rows": rotated, "key_id": next(iter(settings.SECRET_KEYS))}
        audit.record(
            actor=actor, at=at, action=Action.ROTATE_DOCUMENTS, subject_kind="document", subject_ids=[], detail=detail
        )
    return rotated

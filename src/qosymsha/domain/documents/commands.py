"""The clock's and the operator's verbs: papers past their time are erased, contents change their key, scanned."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from qosymsha.domain.documents import steps
from qosymsha.domain.documents.access import ALLOWED, Action
from qosymsha.domain.documents.states import Scan, Topic
from qosymsha.domain.people import resealing
from qosymsha.kernel import audit, outbox
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
def rotate_documents(*, actor: Actor, at: datetime, after: int = 0, most: int = 10) -> resealing.Batch:
    """Re-encrypt up to `most` papers that stand under an older key, in the order of their ids, from `after` on.

    Doing it twice does nothing the second time. A paper that somebody holds, or that does not open, is passed by.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.ROTATE_DOCUMENTS, ALLOWED)
    batch = steps.rotate_documents(after, most)
    resealing.record(batch, actor=actor, at=at, action=Action.ROTATE_DOCUMENTS, kind="document")
    return batch


@transaction.atomic(durable=True)
def record_scan(*, actor: Actor, document_id: int, found: str, at: datetime) -> Scan | None:
    """Keep what the scanner said of a waiting paper; one in which it `found` something is sealed off and told of.

    Doing it twice does nothing more: None where the paper waits no more.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.SCAN_DOCUMENTS, ALLOWED)
    word = steps.keep_scan(document_id, found, at=at)
    if word is None:
        return None
    detail = {"scan": word.value} | ({"found": found} if found else {})
    audit.record(
        actor=actor,
        at=at,
        action=Action.SCAN_DOCUMENTS,
        subject_kind="document",
        subject_ids=[document_id],
        detail=detail,
    )
    if word is Scan.SEALED:
        outbox.tell(topic=Topic.PAPER_SEALED, subject_kind="document", subject_ids=[document_id], at=at)
    return word


@transaction.atomic(durable=True)
def count_try(*, actor: Actor, document_id: int) -> None:
    """The scanner gave no word on this paper: it is tried again after the others.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.SCAN_DOCUMENTS, ALLOWED)
    steps.count_try(document_id)

"""Inside an open transaction: hand an errand to the queue, move it along its life."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from procrastinate import App
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued

from qosymsha.domain.errands import queries
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import TASK, TOLD_AFTER
from qosymsha.domain.errands.states import OPEN, TRANSITIONS, ErrandState, Topic
from qosymsha.domain.people import resealing
from qosymsha.kernel import outbox

_queue = App(connector=DjangoConnector())  # Django's own connection: the job commits with the errand


def hand_over(errand: Errand) -> bool:
    """Give the queue a job for the errand, one at a time for one thing; False where one waits already."""
    assert transaction.get_connection().in_atomic_block, "the job commits with its errand"
    about = f"{TASK}.{errand.subject_kind}.{errand.subject_id}"
    job = _queue.configure_task(TASK, lock=about, queueing_lock=f"{TASK}.{errand.uuid}")
    try:
        with transaction.atomic():
            job.defer(errand=str(errand.uuid))
    except AlreadyEnqueued:
        return False
    return True


def move(errand: Errand, to: ErrandState, at: datetime, *, reason: str = "", tally: Mapping[str, int] = {}) -> None:
    """Take a step of its life; where it ends, its body is destroyed, and who waited for long is told."""
    assert (errand.state, to.value) in TRANSITIONS, (errand.state, to.value)
    errand.state, errand.reason = to, reason
    if to is ErrandState.RUNNING:
        errand.begun_at, errand.tries = at, errand.tries + 1
        errand.phase, errand.rows_done, errand.rows_all = "", 0, 0
    elif to not in OPEN:
        errand.ended_at, errand.tally = at, dict(tally)
        errand.body, errand.body_nonce, errand.body_key_id = None, None, ""
    errand.save()
    if to not in (*OPEN, ErrandState.WITHDRAWN) and at - errand.asked_at > TOLD_AFTER:
        outbox.tell(
            topic=Topic.ENDED, subject_kind="errand", subject_ids=[errand.pk], at=at, detail={"state": to.value}
        )


def rotate_errands(after: int, most: int) -> resealing.Batch:
    """Encrypt up to `most` open errands' bodies of older keys under the first key; who begins or ends one waits."""
    stale = Errand.objects.filter(body_key_id__in=resealing.older_keys(), body__isnull=False, pk__gt=after)
    locked = stale.select_for_update(skip_locked=True).order_by("pk")[:most]
    rows = (resealing.Stale(one.pk, queries.sealed_body(one), queries.binding(one.uuid)) for one in locked)
    fresh, batch = resealing.resealed(rows, most)
    for i, sealed in fresh.items():
        Errand.objects.filter(pk=i).update(body_key_id=sealed.key_id, body_nonce=sealed.nonce, body=sealed.ciphertext)
    return batch

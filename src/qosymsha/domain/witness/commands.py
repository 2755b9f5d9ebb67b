"""Signing a checkpoint: compare, then add; never past a chain that no longer continues what was signed before."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings

from qosymsha.domain.witness import queries, store
from qosymsha.domain.witness.rules import Checkpoint
from qosymsha.domain.witness.states import CheckpointRefusal
from qosymsha.kernel.errors import Refused

_log = logging.getLogger(__name__)


def sign_checkpoint(*, at: datetime) -> Checkpoint | None:
    """Sign and keep what the chain is now, outside the database; None where no folder is set or nothing was added.

    It writes no row: an audit event of its own would make the chain grow by being looked at. Run by one at a time.

    Raises:
        NotConfigured: production without its own key.
        Refused: the last checkpoint is forged (`checkpoint_is_forged`), longer than the chain (`chain_is_shorter`) or
            not what the chain holds there (`chain_differs`). Nothing is signed from then on until somebody has looked.
    """
    where = store.folder()
    if where is None:
        return None
    with store.alone(where):
        newest = store.files(where)[-1:]
        before = store.one(newest[0]) if newest else None
        if before is not None:
            _refuse_another_past(before)
        last = queries.last_link()
        if last is None or (before is not None and before.size == last[0]):
            return None
        checkpoint = Checkpoint(settings.CHECKPOINT_ORIGIN, last[0], last[1], at)
        store.add(where, checkpoint)
    return checkpoint


def _refuse_another_past(before: store.Stored) -> None:
    if before.checkpoint is None:
        raise _alarm(CheckpointRefusal.FORGED, before.size)
    found = queries.hash_at(before.size)
    if found is None:
        raise _alarm(CheckpointRefusal.CUT, before.size)
    if found != before.checkpoint.hash:
        raise _alarm(CheckpointRefusal.CHANGED, before.size)


def _alarm(reason: CheckpointRefusal, size: int) -> Refused:
    _log.critical("audit: %s at checkpoint %s; run `qosymsha audit verify`", reason.value, size)
    return Refused(reason, size=size)

"""Publication: the run made again from the frozen rows, and the round's files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts, frozen
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.allocation import parts, protocol
from qosymsha.domain.allocation.small_classes import withheld_rows
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def publish_round(*, actor: Actor, round_id: int, folder: Path, at: datetime, key: UUID) -> Round:
    """Make the run again, refuse if a single bit of the answer differs, and write the round's files into `folder`.

    The files are the same bytes each time: publishing again (any key or folder) writes them again, changes nothing.

    Raises:
        Refused: not allocated, the closed list changed, `output_differs`, or tickets are erased already.
    """
    require(actor, Action.PUBLISH, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    seen = idempotency.repeat(actor=actor, verb="publish_round", key=key, body=[round_id, str(folder)], at=at)
    steps.require_state(the_round, RoundState.ALLOCATED, RoundState.PUBLISHED)
    _write(the_round, folder)
    if seen is not None:
        return the_round
    if the_round.state == RoundState.ALLOCATED:
        the_round.published_at = at
        steps.move_round(the_round, RoundState.PUBLISHED, actor=actor, at=at)
        outbox.tell(topic=Topic.ROUND_PUBLISHED, subject_kind="round", subject_ids=[round_id], at=at)
    steps.record(the_round, Action.PUBLISH, actor=actor, at=at)
    idempotency.keep(actor=actor, verb="publish_round", key=key, outcome=round_id)
    return the_round


def _write(the_round: Round, folder: Path) -> None:
    run = frozen.run(the_round)
    if frozen.answer_hash(run) != bytes(the_round.output_hash or b""):
        raise Refused(AdmissionRefusal.OUTPUT_DIFFERS, round=the_round.number)
    if run.closed.has_erased():
        raise Refused(AdmissionRefusal.TICKETS_ERASED, round=the_round.number)
    tell(Phase.FILES)
    protocol.write(folder, frozen.publication(the_round, run, withheld_rows(run.arrays, run.answer)))
    parts.write(folder)

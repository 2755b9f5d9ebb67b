"""Cancel a round that cannot be drawn: a secret is lost, the beacon stays silent. Before the draw only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts
from qosymsha.domain.admission.rules import LONGEST_REASON, AdmissionRefusal
from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import normal

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancellation did: applications given back, and those that wait again in the round they had left for it."""

    returned: int
    waiting_again: int


@transaction.atomic(durable=True)
def cancel_round(*, actor: Actor, round_id: int, reason: str, at: datetime, key: UUID) -> Cancelled:
    """End a round before its draw, for ever and in public; every family may file again in the next one.

    Applications become rejected with the reason `round_cancelled`. Who had left an earlier waiting list by filing here
    waits there again, at the place it had. `reason` is published: it names no person.

    Raises:
        Forbidden: the actor is no programme officer of the city; the clock never cancels.
        Refused: drawn already (or cancelled), or no reason of 1 to 500 characters.
    """
    require(actor, Action.CANCEL_ROUND, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    said = normal(reason)
    body = [round_id, said]
    seen = idempotency.repeat(actor=actor, verb="cancel_round", key=key, body=body, at=at)
    if seen is not None:
        return Cancelled(**seen)
    steps.require_state(the_round, RoundState.PLANNED, RoundState.OPEN, RoundState.CLOSED)
    if not 0 < len(said) <= LONGEST_REASON:
        raise Refused(AdmissionRefusal.CANCEL_REASON_MISSING)
    cancelled = _give_back(the_round, actor, at)
    the_round.cancel_reason, the_round.cancelled_at = said, at
    steps.move_round(the_round, RoundState.CANCELLED, actor=actor, at=at)
    told = {"reason": said, **asdict(cancelled)}
    steps.record(the_round, Action.CANCEL_ROUND, actor=actor, at=at, topic=Topic.ROUND_CANCELLED, detail=told)
    idempotency.keep(actor=actor, verb="cancel_round", key=key, outcome=asdict(cancelled))
    return cancelled


def _give_back(the_round: Round, actor: Actor, at: datetime) -> Cancelled:
    """The live applications of the round leave it; those they had replaced wait again."""
    live = facts.undrawn(the_round.id)
    returned = waiting_again = 0
    for start in range(0, len(live), CHUNK):
        part = live[start : start + CHUNK]
        rejected = steps.move(
            part,
            come_from=[ApplicationState.SUBMITTED, ApplicationState.CHECKED],
            to=ApplicationState.REJECTED,
            cause=AdmissionRefusal.ROUND_CANCELLED,
            actor=actor,
            at=at,
        )
        again = steps.move(
            facts.left_by_filing(the_round, rejected),
            come_from=[ApplicationState.ENDED],
            to=ApplicationState.WAITING,
            cause=f"round_cancelled:{the_round.number}",
            actor=actor,
            at=at,
        )
        outbox.tell(topic=Topic.APPLICATION_REJECTED, subject_kind="application", subject_ids=rejected, at=at)
        outbox.tell(topic=Topic.APPLICATION_WAITING, subject_kind="application", subject_ids=again, at=at)
        returned += len(rejected)
        waiting_again += len(again)
    return Cancelled(returned, waiting_again)

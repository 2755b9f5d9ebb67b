"""Cancel a choice round that cannot be drawn, or that should not be: before the draw only, for ever, in public."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceList, ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import LONGEST_REASON, ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import normal

CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancellation did: lists of wishes given back to their families."""

    returned: int


@transaction.atomic(durable=True)
def cancel_choice_round(*, actor: Actor, round_id: int, reason: str, at: datetime, key: UUID) -> Cancelled:
    """End a round before its draw, for ever; lists in it become rejected with the reason `choice_round_cancelled`.

    Vouchers stay as they are: their families may file in the next round. Lists of an earlier round were never touched,
    and freed places are offered by them again. `reason` is published: it names no person.

    Raises:
        Forbidden: the actor is no programme officer of the city; the clock never cancels.
        Refused: drawn already (or cancelled), or no reason of 1 to 500 characters.
    """
    require(actor, Action.CANCEL, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    said = normal(reason)
    seen = idempotency.repeat(actor=actor, verb=Action.CANCEL, key=key, body=[round_id, said], at=at)
    if seen is not None:
        return Cancelled(**seen)
    steps.require_state(the_round, ChoiceRoundState.PLANNED, ChoiceRoundState.OPEN, ChoiceRoundState.CLOSED)
    if not 0 < len(said) <= LONGEST_REASON:
        raise Refused(ChoiceRefusal.CHOICE_CANCEL_REASON)
    cancelled = Cancelled(_give_back(the_round, actor, at))
    the_round.cancel_reason, the_round.cancelled_at = said, at
    steps.move_round(the_round, ChoiceRoundState.CANCELLED, actor=actor, at=at)
    detail = {"reason": said, **asdict(cancelled)}
    steps.record(the_round, Action.CANCEL, actor=actor, at=at, topic=Topic.ROUND_CANCELLED, detail=detail)
    idempotency.keep(actor=actor, verb=Action.CANCEL, key=key, outcome=asdict(cancelled))
    return cancelled


def _give_back(the_round: ChoiceRound, actor: Actor, at: datetime) -> int:
    live = ChoiceList.objects.filter(round_id=the_round.id, state__in=[ListState.FILED, ListState.FROZEN])
    ids = list(live.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        cause = ChoiceRefusal.CHOICE_ROUND_CANCELLED.value
        steps.move_lists([steps.Moved(i, ListState.REJECTED, cause) for i in part], actor=actor, at=at)
        outbox.tell(topic=Topic.LIST_REJECTED, subject_kind="choice_list", subject_ids=part, at=at)
    return len(ids)

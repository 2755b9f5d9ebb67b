"""Plan a choice round and open its window."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import ChoicePlan, ChoiceRefusal, refuse_plan
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.models import Programme
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused


@transaction.atomic(durable=True)
def plan_choice_round(*, actor: Actor, programme_id: int, plan: ChoicePlan, at: datetime, key: UUID) -> ChoiceRound:
    """Plan a round under the rule set in force on its first day, with the parties' commitments and the beacon named.

    Raises:
        BadInput: there is no such programme.
        Refused: carries a ChoiceRefusal; nothing is stored.
    """
    programme = Programme.objects.filter(pk=programme_id).first()
    if programme is None:
        raise BadInput("programme_id", "name a programme that exists")
    require(actor, Action.PLAN, ALLOWED, territory_id=programme.territory_id)
    seen = idempotency.repeat(actor=actor, verb=Action.PLAN, key=key, body=_body(programme_id, plan), at=at)
    if seen is not None:
        return facts.round_of(seen)
    reason = refuse_plan(plan, local_day(plan.closes_at))
    if reason is not None:
        raise Refused(reason)
    planned = ChoiceRound(
        number=steps.next_number(),
        territory_id=programme.territory_id,
        programme_id=programme_id,
        rule_set_id=programmes.rules_in_force(programme_id, local_day(plan.opens_at)).id,
        state=ChoiceRoundState.PLANNED,
        opens_at=plan.opens_at,
        closes_at=plan.closes_at,
        starts_on=plan.starts_on,
        beacon_name=plan.beacon_name,
    )
    steps.plan(planned, plan.commitments, actor=actor, at=at)
    steps.record(planned, Action.PLAN, actor=actor, at=at)
    idempotency.keep(actor=actor, verb=Action.PLAN, key=key, outcome=planned.id)
    return planned


@transaction.atomic(durable=True)
def open_choice_round(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> ChoiceRound:
    """Open the window: from now on families file lists, and neither rules nor beacon nor commitments can change.

    Raises:
        Refused: not planned, not in its window, or another choice round of the programme runs.
    """
    require(actor, Action.OPEN, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    found = steps.lock_round(round_id)
    locks.exclusive(f"choice.rounds.{found.programme_id}")
    if idempotency.repeat(actor=actor, verb=Action.OPEN, key=key, body=round_id, at=at) is not None:
        return found
    steps.require_state(found, ChoiceRoundState.PLANNED)
    if not found.opens_at <= at < found.closes_at:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_NOT_OPEN, round=found.number)
    if facts.has_running_round(found.programme_id):
        raise Refused(ChoiceRefusal.CHOICE_ROUND_RUNS, round=found.number)
    steps.move_round(found, ChoiceRoundState.OPEN, actor=actor, at=at)
    steps.record(found, Action.OPEN, actor=actor, at=at, topic=Topic.ROUND_OPENED)
    idempotency.keep(actor=actor, verb=Action.OPEN, key=key, outcome=found.id)
    return found


def _body(programme_id: int, plan: ChoicePlan) -> list[object]:
    window = [plan.opens_at.isoformat(), plan.closes_at.isoformat(), plan.starts_on.isoformat()]
    return [programme_id, window, plan.beacon_name, [[party, c.hex()] for party, c in plan.commitments.items()]]

"""Plan a round and open its window."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts
from qosymsha.domain.admission.rules import AdmissionRefusal, RoundPlan, refuse_plan
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused


@transaction.atomic(durable=True)
def plan_round(*, actor: Actor, programme_id: int, plan: RoundPlan, at: datetime, key: UUID) -> Round:
    """Plan a round under the rule set in force on its first day, with the parties' commitments and the beacon named.

    Raises:
        BadInput: there is no such programme.
        Refused: carries an AdmissionRefusal; nothing is stored.
    """
    programme = Programme.objects.filter(pk=programme_id).first()
    if programme is None:
        raise BadInput("programme_id", "name a programme that exists")
    require(actor, Action.PLAN_ROUND, ALLOWED, territory_id=programme.territory_id)
    seen = idempotency.repeat(actor=actor, verb="plan_round", key=key, body=_body(programme_id, plan), at=at)
    if seen is not None:
        return facts.round_of(seen)
    in_force = programmes.rules_in_force(programme_id, local_day(plan.opens_at))
    reason = refuse_plan(plan) or _refuse_budget(programme_id, in_force.rules, plan)
    if reason is not None:
        raise Refused(reason)
    planned = Round(
        number=steps.next_numbers("R", "round_number", 1)[0],
        territory_id=programme.territory_id,
        programme_id=programme_id,
        rule_set_id=in_force.id,
        state=RoundState.PLANNED,
        opens_at=plan.opens_at,
        closes_at=plan.closes_at,
        first_month=plan.first_month,
        last_month=plan.last_month,
        beacon_name=plan.beacon_name,
    )
    steps.plan(planned, plan.commitments, actor=actor, at=at)
    steps.record(planned, Action.PLAN_ROUND, actor=actor, at=at)
    idempotency.keep(actor=actor, verb="plan_round", key=key, outcome=planned.id)
    return planned


@transaction.atomic(durable=True)
def open_round(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Round:
    """Open the window: from now on families file, and neither rules nor beacon nor commitments can change.

    Raises:
        Refused: not planned, before its time, or another round of the programme runs.
    """
    require(actor, Action.OPEN_ROUND, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    found = steps.lock_round(round_id)
    locks.exclusive(f"admission.rounds.{found.programme_id}")
    if idempotency.repeat(actor=actor, verb="open_round", key=key, body=round_id, at=at) is not None:
        return found
    steps.require_state(found, RoundState.PLANNED)
    if not found.opens_at <= at < found.closes_at:
        raise Refused(AdmissionRefusal.WINDOW_NOT_OPEN, round=found.number)
    if facts.has_running_round(found.programme_id):
        raise Refused(AdmissionRefusal.ANOTHER_ROUND_RUNS, round=found.number)
    steps.move_round(found, RoundState.OPEN, actor=actor, at=at)
    steps.record(found, Action.OPEN_ROUND, actor=actor, at=at, topic=Topic.ROUND_OPENED)
    idempotency.keep(actor=actor, verb="open_round", key=key, outcome=found.id)
    return found


def _refuse_budget(programme_id: int, rules: Rules, plan: RoundPlan) -> AdmissionRefusal | None:
    lines = [programmes.line_id(programme_id, kind, plan.first_month.year) for kind in rules.kinds]
    return AdmissionRefusal.NO_BUDGET_LINE if None in lines else None


def _body(programme_id: int, plan: RoundPlan) -> list[object]:
    window = [plan.opens_at.isoformat(), plan.closes_at.isoformat()]
    months = [plan.first_month.isoformat(), plan.last_month.isoformat()]
    parties = [[party, commitment.hex()] for party, commitment in plan.commitments.items()]
    return [programme_id, window, months, plan.beacon_name, parties]

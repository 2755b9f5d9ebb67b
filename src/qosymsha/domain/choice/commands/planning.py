"""Plan a choice round, open its window, draw its seed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation.announcement import RevealError, seed_of
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.queries import facts, frozen
from qosymsha.domain.choice.rules import ChoicePlan, ChoiceRefusal, refuse_plan
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.models import Programme
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused

SECRET_BYTES = 32
MAX_BEACON_BYTES = 1_024


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


@transaction.atomic(durable=True)
def draw_choice_round(  # noqa: PLR0913 - a draw has two sources, and the command its three
    *, actor: Actor, round_id: int, beacon_value: bytes, secrets: Mapping[str, bytes], at: datetime, key: UUID
) -> ChoiceRound:
    """Make the seed from the closed list's root, the named beacon's value and every party's secret. Once.

    Raises:
        Refused: not closed (or drawn already), a secret missing or not the one committed to, a malformed beacon value,
            or frozen rows that no longer have the published root.
    """
    require(actor, Action.DRAW, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    body = [round_id, beacon_value.hex(), {party: secret.hex() for party, secret in secrets.items()}]
    if idempotency.repeat(actor=actor, verb=Action.DRAW, key=key, body=body, at=at) is not None:
        return the_round
    steps.require_state(the_round, ChoiceRoundState.CLOSED)
    if not 0 < len(beacon_value) <= MAX_BEACON_BYTES:
        raise Refused(ChoiceRefusal.CHOICE_BEACON_WRONG)
    ordered = _in_order(round_id, secrets)
    frozen.closed_lists(the_round)
    try:
        the_round.seed = seed_of(
            frozen.announced(the_round), bytes(the_round.root or b""), beacon_value, list(ordered.values())
        )
    except RevealError:
        raise Refused(ChoiceRefusal.CHOICE_SECRETS_WRONG) from None
    the_round.beacon_value, the_round.drawn_at = beacon_value, at
    steps.reveal(round_id, ordered)
    steps.move_round(the_round, ChoiceRoundState.DRAWN, actor=actor, at=at)
    detail = {"seed": the_round.seed.hex()}
    steps.record(the_round, Action.DRAW, actor=actor, at=at, topic=Topic.ROUND_DRAWN, detail=detail)
    idempotency.keep(actor=actor, verb=Action.DRAW, key=key, outcome=round_id)
    return the_round


def _in_order(round_id: int, secrets: Mapping[str, bytes]) -> dict[str, bytes]:
    """The secrets in the order of the commitments; whether each is the right one is `seed_of`'s to find."""
    parties = list(ChoiceSecret.objects.filter(round_id=round_id).order_by("id").values_list("party", flat=True))
    if set(parties) != set(secrets) or any(len(secret) != SECRET_BYTES for secret in secrets.values()):
        raise Refused(ChoiceRefusal.CHOICE_SECRETS_WRONG)
    return {party: secrets[party] for party in parties}


def _body(programme_id: int, plan: ChoicePlan) -> list[object]:
    window = [plan.opens_at.isoformat(), plan.closes_at.isoformat(), plan.starts_on.isoformat()]
    return [programme_id, window, plan.beacon_name, [[party, c.hex()] for party, c in plan.commitments.items()]]

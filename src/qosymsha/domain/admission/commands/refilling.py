"""Freed money goes to the next on the waiting list, by rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts, frozen
from qosymsha.domain.admission.queries.facts import Filed
from qosymsha.domain.admission.rules import AdmissionRefusal, Places, affordable, months_between, refuse_filing
from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.ledger.steps import lock_commitments
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, month_of
from qosymsha.kernel.errors import Refused

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Refilled:
    """What a refill did: per segment how many were granted, and how many who waited had lost the right meanwhile."""

    granted: dict[str, int]
    rejected: int


@dataclass(frozen=True, slots=True)
class _Turn:
    """A refill under way."""

    actor: Actor
    at: datetime
    the_round: Round
    first_month: date


@transaction.atomic(durable=True)
def refill(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Refilled:
    """Give what is free again, the appeals reserve apart, to those who wait, strictly by rank within the segment.

    Run after `vouchers.sweep_released`. Nobody's position gets worse by it: people only leave the list before others.

    Raises:
        Refused: the round is not allocated, a later round of the programme runs (its money waits for its draw), or the
            rule set gives freed places to the next round.
    """
    require(actor, Action.REFILL, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    places = frozen.places_of(the_round)
    lock_commitments(sorted({found.line_id for found in places.values()}))
    seen = idempotency.repeat(actor=actor, verb="refill", key=key, body=round_id, at=at)
    if seen is not None:
        return Refilled(**seen)
    steps.require_state(the_round, RoundState.ALLOCATED, RoundState.PUBLISHED)
    _require_free_hand(the_round)
    turn = _Turn(actor, at, the_round, max(the_round.first_month, month_of(local_day(at))))
    granted, rejected = {}, 0
    for segment, found in places.items():
        granted[segment], lost = _refill_segment(turn, segment, found)
        rejected += lost
    refilled = Refilled(granted, rejected)
    steps.record(the_round, Action.REFILL, actor=actor, at=at, detail=asdict(refilled))
    idempotency.keep(actor=actor, verb="refill", key=key, outcome=asdict(refilled))
    return refilled


def _require_free_hand(the_round: Round) -> None:
    if facts.has_running_round(the_round.programme_id):
        raise Refused(AdmissionRefusal.ANOTHER_ROUND_RUNS, round=the_round.number)
    if programmes.rules_of(the_round.rule_set_id).rules.allocation.freed_places != "by_rank":
        raise Refused(AdmissionRefusal.FREED_PLACES_WAIT, round=the_round.number)


def _refill_segment(turn: _Turn, segment: str, found: Places) -> tuple[int, int]:
    """Grant as many as the line affords; answers (granted, found without the right any more)."""
    left, lost = _affordable(turn, segment, found), 0
    winners: list[Filed] = []
    while left > len(winners):
        waiting = facts.next_waiting(turn.the_round.id, segment, min(CHUNK, left - len(winners)))
        if not waiting:
            break
        fit = _still_fit(turn, waiting)
        lost += len(waiting) - len(fit)
        _grant(turn, [row.id for row in fit])
        winners += fit
        tell(Phase.ROWS, len(winners), left)
    if winners:
        _award(turn, segment, found, winners)
    return len(winners), lost


def _affordable(turn: _Turn, segment: str, found: Places) -> int:
    months = months_between(turn.first_month, turn.the_round.last_month)
    account = AccountKey(AccountKind.FREE, found.line_id)
    month_tiyn = programmes.rules_of(turn.the_round.rule_set_id).rules.planning_tariff[segment]
    return affordable(ledger.balances([account])[account], kept_tiyn=found.kept_tiyn, voucher_tiyn=month_tiyn * months)


def _still_fit(turn: _Turn, waiting: Sequence[Filed]) -> list[Filed]:
    """Those who still have the right today; the others leave the list with their reason."""
    rules = programmes.rules_of(turn.the_round.rule_set_id).rules
    found = facts.seen_again(turn.the_round, rules, waiting, on=local_day(turn.at))
    reasons = {row.id: refuse_filing(rules, fact) for row, fact in zip(waiting, found, strict=True)}
    for reason in sorted({reason for reason in reasons.values() if reason is not None}):
        rejected = steps.move(
            [i for i, own in reasons.items() if own is reason],
            come_from=[ApplicationState.WAITING],
            to=ApplicationState.REJECTED,
            cause=reason,
            actor=turn.actor,
            at=turn.at,
        )
        outbox.tell(topic=Topic.APPLICATION_REJECTED, subject_kind="application", subject_ids=rejected, at=turn.at)
    return [row for row in waiting if reasons[row.id] is None]


def _grant(turn: _Turn, ids: Sequence[int]) -> None:
    moved = steps.move(
        ids,
        come_from=[ApplicationState.WAITING],
        to=ApplicationState.GRANTED,
        cause="refill",
        actor=turn.actor,
        at=turn.at,
    )
    outbox.tell(topic=Topic.APPLICATION_GRANTED, subject_kind="application", subject_ids=moved, at=turn.at)


def _award(turn: _Turn, segment: str, found: Places, winners: Sequence[Filed]) -> None:
    refill_id = steps.record_refill(
        turn.the_round, line_id=found.line_id, segment=segment, granted=len(winners), at=turn.at
    )
    for part in range(0, len(winners), CHUNK):
        steps.award(
            turn.the_round,
            winners[part : part + CHUNK],
            line_id=found.line_id,
            first_month=turn.first_month,
            cause_key=f"refill:{refill_id}:{part}",
            actor=turn.actor,
            at=turn.at,
        )

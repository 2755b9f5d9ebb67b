"""Freed places, one by one: each is offered to the best child on its group's list, until somebody accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction

from qosymsha.domain.allocation.freed import next_in_line
from qosymsha.domain.allocation.round_terms import ReserveRule
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.commands.looking import look, mark_left_over, require_free_hand
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts, frozen, waiting
from qosymsha.domain.choice.queries.waiting import InLine
from qosymsha.domain.choice.rules import ChoiceRefusal, Freed
from qosymsha.domain.choice.states import OfferState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import queries as voucher_queries
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_CALENDAR_DAYS = 90  # far beyond any timer of working days


@dataclass(frozen=True, slots=True)
class Offered:
    """What a look at freed places did: offers made and expired, lists moved, positions set back, groups left over."""

    offers: int
    expired: int
    moved: int
    set_back: int
    left_over: int


@transaction.atomic(durable=True)
def offer_freed_places(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Offered:
    """End offers whose day has passed, then offer each free place to the best child who waits for its group.

    Run by a job, daily at least. One open offer per place; it holds the seat. A child who declined a group, or let its
    offer pass, is not asked for that group again in this round. Where nobody waits any more, the places are left over
    and may be taken directly.

    Raises:
        Refused: the round is not the last one allocated, another runs, or the rule set gives freed places by rerun.
    """
    require(actor, Action.OFFER, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    seen = idempotency.repeat(actor=actor, verb=Action.OFFER, key=key, body=round_id, at=at)
    if seen is not None:
        return Offered(**seen)
    rules = programmes.rules_of(the_round.rule_set_id).rules.choice
    require_free_hand(the_round)
    if rules.freed == Freed.RERUN:
        raise Refused(ChoiceRefusal.FREED_BY_RERUN, round=the_round.number)
    expired = _expire(the_round, actor, at)
    changed = look(the_round, actor=actor, at=at)
    groups = facts.groups_of(the_round.id)
    made = _offer(the_round, groups, actor, at)
    left_over = mark_left_over(groups)
    offered = Offered(made, expired, changed.moved, changed.set_back, left_over)
    steps.record(the_round, Action.OFFER, actor=actor, at=at, detail=asdict(offered))
    idempotency.keep(actor=actor, verb=Action.OFFER, key=key, outcome=asdict(offered))
    return offered


def _expire(the_round: ChoiceRound, actor: Actor, at: datetime) -> int:
    """End offers not answered by their day, or whose child's voucher no longer takes one; their seats are free."""
    today = local_day(at)
    late, out = [], []
    for offer, voucher_state in facts.open_offers(the_round.id):
        if voucher_state not in facts.ANSWERING:
            out.append(offer)
        elif offer.answer_by < today:
            late.append(offer)
    for offers, state, cause in ((late, OfferState.EXPIRED, "not_answered"), (out, OfferState.LAPSED, "voucher_ended")):
        ended = steps.move_offers([(offer.id, None) for offer in offers], state, cause=cause, actor=actor, at=at)
        outbox.tell(topic=Topic.EXPIRED, subject_kind="choice_offer", subject_ids=ended, at=at)
    if late or out:
        vouchers.free_seats([offer.group_id for offer in [*late, *out]])
    return len(late) + len(out)


def _offer(the_round: ChoiceRound, groups: Sequence[int], actor: Actor, at: datetime) -> int:
    pairs = _next_pairs(the_round, groups, local_day(at))
    has_seat = vouchers.take_seats([group_id for _, group_id in pairs]) if pairs else []
    taken = [pair for pair, has in zip(pairs, has_seat, strict=True) if has]
    answer_by = _answer_by(the_round, local_day(at))
    made = steps.make_offers(the_round, taken, answer_by=answer_by, actor=actor, at=at)
    outbox.tell(topic=Topic.OFFERED, subject_kind="choice_offer", subject_ids=made, at=at)
    return len(made)


def _next_pairs(the_round: ChoiceRound, groups: Sequence[int], on: date) -> list[tuple[int, int]]:
    """(list, group) to be asked now, as many per group as it has free seats."""
    rules = programmes.rules_of(the_round.rule_set_id).rules.choice
    opened = {g.id for g in providers.groups_open_on(the_round.programme_id, max(the_round.starts_on, on))}
    seats = voucher_queries.free_places(groups)
    free = {group: seats[group] for group in groups if group in opened and seats[group] > 0}
    reserved = facts.groups_with_reserves(the_round.id) & free.keys() if rules.reserves else set()
    unplaced_only = rules.freed == Freed.UNPLACED_ONLY
    plain = [(group, places) for group, places in free.items() if group not in reserved]
    pairs = waiting.next_in_lines(the_round, plain, unplaced_only=unplaced_only)
    if reserved:
        kept = frozen.reserves_of(the_round)
        for group in sorted(reserved):
            line = waiting.line_of(the_round, group, unplaced_only=unplaced_only)
            rule = ReserveRule(rules.reserve_rule)
            pairs += [(list_id, group) for list_id in _best_of(line, rule, kept[group], free[group])]
    return pairs


def _best_of(line: Sequence[InLine], rule: ReserveRule, reserves: Sequence[tuple[str, int]], free: int) -> list[int]:
    """Lists to be asked in a group with reserves: whom it would take beside all who sit there or have its offer."""
    claims = np.array([[category in one.claims for category, _ in reserves] for one in line], np.bool_)
    holds = np.array([one.holds for one in line], np.bool_)
    waits = np.array([one.waits and not one.holds for one in line], np.bool_)
    sizes = [(column, places) for column, (_, places) in enumerate(reserves)]
    capacity, asked = int(holds.sum()) + free, []
    for _ in range(free):
        row = next_in_line(rule, capacity, sizes, claims.reshape(-1, len(sizes)), waits, holds)
        if row is None:
            break
        asked.append(line[row].list_id)
        waits[row], holds[row] = False, True
    return asked


def _answer_by(the_round: ChoiceRound, today: date) -> date:
    rules = programmes.rules_of(the_round.rule_set_id).rules.choice
    calendar = programmes.calendar(the_round.territory_id, today, today + timedelta(days=_CALENDAR_DAYS))
    return calendar.add_working_days(today, rules.offer_working_days)

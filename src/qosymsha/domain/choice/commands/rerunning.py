"""Freed places all at once: deferred acceptance anew among those who stayed, nobody giving up what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from qosymsha.domain.allocation.freed import without
from qosymsha.domain.allocation.market import UNPLACED, Market
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.allocation.standing import guaranteed, held_entries
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.commands import seating
from qosymsha.domain.choice.commands.looking import look, mark_left_over, require_free_hand
from qosymsha.domain.choice.commands.seating import Seating
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.queries import standing as standings
from qosymsha.domain.choice.queries.standing import Standing
from qosymsha.domain.choice.rules import ChoiceRefusal, Freed
from qosymsha.domain.choice.states import ListState
from qosymsha.domain.choice.steps import Moved
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.rules import EnrolRefusal
from qosymsha.domain.vouchers.steps import Deed, Wish
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a rerun did: children who got a first place or a better one, those who could not take it, setbacks seen."""

    placed: int
    moved: int
    not_taken: dict[str, int]
    set_back: int


@transaction.atomic(durable=True)
def rerun_places(*, actor: Actor, round_id: int, starts_on: date, at: datetime, key: UUID) -> Rerun:
    """Give all free places anew by the lists and numbers of the last round; whoever sits keeps at least what it has.

    The same closed list and draw are used, so the result is a pure function of who is still there and what is free.

    Raises:
        Refused: the round is not the last one allocated, another runs, the rule set gives freed places by offers, or
            somebody took a seat meanwhile.
    """
    require(actor, Action.RERUN, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    body = [round_id, starts_on.isoformat()]
    seen = idempotency.repeat(actor=actor, verb=Action.RERUN, key=key, body=body, at=at)
    if seen is not None:
        return Rerun(**seen)
    require_free_hand(the_round)
    if programmes.rules_of(the_round.rule_set_id).rules.choice.freed != Freed.RERUN:
        raise Refused(ChoiceRefusal.FREED_BY_OFFER, round=the_round.number)
    changed = look(the_round, actor=actor, at=at)
    today = standings.standing(the_round)
    rerun = _rerun(the_round, today, starts_on, Deed(actor, Action.RERUN, at, key))
    rerun = Rerun(rerun.placed, rerun.moved, rerun.not_taken, changed.set_back)
    mark_left_over(today.found.group_ids)
    steps.record(the_round, Action.RERUN, actor=actor, at=at, detail=asdict(rerun))
    idempotency.keep(actor=actor, verb=Action.RERUN, key=key, outcome=asdict(rerun))
    return rerun


def _rerun(the_round: ChoiceRound, today: Standing, starts_on: date, deed: Deed) -> Rerun:
    """Solve until every move is possible: a wish that money or days forbid counts as never wished, for this rerun."""
    vouchers.lock_vouchers([one.voucher_id for one in today.now])
    opened = {g.id for g in providers.groups_open_on(the_round.programme_id, starts_on)}
    shut = [number for number, group_id in enumerate(today.found.group_ids) if group_id not in opened]
    forbidden = np.isin(today.line.market.groups, shut) | today.out
    refused: Counter[str] = Counter()
    while True:
        market = _market(today, forbidden)
        match = solve(market).groups
        faults = findings(market, match)
        assert not faults, f"the independent checker found: {faults}"
        wishes = list(_moves(today, match, starts_on))
        against: dict[int, StrEnum] = {}
        found = seating.judge(deed, wishes, against)
        if not against:
            break
        refused.update(reason.value for reason in against.values())
        forbidden[held_entries(market, match)[list(against)]] = True
    movers = {wish.row for wish in found.movers}
    _store(today, found, deed)
    return Rerun(len(found.wishes) - len(movers), len(movers), dict(refused), 0)


def _market(today: Standing, forbidden: NDArray[np.bool_]) -> Market:
    return without(guaranteed(today.line, today.match, forbidden), today.gone)


def _moves(today: Standing, match: NDArray[np.int32], starts_on: date) -> Iterator[Wish]:
    rows = np.flatnonzero((match != today.match) & (match != UNPLACED)).tolist()
    held = facts.vouchers_of([today.now[row].voucher_id for row in rows])
    groups = providers.group_facts(sorted({today.found.group_ids[int(match[row])] for row in rows}))
    for row in rows:
        group = groups[today.found.group_ids[int(match[row])]]
        yield Wish(row, held[today.now[row].voucher_id], group, starts_on)


def _store(today: Standing, found: Seating, deed: Deed) -> None:
    seating.leave(deed, found)
    if not all(vouchers.take_seats([wish.group.id for wish in found.wishes])):
        raise Refused(EnrolRefusal.GROUP_FULL)
    seating.enter(deed, found)
    moved = [Moved(today.now[w.row].list_id, ListState.PLACED, "rerun", w.group.id) for w in found.wishes]
    steps.move_lists(moved, actor=deed.actor, at=deed.at)
    ids = [step.list_id for step in moved]
    outbox.tell(topic=Topic.PLACED, subject_kind="choice_list", subject_ids=ids, at=deed.at)

"""Before a freed place is given: see who moved or left since this room last looked, and whom that puts back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import Topic
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts, waiting
from qosymsha.domain.choice.queries.waiting import Changed
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.domain.choice.steps import Moved
from qosymsha.domain.vouchers import queries as voucher_queries
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.kernel import outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Seen:
    """What changed since the last look: lists moved with their causes, positions that got worse."""

    moved: int
    set_back: int


def require_free_hand(the_round: ChoiceRound) -> None:
    """Refuse freed places of a round that a later one took over, or while one runs.

    Raises:
        Refused: `choice_round_in_other_state` or `choice_round_runs`.
    """
    steps.require_state(the_round, ChoiceRoundState.ALLOCATED, ChoiceRoundState.PUBLISHED)
    is_last = facts.last_round_id(the_round.programme_id) == the_round.id
    if not is_last or facts.has_running_round(the_round.programme_id):
        raise Refused(ChoiceRefusal.CHOICE_ROUND_RUNS, round=the_round.number)


def look(the_round: ChoiceRound, *, actor: Actor, at: datetime) -> Seen:
    """Write each list that is elsewhere than last seen with its cause, and each position that got worse by it.

    A position gets worse in one way: somebody before came back to a line it had left.
    """
    changed = waiting.changed_lists(the_round.id)
    set_back = steps.store_setbacks(the_round, changed, at=at)
    steps.move_lists([_step(one) for one in changed], actor=actor, at=at)
    outbox.tell(topic=Topic.SET_BACK, subject_kind="choice_list", subject_ids=sorted(set(set_back)), at=at)
    return Seen(len(changed), len(set_back))


def _step(one: Changed) -> Moved:
    if one.is_gone:
        return Moved(one.list_id, ListState.LEFT, f"voucher:{one.reason or one.voucher_state}")
    if one.now_group_id is None:
        return Moved(one.list_id, ListState.UNPLACED, f"place_lost:{one.reason}")
    return Moved(one.list_id, ListState.PLACED, "taken_directly", one.now_group_id)


def mark_left_over(group_ids: Collection[int]) -> int:
    """After freed places were given: a seat still free is one that nobody waits for. Answers groups newly marked."""
    free = voucher_queries.free_places(list(group_ids))
    spare = {group_id for group_id in group_ids if free[group_id] > 0}
    fresh = spare - voucher_queries.left_over(sorted(spare))
    if fresh:
        vouchers.mark_left_over(fresh, is_left_over=True)
    return len(fresh)

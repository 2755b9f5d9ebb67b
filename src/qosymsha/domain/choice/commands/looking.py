"""Before a freed place is given: see who moved or left since this room last looked, and whom that puts back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from qosymsha.domain.allocation.market import Bools
from qosymsha.domain.allocation.standing import held_entries, positions
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import Topic
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.queries.standing import Now, Standing, seen_match
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.domain.choice.steps import Moved, SetbackRow
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


def look(the_round: ChoiceRound, today: Standing, *, actor: Actor, at: datetime) -> Seen:
    """Write each list that is elsewhere than last seen with its cause, and each position that got worse by it."""
    moved = [step for one in today.now if (step := _step(one)) is not None]
    steps.move_lists(moved, actor=actor, at=at)
    setbacks = _setbacks(today, at)
    steps.store_setbacks(the_round.id, setbacks)
    ids = sorted({row.list_id for row in setbacks})
    outbox.tell(topic=Topic.SET_BACK, subject_kind="choice_list", subject_ids=ids, at=at)
    return Seen(len(moved), len(setbacks))


def _step(one: Now) -> Moved | None:
    if one.state == ListState.LEFT:
        return None
    if one.is_gone:
        return Moved(one.list_id, ListState.LEFT, f"voucher:{one.reason or one.voucher_state}")
    was = one.group_id if one.state == ListState.PLACED else None
    if was == one.now_group_id:
        return None
    if one.now_group_id is None:
        return Moved(one.list_id, ListState.UNPLACED, f"place_lost:{one.reason}")
    return Moved(one.list_id, ListState.PLACED, "taken_directly", one.now_group_id)


def _setbacks(today: Standing, at: datetime) -> list[SetbackRow]:
    """Positions worse than at the last look. There is one cause: somebody before came back to a line it had left."""
    market, was_match = today.line.market, seen_match(today)
    was_gone = np.array([one.state == ListState.LEFT for one in today.now], np.bool_)
    was = positions(today.line, was_match, was_gone, today.out)
    now = positions(today.line, today.match, today.gone, today.out)
    worse = np.flatnonzero((was > 0) & (now > was))
    if not worse.size:
        return []
    fell = held_entries(market, today.match) > held_entries(market, was_match)
    back = _came_back(today, fell)
    owners = market.entry_children
    return [
        SetbackRow(
            list_id=today.now[owners[entry]].list_id,
            group_id=today.found.group_ids[market.groups[entry]],
            was=int(was[entry]),
            became=int(now[entry]),
            cause="somebody_before_lost_a_place",
            because_of=[today.now[child].list_id for child in back[int(market.groups[entry])]],
            at=at,
        )
        for entry in worse.tolist()
    ]


def _came_back(today: Standing, fell: Bools) -> dict[int, list[int]]:
    """Group → children who lost a place and wait for this group, in the group's order."""
    line = today.line
    found: dict[int, list[int]] = {}
    children = line.children[fell[line.children] & ~today.gone[line.children]]
    entries = line.entries[fell[line.children] & ~today.gone[line.children]]
    for child, entry in zip(children.tolist(), entries.tolist(), strict=True):
        found.setdefault(int(line.market.groups[entry]), []).append(child)
    return found

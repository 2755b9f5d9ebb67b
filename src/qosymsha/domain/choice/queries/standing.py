"""Where the children of an allocated round are now: placed, waiting or gone, and their positions on groups' lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.freed import Applicants, applicants
from qosymsha.domain.allocation.market import UNPLACED, Bools
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.queries.frozen import Frozen, frozen
from qosymsha.domain.choice.states import ListState
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.queries import rows

_NOW = """
SELECT c.position, l.id, l.state, l.group_id, l.voucher_id, v.state, e.group_id,
       CASE WHEN v.state = 'closed' THEN v.reason WHEN e.group_id IS NULL THEN coalesce(
           (SELECT reason FROM enrolment p WHERE p.voucher_id = v.id AND p.state = 'ended' ORDER BY p.id DESC LIMIT 1),
           '') ELSE '' END
  FROM choice_line c JOIN choice_list l ON l.id = c.choice_list_id JOIN voucher v ON v.id = l.voucher_id
  LEFT JOIN LATERAL (SELECT group_id FROM enrolment WHERE voucher_id = v.id AND state <> 'ended' OFFSET 0) e ON true
 WHERE c.round_id = %s ORDER BY c.position"""


@dataclass(frozen=True, slots=True)
class Now:
    """A list as this room last saw it (`state`, `group_id`) and as its voucher is now; `reason` of what ended."""

    list_id: int
    state: str
    group_id: int | None
    voucher_id: int
    voucher_state: str
    now_group_id: int | None
    reason: str

    @property
    def is_gone(self) -> bool:
        """It waits for nothing any more: taken out before, or its voucher is closed or stands still without a place."""
        is_out = self.voucher_state == "closed" or (self.voucher_state == "suspended" and self.now_group_id is None)
        return is_out or self.state == ListState.LEFT


@dataclass(frozen=True, slots=True)
class Standing:
    """An allocated round today. `match`: int32 (n), where children sit, groups outside the round as UNPLACED.

    `line` has the capacities of today: those who sit there and the seats that are free. `gone`: bool (n), children who
    wait for nothing; `out`: bool (entries), wishes given up: declined, passed, or a place there that was left.
    """

    found: Frozen
    now: list[Now]
    line: Applicants
    match: NDArray[np.int32]
    gone: Bools
    out: Bools
    free: dict[int, int]


def standing(the_round: ChoiceRound) -> Standing:
    """Read an allocated round as it is now, under the round's lock or for a page."""
    found = frozen(the_round)
    now = [Now(*row[1:]) for row in rows(_NOW, [the_round.id])]
    numbers = {group_id: number for number, group_id in enumerate(found.group_ids)}
    match = as_match([one.now_group_id for one in now], numbers)
    free = vouchers.free_places(found.group_ids)
    sitting = np.bincount(match[match != UNPLACED], minlength=len(numbers))
    capacities = sitting + np.array([max(0, free[group_id]) for group_id in found.group_ids], np.int64)
    line = applicants(replace(found.market, capacities=capacities.astype(np.int64)))
    gone = np.array([one.is_gone for one in now], np.bool_)
    return Standing(found, now, line, match, gone, _given_up(the_round, found, now), free)


def _given_up(the_round: ChoiceRound, found: Frozen, now: Sequence[Now]) -> Bools:
    numbers = {group_id: number for number, group_id in enumerate(found.group_ids)}
    children = {one.list_id: child for child, one in enumerate(now)}
    out = np.zeros(found.market.groups.size, np.bool_)
    for list_id, group_id in facts.given_up(the_round.id):
        child = children[list_id]
        own = slice(int(found.market.offsets[child]), int(found.market.offsets[child + 1]))
        out[own] |= found.market.groups[own] == numbers.get(group_id, UNPLACED)
    return out


def as_match(group_ids: list[int | None], numbers: dict[int, int]) -> NDArray[np.int32]:
    """Group ids as the market's numbers, int32 (n)."""
    return np.array([UNPLACED if g is None else numbers.get(g, UNPLACED) for g in group_ids], np.int32)

"""Who waits for which group, asked of the groups' stored lists: never the whole round for one freed place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries.facts import MOVED_BY_CHOICE

# A wish given up by the child's own word (K-19): an offer declined or passed, or a place there that it left. Who moved
# on to a better wish by an offer or a rerun gave nothing up. Of an entry `e` of a list `l`.
GIVEN_UP = f"""(EXISTS (SELECT 1 FROM choice_offer o WHERE o.choice_list_id = l.id AND o.group_id = e.group_id
                          AND o.state IN ('declined', 'expired'))
             OR EXISTS (SELECT 1 FROM enrolment p WHERE p.voucher_id = l.voucher_id AND p.group_id = e.group_id
                           AND p.state = 'ended' AND p.reason <> '{MOVED_BY_CHOICE}' AND p.created_at >= %(since)s))"""  # noqa: S608 - a constant of this room

_CHANGED = """
SELECT l.id, l.state, l.group_id, v.state, n.group_id,
       CASE WHEN v.state = 'closed' THEN v.reason WHEN n.group_id IS NULL THEN coalesce(
           (SELECT p.reason FROM enrolment p WHERE p.voucher_id = v.id AND p.state = 'ended'
             ORDER BY p.id DESC LIMIT 1), '') ELSE '' END
  FROM choice_list l JOIN voucher v ON v.id = l.voucher_id
  LEFT JOIN enrolment n ON n.voucher_id = v.id AND n.state IN ('offered', 'contracted', 'active')
 WHERE l.round_id = %(round)s AND l.state IN ('placed', 'unplaced')
   AND (v.state = 'closed' OR (v.state = 'suspended' AND n.id IS NULL)
        OR n.group_id IS DISTINCT FROM CASE WHEN l.state = 'placed' THEN l.group_id END)
 ORDER BY l.id"""

# As last seen (after a look that is the truth): a list waits for the groups it wishes more than the one it sits in.
_WAITS = f"""
      JOIN choice_list l ON l.id = e.choice_list_id
      LEFT JOIN choice_entry h ON h.choice_list_id = l.id AND h.group_id = l.group_id AND l.state = 'placed'
     WHERE e.round_id = %(round)s AND (l.state = 'unplaced' OR (l.state = 'placed' AND NOT %(unplaced_only)s))
       AND (h.wish IS NULL OR e.wish < h.wish) AND NOT {GIVEN_UP}"""

_NEXT = f"""
SELECT g.id, w.choice_list_id FROM unnest(%(groups)s::bigint[], %(seats)s::int[]) AS g(id, seats), LATERAL (
    SELECT e.choice_list_id FROM choice_entry e {_WAITS} AND e.group_id = g.id
       AND NOT EXISTS (SELECT 1 FROM choice_offer o WHERE o.choice_list_id = l.id AND o.group_id = g.id
                          AND o.state = 'offered')
     ORDER BY e.place LIMIT g.seats) w
 ORDER BY g.id"""  # noqa: S608 - statements of this room only

# One group's list with what decides reserves: who holds a place there or an offer of one, who waits, what they claim.
_LINE = f"""
SELECT e.choice_list_id, split_part(c.line, E'\t', 6),
       (l.state = 'placed' AND l.group_id = e.group_id) OR EXISTS (
           SELECT 1 FROM choice_offer o WHERE o.choice_list_id = l.id AND o.group_id = e.group_id
              AND o.state = 'offered'),
       (l.state = 'unplaced' OR (l.state = 'placed' AND NOT %(unplaced_only)s))
           AND (h.wish IS NULL OR e.wish < h.wish) AND NOT {GIVEN_UP}
  FROM choice_entry e JOIN choice_list l ON l.id = e.choice_list_id JOIN choice_line c ON c.choice_list_id = l.id
  LEFT JOIN choice_entry h ON h.choice_list_id = l.id AND h.group_id = l.group_id AND l.state = 'placed'
 WHERE e.round_id = %(round)s AND e.group_id = %(group)s ORDER BY e.place"""  # noqa: S608

# By the vouchers as they are this moment, whatever was last seen.
_POSITIONS = f"""
SELECT mine.group_id, (SELECT count(*) FROM choice_entry e
      JOIN choice_list l ON l.id = e.choice_list_id JOIN voucher v ON v.id = l.voucher_id
      LEFT JOIN enrolment n ON n.voucher_id = v.id AND n.state IN ('offered', 'contracted', 'active')
      LEFT JOIN choice_entry h ON h.choice_list_id = l.id AND h.group_id = n.group_id
     WHERE e.round_id = %(round)s AND e.group_id = mine.group_id AND e.place <= mine.place
       AND l.state IN ('placed', 'unplaced') AND v.state <> 'closed' AND (v.state <> 'suspended' OR n.id IS NOT NULL)
       AND (h.wish IS NULL OR e.wish < h.wish) AND (e.choice_list_id = mine.choice_list_id OR NOT {GIVEN_UP})),
       EXISTS (SELECT 1 FROM choice_list l JOIN voucher v ON v.id = l.voucher_id
      LEFT JOIN enrolment n ON n.voucher_id = v.id AND n.state IN ('offered', 'contracted', 'active')
      LEFT JOIN choice_entry h ON h.choice_list_id = l.id AND h.group_id = n.group_id
      JOIN choice_entry e ON e.id = mine.id
     WHERE l.id = mine.choice_list_id AND l.state IN ('placed', 'unplaced') AND v.state <> 'closed'
       AND (v.state <> 'suspended' OR n.id IS NOT NULL) AND (h.wish IS NULL OR e.wish < h.wish) AND NOT {GIVEN_UP})
  FROM choice_entry mine WHERE mine.choice_list_id = %(list)s"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Changed:
    """A list that is elsewhere than last seen: as seen (`state`, `group_id`), as it is; `reason` of what ended."""

    list_id: int
    state: str
    group_id: int | None
    voucher_state: str
    now_group_id: int | None
    reason: str

    @property
    def is_gone(self) -> bool:
        """It waits for nothing any more: its voucher is closed, or stands still without a place."""
        return self.voucher_state == "closed" or (self.voucher_state == "suspended" and self.now_group_id is None)


@dataclass(frozen=True, slots=True)
class InLine:
    """A list on a group's line, best first: what it claims, whether it has a place there (or an offer), or waits."""

    list_id: int
    claims: frozenset[str]
    holds: bool
    waits: bool


def changed_lists(round_id: int) -> list[Changed]:
    """Lists of an allocated round whose child is elsewhere than this room last saw; one pass in the database."""
    return [Changed(*row) for row in _rows(_CHANGED, {"round": round_id})]


def next_in_lines(
    the_round: ChoiceRound, free: Sequence[tuple[int, int]], *, unplaced_only: bool
) -> list[tuple[int, int]]:
    """(list, group) pairs to be asked now, for (group, free seats): on each group's list the best who wait."""
    asked = _asked(the_round, unplaced_only) | {"groups": [g for g, _ in free], "seats": [n for _, n in free]}
    return [(list_id, group_id) for group_id, list_id in _rows(_NEXT, asked)] if free else []


def line_of(the_round: ChoiceRound, group_id: int, *, unplaced_only: bool) -> list[InLine]:
    """One group's list in the order of its priorities."""
    found = _rows(_LINE, _asked(the_round, unplaced_only) | {"group": group_id})
    return [InLine(i, frozenset(filter(None, claims.split(","))), holds, waits) for i, claims, holds, waits in found]


def positions_of(the_round: ChoiceRound, list_id: int) -> dict[int, int]:
    """Group → position now, from 1, for the groups that a list waits for; by the vouchers as they are this moment."""
    found = _rows(_POSITIONS, {"round": the_round.id, "since": the_round.closed_at, "list": list_id})
    return {group_id: position for group_id, position, waits in found if waits}


def _rows(statement: str, arguments: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def _asked(the_round: ChoiceRound, unplaced_only: bool) -> dict[str, Any]:
    return {"round": the_round.id, "since": the_round.closed_at, "unplaced_only": unplaced_only}

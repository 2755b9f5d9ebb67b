"""Positions on groups' lists that got worse: found and written in one statement, in the groups concerned only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries.waiting import GIVEN_UP, Changed

SOMEBODY_BEFORE = "somebody_before_lost_a_place"

# `fallen` lists wait again for groups they had passed (`back`). On those groups' lists each place is counted as it was
# last seen and as it is now; where it grew, those who came back before it are the cause.
_SETBACKS = f"""
WITH moved AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)s::bigint[], %(groups)s::bigint[], %(gone)s::bool[]) AS t(id, grp, is_gone)),
fallen AS (
    SELECT m.id, was.wish AS was, now.wish AS now FROM moved m JOIN choice_list l ON l.id = m.id
      LEFT JOIN choice_entry was ON was.choice_list_id = l.id AND was.group_id = l.group_id AND l.state = 'placed'
      LEFT JOIN choice_entry now ON now.choice_list_id = l.id AND now.group_id = m.grp
     WHERE NOT m.is_gone AND was.wish IS NOT NULL AND (now.wish IS NULL OR now.wish > was.wish)),
back AS MATERIALIZED (
    SELECT DISTINCT e.group_id FROM fallen f JOIN choice_entry e ON e.choice_list_id = f.id
     WHERE e.wish >= f.was AND (f.now IS NULL OR e.wish < f.now)),
line AS (
    SELECT e.group_id, e.place, l.id,
           w.is_open AND l.state <> 'left' AND (was.wish IS NULL OR e.wish < was.wish) AS was_waiting,
           w.is_open AND l.state <> 'left' AND NOT coalesce(m.is_gone, false)
               AND (now.wish IS NULL OR e.wish < now.wish) AS is_waiting
      FROM back b JOIN choice_entry e ON e.round_id = %(round)s AND e.group_id = b.group_id
      JOIN choice_list l ON l.id = e.choice_list_id
      LEFT JOIN moved m ON m.id = l.id
      LEFT JOIN choice_entry was ON was.choice_list_id = l.id AND was.group_id = l.group_id AND l.state = 'placed'
      LEFT JOIN choice_entry now ON now.choice_list_id = l.id
           AND now.group_id = CASE WHEN m.id IS NOT NULL THEN m.grp WHEN l.state = 'placed' THEN l.group_id END
      CROSS JOIN LATERAL (SELECT NOT {GIVEN_UP} AS is_open) w),
counted AS (
    SELECT *, count(*) FILTER (WHERE was_waiting) OVER upto AS was, count(*) FILTER (WHERE is_waiting) OVER upto AS now,
           array_agg(id) FILTER (WHERE is_waiting AND NOT was_waiting) OVER upto AS because
      FROM line WINDOW upto AS (PARTITION BY group_id ORDER BY place))
INSERT INTO choice_setback (round_id, choice_list_id, group_id, was, became, cause, because_of, at)
SELECT %(round)s, id, group_id, was, now, %(cause)s, because, %(at)s FROM counted
 WHERE was_waiting AND is_waiting AND now > was ORDER BY group_id, place RETURNING choice_list_id"""  # noqa: S608 - statements of this room only


def store_setbacks(the_round: ChoiceRound, changed: Sequence[Changed], *, at: datetime) -> list[int]:
    """Write every position that these changes make worse, before they are written themselves; answers lists set back.

    A list stands in the answer once for each of its wishes that got worse.
    """
    if not changed:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SETBACKS,
            {
                "round": the_round.id,
                "since": the_round.closed_at,
                "ids": [one.list_id for one in changed],
                "groups": [one.now_group_id for one in changed],
                "gone": [one.is_gone for one in changed],
                "cause": SOMEBODY_BEFORE,
                "at": at,
            },
        )
        return [i for (i,) in cursor.fetchall()]

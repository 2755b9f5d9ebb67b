"""Counting waiting lines of groups, and what was measured of groups and providers. For commands alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from qosymsha.domain.choice.queries import facts as choice
from qosymsha.domain.figures.queries.asked import records, rows

# A child waits for a group that it wishes more than the place it has, unless it gave that group up; or stands on the
# group's own list. On both it counts once.
_WAITING = """
WITH gone AS (SELECT * FROM unnest(%(lists)s::bigint[], %(groups)s::bigint[]) AS g (choice_list_id, group_id)),
     waits AS (
        SELECT e.group_id, l.voucher_id FROM choice_entry e JOIN choice_list l ON l.id = e.choice_list_id
          LEFT JOIN choice_entry own ON own.choice_list_id = l.id AND own.group_id = l.group_id
          LEFT JOIN gone g ON g.choice_list_id = e.choice_list_id AND g.group_id = e.group_id
         WHERE e.round_id = %(round)s AND g.group_id IS NULL
           AND (l.state = 'unplaced' OR l.state = 'placed' AND e.wish < own.wish)
        UNION SELECT w.group_id, w.voucher_id FROM group_wait w
         WHERE w.programme_id = %(programme)s AND w.state IN ('waiting', 'offered')),
     offers AS (
        SELECT o.group_id, extract(day FROM o.made_at - r.drawn_at)::int AS days
          FROM choice_offer o JOIN choice_round r ON r.id = o.round_id
         WHERE o.programme_id = %(programme)s AND o.made_at > %(since)s
        UNION ALL SELECT w.group_id, extract(day FROM h.at - w.asked_at)::int
          FROM group_wait w JOIN group_wait_history h ON h.group_wait_id = w.id AND h.to_state = 'offered'
         WHERE w.programme_id = %(programme)s AND h.at > %(since)s),
     usual AS (SELECT group_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS days
                 FROM offers GROUP BY 1 HAVING count(*) >= 3)
SELECT coalesce(w.group_id, u.group_id), coalesce(w.waiting, 0), u.days
  FROM (SELECT group_id, count(*) AS waiting FROM waits GROUP BY 1) w FULL JOIN usual u ON u.group_id = w.group_id
 ORDER BY 1"""


def waiting_lines(programme_id: int, since: date) -> list[tuple[int, int, int | None]]:
    """(group, children who wait, the middle of days waited by those offered a place since), where there is any of it.

    Who waits by the choice lists in force and by the groups' own lists.
    """
    round_id = choice.last_round_id(programme_id)
    given_up = choice.given_up(round_id) if round_id is not None else []
    asked = {
        "round": round_id, "programme": programme_id, "since": since,
        "lists": [one for one, _ in given_up], "groups": [group for _, group in given_up],
    }  # fmt: skip
    return [(group, waiting, days) for group, waiting, days in rows(_WAITING, asked)]


# A lesson that was moved or made up counts where it went. A day upheld as false confirms nothing. Marks count as the
# sheet was sent.
_MEASURED = """
WITH lessons AS (
        SELECT s.provider_id, s.group_id, count(*) FILTER (WHERE s.state = 'held') AS held, count(*) AS planned
          FROM session s WHERE s."on" >= %(since)s AND s."on" < %(until)s
           AND s.state <> 'moved' AND s.moved_to_id IS NULL
         GROUP BY GROUPING SETS ((s.provider_id), (s.provider_id, s.group_id))),
     words AS (
        SELECT m.provider_id, m.group_id, sum(r.present) AS marked, count(DISTINCT r.child_id) AS children,
               sum(CASE WHEN r.word = 'confirmed' THEN r.present ELSE least(r.seen, r.present) END) AS confirmed
          FROM month_sheet m JOIN sheet_row r ON r.sheet_id = m.id
         WHERE m.month >= %(since)s AND m.month < %(until)s
           AND m.state NOT IN ('open', 'void')
         GROUP BY GROUPING SETS ((m.provider_id), (m.provider_id, m.group_id))),
     stays AS (
        SELECT e.provider_id, e.group_id, count(*) AS came,
               count(*) FILTER (WHERE e.ends_on IS NULL OR e.ends_on >= e.starts_on + interval '3 months') AS stayed
          FROM enrolment e WHERE e.starts_on >= %(since)s
           AND e.starts_on + interval '3 months' <= %(until)s
           AND NOT (e.state = 'ended' AND e.reason IN ('budget', 'aged_out')
                    AND e.ends_on < e.starts_on + interval '3 months')
         GROUP BY GROUPING SETS ((e.provider_id), (e.provider_id, e.group_id))),
     wrong AS (
        SELECT m.provider_id, m.group_id, count(DISTINCT (r.enrolment_id, h.session_id)) AS upheld
          FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id JOIN month_sheet m ON m.id = r.sheet_id
         WHERE h.state = 'upheld' AND h."on" >= %(since)s AND h."on" < %(until)s
         GROUP BY GROUPING SETS ((m.provider_id), (m.provider_id, m.group_id)))
SELECT l.provider_id, l.group_id, l.planned::int, l.held::int, coalesce(w.marked, 0)::int AS marked,
       greatest(0, coalesce(w.confirmed, 0) - coalesce(x.upheld, 0))::int AS confirmed,
       coalesce(w.children, 0)::int AS children,
       coalesce(s.came, 0)::int AS came, coalesce(s.stayed, 0)::int AS stayed, coalesce(x.upheld, 0)::int AS upheld
  FROM lessons l
  LEFT JOIN words w ON w.provider_id = l.provider_id AND w.group_id IS NOT DISTINCT FROM l.group_id
  LEFT JOIN stays s ON s.provider_id = l.provider_id AND s.group_id IS NOT DISTINCT FROM l.group_id
  LEFT JOIN wrong x ON x.provider_id = l.provider_id AND x.group_id IS NOT DISTINCT FROM l.group_id
 ORDER BY 1, 2"""


def measured(since: date, until: date) -> list[dict[str, Any]]:
    """What was counted of every provider (`group_id` null) and every group with lessons between two days."""
    return records(_MEASURED, {"since": since, "until": until})

"""Counting who asks and what there is: applications, places by direction, districts, stays. For commands alone."""

from __future__ import annotations

from datetime import date
from math import dist
from typing import Any

from qosymsha.domain.figures.queries.asked import records, rows
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import plane
from qosymsha.domain.vouchers.states import CloseReason

Content = dict[str, Any]
_OF_YEAR = "r.programme_id = %(programme)s AND r.first_month >= %(first)s AND r.first_month < %(end)s"

_KINDS = f"""
SELECT a.kind, count(*) AS filed, count(*) FILTER (WHERE a.state = 'waiting') AS waiting,
       count(v.id) AS issued, count(v.id) FILTER (WHERE v.placed) AS placed,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY v.days) FILTER (WHERE v.waited) AS usual_days,
       count(*) FILTER (WHERE v.waited) AS waited
  FROM application a JOIN admission_round r ON r.id = a.round_id LEFT JOIN LATERAL (
       SELECT v.id, EXISTS (SELECT FROM enrolment e WHERE e.voucher_id = v.id) AS placed,
              v.issued_at > coalesce(r.published_at, 'infinity') AS waited,
              extract(day FROM v.issued_at - a.submitted_at)::int AS days
         FROM voucher v WHERE v.child_id = a.child_id AND v.application_id = a.id LIMIT 1) v ON true
 WHERE {_OF_YEAR} AND a.state <> 'draft' GROUP BY 1 ORDER BY 1"""  # noqa: S608 - constants of this module

# One list a child and round; of the rounds of a year the last that was allocated.
_WISHES = """
    SELECT w.group_id, count(*) AS wished, count(*) FILTER (WHERE w.n = 1) AS first
      FROM choice_list l, unnest(l.wishes) WITH ORDINALITY AS w (group_id, n)
     WHERE l.state NOT IN ('withdrawn', 'rejected') AND l.round_id = (
        SELECT c.id FROM choice_round c WHERE c.programme_id = %(programme)s AND c.state IN ('allocated', 'published')
           AND c.starts_on >= %(first)s AND c.starts_on < %(end)s ORDER BY c.id DESC LIMIT 1) GROUP BY 1"""

_CELLS = f"""
WITH wishes AS ({_WISHES}),
     came AS (SELECT e.group_id, count(DISTINCT e.child_id) AS children FROM enrolment e
               WHERE e.programme_id = %(programme)s AND e.starts_on < %(end)s
                 AND coalesce(e.ends_on, %(end)s) >= %(first)s GROUP BY 1),
     there AS (SELECT e.group_id, count(*) AS taken FROM enrolment e
                WHERE e.programme_id = %(programme)s AND e.starts_on <= %(on)s AND coalesce(e.ends_on, %(on)s) >= %(on)s
                GROUP BY 1)
SELECT g.kind, o.activity_id AS activity, v.district_id AS district, g.language, count(*) AS groups,
       sum(g.capacity)::bigint AS places, coalesce(sum(t.taken), 0)::bigint AS taken,
       coalesce(sum(c.children), 0)::bigint AS children, coalesce(sum(w.first), 0)::bigint AS first,
       coalesce(sum(w.wished), 0)::bigint AS wished
  FROM club_group g JOIN offering o ON o.id = g.offering_id JOIN venue v ON v.id = g.venue_id
  LEFT JOIN there t ON t.group_id = g.id LEFT JOIN came c ON c.group_id = g.id LEFT JOIN wishes w ON w.group_id = g.id
 WHERE g.programme_id = %(programme)s AND g.valid && daterange(%(first)s, %(end)s)
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""  # noqa: S608 - constants of this module


def year_of(programme_id: int, year: int, **more: Any) -> dict[str, Any]:
    """What every statement about a programme's year asks for; `end` is the first day after it."""
    return {"programme": programme_id, "first": date(year, 1, 1), "end": date(year + 1, 1, 1)} | more


def demand(programme_id: int, year: int, today: date) -> Content:
    """Applications by kind: filed, granted a voucher, placed, waiting; how long those waited who were granted later."""
    return {"rows": records(_KINDS, year_of(programme_id, year))}


def supply(programme_id: int, year: int, today: date) -> Content:
    """Groups and places by kind, direction, district and language, with wishes of the last choice round.

    `taken` are the places of today, or of a past year's last day.
    """
    return {"rows": records(_CELLS, year_of(programme_id, year, on=min(today, date(year, 12, 31))))}


_HOMES = """
SELECT c.home_id, count(*), count(*) FILTER (WHERE a.id IS NOT NULL), count(*) FILTER (WHERE a.state = 'waiting')
  FROM child c LEFT JOIN LATERAL (
       SELECT a.id, a.state FROM application a JOIN admission_round r ON r.id = a.round_id
        WHERE a.child_id = c.id AND r.programme_id = %(programme)s AND r.first_month >= %(first)s
          AND r.first_month < %(end)s AND a.state <> 'draft'
        ORDER BY a.state = 'waiting' DESC LIMIT 1) a ON true
 WHERE c.home_id = ANY (%(districts)s) GROUP BY 1"""

_FREE = """
SELECT DISTINCT k.east_km, k.north_km FROM club_card k LEFT JOIN seat s ON s.group_id = k.group_id
 WHERE k.programme_id = %(programme)s AND k.east_km IS NOT NULL AND coalesce(s.taken, 0) < k.capacity
   AND (k.last_day IS NULL OR k.last_day >= %(today)s)"""


def districts(programme_id: int, year: int, today: date) -> Content:
    """Where children live and how far the nearest free place is, in whole km from the district's rough middle.

    `extra` has district → [children on record, of them applied, of them waiting, km or null]. Places are in `supply`.
    """
    found = people.districts_of(programmes.programme(programme_id).territory_id, today)
    ids = [one.id for one in found]
    counted = {row[0]: row[1:] for row in rows(_HOMES, year_of(programme_id, year, districts=ids))}
    free = [(east, north) for east, north in rows(_FREE, year_of(programme_id, year, today=today))]
    centres = providers.centres()
    extra = {}
    for one in found:
        middle = plane(*centres[one.kato]) if one.kato in centres else None
        km = round(min(dist(middle, spot) for spot in free)) if middle and free else None
        extra[str(one.id)] = [*counted.get(one.id, (0, 0, 0)), km]
    return {"rows": [], "extra": extra}


_FUNNEL = """
SELECT v.kind, count(*) AS issued, count(*) FILTER (WHERE h.accepted) AS accepted,
       count(*) FILTER (WHERE p.began IS NOT NULL) AS placed,
       count(*) FILTER (WHERE v.state = 'closed' AND v.reason = %(absent)s) AS absent,
       count(*) FILTER (WHERE v.state = 'closed' AND p.began IS NOT NULL AND p.ended < v.last_month) AS left_early
  FROM voucher v
  LEFT JOIN LATERAL (SELECT true AS accepted FROM voucher_history h
                      WHERE h.voucher_id = v.id AND h.to_state = 'accepted' LIMIT 1) h ON true
  LEFT JOIN LATERAL (SELECT min(e.starts_on) AS began, max(coalesce(e.ends_on, %(end)s)) AS ended
                       FROM enrolment e WHERE e.voucher_id = v.id) p ON true
 WHERE v.programme_id = %(programme)s AND v.first_month >= %(first)s AND v.first_month < %(end)s
 GROUP BY 1 ORDER BY 1"""

# A child that moved to another group has left the group, not the programme: two measures of staying.
_STAYS = """
SELECT g.kind, o.activity_id AS activity, count(*) AS came,
       count(*) FILTER (WHERE e.starts_on + interval '3 months' <= %(until)s) AS could,
       count(*) FILTER (WHERE e.starts_on + interval '3 months' <= %(until)s
                          AND (e.ends_on IS NULL OR e.ends_on >= e.starts_on + interval '3 months')) AS stayed
  FROM enrolment e JOIN club_group g ON g.id = e.group_id JOIN offering o ON o.id = g.offering_id
 WHERE e.programme_id = %(programme)s AND e.starts_on >= %(first)s AND e.starts_on < %(end)s
 GROUP BY 1, 2 ORDER BY 1, 2"""


def stays(programme_id: int, year: int, today: date) -> Content:
    """From voucher to place by kind, who left; and who was still in its group three months after coming, by direction.

    Only those count in `could` who came early enough in the year to have stayed three months by now.
    """
    until = min(today, date(year, 12, 31))
    asked = year_of(programme_id, year, until=until, absent=CloseReason.ABSENT.value)
    return {"rows": records(_FUNNEL, asked), "stays": records(_STAYS, asked)}

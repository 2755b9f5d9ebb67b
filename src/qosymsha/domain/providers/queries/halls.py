"""A provider's halls: their week, and where groups move to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.rules.halls import HallLesson
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class HallMove:
    """From which day a group meets in another hall, and in which."""

    first: date
    venue: UUID
    address_kk: str
    address_ru: str
    room: int


# Each weekday of the asked week has a day of its own, so that a change in mid-week is seen where it happens.
_WEEK = """
SELECT coalesce(s.venue_id, g.venue_id), g.uuid, g.code, o.activity_id, g.capacity, s.teacher_id, s.weekday, s.starts,
       s.ends, d.day,
       EXISTS (SELECT FROM engagement e WHERE e.provider_id = g.provider_id AND e.teacher_id = s.teacher_id
                AND e.ended_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM engagement e WHERE e.provider_id = g.provider_id
                        AND e.teacher_id = s.teacher_id AND e.ended_at IS NULL)
  FROM timetable_slot s JOIN club_group g ON g.id = s.group_id JOIN offering o ON o.id = g.offering_id
  CROSS JOIN LATERAL (SELECT %s::date + s.weekday - 1 AS day) AS d
 WHERE g.provider_id = %s AND NOT isempty(s.valid) AND s.valid @> d.day AND g.valid @> d.day
 ORDER BY s.weekday, s.starts, g.code"""


def house_week(*, actor: Actor, provider_id: int, monday: date) -> dict[int, list[HallLesson]]:
    """Venue → the lessons of the week that begins on a Monday, by day and time.

    Raises:
        Forbidden: the actor is not the provider's manager.
    """
    require(actor, Action.CHANGE_VENUE, ALLOWED, provider_id=provider_id)
    found: dict[int, list[HallLesson]] = {}
    for row in _rows(_WEEK, [monday, provider_id]):
        found.setdefault(row[0], []).append(HallLesson(*row))
    return found


def monday_of(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def moves_of(group_ids: Collection[int], on: date) -> dict[int, HallMove]:
    """Group → its next move to another hall after that day; groups that stay are left out."""
    found = _rows(
        "SELECT DISTINCT ON (g.id) g.id, lower(s.valid), v.uuid, v.address_kk, v.address_ru, v.capacity"
        " FROM timetable_slot s JOIN club_group g ON g.id = s.group_id JOIN venue v ON v.id = s.venue_id"
        " WHERE g.id = ANY (%s) AND s.venue_id <> g.venue_id AND NOT isempty(s.valid) AND lower(s.valid) > %s"
        " ORDER BY g.id, lower(s.valid)",
        [list(group_ids), on],
    )
    return {row[0]: HallMove(*row[1:]) for row in found}


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(arguments))
        return list(cursor.fetchall())

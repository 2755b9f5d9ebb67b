"""Groups and venues as their manager changes them; what a wished timetable would clash with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.providers import queries
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.rules import GroupFacts, Slot
from qosymsha.domain.providers.rules.running import Clash, WeekSlot, clashes
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class VenueSheet:
    """A venue with its district, what it has for children with special needs, and how many open groups meet there."""

    id: int
    uuid: UUID
    district_id: int
    district_kk: str
    district_ru: str
    district_en: str
    address_kk: str
    address_ru: str
    capacity: int
    adaptations: list[str]
    latitude: float | None
    longitude: float | None
    groups: int


@dataclass(frozen=True, slots=True)
class GroupSheet:
    """What a group's pages show besides its `GroupFacts`: how lessons are given, what a family adds, its venue."""

    id: int
    mode: str
    adds_tiyn: int
    venue: UUID
    address_kk: str
    address_ru: str
    room: int


@dataclass(frozen=True, slots=True)
class WeekLesson:
    """A weekly lesson as it stands: times, who teaches, its days."""

    weekday: int
    starts: time
    ends: time
    teacher_id: int
    teacher: UUID
    first_day: date
    last_day: date | None


def venue_sheets(*, actor: Actor, provider_id: int) -> list[VenueSheet]:
    """A provider's venues, in the order they came.

    Raises:
        Forbidden: the actor is not the provider's manager.
    """
    require(actor, Action.CHANGE_VENUE, ALLOWED, provider_id=provider_id)
    found = _rows(
        "SELECT v.id, v.uuid, v.district_id, d.name_kk, d.name_ru, d.name_en, v.address_kk, v.address_ru, v.capacity,"
        " v.adaptations, v.latitude, v.longitude, count(g.id) FILTER (WHERE g.state = 'open') FROM venue v"
        " JOIN territory d ON d.id = v.district_id LEFT JOIN club_group g ON g.venue_id = v.id"
        " WHERE v.provider_id = %s GROUP BY v.id, d.id ORDER BY v.id",
        [provider_id],
    )
    return [VenueSheet(*row) for row in found]


def all_groups(*, actor: Actor, provider_id: int) -> list[GroupFacts]:
    """A provider's groups, open ones first, by code.

    Raises:
        Forbidden: the actor is not the provider's manager.
    """
    require(actor, Action.CHANGE_GROUP, ALLOWED, provider_id=provider_id)
    ids = [i for (i,) in _rows("SELECT id FROM club_group WHERE provider_id = %s", [provider_id])]
    return sorted(queries.group_facts(ids).values(), key=lambda one: (one.state != "open", one.code, one.id))


def group_sheets(group_ids: Collection[int]) -> dict[int, GroupSheet]:
    """Group → what its pages show besides its facts."""
    found = _rows(
        "SELECT g.id, g.mode, g.adds_tiyn, v.uuid, v.address_kk, v.address_ru, v.capacity FROM club_group g"
        " JOIN venue v ON v.id = g.venue_id WHERE g.id = ANY (%s)",
        [list(group_ids)],
    )
    return {row[0]: GroupSheet(*row) for row in found}


def week_of(group_ids: Collection[int], on: date) -> dict[int, list[WeekLesson]]:
    """Group → its weekly lessons that hold on that day or will, by first day, weekday, hour."""
    found = _rows(
        "SELECT s.group_id, s.weekday, s.starts, s.ends, s.teacher_id, t.uuid, lower(s.valid), upper(s.valid) - 1"
        " FROM timetable_slot s JOIN teacher t ON t.id = s.teacher_id WHERE s.group_id = ANY (%s)"
        " AND NOT isempty(s.valid) AND (upper_inf(s.valid) OR upper(s.valid) > %s)"
        " ORDER BY s.group_id, lower(s.valid), s.weekday, s.starts",
        [list(group_ids), on],
    )
    weeks: dict[int, list[WeekLesson]] = {}
    for group_id, *lesson in found:
        weeks.setdefault(group_id, []).append(WeekLesson(*lesson))
    return weeks


def halls_from(group: GroupFacts, on: date) -> list[tuple[date, int]]:
    """(first day, venue) of each hall the group's week is in, from that day's on, in order; the group's own if none."""
    found = _rows(
        "SELECT min(greatest(lower(s.valid), %s)), coalesce(s.venue_id, %s) FROM timetable_slot s"
        " WHERE s.group_id = %s AND NOT isempty(s.valid) AND (upper_inf(s.valid) OR upper(s.valid) > %s)"
        " GROUP BY 2 ORDER BY 1",
        [on, group.venue_id, group.id, on],
    )
    return [(first, venue_id) for first, venue_id in found] or [(on, group.venue_id)]


def hall_on(group: GroupFacts, on: date) -> int:
    """The venue the group's week is in on that day."""
    return halls_from(group, on)[0][1]


def timetable_clashes(
    group: GroupFacts, wished: Sequence[WeekSlot], first: date, capacity: int | None = None, venue_id: int | None = None
) -> list[Clash]:
    """What the wished lessons of a group, from a day to the group's last, would clash with; its own lessons give way.

    `capacity`: what the group would hold, where that changes too; `venue_id`: in which hall, else the one of that day.
    Groups of other providers are among the clashes of
    a teacher who works at two: whoever shows them names only the own.
    """
    hall = venue_id or hall_on(group, first)
    wanted = [Slot(group.id, w.teacher_id, hall, w.weekday, w.starts, w.ends, first, group.last_day) for w in wished]
    near = queries.slots_in_venues([hall])
    taken = {(*_key(s),): s for s in (*near, *queries.slots_of_teachers({w.teacher_id for w in wished}))}
    others = [slot for slot in taken.values() if slot.group_id != group.id]
    children = {i: g.capacity for i, g in queries.group_facts({slot.group_id for slot in others}).items()}
    ((room,),) = _rows("SELECT capacity FROM venue WHERE id = %s", [hall])
    return clashes(wanted, others, children, capacity or group.capacity, room)


def _key(slot: Slot) -> tuple[object, ...]:
    return (slot.group_id, slot.teacher_id, slot.weekday, slot.starts, slot.first_day)


def fullest(venue_id: int, on: date) -> int:
    """The most children that the timetable puts into a venue at once from that day on: it may hold no fewer."""
    slots = [s for s in queries.slots_in_venues([venue_id]) if s.last_day is None or on <= s.last_day]
    children = {i: g.capacity for i, g in queries.group_facts({s.group_id for s in slots}).items()}
    days = {max(on, s.first_day) for s in slots}
    return max((_present(slots, slot, day, children) for slot in slots for day in days), default=0)


def _present(slots: Sequence[Slot], at: Slot, day: date, children: Mapping[int, int]) -> int:
    """The children in the hall when the lesson `at` begins on that day's week."""
    there = [s for s in slots if s.weekday == at.weekday and s.starts <= at.starts < s.ends and _holds(s, day)]
    return sum(children[s.group_id] for s in there)


def _holds(slot: Slot, day: date) -> bool:
    return slot.first_day <= day and (slot.last_day is None or day <= slot.last_day)


def teacher_ids(uuids: Collection[UUID]) -> dict[UUID, int]:
    """Teachers by their outside ids; unknown ones are left out."""
    return dict(_rows("SELECT uuid, id FROM teacher WHERE uuid = ANY (%s)", [list(uuids)]))


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(arguments))
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found

"""What is done to venues, running groups and who works there, inside a verb."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.providers.models import ClubGroup, Teacher, TimetableSlot, Venue
from qosymsha.domain.providers.rules.running import GroupTerms, VenueTerms, WeekSlot
from qosymsha.domain.providers.steps.cards import write_cards
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.text import normal

TEACHER = "teacher"


def store_venue(provider_id: int, terms: VenueTerms) -> int | None:
    """A new venue's id; None where the provider has one in this district at this address."""
    degrees = terms.place or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO venue (uuid, provider_id, district_id, address_kk, address_ru, capacity, adaptations,"
            " latitude, longitude) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
            [uuid4(), provider_id, *_venue_columns(terms), *degrees],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def change_venue(venue: Venue, terms: VenueTerms) -> None:
    """Put a venue's terms anew, and the cards of the groups that meet there."""
    latitude, longitude = terms.place or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE venue SET district_id = %s, address_kk = %s, address_ru = %s, capacity = %s, adaptations = %s,"
            " latitude = %s, longitude = %s WHERE id = %s",
            [*_venue_columns(terms), latitude, longitude, venue.pk],
        )
    write_cards(list(ClubGroup.objects.filter(venue=venue).values_list("id", flat=True)))


def _venue_columns(terms: VenueTerms) -> list[Any]:
    addresses = [normal(terms.address_kk), normal(terms.address_ru)]
    return [terms.district_id, *addresses, terms.capacity, sorted(set(terms.adaptations))]


def change_group(group_id: int, terms: GroupTerms) -> None:
    """Put a group's terms anew, and its card."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE club_group SET language = %s, age_min = %s, age_max = %s, is_adapted = %s, mode = %s,"
            " adds_tiyn = %s WHERE id = %s",
            [terms.language, terms.age_min, terms.age_max, terms.is_adapted, terms.mode, terms.adds_tiyn, group_id],
        )
    write_cards([group_id])


def resize_group(group_id: int, capacity: int) -> None:
    """A group's places, and its card; the seats are `vouchers`' and change in the same transaction."""
    assert transaction.get_connection().in_atomic_block, "places change with the seats"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE club_group SET capacity = %s WHERE id = %s", [capacity, group_id])
    write_cards([group_id])


def replace_week(
    group_id: int, first: date, last: date | None, week: Sequence[WeekSlot], venue_id: int | None = None
) -> None:
    """From `first` to the group's last day the week is this one; what held before ends the day before.

    `venue_id`: in which hall, where it is not the group's own.
    """
    assert transaction.get_connection().in_atomic_block, "a timetable changes with its lessons"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE timetable_slot SET valid = valid * daterange(NULL, %s) WHERE group_id = %s AND NOT isempty(valid)",
            [first, group_id],
        )
    TimetableSlot.objects.bulk_create(
        TimetableSlot(
            group_id=group_id,
            teacher_id=slot.teacher_id,
            venue_id=venue_id,
            weekday=slot.weekday,
            starts=slot.starts,
            ends=slot.ends,
            valid=DateRange(first, last, "[]" if last else "[)"),
        )
        for slot in week
    )
    write_cards([group_id])


def move_week(group_id: int, halls: tuple[int, int], first: date) -> None:
    """From `first` on the group's week is in the second of the halls; up to then it stays in the first."""
    assert transaction.get_connection().in_atomic_block, "a hall changes with its lessons"
    before, after = halls
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE timetable_slot SET venue_id = %s WHERE group_id = %s AND venue_id IS NULL", [before, group_id]
        )
        cursor.execute(
            "SELECT teacher_id, weekday, starts, ends, greatest(lower(valid), %s), upper(valid) FROM timetable_slot"
            " WHERE group_id = %s AND NOT isempty(valid) AND valid && daterange(%s, NULL)",
            [first, group_id, first],
        )
        lasting = cursor.fetchall()
        cursor.execute(
            "UPDATE timetable_slot SET valid = valid * daterange(NULL, %s) WHERE group_id = %s AND NOT isempty(valid)",
            [first, group_id],
        )
    TimetableSlot.objects.bulk_create(
        TimetableSlot(
            group_id=group_id,
            teacher_id=teacher_id,
            venue_id=after,
            weekday=weekday,
            starts=starts,
            ends=ends,
            valid=DateRange(lower, upper, "[)"),
        )
        for teacher_id, weekday, starts, ends, lower, upper in lasting
    )


def settle_halls(on: date) -> list[int]:
    """Groups whose week is in another hall by that day have it as their own from now on; their ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE club_group g SET venue_id = s.venue_id FROM timetable_slot s WHERE s.group_id = g.id"
            " AND s.venue_id <> g.venue_id AND s.valid @> %s::date RETURNING g.id",
            [on],
        )
        moved = sorted({i for (i,) in cursor.fetchall()})
    write_cards(moved)
    return moved


def engage(provider_id: int, teacher_id: int, day: date, *, actor: Actor, at: datetime) -> None:
    """Somebody works for a provider from a day on, told now; who does already stays as is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO engagement (provider_id, teacher_id, valid, told_at, told_by, reason)"
            " VALUES (%s, %s, daterange(%s, NULL), %s, %s, '') ON CONFLICT DO NOTHING",
            [provider_id, teacher_id, day, at, actor.user_id],
        )


def disengage(  # noqa: PLR0913 - where, who, from when, why; by whom, when
    provider_id: int, teacher_id: int, day: date, reason: str, *, actor: Actor, at: datetime
) -> None:
    """From `day` on somebody no longer works for a provider, whatever its timetable says."""
    engage(provider_id, teacher_id, day, actor=actor, at=at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE engagement SET valid = valid * daterange(NULL, %s), ended_at = %s, ended_by = %s, reason = %s"
            " WHERE provider_id = %s AND teacher_id = %s AND ended_at IS NULL",
            [day, at, actor.user_id, reason, provider_id, teacher_id],
        )


def store_teacher(person: PersonDetails) -> int:
    """The teacher of this number, made on first sight; a name told anew is taken over."""
    lookup = people.iin_lookup(TEACHER, person.iin or "")
    stored = people_steps.store_persons(TEACHER, TEACHER, {lookup: person})
    Teacher.objects.bulk_create(Teacher(id=teacher_id) for teacher_id in sorted(stored.made))
    return stored.ids[lookup]

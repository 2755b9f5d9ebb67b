"""Who teaches at a provider: by the timetable, and by what its manager told; who has ended there is not among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.text import sort_key

# Ended there and not told anew: the provider's timetable may still name them, it gives them nothing.
_GONE = """EXISTS (SELECT FROM engagement x WHERE x.provider_id = {0} AND x.teacher_id = {1} AND x.ended_at IS NOT NULL)
   AND NOT EXISTS (SELECT FROM engagement y WHERE y.provider_id = {0} AND y.teacher_id = {1} AND y.ended_at IS NULL)"""
_TEACHING = f"""
SELECT w.provider_id, CASE WHEN bool_or(w.last IS NULL) THEN NULL ELSE max(w.last) END FROM (
    SELECT g.provider_id, upper(s.valid) - 1 AS last FROM timetable_slot s JOIN club_group g ON g.id = s.group_id
     WHERE s.teacher_id = %s AND NOT isempty(s.valid) AND (upper_inf(s.valid) OR upper(s.valid) > %s)
    UNION ALL SELECT e.provider_id, upper(e.valid) - 1 FROM engagement e
     WHERE e.teacher_id = %s AND e.ended_at IS NULL AND (upper_inf(e.valid) OR upper(e.valid) > %s)) AS w
 WHERE NOT ({_GONE.format("w.provider_id", "%s")}) GROUP BY 1 ORDER BY 1"""  # noqa: S608
_OF = f"""
SELECT w.id, t.uuid, t.user_id IS NOT NULL, {_GONE.format("%s", "w.id")},
       coalesce(bool_or(w.teaches), false), array_remove(array_agg(DISTINCT w.code ORDER BY w.code), NULL) FROM (
    SELECT s.teacher_id AS id, NOT isempty(s.valid) AND (upper_inf(s.valid) OR upper(s.valid) > %s) AS teaches,
           CASE WHEN NOT isempty(s.valid) AND (upper_inf(s.valid) OR upper(s.valid) > %s) THEN g.code END AS code
      FROM timetable_slot s JOIN club_group g ON g.id = s.group_id WHERE g.provider_id = %s
    UNION ALL SELECT e.teacher_id, false, NULL FROM engagement e WHERE e.provider_id = %s) AS w
  JOIN teacher t ON t.id = w.id GROUP BY w.id, t.uuid, t.user_id ORDER BY w.id"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class TeacherName:
    """Somebody who teaches at a provider; `is_user`: has signed in. The name is empty where it was never given."""

    id: int
    uuid: UUID
    name: str
    is_user: bool


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A teacher as the manager sees one: has an account, was ended here, stands in a timetable, of which groups."""

    id: int
    uuid: UUID
    name: str
    is_user: bool
    is_gone: bool
    teaches: bool
    groups: tuple[str, ...]


def teaching(teacher_id: int, on: date) -> list[tuple[int, date | None]]:
    """Where somebody teaches on that day or will: (provider, last day there, None open), by provider.

    By the timetable or by what the manager told; a provider that ended it is left out whatever its timetable says.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TEACHING, [teacher_id, on, teacher_id, on, teacher_id, teacher_id])
        return [(provider_id, last) for provider_id, last in cursor.fetchall()]


def teachers_of(*, actor: Actor, provider_id: int) -> list[TeacherName]:
    """Who may be put before a provider's children, by name: who stands in its timetable or was told; ended ones not.

    Raises:
        Forbidden: the actor is neither the provider's nor an official of its territory.
    """
    staff = staff_of(actor=actor, provider_id=provider_id, on=date.min)
    return [TeacherName(one.id, one.uuid, one.name, one.is_user) for one in staff if not one.is_gone]


def staff_of(*, actor: Actor, provider_id: int, on: date) -> list[StaffMember]:
    """Everybody who teaches or taught at a provider, by name; `teaches` and `groups` as of that day and later.

    Raises:
        Forbidden: the actor is neither the provider's nor an official of its territory.
    """
    require(actor, Action.READ_TEACHERS, ALLOWED, provider_id=provider_id, territory_id=_territory(provider_id))
    with connection.cursor() as cursor:
        cursor.execute(_OF, [provider_id, provider_id, on, on, provider_id, provider_id])
        found = cursor.fetchall()
    names = _names([row[0] for row in found])
    members = [
        StaffMember(i, uuid, names.get(i, ERASED_NAME), is_user, is_gone, teaches, tuple(codes))
        for i, uuid, is_user, is_gone, teaches, codes in found
    ]
    return sorted(members, key=lambda one: (sort_key(one.name), one.id))


def _territory(provider_id: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT territory_id FROM provider WHERE id = %s", [provider_id])
        row = cursor.fetchone()
    return row[0] if row else None


def _names(teacher_ids: Sequence[int]) -> dict[int, str]:
    return {i: person_of(plain).full_name for i, plain in people.unseal("teacher", list(teacher_ids)).items()}


def working_at(provider_id: int) -> set[int]:
    """Ids of those who may be put before a provider's children: as `teachers_of`, without names."""
    with connection.cursor() as cursor:
        cursor.execute(_OF, [provider_id, provider_id, date.min, date.min, provider_id, provider_id])
        return {row[0] for row in cursor.fetchall() if not row[3]}


def user_of_teacher(teacher_id: int) -> int | None:
    """The user that a teacher is, if any."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM teacher WHERE id = %s", [teacher_id])
        row = cursor.fetchone()
    return row[0] if row else None

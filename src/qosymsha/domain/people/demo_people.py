"""Who may be tried out where all people are invented: asked by the sign-in page, never in production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from qosymsha.domain.people.queries import unseal
from qosymsha.domain.people.rules import PersonDetails, birthday, person_of
from qosymsha.domain.people.states import Role
from qosymsha.kernel import iin
from qosymsha.kernel.clock import local_day

_STAFF = """
SELECT role, user_id, uuid, subject FROM (
    SELECT m.role, u.id AS user_id, u.uuid, u.subject,
           row_number() OVER (PARTITION BY m.role ORDER BY min(m.id)) AS place
      FROM membership m JOIN app_user u ON u.id = m.user_id
     WHERE u.is_active AND m.valid @> %s::date AND m.role <> ALL (%s) GROUP BY m.role, u.id
) AS one WHERE place <= %s ORDER BY role, place"""

_GUARDIANS = """
SELECT g.id, g.uuid, g.user_id, w.wards
  FROM (SELECT id, uuid, user_id FROM guardian WHERE child_id IS NULL ORDER BY user_id IS NULL, id LIMIT %s) AS g
 CROSS JOIN LATERAL (
    SELECT count(*) AS wards FROM guardianship s WHERE s.guardian_id = g.id AND s.valid @> %s::date) AS w
 ORDER BY g.user_id IS NULL, g.id"""


_YOUTHS = """
SELECT g.id, g.uuid, g.user_id, g.child_id FROM guardian g JOIN membership m ON m.user_id = g.user_id AND m.role = %s
 WHERE g.child_id IS NOT NULL AND m.valid @> %s::date ORDER BY g.id LIMIT %s"""

# Doors and the house itself, as which nobody signs in; children, who are listed by themselves.
_NOBODY = [Role.CHANNEL.value, Role.SYSTEM.value, Role.YOUTH.value]


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody to be: a user, or a guardian who may not have one yet. `name` is empty unless surely invented.

    `age`: how old a child with an account of its own is.
    """

    role: str
    uuid: UUID
    user_id: int | None
    guardian_id: int | None = None
    name: str = ""
    wards: int = 0
    age: int = 0


def demo_people(at: datetime, each: int = 4) -> list[DemoPerson]:
    """Up to `each` people of each role that is valid now, guardians first, then children with own accounts."""
    _refuse_production()
    today = local_day(at)
    with connection.cursor() as cursor:
        cursor.execute(_GUARDIANS, [each, today])
        guardians = cursor.fetchall()
        cursor.execute(_STAFF, [today, _NOBODY, each])
        staff = cursor.fetchall()
        cursor.execute(_YOUTHS, [Role.YOUTH, today, each])
        youths = cursor.fetchall()
    names = invented_names([guardian_id for guardian_id, *_ in guardians])
    return [
        DemoPerson(Role.GUARDIAN, uuid, user_id, guardian_id, names.get(guardian_id, ""), wards)
        for guardian_id, uuid, user_id, wards in guardians
    ] + [
        *_youths(youths, today),
        *(DemoPerson(role, uuid, user_id, name=subject) for role, user_id, uuid, subject in staff),
    ]


def _youths(found: list[tuple[int, UUID, int, int]], today: date) -> list[DemoPerson]:
    read = {i: person_of(plain) for i, plain in unseal("child", [child for *_, child in found]).items()}
    return [
        DemoPerson(Role.YOUTH, uuid, user_id, guardian_id, _invented(read.get(child)), age=_age(read.get(child), today))
        for guardian_id, uuid, user_id, child in found
    ]


def _invented(person: PersonDetails | None) -> str:
    return person.full_name if person and person.iin and iin.is_synthetic(person.iin) else ""


def _age(person: PersonDetails | None, today: date) -> int:
    born = person.born_on if person else None
    return 0 if born is None else next(years for years in range(120) if today < birthday(born, years + 1))


def demo_person(uuid: UUID) -> DemoPerson | None:
    """The guardian or the user of this uuid."""
    _refuse_production()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, user_id FROM guardian WHERE uuid = %s", [uuid])
        guardian = cursor.fetchone()
        cursor.execute("SELECT id FROM app_user WHERE uuid = %s AND is_active", [uuid])
        user = cursor.fetchone()
    if guardian is not None:  # a youth's own too: its user is there already
        return DemoPerson(Role.GUARDIAN, uuid, guardian[1], guardian[0])
    return None if user is None else DemoPerson("", uuid, user[0])


def invented_names(guardian_ids: list[int]) -> dict[int, str]:
    """Names of those guardians whose number nobody can bear: a trial may hold a real person in spite of its note."""
    read = {guardian_id: person_of(plain) for guardian_id, plain in unseal("guardian", guardian_ids).items()}
    names = {i: _invented(person) for i, person in read.items()}
    return {i: name for i, name in names.items() if name}


def _refuse_production() -> None:
    assert not settings.PRODUCTION, "nobody is tried out in production"

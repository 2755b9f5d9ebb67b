"""Reads: providers, groups with what decides about their places, contracts, timetables."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from uuid import UUID

from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.domain.providers.queries.staff import TeacherName as TeacherName
from qosymsha.domain.providers.queries.staff import teachers_of as teachers_of
from qosymsha.domain.providers.queries.staff import teaching as teaching
from qosymsha.domain.providers.queries.staff import user_of_teacher as user_of_teacher
from qosymsha.domain.providers.rules import GroupFacts, Lesson, Paper, Slot, lessons_of
from qosymsha.kernel import iin
from qosymsha.kernel.text import sort_key

_GROUPS = """
SELECT g.id, g.uuid, g.territory_id, g.programme_id, g.provider_id, g.contract_id, g.line_id, g.venue_id, v.district_id,
       g.kind, o.activity_id, g.code, g.language, g.age_min, g.age_max, g.capacity, g.unit_tariff_tiyn,
       g.units_per_month, g.is_adapted, g.state, lower(g.valid), upper(g.valid) - 1, lower(c.valid), upper(c.valid) - 1,
       a.state, lower(a.valid), upper(a.valid) - 1
  FROM club_group g
  JOIN offering o ON o.id = g.offering_id
  JOIN venue v ON v.id = g.venue_id
  JOIN contract c ON c.id = g.contract_id
  LEFT JOIN accreditation a ON a.provider_id = g.provider_id AND a.programme_id = g.programme_id
                           AND a.state IN ('accredited', 'limited')
"""
_OPEN = """
 WHERE g.programme_id = %s AND g.state = 'open' AND g.valid @> %s::date AND c.valid @> %s::date
   AND a.state = 'accredited' AND a.valid @> %s::date ORDER BY g.id"""

_SLOTS = """
SELECT s.group_id, s.teacher_id, coalesce(s.venue_id, g.venue_id), s.weekday, s.starts, s.ends, lower(s.valid),
       upper(s.valid) - 1
  FROM timetable_slot s JOIN club_group g ON g.id = s.group_id
 WHERE NOT isempty(s.valid) AND """

_CONTRACTS = """
SELECT c.id, c.uuid, c.number, c.territory_id, c.programme_id, c.provider_id, c.line_id, l.kind, c.volume_tiyn, c.state,
       lower(c.valid), upper(c.valid) - 1 FROM contract c JOIN budget_line l ON l.id = c.line_id WHERE """


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """A provider as documents name it; `bin` is None for a sole trader, whose IIN stands in secrets."""

    id: int
    number: str
    territory_id: int
    legal_form: str
    bin: str | None
    name: str
    iban: str
    iban_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A contract with its volume and its line's kind; `last_day` None is open."""

    id: int
    uuid: UUID
    number: str
    territory_id: int
    programme_id: int
    provider_id: int
    line_id: int
    kind: str
    volume_tiyn: int
    state: str
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class ProviderName:
    """A provider as a menu names it."""

    id: int
    uuid: UUID
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """A provider's venue."""

    id: int
    uuid: UUID
    address_kk: str
    address_ru: str
    capacity: int


@dataclass(frozen=True, slots=True)
class AccreditationFacts:
    """An accreditation as it stands."""

    id: int
    provider_id: int
    programme_id: int
    territory_id: int
    state: str
    first_day: date | None
    last_day: date | None
    review_by: date
    reason: str


def groups_open_on(programme_id: int, on: date) -> list[GroupFacts]:
    """The groups in which a new place may begin on that day (seats apart): open, under contract, accredited."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS + _OPEN, [programme_id, on, on, on])
        return [GroupFacts(*row) for row in cursor.fetchall()]


def group_facts(group_ids: Collection[int]) -> dict[int, GroupFacts]:
    """Group → its facts, closed groups too; unknown ids are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS + " WHERE g.id = ANY(%s) ORDER BY g.id", [list(group_ids)])
        return {row[0]: GroupFacts(*row) for row in cursor.fetchall()}


def groups_of_provider(provider_id: int, on: date) -> list[GroupFacts]:
    """A provider's groups that live on that day, whether or not they take new children."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS + " WHERE g.provider_id = %s AND g.valid @> %s::date ORDER BY g.id", [provider_id, on])
        return [GroupFacts(*row) for row in cursor.fetchall()]


def groups_by_code(provider_id: int, codes: Collection[str]) -> dict[str, int]:
    """A provider's own group codes → ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, id FROM club_group WHERE provider_id = %s AND code = ANY(%s)", [provider_id, list(codes)]
        )
        return dict(cursor.fetchall())


def timetable(group_ids: Collection[int]) -> list[Slot]:
    """All weekly lessons of the groups, past ones too, by group, weekday and time."""
    return _slots("s.group_id = ANY(%s) ORDER BY s.group_id, s.weekday, s.starts, s.id", [list(group_ids)])


def slots_of_teachers(teacher_ids: Collection[int]) -> list[Slot]:
    """All weekly lessons of these teachers, at any provider."""
    return _slots("s.teacher_id = ANY(%s) ORDER BY s.id", [list(teacher_ids)])


def slots_in_venues(venue_ids: Collection[int]) -> list[Slot]:
    """All weekly lessons in these venues."""
    halls = list(venue_ids)
    own = _slots("s.venue_id = ANY(%s) ORDER BY s.id", [halls])
    return own + _slots("g.venue_id = ANY(%s) AND s.venue_id IS NULL ORDER BY s.id", [halls])


def lessons(group_ids: Collection[int], first: date, last: date, calendar: Calendar) -> list[Lesson]:
    """The lessons the timetables put between two days (both counted), public holidays left out; by day, group, time."""
    found = lessons_of(timetable(group_ids), first, last, days_off(first, last, calendar))
    return sorted(found, key=lambda lesson: (lesson.on, lesson.group_id, lesson.starts))


def lessons_between(group_ids: Collection[int], first: date, last: date, calendar: Calendar) -> dict[int, list[date]]:
    """Group → its lesson days between two days (both counted), in order; at most one a day; every id is there."""
    days: dict[int, list[date]] = {group_id: [] for group_id in group_ids}
    for lesson in lessons_of(timetable(group_ids), first, last, days_off(first, last, calendar)):
        days[lesson.group_id].append(lesson.on)
    return {group_id: sorted(found) for group_id, found in days.items()}


def days_off(first: date, last: date, calendar: Calendar) -> frozenset[date]:
    """The days without lessons: those the calendar declares free. An ordinary weekend has lessons."""
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return frozenset(day for day in span if calendar.overrides.get(day) is False)


def provider_facts(provider_ids: Collection[int]) -> dict[int, ProviderFacts]:
    """Provider → how documents name it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, number, territory_id, legal_form, bin, name, iban, iban_changed_at FROM provider"
            " WHERE id = ANY(%s) ORDER BY id",
            [list(provider_ids)],
        )
        return {row[0]: ProviderFacts(*row) for row in cursor.fetchall()}


def provider_names(provider_ids: Collection[int]) -> list[ProviderName]:
    """Providers as a menu names them, by name in the Kazakh alphabet's order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, uuid, number, name FROM provider WHERE id = ANY(%s)", [list(provider_ids)])
        found = [ProviderName(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (sort_key(one.name), one.id))


def venues_of(provider_id: int) -> list[VenueFacts]:
    """A provider's venues, in the order they came."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, uuid, address_kk, address_ru, capacity FROM venue WHERE provider_id = %s ORDER BY id",
            [provider_id],
        )
        return [VenueFacts(*row) for row in cursor.fetchall()]


@cache
def centres() -> dict[str, tuple[float, float]]:
    """KATO code → a rough middle (latitude, longitude), where one is known; all are assumptions, for maps alone."""
    lines = resources.files("qosymsha.domain.providers").joinpath("data", "centres.csv").read_text("utf-8").splitlines()
    return {row["kato"]: (float(row["latitude"]), float(row["longitude"])) for row in csv.DictReader(lines)}


def group_id(provider_id: int, uuid: UUID) -> int | None:
    """A provider's own group by its outside id; another's is as unknown as none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM club_group WHERE provider_id = %s AND uuid = %s", [provider_id, uuid])
        row = cursor.fetchone()
    return row[0] if row else None


def providers_by_number(numbers: Collection[str]) -> dict[str, int]:
    """Canonical BIN or sole trader's IIN → provider id; unknown numbers are left out."""
    bins = [n for n in numbers if len(n) == 12 and iin.is_organisation(n)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT bin, id FROM provider WHERE bin = ANY(%s)", [bins])
        companies = dict(cursor.fetchall())
    return companies | people.by_iin("provider", set(numbers) - set(bins))


def contract_facts(contract_ids: Collection[int]) -> dict[int, ContractFacts]:
    """Contract → its facts."""
    return {c.id: c for c in _contracts("c.id = ANY(%s) ORDER BY c.id", [list(contract_ids)])}


def contracts_of_provider(provider_id: int) -> list[ContractFacts]:
    """A provider's contracts, ended ones too, the earliest first."""
    return _contracts("c.provider_id = %s ORDER BY lower(c.valid), c.id", [provider_id])


def accreditations_of(provider_ids: Collection[int], programme_id: int) -> dict[int, AccreditationFacts]:
    """Provider → its latest accreditation for a programme."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (provider_id) id, provider_id, programme_id, territory_id, state, lower(valid),"
            " upper(valid) - 1, review_by, reason FROM accreditation WHERE provider_id = ANY(%s) AND programme_id = %s"
            " ORDER BY provider_id, id DESC",
            [list(provider_ids), programme_id],
        )
        return {row[1]: AccreditationFacts(*row) for row in cursor.fetchall()}


def papers_of(accreditation_id: int) -> list[Paper]:
    """The papers filed with an accreditation, in the order they came."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, number, lower(valid), upper(valid) - 1, file_hash, document_uuid FROM accreditation_evidence"
            " WHERE accreditation_id = %s ORDER BY id",
            [accreditation_id],
        )
        return [Paper(*row) for row in cursor.fetchall()]


def _slots(condition: str, parameters: list[list[int]]) -> list[Slot]:
    with connection.cursor() as cursor:
        cursor.execute(_SLOTS + condition, parameters)
        return [Slot(*row) for row in cursor.fetchall()]


def _contracts(condition: str, parameters: list[int | list[int]]) -> list[ContractFacts]:
    with connection.cursor() as cursor:
        cursor.execute(_CONTRACTS + condition, parameters)
        return [ContractFacts(*row) for row in cursor.fetchall()]

"""Reading programmes: the rules of a day, lines, segments, the calendar, the directions. Nothing here is personal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Q

from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.models import Activity, BudgetLine, CalendarDay, Programme, RuleSet
from qosymsha.domain.programmes.rules import Calendar, ProgrammeRefusal, Rules, parse
from qosymsha.domain.programmes.states import RuleSetState
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule set as decisions name it: id, SHA-256 of its canonical document (32 bytes), version, and its rules."""

    id: int
    hash: bytes
    version: int
    rules: Rules


@dataclass(frozen=True, slots=True)
class ProgrammeFacts:
    """A programme and where it is."""

    id: int
    uuid: UUID
    territory_id: int
    code: str
    name_kk: str
    name_ru: str
    name_en: str


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A budget line."""

    id: int
    uuid: UUID
    territory_id: int
    programme_id: int
    department_id: int
    kind: str
    code: str
    fiscal_year: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A queue: its code, the kind of voucher it gives, the line that pays, tiyn to hold per voucher and month."""

    code: str
    kind: str
    line_id: int
    planning_tariff_tiyn: int


def programme(programme_id: int) -> ProgrammeFacts:
    """A programme by its id; a missing one is a bug of the caller (`Programme.DoesNotExist`)."""
    return _facts(Programme.objects.get(pk=programme_id))


def _facts(row: Programme) -> ProgrammeFacts:
    return ProgrammeFacts(row.pk, row.uuid, row.territory_id, row.code, row.name_kk, row.name_ru, row.name_en)


def programmes(territory_id: int | None = None) -> list[ProgrammeFacts]:
    """The programmes of a territory, or all, by id."""
    wanted = Programme.objects.all() if territory_id is None else Programme.objects.filter(territory_id=territory_id)
    return [_facts(row) for row in wanted.order_by("pk")]


def rules_in_force(programme_id: int, on: date) -> InForce:
    """The rule set approved for that day.

    Raises:
        Refused: `no_rules_in_force`.
    """
    row = RuleSet.objects.filter(programme_id=programme_id, state=RuleSetState.APPROVED, valid__contains=on).first()
    if row is None:
        raise Refused(ProgrammeRefusal.NO_RULES_IN_FORCE, programme_id=programme_id, on=on.isoformat())
    return InForce(row.pk, bytes(row.hash), row.version, _parsed(row.pk, bytes(row.hash)))


def rules_of(rule_set_id: int) -> InForce:
    """The rule set that a decision named, in force or not. Parsed once per process: rows never change."""
    pk, digest, version = RuleSet.objects.values_list("pk", "hash", "version").get(pk=rule_set_id)
    return InForce(pk, bytes(digest), version, _parsed(pk, bytes(digest)))


def rules_of_hash(rule_set_id: int, digest: bytes) -> Rules:
    """The rules of a set whose hash a query brought along: no question if parsed before."""
    return _parsed(rule_set_id, digest)


@lru_cache(maxsize=64)
def _parsed(rule_set_id: int, digest: bytes) -> Rules:
    return parse(RuleSet.objects.values_list("document", flat=True).get(pk=rule_set_id, hash=digest))


def document_of(rule_set_id: int) -> dict[str, Any]:
    """The rule set's JSON document, for publishing and for the editor."""
    document: dict[str, Any] = RuleSet.objects.values_list("document", flat=True).get(pk=rule_set_id)
    return document


def differences(rule_set_id: int) -> list[tuple[str, Any, Any]]:
    """(path, in force, here) for every field in which a rule set differs from the one in force on its first day."""
    row = RuleSet.objects.get(pk=rule_set_id)
    in_force = (
        RuleSet.objects.filter(programme_id=row.programme_id, state=RuleSetState.APPROVED)
        .exclude(pk=rule_set_id)
        .filter(valid__contains=row.valid.lower)
        .first()
    )
    return documents.differences(in_force.document if in_force else {}, row.document)


def lines(programme_id: int, fiscal_year: int) -> list[LineFacts]:
    """A programme's budget lines of a year, by id."""
    found = BudgetLine.objects.filter(programme_id=programme_id, fiscal_year=fiscal_year).order_by("pk")
    names = ("pk", "uuid", "territory_id", "programme_id", "department_id", "kind", "code", "fiscal_year")
    return [LineFacts(*row) for row in found.values_list(*names)]


def line_id(programme_id: int, kind: str, fiscal_year: int) -> int | None:
    """The line that pays for a kind in a year (the first opened, where several do), or None."""
    return next((line.id for line in lines(programme_id, fiscal_year) if line.kind == kind), None)


def segments(rule_set_id: int, fiscal_year: int) -> list[Segment]:
    """The queues of a rule set in a year, in the order of its kinds; a kind without a budget line has none."""
    programme_id = RuleSet.objects.values_list("programme_id", flat=True).get(pk=rule_set_id)
    rules = rules_of(rule_set_id).rules
    payers = ((kind, line_id(programme_id, kind, fiscal_year)) for kind in rules.kinds)
    return [Segment(kind, kind, line, rules.planning_tariff[kind]) for kind, line in payers if line is not None]


def calendar(territory_id: int, first: date, last: date) -> Calendar:
    """The days from first to last: the country's, over them the territory's own. Outside, plain weekdays hold."""
    days = CalendarDay.objects.filter(Q(territory_id=None) | Q(territory_id=territory_id), day__range=(first, last))
    rows: Iterable[tuple[int | None, date, bool]] = days.values_list("territory_id", "day", "is_working")
    own_last = sorted(rows, key=lambda row: row[0] is not None)
    return Calendar({day: is_working for _, day, is_working in own_last})


def activity_kinds() -> dict[str, str]:
    """Direction code → kind, for all directions loaded."""
    return dict(Activity.objects.order_by("code").values_list("code", "kind"))


@dataclass(frozen=True, slots=True)
class ActivityName:
    """A direction as a menu names it."""

    code: str
    kind: str
    name_kk: str
    name_ru: str
    name_en: str


def activities() -> list[ActivityName]:
    """All directions, by kind, then in the Kazakh alphabet's order."""
    rows = Activity.objects.values_list("code", "kind", "name_kk", "name_ru", "name_en", "sort_kk")
    return [ActivityName(*row[:5]) for row in sorted(rows, key=lambda row: (row[1], row[5], row[0]))]

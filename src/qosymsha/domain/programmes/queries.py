"""Reading programmes: the rules of a day, lines, segments, the calendar, the directions. Nothing here is personal."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Q

from qosymsha.domain.people.models import Department
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.models import (
    Activity,
    BudgetLine,
    BudgetPlan,
    CalendarDay,
    DrawWord,
    Programme,
    RuleDraft,
    RuleSet,
)
from qosymsha.domain.programmes.rules import Calendar, ProgrammeRefusal, Rules, parse
from qosymsha.domain.programmes.states import RuleDraftState, RuleSetState
from qosymsha.kernel.actor import Actor
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


def rules_ever_approved(programme_ids: Collection[int]) -> list[InForce]:
    """Every rule set that a decision of these programmes may have named; one statement where all are parsed already."""
    named = RuleSet.objects.filter(programme_id__in=programme_ids).exclude(approved_at=None).order_by("pk")
    found = [(pk, bytes(digest), version) for pk, digest, version in named.values_list("pk", "hash", "version")]
    return [InForce(pk, digest, version, _parsed(pk, digest)) for pk, digest, version in found]


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


@dataclass(frozen=True, slots=True)
class RuleSetSeen:
    """A version as the office sees it: its days (`last` is its last day, None: until others hold), who wrote it."""

    id: int
    uuid: UUID
    programme_id: int
    territory_id: int
    version: int
    state: str
    first: date
    last: date | None
    hash: str
    authors: tuple[int, ...]
    approved_by: int | None
    approved_at: datetime | None
    withdrawn_reason: str
    document: dict[str, Any]

    def is_in_force(self, on: date) -> bool:
        """True where it holds on that day."""
        return self.state == RuleSetState.APPROVED and self.first <= on and (self.last is None or on <= self.last)


@dataclass(frozen=True, slots=True)
class DraftSeen:
    """A working draft; `edits` counts each section's changes, `based_on` is the rule set it began from."""

    uuid: UUID
    programme_id: int
    territory_id: int
    based_on: int | None
    document: dict[str, Any]
    valid_from: date
    edits: dict[str, int]
    policy_chosen: bool
    state: str
    authors: tuple[int, ...]
    edited_at: datetime
    edited_by: int


def rule_sets(programme_id: int) -> list[RuleSetSeen]:
    """Every version of a programme's rules, the latest first."""
    return [_seen(row) for row in RuleSet.objects.filter(programme_id=programme_id).order_by("-version")]


def rule_set_seen(uuid: UUID) -> RuleSetSeen | None:
    """The version of this uuid, or None."""
    found = RuleSet.objects.filter(uuid=uuid).first()
    return _seen(found) if found else None


def standing_on(programme_id: int, day: date, but: int | None = None) -> RuleSetSeen | None:
    """The rules approved for a day, the set `but` apart: what a draft that begins that day would take the place of."""
    approved = RuleSet.objects.filter(programme_id=programme_id, state=RuleSetState.APPROVED, valid__contains=day)
    found = (approved if but is None else approved.exclude(pk=but)).first()
    return _seen(found) if found else None


def _seen(row: RuleSet) -> RuleSetSeen:
    last = row.valid.upper - timedelta(days=1) if row.valid.upper else None
    authors = tuple(row.authors) or (row.drafted_by,)
    return RuleSetSeen(
        row.pk, row.uuid, row.programme_id, row.territory_id, row.version, row.state, row.valid.lower, last,
        bytes(row.hash).hex(), authors, row.approved_by, row.approved_at, row.withdrawn_reason, row.document,
    )  # fmt: skip


def open_draft(programme_id: int) -> DraftSeen | None:
    """The draft that is being written, if there is one."""
    found = RuleDraft.objects.filter(programme_id=programme_id, state=RuleDraftState.OPEN).first()
    return _draft(found) if found else None


def draft_seen(uuid: UUID) -> DraftSeen | None:
    """The working draft of this uuid, or None."""
    found = RuleDraft.objects.filter(uuid=uuid).first()
    return _draft(found) if found else None


def _draft(row: RuleDraft) -> DraftSeen:
    return DraftSeen(
        row.uuid, row.programme_id, row.territory_id, row.based_on_id, row.document, row.valid_from, row.edits,
        row.policy_chosen, row.state, tuple(row.authors), row.edited_at, row.edited_by,
    )  # fmt: skip


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


def own_lines(actor: Actor, roles: Collection[str]) -> list[int] | None:
    """The lines of the actor's departments; None, and no statement, where no right of these roles is bound to one."""
    if not any(grant.department_id and grant.role in roles for grant in actor.grants):
        return None
    found = BudgetLine.objects.order_by("pk").values_list("pk", "territory_id", "department_id")
    return [line for line, where, whose in found if actor.holds(roles, territory_id=where, department_id=whose)]


def segments(rule_set_id: int, fiscal_year: int) -> list[Segment]:
    """The queues of a rule set in a year, in the order of its kinds; a kind without a budget line has none."""
    programme_id = RuleSet.objects.values_list("programme_id", flat=True).get(pk=rule_set_id)
    rules = rules_of(rule_set_id).rules
    payers = ((kind, line_id(programme_id, kind, fiscal_year)) for kind in rules.kinds)
    return [Segment(kind, kind, line, rules.planning_tariff[kind]) for kind, line in payers if line is not None]


@dataclass(frozen=True, slots=True)
class PlanSeen:
    """Money given to a line for a period (first and last day); a cut is negative. By which paper, when, by whom."""

    line_id: int
    first: date
    last: date
    amount_tiyn: int
    decision: str
    decided_at: datetime
    decided_by: int


def budget_plans(line_ids: Iterable[int]) -> list[PlanSeen]:
    """What these lines were given, in the order it was decided."""
    found = BudgetPlan.objects.filter(line_id__in=list(line_ids)).order_by("decided_at", "pk")
    return [
        PlanSeen(
            row.line_id, row.period.lower, row.period.upper - timedelta(days=1), row.amount_tiyn, row.decision,
            row.decided_at, row.decided_by,
        )
        for row in found
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DepartmentName:
    """A department that may own lines."""

    id: int
    code: str
    name_kk: str
    name_ru: str
    name_en: str


def departments_of(territory_id: int) -> list[DepartmentName]:
    """The departments of a territory, by code."""
    found = Department.objects.filter(territory_id=territory_id).order_by("code")
    return [DepartmentName(*row) for row in found.values_list("pk", "code", "name_kk", "name_ru", "name_en")]


def fiscal_years(programme_id: int) -> list[int]:
    """The years for which a programme has lines, the latest first."""
    years = BudgetLine.objects.filter(programme_id=programme_id).values_list("fiscal_year", flat=True).distinct()
    return sorted(years, reverse=True)


def draw_words(round_number: str) -> dict[int, bytes]:
    """What officers typed for a round's draw, by user."""
    rows = DrawWord.objects.filter(round_number=round_number).order_by("pk").values_list("user_id", "value")
    return {user_id: bytes(value) for user_id, value in rows}


@dataclass(frozen=True, slots=True)
class DaySeen:
    """A day that differs from Monday to Friday; `is_own`: the territory's own, over the country's."""

    day: date
    is_working: bool
    name_kk: str
    name_ru: str
    source: str
    is_own: bool


def calendar_days(territory_id: int, year: int) -> list[DaySeen]:
    """The days of a year written in the calendar, the country's and the territory's own, by day."""
    days = CalendarDay.objects.filter(Q(territory_id=None) | Q(territory_id=territory_id), day__year=year)
    rows = days.order_by("day", "territory_id")
    return [
        DaySeen(row.day, row.is_working, row.name_kk, row.name_ru, row.source, row.territory_id is not None)
        for row in rows
    ]


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

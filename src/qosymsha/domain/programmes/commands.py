"""Programmes, rule sets, budget lines and the calendar: the officers' verbs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Max

from qosymsha.domain.ledger import steps as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people.models import Department
from qosymsha.domain.programmes import classifiers, queries
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.classifiers import CalendarDraft
from qosymsha.domain.programmes.models import Activity, BudgetLine, BudgetPlan, CalendarDay, Programme, RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal, RuleSetFault
from qosymsha.domain.programmes.states import RuleSetState, Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.kernel.text import folded, normal, sort_key

BUDGET_CAUSE = "budget_plan"


@dataclass(frozen=True, slots=True)
class ProgrammeDraft:
    """A programme of a territory: a short code, once there; Kazakh and Russian names required."""

    territory_id: int
    code: str
    name_kk: str
    name_ru: str
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetDraft:
    """Rules to hold from `valid_from` on, until others are approved: the document of schema `rule-set-1`."""

    programme_id: int
    document: dict[str, Any]
    valid_from: date


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line: which department pays which kind under which budget code in which year."""

    programme_id: int
    department_id: int
    kind: str
    code: str
    fiscal_year: int


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """Money for a line in a period (first and last day), in tiyn; a cut is negative. `decision` names the paper."""

    line_id: int
    first: date
    last: date
    amount_tiyn: int
    decision: str


@transaction.atomic(durable=True)
def create_programme(*, actor: Actor, programme: ProgrammeDraft, at: datetime, key: UUID) -> int:
    """Found a programme and return its id.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: a code or a name is empty.
        Refused: `programme_code_taken`, or the key was used otherwise.
    """
    place = programme.territory_id
    require(actor, Action.CREATE_PROGRAMME, ALLOWED, territory_id=place)
    locks.exclusive(f"programmes.codes.{place}")
    seen = idempotency.repeat(actor=actor, verb="create_programme", key=key, body=asdict(programme), at=at)
    if seen is not None:
        return int(seen)
    _say_something(code=programme.code, name_kk=programme.name_kk, name_ru=programme.name_ru)
    if Programme.objects.filter(territory_id=place, code=programme.code).exists():
        raise Refused(ProgrammeRefusal.CODE_TAKEN, code=programme.code)
    names = {name: normal(getattr(programme, name)) for name in ("name_kk", "name_ru", "name_en")}
    made = Programme.objects.create(territory_id=place, code=programme.code, **names)
    _record(actor, at, Action.CREATE_PROGRAMME, "programme", [made.pk], place)
    idempotency.keep(actor=actor, verb="create_programme", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def draft_rule_set(*, actor: Actor, draft: RuleSetDraft, at: datetime, key: UUID) -> int:
    """Store a document as the programme's next version, a draft; return its id. To change a draft is to draft again.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: names the document's field and what to do about it.
        Refused: the key was used with another document.
    """
    programme = queries.programme(draft.programme_id)
    require(actor, Action.DRAFT_RULES, ALLOWED, territory_id=programme.territory_id)
    locks.exclusive(f"programmes.rules.{programme.id}")
    document = _read(draft.document)
    body = {"programme": programme.id, "document": document, "from": draft.valid_from.isoformat()}
    seen = idempotency.repeat(actor=actor, verb="draft_rule_set", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    last = RuleSet.objects.filter(programme_id=programme.id).aggregate(last=Max("version"))["last"] or 0
    made = RuleSet.objects.create(
        territory_id=programme.territory_id,
        programme_id=programme.id,
        version=last + 1,
        schema=documents.SCHEMA,
        document=document,
        hash=digest(document),
        state=RuleSetState.DRAFT,
        valid=DateRange(draft.valid_from, None),
        drafted_by=actor.user_id,
    )
    _record(actor, at, Action.DRAFT_RULES, "rule_set", [made.pk], programme.territory_id)
    idempotency.keep(actor=actor, verb="draft_rule_set", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def approve_rule_set(*, actor: Actor, rule_set_id: int, at: datetime, key: UUID) -> int:
    """Put a draft in force from its first day, as another person than its drafter; return its id.

    The set in force until then ends the day before; one that would have begun later is superseded.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `not_a_draft`, `same_person`, `rewrites_the_past` (rules held on days already gone).
    """
    rule_set = RuleSet.objects.get(pk=rule_set_id)
    require(actor, Action.APPROVE_RULES, ALLOWED, territory_id=rule_set.territory_id)
    locks.exclusive(f"programmes.rules.{rule_set.programme_id}")
    seen = idempotency.repeat(actor=actor, verb="approve_rule_set", key=key, body=rule_set_id, at=at)
    if seen is not None:
        return int(seen)
    rule_set.refresh_from_db()
    if rule_set.state != RuleSetState.DRAFT:
        raise Refused(ProgrammeRefusal.NOT_A_DRAFT, rule_set_id=rule_set_id)
    if rule_set.drafted_by == actor.user_id:
        raise Refused(ProgrammeRefusal.SAME_PERSON, rule_set_id=rule_set_id)
    _make_way(rule_set, local_day(at))
    RuleSet.objects.filter(pk=rule_set_id).update(
        state=RuleSetState.APPROVED, approved_by=actor.user_id, approved_at=at
    )
    _record(actor, at, Action.APPROVE_RULES, "rule_set", [rule_set_id], rule_set.territory_id)
    outbox.tell(topic=Topic.RULES_APPROVED, subject_kind="rule_set", subject_ids=[rule_set_id], at=at)
    idempotency.keep(actor=actor, verb="approve_rule_set", key=key, outcome=rule_set_id)
    return rule_set_id


@transaction.atomic(durable=True)
def load_classifiers(*, actor: Actor, at: datetime, key: UUID) -> int:
    """Load the product's directions and holidays; return how many rows. Run again it renews directions, but leaves days
    that stand in the calendar as they are: somebody may have corrected them.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.LOAD_CLASSIFIERS, ALLOWED)
    seen = idempotency.repeat(actor=actor, verb="load_classifiers", key=key, body=None, at=at)
    if seen is not None:
        return int(seen)
    activities, days = classifiers.activities(), classifiers.holidays()
    Activity.objects.bulk_create(
        [
            Activity(
                **asdict(row),
                folded=folded(f"{row.name_kk} {row.name_ru} {row.name_en}"),
                sort_kk=sort_key(row.name_kk),
            )
            for row in activities
        ],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["kind", "name_kk", "name_ru", "name_en", "folded", "sort_kk", "source"],
    )
    CalendarDay.objects.bulk_create([CalendarDay(**asdict(day)) for day in days], ignore_conflicts=True)
    _record(actor, at, Action.LOAD_CLASSIFIERS, "classifier", [], None)
    idempotency.keep(actor=actor, verb="load_classifiers", key=key, outcome=len(activities) + len(days))
    return len(activities) + len(days)


@transaction.atomic(durable=True)
def set_calendar_days(
    *, actor: Actor, territory_id: int | None, days: Sequence[CalendarDraft], at: datetime, key: UUID
) -> int:
    """Write days over the calendar of a territory, or of the country (None: the operator's right); return how many.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: a day stands there twice, or without a source.
    """
    action = Action.SET_NATIONAL_CALENDAR if territory_id is None else Action.SET_CALENDAR
    require(actor, action, ALLOWED, territory_id=territory_id)
    body = [territory_id, [{**asdict(day), "day": day.day.isoformat()} for day in days]]
    seen = idempotency.repeat(actor=actor, verb="set_calendar_days", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if len({day.day for day in days}) < len(days):
        raise BadInput("days", "name each day once")
    for day in days:
        _say_something(source=day.source, name_kk=day.name_kk, name_ru=day.name_ru)
    CalendarDay.objects.bulk_create(
        [CalendarDay(territory_id=territory_id, **asdict(day)) for day in days],
        update_conflicts=True,
        unique_fields=["territory", "day"],
        update_fields=["is_working", "name_kk", "name_ru", "source"],
    )
    detail: dict[str, object] = {"days": [day.day.isoformat() for day in days]}
    _record(actor, at, action, "calendar_day", [], territory_id, detail)
    idempotency.keep(actor=actor, verb="set_calendar_days", key=key, outcome=len(days))
    return len(days)


@transaction.atomic(durable=True)
def open_budget_line(*, actor: Actor, line: LineDraft, at: datetime, key: UUID) -> int:
    """Open a line, empty, and return its id.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: the budget code is empty, or the year is none.
        Refused: `line_exists`, `kind_unknown` to the rules of that year, `other_territory` (the department's).
    """
    programme = queries.programme(line.programme_id)
    require(actor, Action.OPEN_LINE, ALLOWED, territory_id=programme.territory_id)
    locks.exclusive(f"programmes.lines.{programme.id}")
    seen = idempotency.repeat(actor=actor, verb="open_budget_line", key=key, body=asdict(line), at=at)
    if seen is not None:
        return int(seen)
    _say_something(code=line.code)
    _check_line(line, programme.territory_id)
    made = BudgetLine.objects.create(territory_id=programme.territory_id, **asdict(line))
    _record(actor, at, Action.OPEN_LINE, "budget_line", [made.pk], programme.territory_id)
    idempotency.keep(actor=actor, verb="open_budget_line", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def plan_budget(*, actor: Actor, plan: PlanDraft, at: datetime, key: UUID) -> int:
    """Give money to a line (approp → free), or take it back where it is still free (a cut); return the plan row's id.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: no decision is named.
        Refused: `nothing_moved`, `outside_year`; the ledger's `not_covered` where a cut meets money already held.
    """
    line = BudgetLine.objects.get(pk=plan.line_id)
    require(actor, Action.PLAN_BUDGET, ALLOWED, territory_id=line.territory_id)
    ledger.lock_commitments([line.pk])
    body = {**asdict(plan), "first": plan.first.isoformat(), "last": plan.last.isoformat()}
    seen = idempotency.repeat(actor=actor, verb="plan_budget", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    _say_something(decision=plan.decision)
    if plan.amount_tiyn == 0:
        raise Refused(ProgrammeRefusal.NOTHING_MOVED)
    if not date(line.fiscal_year, 1, 1) <= plan.first <= plan.last <= date(line.fiscal_year, 12, 31):
        raise Refused(ProgrammeRefusal.OUTSIDE_YEAR, fiscal_year=line.fiscal_year)
    made = BudgetPlan.objects.create(
        line=line,
        period=DateRange(plan.first, plan.last + timedelta(days=1)),
        amount_tiyn=plan.amount_tiyn,
        decision=plan.decision,
        decided_at=at,
        decided_by=actor.user_id,
    )
    given = (AccountKey(AccountKind.APPROP, line.pk), -plan.amount_tiyn)
    free = (AccountKey(AccountKind.FREE, line.pk), plan.amount_tiyn)
    ledger.post([Draft(BUDGET_CAUSE, str(made.pk), (given, free))], at=at)
    _record(actor, at, Action.PLAN_BUDGET, "budget_plan", [made.pk], line.territory_id)
    outbox.tell(topic=Topic.BUDGET_PLANNED, subject_kind="budget_line", subject_ids=[line.pk], at=at)
    idempotency.keep(actor=actor, verb="plan_budget", key=key, outcome=made.pk)
    return made.pk


def _read(document: Any) -> documents.Document:
    try:
        return documents.read(document)
    except RuleSetFault as fault:
        raise BadInput(fault.path, fault.message) from fault


def _make_way(rule_set: RuleSet, today: date) -> None:
    """End or supersede what was approved for the days from the rule set's first on."""
    first = rule_set.valid.lower
    others = RuleSet.objects.filter(programme_id=rule_set.programme_id, state=RuleSetState.APPROVED)
    if first < today and others.filter(valid__overlap=DateRange(first, today)).exists():
        raise Refused(ProgrammeRefusal.REWRITES_THE_PAST, first=first.isoformat())
    others.filter(valid__startswith__gte=first).update(state=RuleSetState.SUPERSEDED)
    for earlier in others.filter(valid__contains=first):
        RuleSet.objects.filter(pk=earlier.pk).update(valid=DateRange(earlier.valid.lower, first))


def _check_line(line: LineDraft, territory_id: int) -> None:
    if not 2000 <= line.fiscal_year <= 2100:
        raise BadInput("fiscal_year", "give a year from 2000 to 2100")
    if not Department.objects.filter(pk=line.department_id, territory_id=territory_id).exists():
        raise Refused(ProgrammeRefusal.OTHER_TERRITORY, department_id=line.department_id)
    if line.kind not in _kinds_of_year(line):
        raise Refused(ProgrammeRefusal.KIND_UNKNOWN, kind=line.kind)
    if BudgetLine.objects.filter(**asdict(line)).exists():
        raise Refused(ProgrammeRefusal.LINE_EXISTS, kind=line.kind, code=line.code)


def _kinds_of_year(line: LineDraft) -> set[str]:
    """Kinds of all rule sets approved for a day of the line's year: lines may be opened before the rules' first day."""
    year = DateRange(date(line.fiscal_year, 1, 1), date(line.fiscal_year + 1, 1, 1))
    approved = RuleSet.objects.filter(
        programme_id=line.programme_id, state=RuleSetState.APPROVED, valid__overlap=year
    ).values_list("pk", flat=True)
    return {kind for pk in approved for kind in queries.rules_of(pk).rules.kinds}


def _say_something(**texts: str) -> None:
    for field, text in texts.items():
        if not text.strip():
            raise BadInput(field, "must not be empty")


def _record(  # noqa: PLR0913 - the columns of an audit event
    actor: Actor,
    at: datetime,
    action: Action,
    subject_kind: str,
    subject_ids: list[int],
    territory_id: int | None,
    detail: dict[str, object] | None = None,
) -> None:
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=subject_kind,
        subject_ids=subject_ids,
        territory_id=territory_id,
        detail=detail,
    )

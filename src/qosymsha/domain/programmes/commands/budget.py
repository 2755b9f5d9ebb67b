"""Budget lines and what they are given: the money that every other posting comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.ledger import steps as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people.models import Department
from qosymsha.domain.programmes import queries, steps
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.models import BudgetLine, BudgetPlan, RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.domain.programmes.states import RuleSetState, Topic
from qosymsha.kernel import idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import BadInput, Refused

BUDGET_CAUSE = "budget_plan"


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
def open_budget_line(*, actor: Actor, line: LineDraft, at: datetime, key: UUID) -> int:
    """Open a line, empty, and return its id.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: the budget code is empty, or the year is none.
        Refused: `line_exists`, `kind_unknown` to the rules of that year, `other_territory` (the department's).
    """
    programme = queries.programme(line.programme_id)
    require(actor, Action.OPEN_LINE, ALLOWED, territory_id=programme.territory_id, department_id=line.department_id)
    locks.exclusive(f"programmes.lines.{programme.id}")
    seen = idempotency.repeat(actor=actor, verb="open_budget_line", key=key, body=asdict(line), at=at)
    if seen is not None:
        return int(seen)
    steps.require_texts(code=line.code)
    _check_line(line, programme.territory_id)
    made = BudgetLine.objects.create(territory_id=programme.territory_id, **asdict(line))
    steps.record(actor, at, Action.OPEN_LINE, "budget_line", [made.pk], programme.territory_id)
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
    require(actor, Action.PLAN_BUDGET, ALLOWED, territory_id=line.territory_id, department_id=line.department_id)
    ledger.lock_commitments([line.pk])
    body = {**asdict(plan), "first": plan.first.isoformat(), "last": plan.last.isoformat()}
    seen = idempotency.repeat(actor=actor, verb="plan_budget", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    steps.require_texts(decision=plan.decision)
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
    steps.record(actor, at, Action.PLAN_BUDGET, "budget_plan", [made.pk], line.territory_id)
    outbox.tell(topic=Topic.BUDGET_PLANNED, subject_kind="budget_line", subject_ids=[line.pk], at=at)
    idempotency.keep(actor=actor, verb="plan_budget", key=key, outcome=made.pk)
    return made.pk


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

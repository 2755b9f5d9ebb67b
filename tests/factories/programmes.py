"""A city with a programme, rules in force and money on its lines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from qosymsha.domain.people.models import Department, Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers, commands, queries
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.entropy import uuid4

AT = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
START = date(2026, 1, 1)


def territory(kato: str = "710000000") -> int:
    """A city's id; the same for the same code."""
    found = Territory.objects.filter(kato=kato).first()
    made = found or Territory.objects.create(
        kato=kato, kind="city", name_kk="Астана", name_ru="Астана", valid=(None, None)
    )
    return made.pk


def department(territory_id: int, code: str = "education") -> int:
    """A department's id; the same for the same code."""
    made, _ = Department.objects.get_or_create(
        territory_id=territory_id, code=code, defaults={"name_kk": "Білім", "name_ru": "Образование"}
    )
    return made.pk


def somebody(role: Role, user_id: int, territory_id: int | None = None) -> Actor:
    """An actor with one role, everywhere or in one territory."""
    places = None if territory_id is None else frozenset({territory_id})
    return Actor(user_id, f"user:{user_id}", (Grant(role.value, places),))


OFFICER = somebody(Role.PROGRAMME_OFFICER, 101)
APPROVER = somebody(Role.RULE_APPROVER, 102)
OPERATOR = somebody(Role.OPERATOR, 103)


def programme(territory_id: int | None = None, code: str = "clubs") -> int:
    """A programme's id."""
    place = territory() if territory_id is None else territory_id
    draft = commands.ProgrammeDraft(place, code, "Үйірмелер мен секциялар", "Кружки и секции", "Clubs and sections")
    return commands.create_programme(actor=OFFICER, programme=draft, at=AT, key=uuid4())


def drafted(programme_id: int, document: dict[str, Any] | None = None, valid_from: date = START) -> int:
    """A draft of the default rules, or of the document given."""
    rules = classifiers.default_rule_set() if document is None else document
    draft = commands.RuleSetDraft(programme_id, rules, valid_from)
    return commands.draft_rule_set(actor=OFFICER, draft=draft, at=AT, key=uuid4())


def in_force(programme_id: int, document: dict[str, Any] | None = None, valid_from: date = START) -> int:
    """A rule set approved from its first day on."""
    rule_set_id = drafted(programme_id, document, valid_from)
    return commands.approve_rule_set(actor=APPROVER, rule_set_id=rule_set_id, at=AT, key=uuid4())


def line(programme_id: int, kind: str = "creative", amount_tiyn: int = 0, fiscal_year: int = 2026) -> int:
    """A budget line with money on it; the programme has rules in force."""
    place = queries.programme(programme_id).territory_id
    draft = commands.LineDraft(programme_id, department(place), kind, "464-009", fiscal_year)
    line_id = commands.open_budget_line(actor=OFFICER, line=draft, at=AT, key=uuid4())
    if amount_tiyn:
        plan(line_id, amount_tiyn, fiscal_year)
    return line_id


def plan(line_id: int, amount_tiyn: int, fiscal_year: int = 2026) -> int:
    """Money for a whole year, or a cut."""
    draft = commands.PlanDraft(line_id, date(fiscal_year, 1, 1), date(fiscal_year, 12, 31), amount_tiyn, "decree 1")
    return commands.plan_budget(actor=OFFICER, plan=draft, at=AT, key=uuid4())

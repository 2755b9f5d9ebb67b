"""What every verb finds in place: on an empty database classifiers, officials, programme, rules, lines are made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import connection

from qosymsha.domain.casework import commands as casework
from qosymsha.domain.people import commands as people_commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands.officials import Appointment
from qosymsha.domain.people.commands.places import ASTANA, DepartmentDraft
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.interfaces.cli.acting import HAND, SECOND_APPROVER, SECOND_OFFICER, TRIAL_OFFICIALS, Staff
from qosymsha.interfaces.cli.out import remark
from qosymsha.interfaces.cli.session import key_of
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused

_CODE = "clubs"
_DEPARTMENTS = (
    ("culture", "Мәдениет басқармасы", "Управление культуры", "Department of Culture"),
    ("sport", "Дене шынықтыру және спорт басқармасы", "Управление физической культуры и спорта", "Department of Sport"),
    ("education", "Білім басқармасы", "Управление образования", "Department of Education"),
)
# Which department pays which order: an assumption, as budget codes are (DOMAIN.md 10, question 7).
_PAYS = {"creative": "culture", "sport": "sport", "educational": "education"}


@dataclass(frozen=True, slots=True)
class Installation:
    """The city's territory and programme."""

    territory_id: int
    programme_id: int


def installation(at: datetime, *, may_found: bool = True) -> Installation:
    """The city's installation; made on an empty database outside production, with the default rules by two people.

    Raises:
        BadInput: in production, and where `may_found` is False, nothing is made by itself.
    """
    found = _found(at)
    if found is not None:
        return found
    if settings.PRODUCTION:
        raise BadInput(
            "installation",
            "this database has no programme with rules in force: `qosymsha staff found`, `staff appoint`, then"
            " `qosymsha rules found`, `draft`, `approve`",
        )
    if not may_found:
        raise BadInput("--check", "stores nothing, and this database has no city yet: `qosymsha round show` makes one")
    remark("An empty database: loading classifiers, appointing trial officials, approving the default rules.")
    territory_id = load(at)
    _appoint(territory_id, at)
    return Installation(territory_id, _found_programme(territory_id, at))


def lines(place: Installation, staff: Staff, year: int, *, may_open: bool = True) -> dict[str, int]:
    """Kind → the budget line that pays for it in a year; a line not there yet is opened, empty, by the officer.

    Where nothing may be stored (`may_open` is False) such a line is 0, which no row names.
    """
    rules = _rules(place.programme_id, year, staff.at)
    found = {line.kind: line.id for line in programme_queries.lines(place.programme_id, year)}
    for kind in rules:
        if kind not in found:
            found[kind] = _open_line(place, staff, kind, year) if may_open else 0
    return {kind: found[kind] for kind in rules}


def plan(staff: Staff, line_id: int, year: int, amount_tiyn: int, decision: str) -> None:
    """Give a line money for a year by a named decision; the same decision is taken once."""
    draft = programmes.PlanDraft(line_id, date(year, 1, 1), date(year, 12, 31), amount_tiyn, decision)
    key = key_of("plan_budget", line_id, year, amount_tiyn, decision)
    programmes.plan_budget(actor=staff.actor(Role.PROGRAMME_OFFICER), plan=draft, at=staff.at, key=key)


def plans(line_ids: list[int]) -> set[tuple[int, int, str]]:
    """(line, tiyn, decision) of every plan of these lines."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT line_id, amount_tiyn, decision FROM budget_plan WHERE line_id = ANY(%s)", [line_ids])
        return set(cursor.fetchall())


def _found(at: datetime) -> Installation | None:
    territory_id = people.territory_by_kato(ASTANA, local_day(at))
    ours = programme_queries.programmes(territory_id) if territory_id is not None else []
    for programme in ours:
        try:
            programme_queries.rules_in_force(programme.id, local_day(at))
        except Refused:
            continue
        return Installation(programme.territory_id, programme.id)
    return None


def load(at: datetime) -> int:
    """Classifiers, the city's departments and points, by the system's own hand; the city's id. Safe to run again."""
    people_commands.load_territories(actor=HAND, at=at, key=key_of("territories"))
    programmes.load_classifiers(actor=HAND, at=at, key=key_of("classifiers"))
    casework.load_consultation_points(actor=HAND, at=at, key=key_of("points"))
    territory_id = people.territory_by_kato(ASTANA, local_day(at))
    assert territory_id is not None, "Astana is in the classifier"
    for code, *names in _DEPARTMENTS:
        if people.department_id(territory_id, code) is None:
            draft = DepartmentDraft(territory_id, code, *names)
            people_commands.open_department(actor=HAND, department=draft, at=at, key=key_of("department", code))
    return territory_id


def _appoint(territory_id: int, at: datetime) -> None:
    seconds = [(Role.APPROVER, SECOND_APPROVER), (Role.PROGRAMME_OFFICER, SECOND_OFFICER)]
    pairs = [*TRIAL_OFFICIALS.items(), *seconds]
    for role, subject in pairs:
        # The operator loads national classifiers, so is not bound to the city; the others are.
        scope = None if role is Role.OPERATOR else territory_id
        draft = Appointment(subject, role, territory_id=scope, first=local_day(at))
        people_commands.appoint(actor=HAND, appointment=draft, at=at, key=key_of("appoint", subject, draft.first))


def _found_programme(territory_id: int, at: datetime) -> int:
    """The programme with the default rule set drafted by one person and approved by another, and this year's lines."""
    staff = Staff((), at)
    officer = staff.actor(Role.PROGRAMME_OFFICER)
    mine = [p.id for p in programme_queries.programmes(territory_id) if p.code == _CODE]
    draft = programmes.ProgrammeDraft(
        territory_id, _CODE, "Үйірмелер мен секциялар", "Кружки и секции", "Clubs and sections"
    )
    programme_id = (
        mine[0]
        if mine
        else programmes.create_programme(actor=officer, programme=draft, at=at, key=key_of("programme", _CODE))
    )
    year = local_day(at).year
    rules = programmes.RuleSetDraft(programme_id, classifiers.default_rule_set(), date(year, 1, 1))
    drafted = programmes.draft_rule_set(actor=officer, draft=rules, at=at, key=key_of("draft rules", year))
    approver = staff.actor(Role.RULE_APPROVER)
    programmes.approve_rule_set(actor=approver, rule_set_id=drafted, at=at, key=key_of("approve rules", drafted))
    lines(Installation(territory_id, programme_id), staff, year)
    return programme_id


def _rules(programme_id: int, year: int, at: datetime) -> tuple[str, ...]:
    today = local_day(at)
    day = today if today.year == year else date(year, 1, 1)
    return programme_queries.rules_in_force(programme_id, day).rules.kinds


def _open_line(place: Installation, staff: Staff, kind: str, year: int) -> int:
    department_id = people.department_id(place.territory_id, _PAYS.get(kind, "education"))
    if department_id is None:
        raise Refused(ProgrammeRefusal.OTHER_TERRITORY, department=_PAYS.get(kind))
    line = programmes.LineDraft(place.programme_id, department_id, kind, kind, year)
    officer = staff.actor(Role.PROGRAMME_OFFICER)
    return programmes.open_budget_line(actor=officer, line=line, at=staff.at, key=key_of("line", kind, year))

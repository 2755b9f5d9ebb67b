"""The city is founded: territories, officials, the programme, its rules by two people, budget lines."""

from __future__ import annotations

from datetime import date

from qosymsha.demo.world import STAGE_HAND, YEAR, World
from qosymsha.domain.casework import commands as casework
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import places
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.programmes import queries as programme_queries

ASTANA = "710000000"
FOUNDED = date(YEAR - 1, 12, 1)
FUNDED_PERMILLE = 780  # of the children who apply, how many the budget is made for
KIND_PERMILLE = {"creative": 400, "sport": 400, "educational": 200}
LESSON_MONTHS = 10
DEPARTMENTS = (
    ("culture", "Мәдениет басқармасы", "Управление культуры", "Department of Culture"),
    ("sport", "Дене шынықтыру және спорт басқармасы", "Управление физической культуры и спорта", "Department of Sport"),
    ("education", "Білім басқармасы", "Управление образования", "Department of Education"),
)
PAYS = {"creative": "culture", "sport": "sport", "educational": "education"}
PEOPLE = (
    ("officer", Role.PROGRAMME_OFFICER),
    ("second-officer", Role.RULE_APPROVER),
    ("checker", Role.CHECKER),
    ("approver", Role.APPROVER),
    ("second-approver", Role.APPROVER),
    ("payer", Role.PAYER),
    ("app", Role.CHANNEL),
    ("auditor", Role.AUDITOR),
    ("operator", Role.OPERATOR),
)


def found(world: World) -> None:
    """Load the classifiers, appoint the officials, open the programme."""
    at = world.at(FOUNDED)
    places.load_territories(actor=STAGE_HAND, at=at, key=world.key("territories"))
    programmes.load_classifiers(actor=STAGE_HAND, at=at, key=world.key("classifiers"))
    casework.load_consultation_points(actor=STAGE_HAND, at=at, key=world.key("points"))
    territory = people.territory_by_kato(ASTANA, FOUNDED)
    assert territory is not None, "Astana is in the classifier"
    world.territory_id = territory
    for code, kk, ru, en in DEPARTMENTS:
        draft = places.DepartmentDraft(territory, code, kk, ru, en)
        world.departments[code] = places.open_department(actor=STAGE_HAND, department=draft, at=at, key=world.key(code))
    for name, role in PEOPLE:
        world.appoint(name, role, at)
    names = ("Үйірмелер мен секциялар", "Кружки и секции", "Clubs and sections")
    programme = programmes.ProgrammeDraft(territory, "clubs", *names)
    world.programme_id = programmes.create_programme(
        actor=world.actors["officer"], programme=programme, at=at, key=world.key("programme")
    )


def rules(world: World) -> None:
    """Draft the default rules, opening all groups by a choice round first; a second person approves; money follows."""
    at, officer = world.at(date(YEAR - 1, 12, 10)), world.actors["officer"]
    document = classifiers.default_rule_set()
    document["choice"] = {**document["choice"], "opening": "choice_first"}
    draft = programmes.RuleSetDraft(world.programme_id, document, date(YEAR, 1, 1))
    drafted = programmes.draft_rule_set(actor=officer, draft=draft, at=at, key=world.key("rules"))
    programmes.approve_rule_set(
        actor=world.actors["second-officer"], rule_set_id=drafted, at=at, key=world.key("rules approved")
    )
    at = world.at(date(YEAR, 1, 5))
    in_force = programme_queries.rules_in_force(world.programme_id, date(YEAR, 1, 5))
    world.facts["rule_set_hash"] = in_force.hash.hex()
    world.facts["rules"] = in_force.rules
    for kind in in_force.rules.kinds:
        department = world.departments[PAYS[kind]]
        line = programmes.LineDraft(world.programme_id, department, kind, f"159-{kind}", YEAR)
        world.lines[kind] = programmes.open_budget_line(actor=officer, line=line, at=at, key=world.key("line", kind))
        plan = programmes.PlanDraft(
            world.lines[kind], date(YEAR, 1, 1), date(YEAR, 12, 31), _budget(world, kind), "demo 1"
        )
        programmes.plan_budget(actor=officer, plan=plan, at=at, key=world.key("budget", kind))


def _budget(world: World, kind: str) -> int:
    """Tiyn for a line: enough months at the planning tariff for its share of the children."""
    month = world.facts["rules"].planning_tariff[kind]
    children = world.children * FUNDED_PERMILLE * KIND_PERMILLE[kind] // 1_000_000
    return int(month) * LESSON_MONTHS * max(children, 1)

"""Programmes: rules drafted, compared, approved by a second person, frozen; lines and money; the calendar."""

import copy
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger import steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, LedgerRefusal
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers, commands, queries
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.classifiers import CalendarDraft
from qosymsha.domain.programmes.commands import rule_sets
from qosymsha.domain.programmes.models import Activity, BudgetPlan, CalendarDay, Programme, RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.domain.programmes.states import TRANSITIONS, RuleSetState
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import BadInput, Forbidden, KeyReason, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import programmes as make
from tests.factories.ledger import account, move
from tests.factories.programmes import APPROVER, AT, OFFICER, OPERATOR, START
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db


def _with_ages(minimum: int) -> dict[str, Any]:
    document = copy.deepcopy(classifiers.default_rule_set())
    document["ages"]["minimum"] = minimum
    return document


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_approved_rules_are_in_force_from_their_first_day_and_named_by_their_hash() -> None:
    programme_id = make.programme()
    rule_set_id = make.in_force(programme_id)
    found = queries.rules_in_force(programme_id, date(2026, 6, 1))
    assert (found.id, found.version, found.hash) == (rule_set_id, 1, digest(classifiers.default_rule_set()))
    assert found.rules.ages.minimum == 4
    assert queries.rules_of(rule_set_id) == found
    assert queries.document_of(rule_set_id) == classifiers.default_rule_set()
    with pytest.raises(Refused) as refusal:
        queries.rules_in_force(programme_id, date(2025, 12, 31))
    assert refusal.value.reason is ProgrammeRefusal.NO_RULES_IN_FORCE


def test_a_draft_is_not_in_force() -> None:
    programme_id = make.programme()
    make.drafted(programme_id)
    with pytest.raises(Refused, match="no_rules_in_force"):
        queries.rules_in_force(programme_id, START)


def test_rules_are_approved_by_another_person_than_their_drafter() -> None:
    rule_set_id = make.drafted(make.programme())
    drafter = make.somebody(Role.RULE_APPROVER, OFFICER.user_id)
    with pytest.raises(Refused) as refusal:
        commands.approve_rule_set(actor=drafter, rule_set_id=rule_set_id, at=AT, key=uuid4())
    assert refusal.value.reason is ProgrammeRefusal.SAME_PERSON
    with pytest.raises(IntegrityError, match="rule_set_"), transaction.atomic():
        _sql("UPDATE rule_set SET state = 'approved', approved_by = drafted_by, approved_at = now()")


def test_a_later_rule_set_ends_the_one_in_force_the_day_before() -> None:
    programme_id = make.programme()
    first = make.in_force(programme_id)
    second = make.in_force(programme_id, _with_ages(5), date(2026, 7, 1))
    assert queries.rules_in_force(programme_id, date(2026, 6, 30)).id == first
    assert queries.rules_in_force(programme_id, date(2026, 7, 1)).id == second
    assert queries.rules_of(second).version == 2


def test_a_rule_set_that_never_began_is_superseded() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    planned = make.in_force(programme_id, _with_ages(5), date(2026, 7, 1))
    sooner = make.in_force(programme_id, _with_ages(6), date(2026, 3, 1))
    assert RuleSet.objects.get(pk=planned).state == RuleSetState.SUPERSEDED
    assert queries.rules_in_force(programme_id, date(2026, 9, 1)).id == sooner


def test_rules_are_not_rewritten_for_days_already_gone() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    draft = make.drafted(programme_id, _with_ages(5), date(2026, 2, 1))
    later = datetime(2026, 2, 2, 4, 0, tzinfo=UTC)
    with pytest.raises(Refused) as refusal:
        commands.approve_rule_set(actor=APPROVER, rule_set_id=draft, at=later, key=uuid4())
    assert refusal.value.reason is ProgrammeRefusal.REWRITES_THE_PAST
    assert RuleSet.objects.get(pk=draft).state == RuleSetState.DRAFT


def test_a_rule_set_is_approved_once() -> None:
    rule_set_id = make.in_force(make.programme())
    with pytest.raises(Refused, match="not_a_draft"):
        commands.approve_rule_set(actor=APPROVER, rule_set_id=rule_set_id, at=AT, key=uuid4())


@pytest.mark.parametrize(
    "change",
    ["document = '{}'", "hash = sha256('x')", "version = 9", "approved_by = 7", "state = 'draft', approved_by = NULL"],
)
def test_an_approved_rule_set_never_changes(change: str) -> None:
    make.in_force(make.programme())
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        _sql(f"UPDATE rule_set SET {change}")


def test_two_rule_sets_in_force_on_one_day_are_impossible() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    make.drafted(programme_id, _with_ages(5))
    with pytest.raises(IntegrityError, match="rule_set_one_in_force"), transaction.atomic():
        _sql("UPDATE rule_set SET state = 'approved', approved_by = 7, approved_at = now() WHERE version = 2")


def test_a_draft_is_compared_with_the_rules_in_force() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    draft = make.drafted(programme_id, _with_ages(5), date(2026, 7, 1))
    assert queries.differences(draft) == [("/ages/minimum", 4, 5)]


def test_a_first_draft_differs_in_everything() -> None:
    draft = make.drafted(make.programme())
    assert {path for path, before, _ in queries.differences(draft) if before is None} >= {"/ages", "/tariffs"}


def test_a_faulty_document_names_its_field_and_nothing_is_stored() -> None:
    programme_id = make.programme()
    with pytest.raises(BadInput) as fault:
        make.drafted(programme_id, _with_ages(18))
    assert fault.value.field == "/ages/maximum"
    assert not RuleSet.objects.exists()


def test_whole_numbers_are_stored_whole() -> None:
    document = classifiers.default_rule_set()
    document["ages"]["minimum"] = 4.0
    rule_set_id = make.drafted(make.programme(), document)
    assert queries.document_of(rule_set_id) == classifiers.default_rule_set()
    assert type(queries.rules_of(rule_set_id).rules.ages.minimum) is int


def test_a_key_repeated_gives_the_first_answer_and_with_another_body_nothing() -> None:
    programme_id, key = make.programme(), uuid4()
    draft = commands.RuleSetDraft(programme_id, classifiers.default_rule_set(), START)
    first = commands.draft_rule_set(actor=OFFICER, draft=draft, at=AT, key=key)
    assert commands.draft_rule_set(actor=OFFICER, draft=draft, at=AT, key=key) == first
    assert RuleSet.objects.count() == 1
    other = commands.RuleSetDraft(programme_id, _with_ages(5), START)
    with pytest.raises(Refused) as refusal:
        commands.draft_rule_set(actor=OFFICER, draft=other, at=AT, key=key)
    assert refusal.value.reason is KeyReason.KEY_REUSED


def test_a_programme_code_is_taken_once_in_a_territory() -> None:
    programme_id = make.programme()
    assert queries.programme(programme_id).code == "clubs"
    assert [p.id for p in queries.programmes()] == [programme_id]
    with pytest.raises(Refused, match="programme_code_taken"):
        make.programme()
    make.programme(make.territory("790000000"))
    assert Programme.objects.count() == 2


def test_a_programme_needs_its_names() -> None:
    with pytest.raises(BadInput, match="name_kk"):
        commands.create_programme(
            actor=OFFICER,
            programme=commands.ProgrammeDraft(make.territory(), "clubs", " ", "Кружки"),
            at=AT,
            key=uuid4(),
        )


def test_money_planned_is_free_and_a_cut_takes_back_what_is_not_held() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    line_id = make.line(programme_id, amount_tiyn=1_000)
    free = AccountKey(AccountKind.FREE, line_id)
    steps.post([move("hold", 700, free, account("held", line_id, 1))], at=AT)
    make.plan(line_id, -300)
    with pytest.raises(Refused) as refusal:
        make.plan(line_id, -1)
    assert refusal.value.reason is LedgerRefusal.NOT_COVERED
    assert ledger.totals([line_id]) == {line_id: {"approp": -700, "free": 0, "held": 700}}
    assert [p.amount_tiyn for p in BudgetPlan.objects.order_by("pk")] == [1_000, -300]
    assert ledger.unbalanced_lines() == []


def test_a_plan_row_is_never_changed() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    make.line(programme_id, amount_tiyn=1_000)
    with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
        _sql("UPDATE budget_plan SET amount_tiyn = 5")


@pytest.mark.parametrize(
    ("amount", "first", "reason"), [(0, START, "nothing_moved"), (5, date(2025, 12, 31), "outside_year")]
)
def test_a_plan_moves_money_within_its_year(amount: int, first: date, reason: str) -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    plan = commands.PlanDraft(make.line(programme_id), first, date(2026, 12, 31), amount, "decree 1")
    with pytest.raises(Refused, match=reason):
        commands.plan_budget(actor=OFFICER, plan=plan, at=AT, key=uuid4())


def test_a_line_is_opened_once_for_a_kind_of_the_rules_by_a_department_of_the_place() -> None:
    programme_id = make.programme()
    rule_set_id = make.in_force(programme_id)
    line_id = make.line(programme_id, "sport")
    assert queries.line_id(programme_id, "sport", 2026) == line_id
    assert queries.line_id(programme_id, "sport", 2027) is None
    assert [(s.code, s.line_id, s.planning_tariff_tiyn) for s in queries.segments(rule_set_id, 2026)] == [
        ("sport", line_id, 2_335_500)
    ]
    with pytest.raises(Refused, match="line_exists"):
        make.line(programme_id, "sport")
    with pytest.raises(Refused, match="kind_unknown"):
        make.line(programme_id, "meals")
    elsewhere = make.department(make.territory("790000000"))
    draft = commands.LineDraft(programme_id, elsewhere, "sport", "1", 2026)
    with pytest.raises(Refused, match="other_territory"):
        commands.open_budget_line(actor=OFFICER, line=draft, at=AT, key=uuid4())


def test_classifiers_load_twice_without_harm_and_keep_what_was_corrected() -> None:
    rows = commands.load_classifiers(actor=OPERATOR, at=AT, key=uuid4())
    assert rows == Activity.objects.count() + CalendarDay.objects.count()
    assert queries.activity_kinds()["dombra"] == "creative"
    assert Activity.objects.get(code="kobyz").folded.startswith("кобыз")
    correction = CalendarDraft(date(2026, 8, 31), True, "Жұмыс күні", "Рабочий день", "decree 7")
    commands.set_calendar_days(actor=OPERATOR, territory_id=None, days=[correction], at=AT, key=uuid4())
    assert commands.load_classifiers(actor=OPERATOR, at=AT, key=uuid4()) == rows
    assert queries.calendar(make.territory(), START, date(2026, 12, 31)).is_working(date(2026, 8, 31))


def test_a_territory_writes_its_own_days_over_the_countrys() -> None:
    commands.load_classifiers(actor=OPERATOR, at=AT, key=uuid4())
    city, other = make.territory(), make.territory("790000000")
    day = date(2026, 7, 6)
    own = CalendarDraft(day, True, "Жұмыс күні", "Рабочий день", "akimat's order")
    commands.set_calendar_days(actor=OFFICER, territory_id=city, days=[own], at=AT, key=uuid4())
    assert queries.calendar(city, day, day).is_working(day)
    assert not queries.calendar(other, day, day).is_working(day)
    assert not queries.calendar(city, START, date(2026, 12, 31)).is_working(date(2026, 1, 7))


def test_a_day_is_named_once_and_with_its_source() -> None:
    day = CalendarDraft(date(2026, 7, 6), True, "а", "а", "order")
    for days, field in [([day, day], "days"), ([CalendarDraft(day.day, True, "а", "а", " ")], "source")]:
        with pytest.raises(BadInput) as fault:
            commands.set_calendar_days(actor=OFFICER, territory_id=make.territory(), days=days, at=AT, key=uuid4())
        assert fault.value.field == field


def test_classifiers_are_loaded_by_a_constant_number_of_statements() -> None:
    with CaptureQueriesContext(connection) as seen:
        commands.load_classifiers(actor=OPERATOR, at=AT, key=uuid4())
    assert len(seen) <= 12


def _verbs(programme_id: int, rule_set_id: int, line_id: int, place: int) -> dict[Action, Any]:
    document = classifiers.default_rule_set()
    plan = commands.PlanDraft(line_id, START, START, 5, "decree")
    return {
        Action.CREATE_PROGRAMME: (
            commands.create_programme,
            {"programme": commands.ProgrammeDraft(place, "meals", "а", "а")},
        ),
        Action.DRAFT_RULES: (commands.draft_rule_set, {"draft": commands.RuleSetDraft(programme_id, document, START)}),
        Action.APPROVE_RULES: (commands.approve_rule_set, {"rule_set_id": rule_set_id}),
        Action.WITHDRAW_RULES: (commands.withdraw_rule_set, {"rule_set_id": rule_set_id, "reason": "not agreed"}),
        Action.LOAD_CLASSIFIERS: (commands.load_classifiers, {}),
        Action.SET_CALENDAR: (commands.set_calendar_days, {"territory_id": place, "days": []}),
        Action.SET_NATIONAL_CALENDAR: (commands.set_calendar_days, {"territory_id": None, "days": []}),
        Action.OPEN_LINE: (
            commands.open_budget_line,
            {"line": commands.LineDraft(programme_id, make.department(place), "sport", "2", 2026)},
        ),
        Action.PLAN_BUDGET: (commands.plan_budget, {"plan": plan}),
        Action.SAY_DRAW_VALUE: (
            commands.say_draw_value,
            {"programme_id": programme_id, "round_number": "R-0", "value": b"7"},
        ),
    }


@pytest.mark.parametrize("action", list(Action))
def test_only_the_roles_named_may_act_each_leaves_an_audit_event_and_only_in_its_place(action: Action) -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    line_id, draft_id = make.line(programme_id), make.drafted(programme_id, _with_ages(5), date(2026, 7, 1))
    place, elsewhere = make.territory(), make.territory("790000000")
    command, arguments = _verbs(programme_id, draft_id, line_id, place)[action]
    national = action in (Action.LOAD_CLASSIFIERS, Action.SET_NATIONAL_CALENDAR)
    outsiders = [make.somebody(role, 900) for role in Role if role.value not in ALLOWED[action]]
    strangers = [] if national else [make.somebody(Role(role), 901, elsewhere) for role in ALLOWED[action]]
    for actor in outsiders + strangers:
        with pytest.raises(Forbidden):
            command(actor=actor, at=AT, key=uuid4(), **arguments)
    before = AuditEvent.objects.filter(action=action.value).count()
    insider = make.somebody(Role(min(ALLOWED[action])), 902, None if national else place)
    command(actor=insider, at=AT, key=uuid4(), **arguments)
    assert AuditEvent.objects.filter(action=action.value, actor_id=902).count() == 1
    assert AuditEvent.objects.filter(action=action.value).count() == before + 1


def test_the_states_of_a_rule_set_are_those_of_its_table() -> None:
    assert {state for pair in TRANSITIONS for state in pair} == {"", *RuleSetState}


def _approve_both() -> list[Any]:
    programme_id = make.programme()
    drafts = [make.drafted(programme_id, _with_ages(age), date(2026, 7, 1)) for age in (5, 6)]

    def approve(rule_set_id: int, barrier: Any) -> int:
        barrier.wait()
        return commands.approve_rule_set(actor=APPROVER, rule_set_id=rule_set_id, at=AT, key=uuid4())

    return at_once(lambda b: approve(drafts[0], b), lambda b: approve(drafts[1], b))


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_come_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, rule_sets, "_make_way")
    assert all(isinstance(answer, int) for answer in _approve_both())
    assert sorted(RuleSet.objects.values_list("state", flat=True)) == ["approved", "superseded"]


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_two_approvals_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    both, make_way = threading.Barrier(2, timeout=20), rule_sets._make_way

    def make_way_together(rule_set: RuleSet, today: date) -> None:
        make_way(rule_set, today)
        both.wait()

    monkeypatch.setattr(rule_sets.locks, "exclusive", lambda *_: None)
    monkeypatch.setattr(rule_sets, "_make_way", make_way_together)
    answers = _approve_both()  # the exclusion constraint stops one of them, as a collision or as a deadlock
    assert sum(isinstance(answer, DatabaseError) for answer in answers) == 1
    assert sum(isinstance(answer, int) for answer in answers) == 1

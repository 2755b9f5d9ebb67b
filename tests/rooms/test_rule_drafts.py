"""Working drafts of rules: several sittings, several people, nobody's words lost, no author approves."""

from __future__ import annotations

import copy
import threading
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.admission import queries as admission_queries
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import changes, classifiers, commands, queries
from qosymsha.domain.programmes.commands import Edit, drafts, rule_sets
from qosymsha.domain.programmes.models import RuleDraft, RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal, parse
from qosymsha.domain.programmes.states import RuleSetState
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import programmes as make
from tests.factories import rounds
from tests.factories.programmes import AT, OFFICER
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db
OTHER = make.somebody(Role.PROGRAMME_OFFICER, 201)
JULY = date(2026, 7, 1)


def begun(programme_id: int, based_on: int | None = None) -> UUID:
    """A draft begun by the officer."""
    return commands.open_rule_draft(
        actor=OFFICER, programme_id=programme_id, based_on=based_on, valid_from=JULY, at=AT, key=uuid4()
    )


def write(draft: UUID, section: str, number: int = 0, actor: Any = OFFICER, **fields: Any) -> int:
    """Save a section with these fields, upon its edit `number`."""
    content = {**RuleDraft.objects.get(uuid=draft).document[section], **fields}
    edit = Edit(section, number, content, chooses=section == "allocation")
    return commands.edit_rule_draft(actor=actor, draft_uuid=draft, edit=edit, at=AT, key=uuid4())


def submitted(programme_id: int) -> RuleSet:
    """Two people's draft, handed in by the officer."""
    draft = begun(programme_id)
    write(draft, "ages", minimum=5)
    write(draft, "allocation", actor=OTHER, policy="tiers")
    made = commands.submit_rule_draft(actor=OFFICER, draft_uuid=draft, at=AT, key=uuid4())
    return RuleSet.objects.get(uuid=made)


def refusal(act_on: Any) -> Any:
    """Why it is refused."""
    with pytest.raises(Refused) as refused:
        act_on()
    return refused.value.reason


def test_a_draft_becomes_a_version_that_names_everybody_who_wrote_in_it() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    made = submitted(programme_id)
    assert (made.version, made.state, made.valid.lower) == (2, RuleSetState.DRAFT, JULY)
    assert made.authors == [OFFICER.user_id, OTHER.user_id]
    assert made.document["ages"]["minimum"] == 5
    assert RuleDraft.objects.get().state == "submitted"
    assert AuditEvent.objects.filter(subject_kind="rule_draft").count() == 4


def test_no_author_approves_not_even_one_who_wrote_a_single_section() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    made = submitted(programme_id)
    for author in made.authors:
        approver = make.somebody(Role.RULE_APPROVER, author)
        why = refusal(lambda who=approver: _approve(who, made))
        assert why is ProgrammeRefusal.SAME_PERSON
    assert _approve(make.APPROVER, made) == made.pk


def _approve(actor: Any, made: RuleSet) -> int:
    return commands.approve_rule_set(actor=actor, rule_set_id=made.pk, at=AT, key=uuid4())


def test_control_without_the_commands_look_the_constraint_stops_an_author(monkeypatch: pytest.MonkeyPatch) -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    made = submitted(programme_id)
    forgetful = make.somebody(Role.RULE_APPROVER, OTHER.user_id)
    monkeypatch.setattr(rule_sets, "_authors", lambda _: set())
    with pytest.raises(IntegrityError, match="rule_set_no_author_approves"):
        _approve(forgetful, made)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE rule_set DROP CONSTRAINT rule_set_no_author_approves")
    assert _approve(forgetful, made) == made.pk  # with both controls off an author passes


def test_authors_of_a_version_are_frozen() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    submitted(programme_id)
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE rule_set SET authors = '{}' WHERE version = 2")


def test_who_saves_a_section_changed_meanwhile_is_refused_and_other_sections_go_on() -> None:
    draft = begun(make.programme())
    assert write(draft, "ages", minimum=5) == 1
    assert refusal(lambda: write(draft, "ages", minimum=9, actor=OTHER)) is ProgrammeRefusal.DRAFT_CHANGED
    assert write(draft, "marks", late_after_hours=48, actor=OTHER) == 1
    assert write(draft, "ages", 1, minimum=9, actor=OTHER) == 2
    assert RuleDraft.objects.get().document["ages"]["minimum"] == 9


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_of_one_section_at_once_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = begun(make.programme())
    slowly(monkeypatch, drafts, "_locked")
    answers = at_once(lambda b: _race(b, draft, 5), lambda b: _race(b, draft, 6))
    assert sorted(type(answer).__name__ for answer in answers) == ["Refused", "int"]


@pytest.mark.django_db(transaction=True)
def test_control_without_the_rows_lock_a_word_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    draft = begun(make.programme())
    monkeypatch.setattr(drafts, "_locked", lambda actor, uuid: RuleDraft.objects.get(uuid=uuid))
    wait = _together(monkeypatch)
    answers = at_once(lambda b: _race(b, draft, 5, wait), lambda b: _race(b, draft, 6, wait))
    assert answers == [1, 1]  # both were told that theirs is saved


def _together(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Both have read before either writes."""
    both, save = threading.Barrier(2, timeout=20), drafts._save

    def save_together(*args: Any) -> None:
        both.wait()
        save(*args)

    monkeypatch.setattr(drafts, "_save", save_together)
    return both


def _race(barrier: Any, draft: UUID, minimum: int, _: Any = None) -> int:
    barrier.wait()
    content = {**classifiers.default_rule_set()["ages"], "minimum": minimum}
    edit = Edit("ages", 0, content)
    return commands.edit_rule_draft(actor=OFFICER, draft_uuid=draft, edit=edit, at=AT, key=uuid4())


def test_a_draft_is_not_handed_in_before_somebody_chose_the_order_of_categories() -> None:
    programme_id = make.programme()
    make.in_force(programme_id)
    draft = begun(programme_id)
    write(draft, "ages", minimum=5)
    hand_in = lambda: commands.submit_rule_draft(actor=OFFICER, draft_uuid=draft, at=AT, key=uuid4())  # noqa: E731
    assert refusal(hand_in) is ProgrammeRefusal.POLICY_NOT_CHOSEN
    write(draft, "mrp", tiyn=500_000)
    assert refusal(hand_in) is ProgrammeRefusal.DRAFT_HAS_FAULTS  # the planning tariff no longer covers a month
    write(draft, "mrp", 1, tiyn=432_500)
    write(draft, "allocation", policy="iterations")
    assert hand_in()


def test_one_draft_is_open_at_a_time_and_one_that_changes_nothing_is_not_handed_in() -> None:
    programme_id = make.programme()
    standing = make.in_force(programme_id)
    draft = begun(programme_id, standing)
    assert refusal(lambda: begun(programme_id)) is ProgrammeRefusal.DRAFT_IS_OPEN
    write(draft, "allocation", policy="iterations")
    why = refusal(lambda: commands.submit_rule_draft(actor=OFFICER, draft_uuid=draft, at=AT, key=uuid4()))
    assert why is ProgrammeRefusal.DRAFT_CHANGES_NOTHING
    commands.drop_rule_draft(actor=OFFICER, draft_uuid=draft, at=AT, key=uuid4())
    assert refusal(lambda: write(draft, "ages", minimum=5)) is ProgrammeRefusal.DRAFT_NOT_OPEN
    assert begun(programme_id) != draft


def test_a_section_that_breaks_the_schema_names_its_field_and_stores_nothing() -> None:
    draft = begun(make.programme())
    for fields, place in (({"minimum": 99}, "/ages/minimum"), ({"minimum": 12, "maximum": 9}, "/ages/maximum")):
        with pytest.raises(BadInput) as fault:
            write(draft, "ages", **fields)
        assert fault.value.field == place
    assert RuleDraft.objects.get().edits == {}


def test_a_withdrawn_version_stays_withdrawn_with_its_reason() -> None:
    programme_id = make.programme()
    drafted = make.drafted(programme_id)
    withdraw = {"actor": OFFICER, "rule_set_id": drafted, "at": AT}
    why = refusal(lambda: commands.withdraw_rule_set(**withdraw, reason=" ", key=uuid4()))
    assert why is ProgrammeRefusal.WITHDRAW_REASON_MISSING
    commands.withdraw_rule_set(**withdraw, reason="a slip", key=uuid4())
    why = refusal(lambda: commands.approve_rule_set(actor=make.APPROVER, rule_set_id=drafted, at=AT, key=uuid4()))
    assert why is ProgrammeRefusal.NOT_A_DRAFT
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        RuleSet.objects.update(withdrawn_reason="", state="draft")


def test_changes_are_told_row_by_row_by_the_rows_own_keys() -> None:
    before = classifiers.default_rule_set()
    after = copy.deepcopy(before)
    after["categories"]["list"].reverse()
    after["categories"]["list"][0]["coefficient"] = 2
    gone = after["tariffs"]["list"].pop(0)
    found = changes.changes(before, after)
    assert [(c.section, dict(c.row), c.field, c.before, c.after) for c in found] == [
        ("categories", {"code": "general"}, "coefficient", 1, 2),
        ("tariffs", {"kind": "creative", "activity": None}, "", gone, None),
    ]
    assert changes.changes(before, before) == []


def test_rules_are_tried_on_the_real_queue_with_the_same_numbers_and_money() -> None:
    story = rounds.allocated()
    rules = queries.rules_of(story.round.rule_set_id).rules
    same = admission_queries.tried(story.city.programme.pk, rules)
    assert (same.number, same.moved_in, same.moved_out) == (story.round.number, 0, 0)
    assert same.places_before == same.places_after
    document = copy.deepcopy(story.city.rules)
    document["allocation"]["policy"] = "tiers"
    document["ages"]["maximum"] = 8
    strict = admission_queries.tried(story.city.programme.pk, parse(document))
    assert strict.out_of_age == strict.live > 0  # all of this city's children are nine
    assert strict.moved_in == 0
    assert strict.moved_out == rounds.PLACES + 3
    small = {one.category for one in same.categories if one.children is None}
    assert {"orphan", "sen"} <= small

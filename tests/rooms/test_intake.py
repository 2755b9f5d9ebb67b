"""Drafts and categories named with papers: nothing counts until an officer certifies it, in time, on papers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.documents.models import DocumentContent
from qosymsha.domain.intake import commands, queries
from qosymsha.domain.intake.commands import deciding
from qosymsha.domain.intake.models import ApplicationDraft, CategoryCase, CategoryCaseStep
from qosymsha.domain.intake.rules import IntakeRefusal
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness.states import READ
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent, Outbox
from tests.factories import uploads
from tests.factories.admission import AFTER, CLOSES, INSIDE
from tests.factories.intake import Town, refused
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("is_certified", [False, True])
def test_a_category_counts_once_an_officer_certified_it_and_not_before(*, is_certified: bool) -> None:
    """T1 with its control run: named and papered it changes nothing at the close; certified it does."""
    town = Town()
    case = town.name()
    town.file()
    assert people.statuses([town.families[0][1]], INSIDE.date()) == {}
    if is_certified:
        town.certify(case)
    closed = town.close()
    assert (closed.category == "emergency") is is_certified
    assert closed.claims == (["emergency"] if is_certified else [])


def test_a_case_is_an_officers_once_the_application_is_filed_and_shows_neither_child_nor_category() -> None:
    town = Town(2)
    case = town.name()
    assert queries.case_lines(actor=town.officer, states=["open"], at=INSIDE) == []
    assert queries.case_page(actor=town.officer, case_uuid=case, at=INSIDE) is None
    town.file()
    (line,) = queries.case_lines(actor=town.officer, states=["open"], at=INSIDE)
    assert (line.uuid, line.papers, line.total) == (case, 1, 1)
    assert line.due_on == date(2026, 2, 12), "the fifth working day after Thursday, 5 February"
    assert "emergency" not in str(line)
    assert queries.case_work(actor=town.officer, at=INSIDE) == (1, INSIDE)
    elsewhere = Actor(9, "user:9", (Grant(Role.CHECKER, frozenset({town.city.territory.id + 1})),))
    assert queries.case_lines(actor=elsewhere, states=["open"], at=INSIDE) == []
    assert queries.case_page(actor=elsewhere, case_uuid=case, at=INSIDE) is None
    with pytest.raises(Forbidden):
        queries.case_lines(actor=town.guardian(), states=["open"], at=INSIDE)


def test_the_queue_asks_as_much_for_many_cases_as_for_one() -> None:
    town = Town(4)
    counts = []
    for n in range(4):
        town.name(n)
        town.file(n)
        if n in (0, 3):
            with CaptureQueriesContext(connection) as asked:
                assert len(queries.case_lines(actor=town.officer, states=["open"], at=INSIDE)) == n + 1
            counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_officer_reads_the_case_and_its_paper_and_both_are_audited() -> None:
    town = Town(2)
    case, other = town.name(content=uploads.png()), town.name(1)
    town.file()
    town.file(1)
    page = queries.case_page(actor=town.officer, case_uuid=case, at=INSIDE)
    assert page is not None
    assert (page.category.code, page.person and page.person.given, len(page.papers)) == ("emergency", "Бала", 1)
    got = queries.case_paper(actor=town.officer, case_uuid=case, paper_uuid=page.papers[0].uuid, at=INSIDE)
    assert got is not None
    assert got[1].startswith(b"\x89PNG")
    read = [a for event in AuditEvent.objects.filter(action=READ) for a in event.detail["read"]]
    assert {"read_category_cases", "read_category_paper"} <= set(read)
    wrong = queries.case_paper(actor=town.officer, case_uuid=other, paper_uuid=page.papers[0].uuid, at=INSIDE)
    assert wrong is None, "a paper is read by the way of its own case"
    stranger = queries.own_paper(actor=town.guardian(1), paper_uuid=page.papers[0].uuid, at=INSIDE)
    assert stranger is None
    assert queries.own_paper(actor=town.guardian(), paper_uuid=page.papers[0].uuid, at=INSIDE) is not None
    auditor = town.city.actor(Role.AUDITOR)
    with pytest.raises(Forbidden):
        queries.case_paper(actor=auditor, case_uuid=case, paper_uuid=page.papers[0].uuid, at=INSIDE)


def test_nobody_names_for_another_familys_child_and_the_answer_is_that_of_an_unknown_one() -> None:
    town = Town(2)
    for child in (town.child(1), uuid4()):
        with refused(IntakeRefusal.NOT_YOUR_CHILD):
            commands.name_category(
                actor=town.guardian(), round_uuid=town.round.uuid, child_uuid=child, category="emergency",
                content=uploads.pdf(), at=INSIDE, key=uuid4(),
            )  # fmt: skip
    theirs = town.name(1)
    for case in (theirs, uuid4()):
        with refused(IntakeRefusal.CASE_UNKNOWN):
            commands.withdraw_case(actor=town.guardian(), case_uuid=case, at=INSIDE, key=uuid4())


def test_what_may_be_named() -> None:
    town = Town()
    for code in ("general", "no-such"):
        with refused(IntakeRefusal.CATEGORY_NOT_NAMEABLE):
            town.name(category=code)
    town.name()
    with refused(IntakeRefusal.CATEGORY_NAMED_ALREADY):
        town.name()
    with refused(IntakeRefusal.ROUND_NOT_OPEN):
        town.name(at=CLOSES)
    before = DocumentContent.objects.count()
    with pytest.raises(Refused, match="paper_kind_unknown"):
        town.name(category="sen", content=uploads.SCRIPT)
    assert DocumentContent.objects.count() == before
    assert not CategoryCase.objects.filter(category="sen").exists()


def test_what_a_register_certified_needs_no_papers() -> None:
    town = Town()
    town.families += town.city.families(1, categories=["large-family"])
    with refused(IntakeRefusal.CATEGORY_CERTIFIED_ALREADY):
        town.name(1, category="large-family")
    found = town.standing(1)
    assert [one.category for one in found.certified] == ["large-family"]
    assert "large-family" not in found.nameable
    assert found.nameable[:2] == ("prevention", "emergency"), "what no register holds comes first"


def test_a_refusal_names_a_ground_and_the_family_reads_it() -> None:
    town = Town()
    case = town.name()
    town.file()
    say: dict[str, Any] = {"actor": town.officer, "case_uuid": case, "at": INSIDE}
    with refused(IntakeRefusal.GROUND_MISSING):
        commands.refuse_case(**say, ground="because", words="no", key=uuid4())
    with refused(IntakeRefusal.WORDS_MISSING):
        commands.refuse_case(**say, ground="unreadable", words="  ", key=uuid4())
    commands.refuse_case(**say, ground="unreadable", words="The date cannot be read.", key=uuid4())
    (own,) = town.standing().cases
    assert (own.state, own.ground, own.words) == ("refused", "unreadable", "The date cannot be read.")
    with refused(IntakeRefusal.CASE_DECIDED):
        town.certify(case)
    assert town.close().category == "general"


def test_another_paper_is_asked_for_sent_and_checked() -> None:
    town = Town()
    case = town.name()
    town.file()
    later = INSIDE + timedelta(days=1)
    ask: dict[str, Any] = {
        "actor": town.officer,
        "case_uuid": case,
        "ground": "unreadable",
        "words": "The back, please.",
    }
    commands.ask_paper(**ask, at=INSIDE, key=uuid4())
    assert queries.case_lines(actor=town.officer, states=["open"], at=INSIDE) == []
    with refused(IntakeRefusal.CASE_DECIDED):
        commands.ask_paper(**ask, at=INSIDE, key=uuid4())
    key = uuid4()
    for _ in range(2):
        commands.add_paper(actor=town.guardian(), case_uuid=case, content=uploads.jpeg(), at=later, key=key)
    (line,) = queries.case_lines(actor=town.officer, states=["open"], at=later)
    assert (line.papers, line.handed_at) == (2, later)
    town.certify(case, at=later)
    steps = CategoryCaseStep.objects.order_by("seq").values_list("from_state", "to_state")
    assert list(steps) == [("", "open"), ("open", "asked"), ("asked", "open"), ("open", "certified")]
    assert set(Outbox.objects.filter(subject_kind="category_case").values_list("topic", flat=True)) == {
        "category_case_opened", "category_case_asked", "category_case_certified",
    }  # fmt: skip


def test_a_family_asked_for_a_paper_has_its_days_before_it_is_refused() -> None:
    town = Town()
    case = town.name()
    town.file()
    say: dict[str, Any] = {"actor": town.officer, "case_uuid": case, "ground": "unreadable", "words": "The back."}
    commands.ask_paper(**say, at=INSIDE, key=uuid4())
    (own,) = town.standing().cases
    assert own.answer_by is not None
    page = queries.case_page(actor=town.officer, case_uuid=case, at=INSIDE)
    assert page is not None
    assert page.due_on == own.answer_by
    last = local_instant(own.answer_by, 12)
    with refused(IntakeRefusal.FAMILY_HAS_TIME):
        commands.refuse_case(**say, at=last, key=uuid4())
    commands.refuse_case(**say, at=last + timedelta(days=1), key=uuid4())


def test_papers_have_a_number_and_go_when_the_case_is_taken_back() -> None:
    town = Town()
    case = town.name()
    for _ in range(5):
        commands.add_paper(actor=town.guardian(), case_uuid=case, content=uploads.png(), at=INSIDE, key=uuid4())
    with refused(IntakeRefusal.TOO_MANY_PAPERS):
        commands.add_paper(actor=town.guardian(), case_uuid=case, content=uploads.png(), at=INSIDE, key=uuid4())
    assert DocumentContent.objects.count() == 6
    commands.withdraw_case(actor=town.guardian(), case_uuid=case, at=INSIDE, key=uuid4())
    assert DocumentContent.objects.count() == 0
    town.name()


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (date(2026, 2, 5), date(2026, 2, 4), IntakeRefusal.DAYS_BACKWARDS),
        (date(2026, 1, 5), date(2026, 2, 4), IntakeRefusal.DAYS_OVER),
        (date(2026, 2, 5), None, IntakeRefusal.DAYS_TOO_LONG),
        (date(2026, 2, 5), date(2027, 2, 6), IntakeRefusal.DAYS_TOO_LONG),
    ],
)
def test_a_certificate_holds_no_longer_than_the_rule_set_lets_it(
    first: date, last: date | None, reason: IntakeRefusal
) -> None:
    town = Town()
    case = town.name()
    town.file()
    with refused(reason):
        town.certify(case, first, last)
    town.certify(case, date(2026, 2, 5), date(2027, 2, 5))


def test_an_officer_never_decides_on_an_own_child() -> None:
    town = Town()
    case = town.name()
    town.file()
    both = Actor(7, "user:7", (*town.officer.grants, Grant(Role.GUARDIAN)), guardian_id=town.families[0][0])
    with refused(IntakeRefusal.OWN_CHILD):
        town.certify(case, actor=both)
    with pytest.raises(Forbidden):
        town.certify(case, actor=town.guardian())


def test_what_nobody_checked_by_the_close_does_not_count_and_the_family_is_told() -> None:
    town = Town()
    case = town.name()
    town.file()
    with refused(IntakeRefusal.CASE_TOO_LATE):
        town.certify(case, at=CLOSES)
    (own,) = town.standing(at=CLOSES).cases
    assert (own.is_late, own.is_undecided) == (True, False)
    assert town.close().category == "general"
    assert queries.case_lines(actor=town.officer, states=["open"], at=AFTER) == []


def decided_by_two(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two officers decide one case, each having judged it before either writes: what they heard."""
    town = Town()
    case = town.name()
    town.file()

    def certify(_: object) -> str:
        try:
            town.certify(case, key=uuid4())
        except Refused as refusal:
            return refusal.reason.value
        return "done"

    def refuse(_: object) -> str:
        try:
            commands.refuse_case(
                actor=town.officer, case_uuid=case, ground="unreadable", words="x", at=INSIDE, key=uuid4()
            )
        except Refused as refusal:
            return refusal.reason.value
        return "done"

    slowly(monkeypatch, deciding, "refuse_decision")
    return sorted(one if isinstance(one, str) else type(one).__name__ for one in at_once(certify, refuse))


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_make_one_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decided_by_two(monkeypatch) == ["case_decided", "done"]
    assert CategoryCaseStep.objects.exclude(from_state="").count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_childs_lock_both_believe_they_decide_and_one_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deciding.locks, "exclusive", lambda *_: None)
    assert decided_by_two(monkeypatch) == ["IntegrityError", "done"]


def test_without_the_state_asked_a_second_decision_would_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the rule switched off only the database's own table of transitions still says no."""
    town = Town()
    case = town.name()
    town.file()
    town.certify(case)
    monkeypatch.setattr(deciding, "refuse_decision", lambda *_: None)
    with pytest.raises((AssertionError, DatabaseError)):
        town.certify(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        CategoryCase.objects.filter(uuid=case).update(state="refused")


def test_a_draft_is_kept_changed_and_gone_on_with_by_either_guardian() -> None:
    town = Town(2)
    save: dict[str, Any] = {"actor": town.guardian(), "round_uuid": town.round.uuid, "child_uuid": town.child()}
    first = commands.save_draft(**save, kind="", at=INSIDE, key=uuid4())
    again = commands.save_draft(**save, kind="creative", at=INSIDE, key=uuid4())
    assert first == again
    (own,) = queries.own_drafts(actor=town.guardian(), at=INSIDE)
    assert (own.uuid, own.kind, own.is_open(INSIDE), own.is_open(CLOSES)) == (first, "creative", True, False)
    assert queries.own_drafts(actor=town.guardian(1), at=INSIDE) == []
    with refused(IntakeRefusal.DRAFT_UNKNOWN):
        commands.drop_draft(actor=town.guardian(1), draft_uuid=first, at=INSIDE, key=uuid4())
    town.name()
    commands.drop_draft(actor=town.guardian(), draft_uuid=first, at=INSIDE, key=uuid4())
    assert not ApplicationDraft.objects.exists()
    assert DocumentContent.objects.count() == 0
    assert CategoryCase.objects.get().state == "withdrawn"


def test_a_filed_draft_is_no_draft_any_more_and_is_forgotten_in_time() -> None:
    town = Town()
    commands.save_draft(
        actor=town.guardian(), round_uuid=town.round.uuid, child_uuid=town.child(), kind="sport", at=INSIDE, key=uuid4()
    )
    case = town.name()
    town.file()
    assert queries.own_drafts(actor=town.guardian(), at=INSIDE) == []
    assert CategoryCase.objects.get(uuid=case).state == "open"
    system = Actor.system("test")
    assert commands.forget_drafts(actor=system, at=CLOSES + timedelta(days=29)) == 0
    assert commands.forget_drafts(actor=system, at=CLOSES + timedelta(days=31)) == 1


def test_a_key_names_one_category_once() -> None:
    town = Town()
    key = uuid4()
    assert town.name(key=key) == town.name(key=key)
    assert CategoryCase.objects.count() == 1
    with pytest.raises(Refused, match="key_reused"):
        town.name(key=key, content=uploads.png())

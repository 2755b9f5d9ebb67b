"""The month sheet: written from marks, hashed and locked; two parties; the officer's day; approval; payable rows."""

import hashlib
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries, steps
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.models import MonthSheet, MonthSheetHistory, SheetRow
from qosymsha.domain.attendance.rules import AttendanceRefusal, Decision, Word
from qosymsha.domain.attendance.states import SHEET_TRANSITIONS, WORD_TRANSITIONS, SheetState, WordState
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way
from qosymsha.domain.programmes.models import RuleSet
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import OFFICER_DAY, OVER, guardian_of, manager, mark, plan, send, sent_sheet
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    OFFICER,
    SYSTEM,
    City,
    add_children,
    add_group,
    enrolled,
    key,
    make_city,
)

pytestmark = pytest.mark.django_db
why = AttendanceRefusal


def sheet_of(how_many: int = 2) -> tuple[City, int, list[SheetRow]]:
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city, capacity=max(15, how_many)), how_many)]
    sheet_id, rows = sent_sheet(city, places)
    return city, sheet_id, rows


def say(row: SheetRow, word: str = "confirmed", reason: str = "", guardian: int | None = None) -> object:
    words = [Word(row.pk, guardian or guardian_of(row), word, reason)]
    (outcome,) = commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    return outcome.reason


def decide(
    row: SheetRow, payable: bool = True, evidence: str = "camera of 8.09", at=OFFICER_DAY, actor=OFFICER
) -> object:  # type: ignore[no-untyped-def]
    rows = commands.decide_rows(actor=actor, decisions=[Decision(row.pk, payable, evidence)], at=at, key=key())
    return rows[0].reason


def approve(*sheet_ids: int, at=OVER, actor=OFFICER) -> list[object]:  # type: ignore[no-untyped-def]
    rows = commands.approve_sheets(actor=actor, sheet_ids=sheet_ids, at=at, key=key())
    return [r.reason for r in rows]


def state(sheet_id: int) -> str:
    return MonthSheet.objects.get(pk=sheet_id).state


def test_a_sheet_counts_its_marks_and_bears_the_hash_of_its_canonical_document() -> None:
    city = make_city()
    one, two, idle = (e for _, _, e in enrolled(city, add_group(city), 3))
    sessions = plan(city)
    values = ["present", "present", "ill", "excused", "absent", "present", "present", "present", "present"]
    marks = [(s.id, one, v) for s, v in zip(sessions, values, strict=True)]
    mark(city, [*marks, (sessions[0].id, two, "absent")])
    (outcome,) = send(city)
    sheet = MonthSheet.objects.get(pk=outcome.id)
    assert (sheet.state, sheet.lessons_held, sheet.month) == ("with_parents", 9, FIRST)
    rows = list(SheetRow.objects.filter(sheet=sheet).order_by("enrolment_id"))
    counts = [(r.enrolment_id, r.present, r.ill, r.excused, r.absent, r.word) for r in rows]
    assert counts == [(one, 6, 1, 1, 1, "silent"), (two, 0, 0, 0, 1, "silent")]
    assert idle not in {r.enrolment_id for r in rows}
    uuids = dict(Enrolment.objects.values_list("pk", "uuid"))
    document = {
        "group": str(sheet.group.uuid),
        "lessons_held": 9,
        "month": "2026-09-01",
        "rows": sorted([str(uuids[r.enrolment_id]), r.present, r.ill, r.excused, r.absent, r.seen] for r in rows),
    }
    assert bytes(sheet.hash or b"") == digest(document)
    assert all(u.version == 4 for u in [sheet.uuid, *(r.uuid for r in rows)])
    steps_taken = MonthSheetHistory.objects.filter(month_sheet=sheet).order_by("seq")
    assert [(h.seq, h.from_state, h.to_state) for h in steps_taken] == [(1, "", "open"), (2, "open", "with_parents")]


def test_a_sheet_is_sent_once_and_not_before_its_last_lesson() -> None:
    city = make_city()
    group, empty = add_group(city), add_group(city, weekdays=(1,))
    ((_, _, place),) = enrolled(city, group)
    sessions = [s for s in plan(city) if s.group_id == group]
    mark(city, [(sessions[0].id, place, "present")], at=OVER)
    early = local_instant(date(2026, 9, 28), 9)
    assert [(o.reason, o.detail) for o in send(city, at=early)] == [
        (why.LESSONS_TO_COME, str(group)),
        (why.LESSONS_TO_COME, str(empty)),
    ]
    assert [o.reason for o in send(city)] == [None, why.NO_MARKS]
    assert [o.reason for o in send(city)] == [why.SHEET_SENT, why.NO_MARKS]
    once = key()
    replayed = [
        commands.send_sheets(actor=manager(city), provider_id=city.provider_id, month=FIRST, at=OVER, key=once)
        for _ in range(2)
    ]
    assert replayed[0] == replayed[1]
    assert MonthSheet.objects.count() == 1


def test_a_sent_sheet_is_locked_in_the_database() -> None:
    _, sheet_id, (row, _) = sheet_of()
    for change in (
        lambda: SheetRow.objects.filter(pk=row.pk).update(present=99),
        lambda: MonthSheet.objects.filter(pk=sheet_id).update(hash=hashlib.sha256(b"x").digest()),
        lambda: MonthSheet.objects.filter(pk=sheet_id).update(hash=None),
        lambda: MonthSheetHistory.objects.filter(month_sheet_id=sheet_id).delete(),
        lambda: SheetRow.objects.filter(pk=row.pk).update(word="confirmed"),  # by nobody
        lambda: SheetRow.objects.filter(pk=row.pk).update(word="decided", decided_by=0, decided_at=AT, evidence="x"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


@pytest.mark.parametrize(
    ("model", "column", "states", "table"),
    [(MonthSheet, "state", SheetState, SHEET_TRANSITIONS), (SheetRow, "word", WordState, WORD_TRANSITIONS)],
)
def test_the_tables_let_through_exactly_the_transitions_in_code(model, column, states, table) -> None:  # type: ignore[no-untyped-def]
    _, sheet_id, rows = sheet_of()
    pk = sheet_id if model is MonthSheet else rows[0].pk
    spoken = {"confirmed_by": 1, "confirmed_at": AT, "reason": "x", "decided_by": 1, "decided_at": AT, "evidence": "x"}
    if model is SheetRow:
        SheetRow.objects.filter(pk=pk).update(**spoken)
        returned = dict.fromkeys(["state"], SheetState.RETURNED)  # where alone a row may be silent again
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            MonthSheet.objects.filter(pk=sheet_id).update(**returned)
            cursor.execute("SET session_replication_role = origin")
    let_through = set()
    for before, after in ((a, b) for a in states for b in states if a != b):
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            model.objects.filter(pk=pk).update(**{column: before})
            cursor.execute("SET session_replication_role = origin")
        try:
            with transaction.atomic():
                model.objects.filter(pk=pk).update(**{column: after})
        except IntegrityError:
            continue
        let_through.add((before, after))
    assert let_through == {(a, b) for a, b in table if a}


def test_only_the_guardian_confirms_and_the_control_shows_it() -> None:
    city, _, (mine, other) = sheet_of()
    stranger = guardian_of(other)
    assert say(mine, guardian=stranger) is why.NOT_GUARDIAN
    assert SheetRow.objects.get(pk=mine.pk).word == "silent"
    # Control: the same word is heard as soon as the registry names this guardian for the child.
    child = add_children(city, 1)[0]
    Guardianship.objects.filter(child_id=mine.child_id).update(child_id=child)
    Guardianship.objects.filter(guardian_id=stranger).update(child_id=mine.child_id)
    assert say(mine, guardian=stranger) is None
    row = SheetRow.objects.get(pk=mine.pk)
    assert (row.word, row.confirmed_by) == ("confirmed", stranger)


def test_a_guardian_signed_in_speaks_only_as_herself_and_the_provider_never() -> None:
    city, _, (mine, other) = sheet_of()
    herself = Actor(41, "user:41", (Grant("guardian"),), guardian_id=guardian_of(mine))
    proof = Proof(OVER, Way.CODE)
    words = [Word(r.pk, guardian_of(r), "confirmed", proof=proof) for r in (mine, other)]
    outcomes = commands.confirm_rows(actor=herself, words=words, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [None, why.NOT_GUARDIAN]
    with pytest.raises(Forbidden):
        commands.confirm_rows(actor=manager(city), words=words, at=OVER, key=key())


def test_each_objection_to_a_word_is_told() -> None:
    _, sheet_id, (row, other) = sheet_of()
    assert say(row, "silent") is why.UNKNOWN_WORD
    assert say(row, "decided") is why.UNKNOWN_WORD
    assert say(row, "disputed") is why.REASON_MISSING
    ghost = SheetRow(pk=0, child_id=row.child_id)
    assert say(ghost) is why.UNKNOWN_ROW
    assert say(row, "disputed", "was ill on the 3rd") is None
    assert say(row, "disputed", "again") is why.ALREADY_SPOKEN
    assert say(row) is None  # a dispute may be taken back
    assert say(row) is why.ALREADY_SPOKEN
    twice = [Word(other.pk, guardian_of(other), "confirmed")] * 2
    outcomes = commands.confirm_rows(actor=CHANNEL, words=twice, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [None, why.NAMED_TWICE]
    assert state(sheet_id) == "with_customer"
    with transaction.atomic():
        steps.move_sheets(Deed(SYSTEM, Action.APPROVE, OVER, key()), [sheet_id], SheetState.PAUSED)
    assert say(row) is why.SHEET_NOT_OPEN


def test_silence_never_confirms() -> None:
    city, sheet_id, (spoken, silent) = sheet_of()
    say(spoken)
    assert state(sheet_id) == "with_parents"
    assert approve(sheet_id) == [why.WITH_PARENTS]
    # The officer's day has come: the confirmed row goes on, the silent one waits and is not payable.
    assert approve(sheet_id, at=OFFICER_DAY) == [None]
    assert state(sheet_id) == "for_payment"
    contract = city.contracts["sport"]
    payable = [(r.row_id, r.payable_present, r.waiting_present) for r in queries.payable_rows([contract], FIRST)]
    assert payable == [(spoken.pk, 9, 0), (silent.pk, 0, 9)]
    assert SheetRow.objects.get(pk=silent.pk).word == "silent"
    # Spoken later, it rolls into a later claim.
    assert say(silent) is None
    payable = [(r.row_id, r.payable_present, r.waiting_present) for r in queries.payable_rows([contract], FIRST)]
    assert payable == [(spoken.pk, 9, 0), (silent.pk, 9, 0)]
    assert queries.payable_rows([contract], date(2026, 8, 1)) == []
    assert queries.rows_by_word(city.programme_id) == {"confirmed": 2}


def test_without_partial_sheets_one_silent_row_holds_the_sheet() -> None:
    city, sheet_id, (spoken, silent) = sheet_of()
    say(spoken)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        rules = RuleSet.objects.get(pk=city.rule_set_id)
        rules.document["pay"]["partial_sheets"] = False
        RuleSet.objects.filter(pk=rules.pk).update(document=rules.document, hash=digest(rules.document))
        cursor.execute("SET session_replication_role = origin")
    assert approve(sheet_id, at=OFFICER_DAY) == [why.ROWS_SILENT]
    assert decide(silent) is None
    assert approve(sheet_id, at=OFFICER_DAY) == [None]


def test_a_named_officer_decides_on_evidence_after_the_working_days() -> None:
    city, sheet_id, (silent, disputed) = sheet_of()
    say(disputed, "disputed", "we were away")
    eve = OFFICER_DAY - timedelta(days=1)
    assert decide(silent, at=eve) is why.TOO_EARLY
    assert decide(silent, evidence=" ") is why.EVIDENCE_MISSING
    assert decide(SheetRow(pk=0)) is why.UNKNOWN_ROW
    elsewhere = Actor(501, "user:501", (Grant("checker", territory_ids=frozenset({0})),))
    assert decide(silent, actor=elsewhere) is why.UNKNOWN_ROW
    for nobody in (SYSTEM, manager(city), CHANNEL):
        with pytest.raises(Forbidden):
            decide(silent, actor=nobody)
    assert decide(silent) is None
    assert decide(silent) is why.ALREADY_SPOKEN
    assert decide(disputed, payable=False) is None
    row = SheetRow.objects.get(pk=disputed.pk)
    assert (row.word, row.reason, row.decided_by, row.evidence) == ("rejected", "we were away", 500, "camera of 8.09")
    assert row.confirmed_by == guardian_of(disputed)
    assert state(sheet_id) == "with_customer"  # everybody has been heard or decided
    assert approve(sheet_id, at=OFFICER_DAY) == [None]
    payable, lost = queries.payable_rows([city.contracts["sport"]], FIRST)
    assert (payable.row_id, payable.payable_present, payable.unit_tariff_tiyn) == (silent.pk, 9, 12_000)
    assert (lost.row_id, lost.payable_present, lost.waiting_present) == (disputed.pk, 0, 0)


def test_each_objection_to_an_approval_is_told() -> None:
    _, sheet_id, rows = sheet_of()
    for row in rows:
        say(row)
    elsewhere = Actor(501, "user:501", (Grant("checker", territory_ids=frozenset({0})),))
    assert approve(sheet_id, actor=elsewhere) == [why.UNKNOWN_SHEET]
    assert approve(0, sheet_id, sheet_id) == [why.UNKNOWN_SHEET, None, why.NAMED_TWICE]
    assert approve(sheet_id) == [why.WRONG_STATE]
    with pytest.raises(Forbidden):
        approve(sheet_id, actor=CHANNEL)
    with transaction.atomic():
        steps.close_sheets(Deed(SYSTEM, Action.CLOSE, OVER, key()), [sheet_id])
    assert state(sheet_id) == "closed"


def test_words_are_replayed_not_repeated() -> None:
    _, _, (row, _) = sheet_of()
    words = [Word(row.pk, guardian_of(row), "confirmed")]
    once = key()
    first = commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=once)
    assert commands.confirm_rows(actor=CHANNEL, words=words, at=OVER + timedelta(days=1), key=once) == first
    assert SheetRow.objects.get(pk=row.pk).confirmed_at == OVER


def test_reading_rows_leaves_an_audit_event() -> None:
    city, sheet_id, rows = sheet_of()
    before = AuditEvent.objects.count()
    shown = queries.rows_of_sheets(actor=OFFICER, sheet_ids=[sheet_id], at=OVER, words=["silent"])
    assert [r.id for r in shown] == sorted(r.pk for r in rows)
    assert AuditEvent.objects.count() == before + 1
    stranger = Actor(6, "user:6", (Grant("payer"),))
    with pytest.raises(Forbidden):
        queries.rows_of_sheets(actor=stranger, sheet_ids=[sheet_id], at=OVER)
    assert queries.sheets_by_state(city.programme_id) == {"with_parents": 1}
    assert queries.lessons_by_mark(city.programme_id) == {"present": 18, "ill": 0, "excused": 0, "absent": 0}
    (facts,) = queries.sheets(city.programme_id, FIRST, ["with_parents"])
    assert (facts.id, len(facts.hash or b"")) == (sheet_id, 32)


def test_outside_ids_of_sheets_come_from_the_seed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seeded_uuid('\\x01', 'sheet 1'), seeded_uuid('\\x01', 'sheet 1'), seeded_uuid('\\x02', 'sheet 1')"
        )
        one, again, other = cursor.fetchone()
    assert one == again != other
    assert UUID(str(one)).version == 4


def test_ten_rows_and_two_hundred_take_the_same_number_of_statements() -> None:
    counts = []
    for how_many in (10, 200):
        _, sheet_id, rows = sheet_of(how_many)
        words = [Word(r.pk, guardian_of(r), "confirmed") for r in rows[1:]]
        with CaptureQueriesContext(connection) as confirming:
            commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
        with CaptureQueriesContext(connection) as deciding:
            assert decide(rows[0]) is None
        with CaptureQueriesContext(connection) as approving:
            assert approve(sheet_id, at=OFFICER_DAY) == [None]
        counts.append((len(confirming), len(approving), len(deciding)))
    assert counts[0] == counts[1]

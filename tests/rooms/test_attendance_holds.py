"""A held day is not payable: disputed by a guardian, named by a red flag; cleared or upheld by a person."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries, steps
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.models import DayHold, MonthSheet, Session, SheetRow, TraceRow
from qosymsha.domain.attendance.rules import AttendanceRefusal, Decision, HeldDay, HoldDecision, SheetRefusal, Word
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import OFFICER_DAY, OVER, guardian_of, manager, mark, plan, send, sent_sheet
from tests.factories.presence import PHONE, Venue, guardian, send_scans, shown_at, venue
from tests.factories.vouchers import CHANNEL, FIRST, OFFICER, SYSTEM, City, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db
why, refusal = AttendanceRefusal, SheetRefusal
FLAG = Deed(SYSTEM, Action.DECIDE, OVER, key())


def month(how_many: int = 1) -> tuple[City, int, list[SheetRow], list[Session]]:
    """A sent sheet of nine lessons, everybody present."""
    city = make_city()
    group = add_group(city, capacity=max(15, how_many))
    sheet_id, rows = sent_sheet(city, [e for _, _, e in enrolled(city, group, how_many)])
    return city, sheet_id, rows, list(Session.objects.filter(group_id=group).order_by("starts_at"))


def scanned(present: int = 9, seen: int = 4, families: int = 1) -> tuple[Venue, list[SheetRow]]:
    """A sent sheet in which the families scanned the first lessons of those at which they were present."""
    here = venue(families)
    for lesson in here.lessons[:seen]:
        scans = [here.scan(n, shown_at(lesson, lesson.starts_at)) for n in range(families)]
        send_scans([type(s)(s.child_id, s.guardian_id, s.code, lesson.uuid) for s in scans], lesson.starts_at)
    marks = [
        (lesson.pk, place, "present" if n < present else "absent")
        for n, lesson in enumerate(here.lessons)
        for _, _, place in here.families
    ]
    assert set(mark(here.city, marks)) == {None}
    send(here.city)
    return here, list(SheetRow.objects.order_by("enrolment_id"))


def speak(row: SheetRow, *days: Session, word: str = "confirmed", at=OVER, proof: Proof | None = None) -> None:  # type: ignore[no-untyped-def]
    who = guardian_of(row)
    given = proof or Proof(at - timedelta(minutes=1), Way.CODE)
    said = Word(row.pk, who, word, "was at home" if days else "", tuple(d.pk for d in days), given, PHONE)
    commands.confirm_month(actor=guardian(who), word=said, at=at, key=key())


def approve(sheet_id: int) -> None:
    (outcome,) = commands.approve_sheets(actor=OFFICER, sheet_ids=[sheet_id], at=OFFICER_DAY, key=key())
    assert outcome.reason is None


def due(city: City) -> list[tuple[int, int]]:
    """(payable, waiting) of each payable row."""
    found = queries.payable_rows([city.contracts["sport"]], FIRST)
    return [(r.payable_present, r.waiting_present) for r in found]


def flag(cause: int, row: SheetRow, *days: Session) -> list[int]:
    with transaction.atomic():
        return steps.hold_days(FLAG, [HeldDay(row.pk, d.pk, "flagged", cause, "photo") for d in days])


def resolve(verb, *causes: int) -> list[int]:  # type: ignore[no-untyped-def]
    with transaction.atomic():
        return verb(FLAG, "flagged", list(causes), "looked at")  # type: ignore[no-any-return]


def test_a_confirmed_month_pays_every_present_day_and_a_silent_one_none() -> None:
    city, sheet_id, (row, _), _ = month(2)
    speak(row)
    approve(sheet_id)
    assert due(city) == [(9, 0), (0, 9)]
    said = SheetRow.objects.get(pk=row.pk)
    assert (said.proof_way, said.proof_at) == ("code", OVER - timedelta(minutes=1))
    assert TraceRow.objects.get().month == FIRST  # of the month the word is about


def test_disputed_days_are_held_and_the_rest_is_paid_until_a_checker_decides() -> None:
    city, sheet_id, (row,), lessons = month()
    speak(row, lessons[0], lessons[3], lessons[5])
    approve(sheet_id)
    assert due(city) == [(6, 3)]
    holds = list(DayHold.objects.order_by("id"))
    assert [(h.kind, h.state, h.on, h.reason) for h in holds][0] == ("disputed", "open", lessons[0].on, "was at home")
    decisions = [HoldDecision(holds[0].pk, True, "camera"), HoldDecision(holds[1].pk, False, "call to the mother")]
    outcomes = commands.decide_days(actor=OFFICER, decisions=decisions, at=OFFICER_DAY, key=key())
    assert [o.reason for o in outcomes] == [None, None]
    assert due(city) == [(7, 1)]  # one cleared, one lost, one still open
    assert DayHold.objects.get(pk=holds[1].pk).evidence == "call to the mother"


def test_a_dispute_of_days_may_be_taken_back_and_no_day_twice_disputed() -> None:
    city, sheet_id, (row,), lessons = month()
    speak(row, lessons[0])
    with pytest.raises(Refused, match="already_spoken"):
        speak(row, lessons[1])
    speak(row)
    approve(sheet_id)
    assert due(city) == [(9, 0)]
    assert DayHold.objects.get().evidence == "withdrawn"
    with pytest.raises(Refused, match="already_spoken"):
        speak(row)


def test_a_whole_row_disputed_waits_and_is_decided_by_an_officer() -> None:
    city, sheet_id, (row,), _ = month()
    words = [Word(row.pk, guardian_of(row), "disputed", "never went")]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    approve(sheet_id)
    assert due(city) == [(0, 9)]
    commands.decide_rows(actor=OFFICER, decisions=[Decision(row.pk, False, "visit")], at=OFFICER_DAY, key=key())
    assert due(city) == [(0, 0)]


@pytest.mark.parametrize(
    ("age", "way", "reason"),
    [
        (timedelta(minutes=10), Way.TOTP, None),
        (timedelta(minutes=10, seconds=1), Way.CODE, refusal.PROOF_STALE),
        (timedelta(seconds=-1), Way.CODE, refusal.PROOF_STALE),
        (timedelta(0), "a nod", refusal.PROOF_MISSING),
    ],
)
def test_a_guardians_second_factor_is_known_and_fresh(age: timedelta, way: str, reason: object) -> None:
    _, _, (row,), _ = month()
    if reason is None:
        speak(row, proof=Proof(OVER - age, way))
        return
    with pytest.raises(Refused) as heard:
        speak(row, proof=Proof(OVER - age, way))
    assert heard.value.reason is reason
    assert SheetRow.objects.get(pk=row.pk).word == "silent"


def test_without_a_second_factor_a_guardian_is_not_heard_in_bulk_either() -> None:
    _, _, (row,), _ = month()
    words = [Word(row.pk, guardian_of(row), "confirmed")]
    outcomes = commands.confirm_rows(actor=guardian(guardian_of(row)), words=words, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [refusal.PROOF_MISSING]


def test_of_a_clerks_word_the_way_is_stored() -> None:
    city, _, (row,), _ = month()
    clerk = Actor(44, "user:44", (Grant("clerk", territory_ids=frozenset({city.territory_id})),))
    words = [Word(row.pk, guardian_of(row), "confirmed")]
    assert commands.confirm_rows(actor=clerk, words=words, at=OVER, key=key())[0].reason is None
    assert SheetRow.objects.get(pk=row.pk).proof_way == "in_person"


def test_only_present_days_of_the_row_may_be_disputed_and_with_a_reason() -> None:
    city, _, (row,), lessons = month()
    add_group(city)
    other = Session.objects.get(pk=plan(city, date(2026, 10, 1))[0].id)  # a lesson of another month
    with pytest.raises(Refused, match="unknown_day"):
        speak(row, other)
    said = Word(row.pk, guardian_of(row), "confirmed", " ", (lessons[0].pk,))
    (outcome,) = commands.confirm_rows(actor=CHANNEL, words=[said], at=OVER, key=key())
    assert outcome.reason is why.REASON_MISSING
    assert not DayHold.objects.exists()


def test_a_scan_is_the_second_partys_word_on_its_day() -> None:
    here, (row,) = scanned(present=8, seen=4)
    approve(row.sheet_id)
    assert (row.present, row.seen) == (8, 4)
    assert due(here.city) == [(4, 4)]
    flag(1, row, here.lessons[0], here.lessons[6])  # one scanned, one not
    assert due(here.city) == [(3, 5)]
    resolve(steps.uphold, 1)
    assert due(here.city) == [(3, 3)]


def test_without_the_rule_a_scan_pays_nothing_by_itself() -> None:
    here, (row,) = scanned()
    approve(row.sheet_id)
    MonthSheet.objects.filter(pk=row.sheet_id).update(scan_is_word=False)
    assert due(here.city) == [(0, 9)]


def test_an_absent_day_held_changes_nothing() -> None:
    here, (row,) = scanned(present=5, seen=5)
    speak(row)
    approve(row.sheet_id)
    flag(1, row, *here.lessons[3:7])  # two present, two absent
    assert due(here.city) == [(3, 2)]


def test_a_day_is_held_while_any_flag_holds_it() -> None:
    city, sheet_id, (row,), lessons = month()
    speak(row, lessons[0])
    approve(sheet_id)
    assert len(flag(1, row, lessons[0], lessons[1])) == 2
    assert len(flag(2, row, lessons[1])) == 1
    assert flag(2, row, lessons[1]) == []  # held for this cause already
    assert due(city) == [(7, 2)]
    resolve(steps.clear_holds, 1)
    assert due(city) == [(7, 2)]  # the guardian's dispute and the other flag still hold them
    resolve(steps.uphold, 2)
    assert due(city) == [(7, 1)]
    assert resolve(steps.clear_holds, 2) == []  # what was upheld stays so


def test_a_flag_holds_only_days_of_the_row() -> None:
    _, _, (row, _), lessons = month(2)
    stranger = Session.objects.exclude(pk__in=[s.pk for s in lessons]).first()
    assert stranger is None
    assert flag(1, row) == []
    with transaction.atomic():
        assert steps.hold_days(FLAG, [HeldDay(row.pk, 0, "flagged", 1), HeldDay(0, lessons[0].pk, "flagged", 1)]) == []


def test_each_objection_to_a_days_decision_is_told() -> None:
    city, _, (row,), lessons = month()
    speak(row, lessons[0])
    (flagged,) = flag(1, row, lessons[1])
    hold = DayHold.objects.get(kind="disputed").pk
    given = [
        HoldDecision(0, True, "x"),
        HoldDecision(flagged, True, "x"),
        HoldDecision(hold, True, " "),
    ]
    outcomes = commands.decide_days(actor=OFFICER, decisions=given, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [refusal.UNKNOWN_HOLD, refusal.UNKNOWN_HOLD, why.EVIDENCE_MISSING]
    elsewhere = Actor(501, "user:501", (Grant("checker", territory_ids=frozenset({0})),))
    ask = {"decisions": [HoldDecision(hold, True, "x")] * 2, "at": OVER}
    assert commands.decide_days(actor=elsewhere, **ask, key=key())[0].reason is refusal.UNKNOWN_HOLD  # type: ignore[arg-type]
    outcomes = commands.decide_days(actor=OFFICER, **ask, key=key())  # type: ignore[arg-type]
    assert [o.reason for o in outcomes] == [None, why.NAMED_TWICE]
    assert commands.decide_days(actor=OFFICER, **ask, key=key())[0].reason is refusal.HOLD_RESOLVED  # type: ignore[arg-type]
    for nobody in (manager(city), CHANNEL, SYSTEM):
        with pytest.raises(Forbidden):
            commands.decide_days(actor=nobody, **ask, key=key())  # type: ignore[arg-type]


def test_the_table_lets_a_hold_be_resolved_once_and_by_somebody() -> None:
    _, _, (row,), lessons = month()
    flag(1, row, lessons[0])
    for change in (
        "UPDATE day_hold SET state = 'cleared'",
        "UPDATE day_hold SET kind = 'wished'",
        "UPDATE day_hold SET state = 'paid', resolved_by = 1, resolved_at = now()",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    resolve(steps.uphold, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        DayHold.objects.update(state="cleared")


def test_a_guardian_sees_her_childrens_days_and_the_read_is_audited() -> None:
    here, (row, other) = scanned(seen=2, families=2)
    speak(row, here.lessons[1])
    before = AuditEvent.objects.count()
    (shown,) = queries.own_months(actor=guardian(guardian_of(row)), at=OVER)
    assert AuditEvent.objects.count() == before + 1
    assert (shown.row_id, shown.word, shown.payable_present, shown.waiting_present) == (row.pk, "confirmed", 8, 1)
    days = [(d.mark, d.check_in, d.hold) for d in shown.days]
    assert days[:3] == [("present", "code", ""), ("present", "code", "open"), ("present", "", "")]
    assert len(days) == 9
    with pytest.raises(Forbidden):
        queries.own_months(actor=manager(here.city), at=OVER)
    page = queries.sheet_page(actor=manager(here.city), sheet_id=row.sheet_id, at=OVER)
    assert page is not None
    assert [r.row_id for r in page.rows] == [row.pk, other.pk]
    with pytest.raises(Forbidden):
        queries.sheet_page(actor=Actor(6, "user:6", (Grant("teacher", provider_id=0),)), sheet_id=row.sheet_id, at=OVER)
    (queued,) = queries.sheet_queue(actor=OFFICER, programme_id=here.city.programme_id, states=["with_parents"])
    assert (queued.words, queued.open_holds) == ({"confirmed": 1, "silent": 1}, 1)


def test_ten_days_and_two_hundred_take_the_same_number_of_statements() -> None:
    counts = []
    for how_many in (10, 200):
        _, _, rows, lessons = month(how_many)
        words = [Word(r.pk, guardian_of(r), "confirmed", "x", (lessons[0].pk,), trace=PHONE) for r in rows]
        with CaptureQueriesContext(connection) as speaking:
            outcomes = commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
        assert {o.reason for o in outcomes} == {None}
        decisions = [HoldDecision(h.pk, True, "x") for h in DayHold.objects.filter(sheet_row__in=rows)]
        assert len(decisions) == how_many
        with CaptureQueriesContext(connection) as deciding:
            commands.decide_days(actor=OFFICER, decisions=decisions, at=OVER, key=key())
        counts.append((len(speaking), len(deciding)))
    assert counts[0] == counts[1]


def test_the_month_of_a_late_date_is_no_other() -> None:
    city, sheet_id, (row,), _ = month()
    speak(row)
    approve(sheet_id)
    assert queries.payable_rows([city.contracts["sport"]], date(2026, 8, 1)) == []
    assert queries.payable_rows([], FIRST) == []

"""Timers of vouchers and sheets in working days: docs/rules/enrolment.md R-5, docs/rules/attendance.md."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from qosymsha.domain.attendance.rules import (
    AttendanceRefusal,
    Place,
    RowSaid,
    SessionFacts,
    Word,
    refuse_approval,
    refuse_decision,
    refuse_mark,
    refuse_word,
)
from qosymsha.domain.attendance.states import SheetState, WordState
from qosymsha.domain.programmes.rules import Calendar

why = AttendanceRefusal
FROM = date(2026, 10, 8)
NOON = datetime(2026, 9, 10, 10, tzinfo=UTC)
LESSON = SessionFacts(1, 5, date(2026, 9, 10), NOON, "planned", 1, 1, NOON.replace(hour=11), 1, 1, None)
PLACE = Place(child_id=7, group_id=5, starts_on=date(2026, 9, 10), ends_on=date(2026, 9, 10))


@pytest.mark.parametrize(
    ("accepted_on", "days", "last"),
    [
        (date(2026, 9, 1), 5, date(2026, 9, 8)),  # Tuesday to Tuesday, a week-end between
        (date(2026, 9, 4), 1, date(2026, 9, 7)),
        (date(2026, 9, 5), 1, date(2026, 9, 7)),  # a Saturday
        (date(2026, 9, 1), 0, date(2026, 9, 1)),
    ],
)
def test_the_time_to_choose_is_counted_in_working_days_after_the_day(accepted_on: date, days: int, last: date) -> None:
    assert Calendar({}).add_working_days(accepted_on, days) == last


def test_a_holiday_prolongs_the_time_and_a_worked_saturday_shortens_it() -> None:
    monday, saturday = date(2026, 9, 7), date(2026, 9, 5)
    assert Calendar({monday: False}).add_working_days(date(2026, 9, 4), 1) == date(2026, 9, 8)
    assert Calendar({saturday: True}).add_working_days(date(2026, 9, 4), 1) == saturday


@pytest.mark.parametrize(
    ("evidence", "said", "state", "today", "reason"),
    [
        ("x", "silent", "with_parents", FROM, None),
        ("x", "disputed", "with_customer", FROM, None),
        ("x", "silent", "with_parents", FROM - timedelta(days=1), why.TOO_EARLY),
        (" ", "silent", "with_parents", FROM, why.EVIDENCE_MISSING),
        ("x", "confirmed", "with_parents", FROM, why.ALREADY_SPOKEN),
        ("x", "rejected", "with_parents", FROM, why.ALREADY_SPOKEN),
        ("x", "silent", "paused", FROM, why.SHEET_NOT_OPEN),
    ],
)
def test_an_officer_decides_from_the_rules_day_on(
    evidence: str, said: str, state: str, today: date, reason: AttendanceRefusal | None
) -> None:
    assert refuse_decision(evidence, said, state, FROM, today) is reason


@pytest.mark.parametrize(
    ("state", "silent", "today", "partial", "reason"),
    [
        ("with_parents", 0, FROM - timedelta(days=9), False, None),
        ("with_parents", 1, FROM - timedelta(days=1), True, why.WITH_PARENTS),
        ("with_parents", 1, FROM, True, None),
        ("with_customer", 1, FROM, False, why.ROWS_SILENT),
        ("for_payment", 0, FROM, True, why.WRONG_STATE),
        ("paused", 0, FROM, True, why.WRONG_STATE),
    ],
)
def test_a_sheet_waits_for_its_parents_until_the_officers_day(
    state: str, silent: int, today: date, partial: bool, reason: AttendanceRefusal | None
) -> None:
    assert refuse_approval(state, silent, FROM, today, is_partial_allowed=partial) is reason


@pytest.mark.parametrize("said", list(WordState))
@pytest.mark.parametrize("state", list(SheetState))
def test_a_guardian_can_never_say_silent_nor_an_officers_word(said: WordState, state: SheetState) -> None:
    for word in (WordState.SILENT, WordState.DECIDED, WordState.REJECTED, "", "yes"):
        assert refuse_word(Word(1, 1, word, "x"), RowSaid(said, state), ()) is why.UNKNOWN_WORD


def mark(
    value: str = "present",
    session: SessionFacts | None = LESSON,
    place: Place | None = PLACE,
    sent: frozenset[tuple[int, date]] = frozenset(),
) -> AttendanceRefusal | None:
    return refuse_mark(value, session, place, sent, LESSON.starts_at)


def test_a_mark_is_taken_from_the_lessons_first_minute_on_for_who_has_a_place_that_day() -> None:
    day = timedelta(days=1)
    assert mark() is None
    assert mark(session=None) is why.UNKNOWN_SESSION
    assert mark("asleep") is why.UNKNOWN_VALUE
    assert mark(place=None) is why.NOT_ENROLLED
    assert mark(place=replace(PLACE, group_id=6)) is why.NOT_ENROLLED
    assert mark(place=replace(PLACE, starts_on=LESSON.on + day, ends_on=None)) is why.NOT_ENROLLED
    assert mark(place=replace(PLACE, ends_on=LESSON.on - day)) is why.NOT_ENROLLED
    assert mark(session=replace(LESSON, state="cancelled")) is why.LESSON_CANCELLED
    assert mark(session=replace(LESSON, starts_at=LESSON.starts_at + timedelta(seconds=1))) is why.FUTURE_LESSON
    assert mark(sent=frozenset({(5, date(2026, 9, 1))})) is why.SHEET_SENT
    assert mark(sent=frozenset({(5, date(2026, 8, 1)), (6, date(2026, 9, 1))})) is None

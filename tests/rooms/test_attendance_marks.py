"""Sessions and marks: from the timetable, once per child and session, objected to row by row, never after the sheet."""

import time
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import Mark, Session
from qosymsha.domain.attendance.rules import AttendanceRefusal, MarkRow
from qosymsha.domain.attendance.states import SESSION_TRANSITIONS, SessionState
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.rules import Release
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from qosymsha.kernel.schema import make_months
from tests.factories.attendance import OVER, manager, mark, plan, send
from tests.factories.vouchers import AT, CHANNEL, FIRST, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db


def test_sessions_follow_the_timetable_without_holidays_and_are_made_once() -> None:
    city = make_city()
    group = add_group(city)
    CalendarDay.objects.create(day=date(2026, 9, 10), is_working=False, name_kk="-", name_ru="-", source="test")
    sessions = plan(city)
    assert [s.on.day for s in sessions] == [1, 3, 8, 15, 17, 22, 24, 29]
    assert {s.group_id for s in sessions} == {group}
    assert sessions[0].starts_at == local_instant(date(2026, 9, 1), 15)
    assert plan(city) == sessions
    teacher = Actor(9, "user:9", (Grant("teacher", provider_id=city.provider_id),))
    with pytest.raises(Forbidden):
        commands.plan_sessions(actor=teacher, provider_id=city.provider_id, month=FIRST, at=AT, key=key())


def test_each_objection_to_a_mark_is_told_and_the_good_rows_are_kept() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(1, 3))
    ((voucher, guardian, place),) = enrolled(city, group)
    ((_, _, elsewhere),) = enrolled(city, other)
    sessions = [s for s in plan(city) if s.group_id == group]
    gone = [Release(voucher, guardian, date(2026, 9, 22))]
    vouchers.release_vouchers(actor=CHANNEL, releases=gone, reason="x", at=AT, key=key())
    (cancelled,) = commands.cancel_sessions(
        actor=manager(city), provider_id=city.provider_id, session_ids=[sessions[1].id], reason="ill", at=AT, key=key()
    )
    assert cancelled.reason is None
    at = sessions[4].starts_at - timedelta(seconds=1)
    first = sessions[0].id
    marks = [
        (first, place, "present"),
        (first, place, "present"),  # the same again in one batch
        (first, place, "ill"),
        (0, place, "present"),
        (first, elsewhere, "present"),
        (first, 0, "present"),
        (sessions[2].id, place, "late"),
        (sessions[1].id, place, "present"),
        (sessions[4].id, place, "present"),
        (sessions[7].id, place, "present"),  # the 24th: the place had ended
        (sessions[3].id, place, "excused"),
    ]
    why = AttendanceRefusal
    assert mark(city, marks, at=at) == [
        None,
        None,
        why.DUPLICATE,
        why.UNKNOWN_SESSION,
        why.NOT_ENROLLED,
        why.NOT_ENROLLED,
        why.UNKNOWN_VALUE,
        why.LESSON_CANCELLED,
        why.FUTURE_LESSON,
        why.NOT_ENROLLED,
        None,
    ]
    made = Mark.objects.order_by("on").values_list("session_id", "value", "marked_by")
    assert list(made) == [(first, "present", 300), (sessions[3].id, "excused", 300)]
    states = dict(Session.objects.filter(group_id=group).values_list("id", "state"))
    assert (states[first], states[sessions[1].id], states[sessions[2].id]) == ("held", "cancelled", "planned")


def test_a_mark_made_twice_answers_as_the_first_time_and_another_value_is_refused() -> None:
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    session = plan(city)[0].id
    rows = [MarkRow(session, place, "present")]
    once = key()
    first = commands.mark_sessions(actor=manager(city), provider_id=city.provider_id, marks=rows, at=OVER, key=once)
    again = commands.mark_sessions(actor=manager(city), provider_id=city.provider_id, marks=rows, at=OVER, key=once)
    assert first == again
    assert mark(city, [(session, place, "present")]) == [None]
    assert mark(city, [(session, place, "absent")]) == [AttendanceRefusal.DUPLICATE]
    assert Mark.objects.count() == 1
    with pytest.raises(Refused) as refused:
        commands.mark_sessions(
            actor=manager(city),
            provider_id=city.provider_id,
            marks=[MarkRow(session, place, "ill")],
            at=OVER,
            key=once,
        )
    assert refused.value.reason is KeyReason.KEY_REUSED


def test_after_the_sheet_left_no_mark_is_taken() -> None:
    city = make_city()
    (one, two) = (e for _, _, e in enrolled(city, add_group(city), 2))
    sessions = plan(city)
    assert mark(city, [(s.id, one, "present") for s in sessions]) == [None] * 9
    (outcome,) = send(city)
    assert outcome.reason is None
    # A late mark of the other child objects; the repeated mark of the first is still no error.
    assert mark(city, [(sessions[0].id, two, "present"), (sessions[0].id, one, "present")]) == [
        AttendanceRefusal.SHEET_SENT,
        None,
    ]


def test_only_this_providers_people_mark_its_sessions() -> None:
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    session = plan(city)[0].id
    stranger = Actor(301, "user:301", (Grant("teacher", provider_id=city.provider_id + 1),))
    rows = [MarkRow(session, place, "present")]
    with pytest.raises(Forbidden):
        commands.mark_sessions(actor=stranger, provider_id=city.provider_id, marks=rows, at=OVER, key=key())
    # Under the stranger's own provider the session is unknown.
    (row,) = commands.mark_sessions(actor=stranger, provider_id=city.provider_id + 1, marks=rows, at=OVER, key=key())
    assert row.reason is AttendanceRefusal.UNKNOWN_SESSION


def test_a_session_is_cancelled_with_a_reason_and_not_after_it_was_held() -> None:
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    sessions = plan(city)
    mark(city, [(sessions[0].id, place, "present")])

    def cancel(*ids: int, reason: str = "flood") -> list[object]:
        rows = commands.cancel_sessions(
            actor=manager(city), provider_id=city.provider_id, session_ids=ids, reason=reason, at=OVER, key=key()
        )
        return [r.reason for r in rows]

    assert cancel(sessions[1].id, reason=" ") == [AttendanceRefusal.REASON_MISSING]
    assert cancel(sessions[0].id, 0, sessions[1].id, sessions[1].id) == [
        AttendanceRefusal.WRONG_STATE,
        AttendanceRefusal.UNKNOWN_SESSION,
        None,
        AttendanceRefusal.WRONG_STATE,
    ]


def test_the_database_itself_refuses_a_second_mark_another_place_and_an_illegal_step() -> None:
    city, far = make_city(), make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    session = plan(city)[0]
    mark(city, [(session.id, place, "present")])
    columns = (
        '"on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source, marked_at, marked_by'
    )
    wrong = (
        ("mark_pkey|_pkey", city, "ill", place),
        ("same_place", far, "ill", place + 1),
        ("mark_value", city, "asleep", place + 2),
    )
    for name, where, value, enrolment in wrong:
        with pytest.raises(IntegrityError, match=name), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO mark ({columns}) VALUES (%s, %s, %s, 1, %s, %s, %s, 'x', now(), 1)",
                [session.on, session.id, enrolment, where.territory_id, where.programme_id, value],
            )

    def target(state: SessionState) -> int | None:
        return session.id if state is SessionState.MOVED else None

    for before, after in ((a, b) for a in SessionState for b in SessionState if a != b):
        row = Session.objects.exclude(pk=session.id).first()
        assert row is not None
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            Session.objects.filter(pk=row.pk).update(state=before, moved_to=target(before))
            cursor.execute("SET session_replication_role = origin")
        if (before, after) in SESSION_TRANSITIONS:
            Session.objects.filter(pk=row.pk).update(state=after, moved_to=target(after))
            continue
        with pytest.raises(IntegrityError, match="no such transition"), transaction.atomic():
            Session.objects.filter(pk=row.pk).update(state=after, moved_to=target(after))


def test_marks_stand_in_the_partition_of_their_month() -> None:
    with connection.cursor() as cursor:
        make_months(FIRST, 2)
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    mark(city, [(s.id, place, "present") for s in plan(city)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM mark GROUP BY 1")
        assert cursor.fetchall() == [("mark_2026_09", 9)]


def test_ten_marks_and_two_hundred_take_the_same_number_of_statements() -> None:
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city, capacity=40), 30)]
    sessions = plan(city)
    marks = [(s.id, e, "present") for s in sessions for e in places]
    counts = []
    for part in (marks[:10], marks[10:210]):
        with CaptureQueriesContext(connection) as seen:
            assert set(mark(city, part)) == {None}
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16
    assert queries.sessions_of(city.provider_id, FIRST)[0].state == "held"


def test_a_months_marks_take_microseconds_each() -> None:
    city = make_city(money=10**12)
    places = [e for _, _, e in enrolled(city, add_group(city, capacity=300), 300)]
    marks = [(s.id, e, "present") for s in plan(city) for e in places]
    started = time.perf_counter()
    assert set(mark(city, marks)) == {None}
    each_us = (time.perf_counter() - started) * 1e6 / len(marks)
    print(f"{each_us:.0f} us per mark")
    assert each_us < 200  # 50 on a quiet machine

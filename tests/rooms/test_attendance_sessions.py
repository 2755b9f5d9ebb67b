"""Lessons moved, made up, cancelled, reinstated, substituted: nobody in two places, no room too full; with history."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import Session, SessionChange
from qosymsha.domain.attendance.rules import AttendanceRefusal, SessionMove, Substitution
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.providers.models import ClubGroup, TimetableSlot, Venue
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.attendance import cancel, manager, mark, move, plan, send, teacher
from tests.factories.vouchers import AT, FIRST, YEAR, City, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db
why = AttendanceRefusal
MONDAY = date(2026, 9, 14)  # nothing is planned on Mondays


def refusal(*args: Any, **kwargs: Any) -> object:
    """Why a move is refused."""
    with pytest.raises(Refused) as refused:
        move(*args, **kwargs)
    return refused.value.reason


def teacher_of(group_id: int) -> int:
    """The teacher in the group's timetable."""
    return TimetableSlot.objects.filter(group_id=group_id).values_list("teacher_id", flat=True)[0]


def substitute(city: City, session_id: int, teacher_id: int, at: datetime = AT) -> None:
    """Give a session another teacher."""
    wish = Substitution(session_id, teacher_id)
    commands.substitute_teacher(
        actor=manager(city), provider_id=city.provider_id, wish=wish, reason="flu", at=at, key=key()
    )


def test_a_moved_lesson_stays_in_the_books_and_points_to_its_new_one() -> None:
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    sessions = plan(city)
    moved = move(city, sessions[1].id, local_instant(MONDAY, 17))
    old, new = Session.objects.get(id=sessions[1].id), Session.objects.get(id=moved.session_id)
    assert (old.state, old.moved_to_id, old.reason) == ("moved", new.id, "flood")
    assert (new.state, new.on, new.starts_at) == ("planned", MONDAY, local_instant(MONDAY, 17))
    assert (new.ends_at - new.starts_at, new.teacher_id) == (timedelta(hours=1), old.teacher_id)
    (change,) = queries.changes_of([old.id])
    assert (change.kind, change.reason, change.to_session, change.actor_id) == ("moved", "flood", new.id, 300)
    late = local_instant(MONDAY, 19)
    assert mark(city, [(old.id, place, "present"), (new.id, place, "present")], at=late) == [why.LESSON_MOVED, None]
    # The timetable is not planned a second time where it was moved away from.
    assert len(plan(city)) == len(sessions) + 1


def test_a_lesson_may_be_moved_there_and_back() -> None:
    city = make_city()
    add_group(city)
    first = plan(city)[3]
    away = move(city, first.id, local_instant(MONDAY, 17))
    back = move(city, away.session_id, first.starts_at)
    states = Session.objects.filter(id__in=[first.id, away.session_id, back.session_id]).order_by("id")
    assert [s.state for s in states] == ["moved", "moved", "planned"]


def test_what_stands_against_another_time() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city)
    CalendarDay.objects.create(day=MONDAY, is_working=False, name_kk="-", name_ru="-", source="test")
    sessions = [s for s in plan(city) if s.group_id == group]
    one, next_one = sessions[3].id, sessions[4]
    tuesday = date(2026, 9, 15)
    assert refusal(city, one, local_instant(MONDAY, 17)) is why.DAY_OFF
    assert refusal(city, one, AT) is why.LESSON_PAST
    assert refusal(city, one, local_instant(tuesday, 23, 30)) is why.ACROSS_MIDNIGHT
    assert refusal(city, one, local_instant(date(2027, 1, 4), 10)) is why.GROUP_NOT_RUNNING
    assert refusal(city, one, next_one.starts_at + timedelta(minutes=59)) is why.TEACHER_BUSY
    assert refusal(city, one, next_one.starts_at, teacher_id=teacher_of(other)) is why.TEACHER_BUSY
    assert refusal(city, one, local_instant(tuesday, 9), teacher_id=10**9) is why.UNKNOWN_TEACHER
    assert refusal(city, one, local_instant(tuesday, 9), venue_id=10**9) is why.UNKNOWN_VENUE
    assert refusal(city, 0, local_instant(tuesday, 9)) is why.UNKNOWN_SESSION
    assert not SessionChange.objects.exists()
    assert move(city, one, next_one.starts_at + timedelta(hours=1)).session_id


def test_a_room_never_holds_more_than_it_may() -> None:
    city = make_city()
    Venue.objects.filter(id=city.venue_id).update(capacity=30)
    group, other = add_group(city, capacity=15), add_group(city, capacity=16, weekdays=(1,))
    by_group = {g: [s for s in plan(city) if s.group_id == g] for g in (group, other)}
    busy = by_group[other][1]
    assert refusal(city, by_group[group][0].id, busy.starts_at + timedelta(minutes=59)) is why.VENUE_FULL
    elsewhere = Venue.objects.create(
        provider_id=city.provider_id, district_id=city.territory_id, address_kk="-", address_ru="-", capacity=15
    )
    moved = move(city, by_group[group][0].id, busy.starts_at, venue_id=elsewhere.id)
    assert Session.objects.get(id=moved.session_id).venue_id == elsewhere.id
    assert refusal(city, busy.id, busy.starts_at, venue_id=elsewhere.id) is why.VENUE_FULL
    # The constraint holds by itself, whoever writes.
    third = add_group(city, capacity=15, weekdays=(5,))
    row = Session.objects.get(id=next(s.id for s in plan(city) if s.group_id == third))
    with pytest.raises(IntegrityError, match="more children than it may"), transaction.atomic():
        Session.objects.filter(id=row.id).update(
            on=busy.on, starts_at=busy.starts_at + timedelta(minutes=30), ends_at=busy.ends_at + timedelta(minutes=9)
        )
    same_time = {"teacher_id": busy.teacher_id, "on": busy.on, "starts_at": busy.starts_at, "ends_at": busy.ends_at}
    with pytest.raises(IntegrityError, match="session_teacher_once"), transaction.atomic():
        Session.objects.filter(id=row.id).update(**same_time, venue_id=elsewhere.id)


def test_a_cancelled_lesson_is_made_up_or_comes_back_but_not_both() -> None:
    city = make_city()
    add_group(city)
    one, two, *_ = (s.id for s in plan(city))
    assert cancel(city, one, two) == [None, None]
    made_up = move(city, one, local_instant(MONDAY, 10))
    assert Session.objects.get(id=one).state == "cancelled"
    assert refusal(city, one, local_instant(MONDAY, 12)) is why.WRONG_STATE

    def reinstate(*ids: int) -> list[object]:
        outcomes = commands.reinstate_sessions(
            actor=manager(city), provider_id=city.provider_id, session_ids=ids, reason="dry again", at=AT, key=key()
        )
        return [o.reason for o in outcomes]

    assert reinstate(one, two, two, 0, made_up.session_id) == [
        why.WRONG_STATE,
        None,
        why.WRONG_STATE,
        why.UNKNOWN_SESSION,
        why.WRONG_STATE,
    ]
    kinds = [(c.session_id, c.kind) for c in queries.changes_of([one, two])]
    assert kinds == [(one, "cancelled"), (two, "cancelled"), (one, "made_up"), (two, "reinstated")]


def test_a_lesson_does_not_come_back_where_its_teacher_is_taken_meanwhile() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(1,))
    sessions = plan(city)
    mine = next(s for s in sessions if s.group_id == group)
    theirs = next(s for s in sessions if s.group_id == other)
    cancel(city, mine.id)
    substitute(city, theirs.id, mine.teacher_id)
    move(city, theirs.id, local_instant(date(2026, 9, 1), 15, 30))
    outcome = commands.reinstate_sessions(
        actor=manager(city), provider_id=city.provider_id, session_ids=[mine.id], reason="x", at=AT, key=key()
    )
    assert [o.reason for o in outcome] == [why.TEACHER_BUSY]


def test_a_substitute_is_one_of_the_providers_teachers_and_free_then() -> None:
    city = make_city()
    group, same_time, other_day = add_group(city), add_group(city), add_group(city, weekdays=(1,))
    (session, *_) = [s for s in plan(city) if s.group_id == group]
    stranger = teacher_of(add_group(make_city()))
    for teacher_id, reason in (
        (teacher_of(same_time), why.TEACHER_BUSY),
        (stranger, why.UNKNOWN_TEACHER),
        (session.teacher_id, why.NOTHING_CHANGES),
    ):
        with pytest.raises(Refused) as refused:
            substitute(city, session.id, teacher_id)
        assert refused.value.reason is reason
    free = teacher_of(other_day)
    substitute(city, session.id, free)
    assert Session.objects.get(id=session.id).teacher_id == free
    (change,) = queries.changes_of([session.id])
    assert (change.kind, change.from_teacher, change.to_teacher) == ("substituted", session.teacher_id, free)


def test_a_lesson_whose_teacher_is_taken_is_left_out_of_the_plan_and_listed() -> None:
    city = make_city()
    group = add_group(city)
    (first, *_) = plan(city)
    late_group = add_group(city, weekdays=(1,))
    TimetableSlot.objects.filter(group_id=late_group).update(teacher_id=first.teacher_id)
    taken = move(city, first.id, local_instant(MONDAY, 15, 30))
    plan(city)
    assert [(one.group_id, one.on) for one in queries.unplanned(city.provider_id, FIRST)] == [(late_group, MONDAY)]
    assert {s.on.day for s in queries.sessions_of(city.provider_id, FIRST) if s.group_id == late_group} == {7, 21, 28}
    cancel(city, taken.session_id)
    plan(city)
    assert queries.unplanned(city.provider_id, FIRST) == []
    assert group != late_group


def test_days_that_became_free_are_listed_with_where_to_and_moved_in_one_verb() -> None:
    city = make_city()
    group = add_group(city)
    sessions = plan(city)
    last = sessions[-1]
    for day in (date(2026, 9, 10), date(2026, 9, 11), last.on):
        CalendarDay.objects.create(day=day, is_working=False, name_kk="-", name_ru="-", source="test")
    proposed = queries.proposals(city.provider_id, FIRST)
    # The 10th goes to the 12th (the 11th is free too); the 29th has the 30th.
    assert [(p.session.on.day, p.starts_at) for p in proposed] == [
        (10, local_instant(date(2026, 9, 12), 15)),
        (29, local_instant(date(2026, 9, 30), 15)),
    ]
    moves = [SessionMove(p.session.id, p.starts_at) for p in proposed if p.starts_at]
    outcomes = commands.move_sessions(
        actor=manager(city), provider_id=city.provider_id, moves=moves, reason="holiday", at=AT, key=key()
    )
    assert [o.reason for o in outcomes] == [None, None]
    assert queries.proposals(city.provider_id, FIRST) == []
    assert [o.id for o in outcomes] == list(
        Session.objects.filter(group_id=group, on__day__in=[12, 30]).order_by("on").values_list("id", flat=True)
    )


def test_children_with_another_lesson_at_that_time_are_a_warning() -> None:
    city = make_city()
    sport, dance = add_group(city), add_group(city, "creative", weekdays=(1,), tariff=6_000)
    ((_, _, place),) = enrolled(city, sport)
    ((_, _, elsewhere),) = enrolled(city, dance, kind="creative")
    with connection.cursor() as cursor:  # one child in both, as a rule set with two slots allows
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE enrolment SET child_id = (SELECT child_id FROM enrolment WHERE id = %s) WHERE id = %s",
            [place, elsewhere],
        )
        cursor.execute("SET session_replication_role = origin")
    session = next(s for s in plan(city) if s.group_id == sport)
    assert move(city, session.id, local_instant(MONDAY, 15, 59)).clashes == (place,)
    other = [s for s in plan(city) if s.group_id == sport][1]
    assert move(city, other.id, local_instant(date(2026, 9, 21), 16)).clashes == ()


def test_after_the_sheet_left_lessons_stay_as_they_are() -> None:
    city = make_city()
    group = add_group(city)
    ((_, _, place),) = enrolled(city, group)
    sessions = plan(city)
    cancel(city, sessions[-1].id)
    mark(city, [(s.id, place, "present") for s in sessions[:-1]])
    substitute_id = teacher_of(add_group(city, weekdays=(1,)))
    at = local_instant(date(2026, 10, 1), 10)
    send(city, at=at)
    with pytest.raises(Refused) as refused:
        substitute(city, sessions[0].id, substitute_id, at)
    assert refused.value.reason is why.SHEET_SENT
    assert refusal(city, sessions[-1].id, local_instant(date(2026, 10, 5), 10), at) is why.SHEET_SENT


def test_only_the_manager_moves_and_substitutes() -> None:
    city = make_city()
    add_group(city)
    session = plan(city)[0]
    for verb, wish in (
        (commands.move_session, {"move": SessionMove(session.id, local_instant(MONDAY, 9))}),
        (commands.substitute_teacher, {"wish": Substitution(session.id, session.teacher_id)}),
        (commands.reinstate_session, {"session_id": session.id}),
    ):
        with pytest.raises(Forbidden):
            verb(actor=teacher(city), provider_id=city.provider_id, **wish, reason="x", at=AT, key=key())


def test_a_repeated_key_moves_once_and_five_moves_take_as_many_statements_as_one() -> None:
    city = make_city()
    add_group(city)
    sessions = plan(city)
    again = key()

    def moves(hour: int, *ids: int) -> tuple[list[object], int]:
        wishes = [SessionMove(i, local_instant(MONDAY + timedelta(days=7 * n), hour)) for n, i in enumerate(ids)]
        with CaptureQueriesContext(connection) as seen:
            outcomes = commands.move_sessions(
                actor=manager(city), provider_id=city.provider_id, moves=wishes, reason="flood", at=AT, key=again
            )
        return [(o.id, o.reason) for o in outcomes], len(seen)

    one, statements = moves(8, sessions[0].id)
    assert moves(8, sessions[0].id)[0] == one
    again = key()
    three, as_many = moves(11, *(s.id for s in sessions[1:4]))
    assert [reason for _, reason in three] == [None, None, None]
    assert as_many == statements <= 26
    assert SessionChange.objects.count() == 4


def test_planning_reads_and_writes_as_often_for_ten_groups_as_for_one() -> None:
    counts = []
    for groups in (1, 10):
        city = make_city()
        for _ in range(groups):
            add_group(city)
        with CaptureQueriesContext(connection) as seen:
            plan(city)
        counts.append(len(seen))
        assert ClubGroup.objects.filter(provider_id=city.provider_id, valid__overlap=YEAR).count() == groups
    assert counts[0] == counts[1]

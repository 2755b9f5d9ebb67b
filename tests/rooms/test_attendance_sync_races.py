"""Phones, sheets and bookings at the same moment; each with a control that shows what its lock is for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from datetime import time as clock
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.attendance import commands, steps
from qosymsha.domain.attendance.models import Mark, MarkObjection, Session, SheetRow
from qosymsha.domain.attendance.rules import AttendanceRefusal, Substitution
from qosymsha.domain.providers.models import TimetableSlot, Venue
from qosymsha.kernel import locks
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Refused
from tests.factories.attendance import manager, mark, phone, plan, send, sync
from tests.factories.vouchers import AT, YEAR, City, add_group, enrolled, key, make_city
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
why = AttendanceRefusal
LINGER_S = 0.5


def lingering(monkeypatch: pytest.MonkeyPatch, step: str) -> threading.Event:
    """Make the first caller of a step wait half a second after it, uncommitted; set when it has been done."""
    done, act = threading.Event(), getattr(steps, step)

    def slowly(*args: Any) -> object:
        given = act(*args)
        if not done.is_set():
            done.set()
            time.sleep(LINGER_S)
        return given

    monkeypatch.setattr(steps, step, slowly)
    return done


def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: nobody waits for anybody."""
    monkeypatch.setattr(locks, "exclusive", lambda *_: None)


def two_phones(written: threading.Event) -> tuple[list[Any], list[tuple[str, str]], int]:
    """Two phones contradict each other at once: what they hear, the marks with their sources, objections kept."""
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    spot = (plan(city)[0].id, place)

    def second(_: threading.Barrier) -> object:
        written.wait(timeout=10)
        return sync(city, phone(2), [(1, *spot, "absent")], user_id=311)

    heard = at_once(lambda _: sync(city, phone(1), [(1, *spot, "present")]), second)
    return heard, list(Mark.objects.values_list("value", "source")), MarkObjection.objects.count()


def test_of_two_phones_at_once_one_holds_the_mark_and_the_other_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, marks, kept = two_phones(lingering(monkeypatch, "copy_words"))
    assert heard == [[("late", None)], [("objection", why.CONTRADICTS)]]
    assert (marks, kept) == ([("present", "device")], 1)


def test_control_without_the_lock_the_second_phones_batch_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)
    heard, marks, kept = two_phones(lingering(monkeypatch, "copy_words"))
    assert heard[0] == [("late", None)]
    assert "already exists" in str(heard[1])
    assert (marks, kept) == ([("present", "device")], 0)


def sync_while_the_sheet_leaves(written: threading.Event) -> tuple[Any, int, int]:
    """What the late phone hears, how many marks there are, how many the sheet counts."""
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    sessions = plan(city)
    mark(city, [(s.id, place, "present") for s in sessions[1:]])

    def late(_: threading.Barrier) -> object:
        written.wait(timeout=10)
        return sync(city, phone(1), [(1, sessions[0].id, place, "present")])

    _, heard = at_once(lambda _: send(city), late)
    return heard, Mark.objects.count(), SheetRow.objects.get().present


def test_a_phone_that_comes_while_the_sheet_leaves_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, marks, counted = sync_while_the_sheet_leaves(lingering(monkeypatch, "draw_sheets"))
    assert (heard, marks, counted) == ([("objection", why.SHEET_SENT)], 8, 8)


def test_control_without_the_lock_a_phones_mark_is_stored_that_the_sheet_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_locks(monkeypatch)
    heard, marks, counted = sync_while_the_sheet_leaves(lingering(monkeypatch, "draw_sheets"))
    assert (heard, marks, counted) == ([("late", None)], 9, 8)


def shared_teacher() -> tuple[list[City], list[int], int]:
    """Two providers that share a teacher, who is free on Fridays: the cities, a Friday session of each, the teacher."""
    cities = [make_city(), make_city()]
    busy = add_group(cities[0], weekdays=(1,))
    teacher_id = TimetableSlot.objects.get(group_id=busy).teacher_id
    other = add_group(cities[1], weekdays=(3,))
    TimetableSlot.objects.create(
        group_id=other, teacher_id=teacher_id, weekday=6, starts=clock(8), ends=clock(9), valid=YEAR
    )
    fridays = [add_group(city, weekdays=(5,)) for city in cities]
    sessions = [
        next(s.id for s in plan(city) if s.group_id == group) for city, group in zip(cities, fridays, strict=True)
    ]
    return cities, sessions, teacher_id


def substitute_at_once(written: threading.Event) -> tuple[list[Any], int]:
    """Both providers want the teacher for the same hour: what they hear, how many sessions the teacher got."""
    cities, sessions, teacher_id = shared_teacher()

    def want(number: int) -> object:
        wish, city = Substitution(sessions[number], teacher_id), cities[number]
        try:
            return commands.substitute_teacher(
                actor=manager(city), provider_id=city.provider_id, wish=wish, reason="flu", at=AT, key=key()
            )
        except Refused as refused:
            return refused.reason

    def second(_: threading.Barrier) -> object:
        written.wait(timeout=10)
        return want(1)

    heard = at_once(lambda _: want(0), second)
    return heard, Session.objects.filter(id__in=sessions, teacher_id=teacher_id).count()


def test_two_providers_that_want_one_teacher_at_once_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, given = substitute_at_once(lingering(monkeypatch, "substitute"))
    assert (heard, given) == ([None, why.TEACHER_BUSY], 1)


def test_control_without_the_lock_only_the_constraint_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.domain.attendance.steps.booking.lock_bookings", lambda *_: None)
    heard, given = substitute_at_once(lingering(monkeypatch, "substitute"))
    assert heard[0] is None
    assert isinstance(heard[1], IntegrityError)
    assert given == 1


@contextmanager
def changed(statement: str, back: str) -> Iterator[None]:
    """The database with something switched off."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(back)


def test_control_without_lock_and_constraint_the_teacher_is_in_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.domain.attendance.steps.booking.lock_bookings", lambda *_: None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'session_teacher_once'")
        (definition,) = cursor.fetchone()
    emptied = "DELETE FROM session_change; DELETE FROM session"
    back = (
        f"SET session_replication_role = replica; {emptied}; SET session_replication_role = origin;"
        f" ALTER TABLE session ADD CONSTRAINT session_teacher_once {definition}"
    )
    with changed("ALTER TABLE session DROP CONSTRAINT session_teacher_once", back):
        heard, given = substitute_at_once(lingering(monkeypatch, "substitute"))
    assert (heard, given) == ([None, None], 2)


def fill_at_once() -> tuple[list[Any], int]:
    """Two lessons of fifteen put into a room for twenty at once, past all verbs: what each heard, how many stand."""
    city = make_city()
    Venue.objects.filter(id=city.venue_id).update(capacity=20)
    groups = [add_group(city, weekdays=(1,)), add_group(city, weekdays=(2,))]
    drafts = [Session.objects.filter(group_id=g).first() for g in groups if plan(city)]
    begins = local_instant(date(2026, 9, 6), 10)

    def fill(number: int) -> Any:
        def act(barrier: threading.Barrier) -> None:
            row = drafts[number]
            assert row is not None
            with transaction.atomic():
                barrier.wait()
                Session.objects.create(
                    territory_id=row.territory_id,
                    programme_id=row.programme_id,
                    provider_id=row.provider_id,
                    group_id=row.group_id,
                    venue_id=row.venue_id,
                    teacher_id=row.teacher_id,
                    on=date(2026, 9, 6),
                    starts_at=begins,
                    ends_at=local_instant(date(2026, 9, 6), 11),
                    state="planned",
                )
                time.sleep(LINGER_S)

        return act

    heard = at_once(fill(0), fill(1))
    return heard, Session.objects.filter(venue_id=city.venue_id, starts_at=begins).count()


def test_a_room_filled_from_two_sides_at_once_holds_no_more_than_it_may() -> None:
    heard, stand = fill_at_once()
    assert stand == 1
    assert [type(answer) for answer in heard if answer is not None] == [IntegrityError]


def test_control_without_the_rooms_lock_both_fit_and_it_is_too_full() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('lock_rooms'::regproc)")
        (definition,) = cursor.fetchone()
    nothing = "CREATE OR REPLACE FUNCTION lock_rooms(venues bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$"
    with changed(nothing, definition):
        heard, stand = fill_at_once()
    assert (heard, stand) == ([None, None], 2)

"""What phones say against each other or too late: kept as objections, resolved by a person; marks put right."""

from __future__ import annotations

from typing import Any

import pytest

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import Mark, MarkChange, MarkObjection, MonthSheet
from qosymsha.domain.attendance.rules import (
    AttendanceRefusal,
    Correction,
    Resolution,
)
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden
from tests.factories.attendance import OVER, manager, mark, phone, send, sync, teacher
from tests.factories.vouchers import City, key, make_city
from tests.rooms.test_attendance_sync import lessons

pytestmark = pytest.mark.django_db
why = AttendanceRefusal
A, B, C = phone(1), phone(2), phone(3)


def amend(city: City, *corrections: tuple[int, int, str], reason: str = "mistyped", at: Any = OVER) -> list[Any]:
    """The manager puts marks right; each row's refusal."""
    rows = [Correction(*c, reason) for c in corrections]
    outcomes = commands.amend_marks(
        actor=manager(city), provider_id=city.provider_id, corrections=rows, at=at, key=key()
    )
    return [o.reason for o in outcomes]


def resolve(city: City, *resolutions: tuple[int, bool], actor: Actor | None = None, reason: str = "seen") -> list[Any]:
    """The manager, or somebody else, resolves objections; each row's refusal."""
    rows = [Resolution(*r, reason) for r in resolutions]
    outcomes = commands.resolve_objections(
        actor=actor or manager(city), provider_id=city.provider_id, resolutions=rows, at=OVER, key=key()
    )
    return [o.reason for o in outcomes]


def checker(city: City) -> Actor:
    """A checker of the city's territory."""
    return Actor(500, "user:500", (Grant(Role.CHECKER, territory_ids=frozenset({city.territory_id})),))


def test_a_mark_for_a_sheet_that_has_left_is_kept_as_an_objection() -> None:
    city, sessions, (one, two) = lessons()
    mark(city, [(s.id, one, "present") for s in sessions])
    send(city)
    assert sync(city, A, [(1, sessions[0].id, two, "present"), (2, sessions[0].id, one, "present")]) == [
        ("objection", why.SHEET_SENT),
        ("agreed", None),
    ]
    assert Mark.objects.count() == 9
    (objection,) = queries.objections(actor=manager(city), provider_id=city.provider_id, at=OVER)
    assert (objection.enrolment_id, objection.value, objection.reason, objection.mark_value) == (
        two,
        "present",
        "sheet_sent",
        None,
    )
    # The manager may no longer resolve it; a checker may dismiss it, and makes no mark of it while the sheet is out.
    assert resolve(city, (objection.id, False)) == [why.SHEET_SENT]
    assert resolve(city, (objection.id, True), actor=checker(city)) == [why.SHEET_SENT]
    MonthSheet.objects.update(state="with_customer")
    MonthSheet.objects.update(state="returned")
    assert resolve(city, (objection.id, True)) == [None]
    made = Mark.objects.get(session_id=sessions[0].id, enrolment_id=two)
    assert (made.value, made.source, made.marked_by, made.marked_at) == ("present", "corrected", 300, OVER)


def test_a_person_resolves_what_phones_say_against_each_other() -> None:
    city, sessions, (one, two) = lessons()
    first = sessions[0].id
    sync(city, A, [(1, first, one, "present"), (2, first, two, "present")])
    sync(city, B, [(1, first, one, "absent"), (2, first, two, "absent")])
    sync(city, C, [(1, first, one, "absent")], user_id=311)
    against = [o.id for o in queries.objections(actor=manager(city), provider_id=city.provider_id, at=OVER)]
    of_one, third, of_two = against
    assert resolve(city, (of_one, True), reason=" ") == [why.REASON_MISSING]
    assert resolve(city, (of_one, True), (third, True), (of_two, False), (0, True)) == [
        None,
        why.NAMED_TWICE,
        None,
        why.UNKNOWN_OBJECTION,
    ]
    assert resolve(city, (of_two, True)) == [why.WRONG_STATE]
    assert Mark.objects.get(enrolment_id=one).value == "absent"
    assert Mark.objects.get(enrolment_id=two).value == "present"
    change = MarkChange.objects.get()
    assert (change.from_value, change.to_value, change.said_by, change.changed_by) == ("present", "absent", 310, 300)
    assert (change.reason, change.objection_id) == ("seen", of_one)
    states = dict(MarkObjection.objects.values_list("id", "state"))
    assert (states[of_one], states[third], states[of_two]) == ("upheld", "agreed", "dismissed")
    # All five words are still there, and none comes back as a new one.
    assert sync(city, A, [(1, first, one, "present")]) == [("repeated", None)]
    assert sync(city, B, [(1, first, one, "absent"), (2, first, two, "absent")]) == [("repeated", None)] * 2


def test_the_manager_puts_marks_right_with_history_until_the_sheet_leaves_and_when_it_came_back() -> None:
    city, sessions, (one, two) = lessons()
    first = sessions[0].id
    mark(city, [(s.id, one, "present") for s in sessions])
    assert amend(city, (first, one, "ill"), reason="") == [why.REASON_MISSING]
    assert amend(
        city, (first, one, "ill"), (first, one, "absent"), (first, two, "ill"), (0, one, "ill"), (first, one, "x")
    ) == [None, why.NAMED_TWICE, why.NO_MARK, why.UNKNOWN_SESSION, why.UNKNOWN_VALUE]
    assert amend(city, (first, one, "ill")) == [why.NOTHING_CHANGES]
    change = MarkChange.objects.get()
    assert (change.from_value, change.to_value, change.reason, change.said_at) == ("present", "ill", "mistyped", OVER)
    send(city)
    assert amend(city, (first, one, "absent")) == [why.SHEET_SENT]
    MonthSheet.objects.update(state="with_customer")
    MonthSheet.objects.update(state="returned")
    assert amend(city, (first, one, "absent")) == [None]
    assert Mark.objects.get(session_id=first).value == "absent"
    with pytest.raises(Forbidden):
        commands.amend_marks(actor=teacher(city), provider_id=city.provider_id, corrections=[], at=OVER, key=key())


def test_neither_a_teacher_nor_a_checker_from_elsewhere_resolves() -> None:
    city, far = make_city(), make_city()
    for stranger in (teacher(city), checker(far), manager(far)):
        with pytest.raises(Forbidden):
            resolve(city, (1, True), actor=stranger)

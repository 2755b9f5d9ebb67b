"""A right bound to a department reaches the rows that its lines pay for; others are neither seen, held nor decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.agreements.models import ChildRefusal
from qosymsha.domain.agreements.queries import refusals
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.models import AbsenceCase, DayHold
from qosymsha.domain.attendance.queries import departments, hearings
from qosymsha.domain.attendance.queries import office as sheets
from qosymsha.domain.attendance.rules import AttendanceRefusal, CaseDecision, Decision, HoldDecision
from qosymsha.domain.casework import commands as casework
from qosymsha.domain.casework.queries import holds
from qosymsha.domain.casework.rules import CaseworkRefusal
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.flags.models import RedFlag
from qosymsha.domain.flags.queries import office as flagged
from qosymsha.domain.flags.rules.recording import FlagRefusal, Resolution
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.office import Desk, desk, screened
from tests.factories.programmes import department
from tests.factories.vouchers import key
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@dataclass
class Office:
    """A desk on which something of each kind waits; a checker of its department, one of another, and a head."""

    desk: Desk
    own: int
    other: int
    case: AbsenceCase
    refusal: ChildRefusal
    flag: RedFlag

    def checker(self, department_id: int | None, name: str) -> Actor:
        """A checker with a right in one department (None: in all)."""
        return self._somebody(Role.CHECKER, department_id, name)

    def head(self, department_id: int | None = None) -> Actor:
        """Who gives rows."""
        return self._somebody(Role.PROGRAMME_OFFICER, department_id, f"head {department_id}")

    def _somebody(self, role: Role, department_id: int | None, name: str) -> Actor:
        right = people.Appointment(f"{name}:{self.desk.sheet.pk}", role, self.desk.city.territory_id, department_id)
        return browsing.actor(people.appoint(actor=browsing.SYSTEM, appointment=right, at=clock.read(), key=key()))


@pytest.fixture
def office() -> Office:
    of = desk(families=8)
    place = Enrolment.objects.select_related("voucher", "line").get(pk=of.rows[2].enrolment_id)
    where: dict[str, Any] = {"territory_id": place.territory_id, "programme_id": place.programme_id, "enrolment": place}
    now = clock.read()
    case = AbsenceCase.objects.create(**where, voucher=place.voucher, state="warned", missed=5, opened_at=now)
    refusal = ChildRefusal.objects.create(
        **where, child_id=place.child_id, provider_id=place.provider_id, rule_set_id=place.voucher.rule_set_id,
        ground="medical", state="filed", filed_by=1, filed_at=now, review_by=clock.local_day(now) + timedelta(days=3),
    )  # fmt: skip
    other = department(of.city.territory_id, "another")
    return Office(of, place.line.department_id, other, case, refusal, screened(of)[0])


def seen(actor: Actor) -> dict[str, int]:
    """How much of each queue an official sees: its figure on the first page, its list."""
    at: dict[str, Any] = {"actor": actor, "at": clock.read()}
    return {
        "sheets": len(sheets.office_sheets(actor=actor)),
        "sheet work": len(sheets.sheet_work(actor=actor)),
        "rows": len(hearings.rows_waiting(**at)),
        "absences": len(hearings.absence_cases(state="live", **at)),
        "absence work": hearings.hearing_work(actor=actor).live,
        "flags": len(flagged.office_flags(**at)),
        "flag work": flagged.flag_work(actor=actor).flags,
        "refusals": len(refusals.office_refusals(**at)),
        "refusal work": refusals.refusal_work(actor=actor).waiting,
    }


def waiting(of: Office) -> dict[Kind, Any]:
    return {
        Kind.ROW: of.desk.rows[-1].uuid,
        Kind.FLAG: of.flag.uuid,
        Kind.ABSENCE: of.case.uuid,
        Kind.REFUSAL: of.refusal.uuid,
    }


def take(actor: Actor, kind: Kind, uuid: Any) -> None:
    casework.take_row(actor=actor, kind=kind, subject_uuid=uuid, at=clock.read(), key=key())


def held_by(actor: Actor) -> dict[Kind, int]:
    """How many rows of each queue an official holds by the first page's count."""
    return {work.kind: work.n for work in holds.held_work(actor=actor, at=clock.read()) if work.n}


def decided(of: Office, actor: Actor) -> list[object]:
    """What each verb answers an official who decides on what lies on this desk."""
    at: dict[str, Any] = {"actor": actor, "at": clock.read()}
    held = DayHold.objects.filter(kind="disputed").latest("id").pk
    sheet = of.desk.sheet.pk
    outcomes = [
        attendance.decide_rows(decisions=[Decision(of.desk.rows[-1].pk, True, "list")], key=key(), **at),
        attendance.decide_days(decisions=[HoldDecision(held, True, "list")], key=key(), **at),
        attendance.decide_absences(decisions=[CaseDecision(of.case.pk, True, "call")], key=key(), **at),
        attendance.pause_sheets(sheet_ids=[sheet], reason="look", key=key(), **at),
        attendance.resume_sheets(sheet_ids=[sheet], reason="seen", key=key(), **at),
        attendance.approve_sheets(sheet_ids=[sheet], key=key(), **at),
        flags.resolve_flags(resolutions=[Resolution(of.flag.pk, "dismissed", "grandmother", "call")], key=key(), **at),
    ]
    return [str(one.reason) if one.reason else None for (one,) in outcomes]


def test_another_departments_queues_are_empty_and_ones_own_are_whole(office: Office) -> None:
    own, other, all_of_them = (office.checker(d, f"c {d}") for d in (office.own, office.other, None))
    assert set(seen(other).values()) == {0}
    assert 0 not in seen(own).values()
    assert seen(own) == seen(all_of_them)
    assert flagged.office_flag(actor=other, uuid=office.flag.uuid, at=clock.read()) is None
    assert flagged.office_flag(actor=own, uuid=office.flag.uuid, at=clock.read()) is not None


def test_control_without_the_question_another_department_sees_all(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programmes, "own_lines", lambda *args: None)
    assert 0 not in seen(office.checker(office.other, "c")).values()


def test_another_departments_rows_are_unknown_to_whoever_would_decide(office: Office) -> None:
    stranger = office.checker(office.other, "c")
    unknown = [
        AttendanceRefusal.UNKNOWN_ROW, "unknown_hold", "unknown_case", *[AttendanceRefusal.UNKNOWN_SHEET] * 3,
        FlagRefusal.UNKNOWN_FLAG,
    ]  # fmt: skip
    assert decided(office, stranger) == [str(one) for one in unknown]
    word: dict[str, Any] = {
        "refusal_id": office.refusal.pk,
        "overturn": True,
        "reason": "no ground",
        "at": clock.read(),
    }
    with pytest.raises(Forbidden):
        agreements.decide_refusal(actor=stranger, key=key(), **word)
    own = office.checker(office.own, "own")
    assert decided(office, own) == [None] * 7
    agreements.decide_refusal(actor=own, key=key(), **word)


def test_control_without_the_question_another_department_decides(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programmes, "own_lines", lambda *args: None)
    assert decided(office, office.checker(office.other, "c")) == [None] * 7


def test_a_row_is_held_by_an_official_of_its_department_alone(office: Office) -> None:
    own, other, head = office.checker(office.own, "own"), office.checker(office.other, "other"), office.head()
    for kind, uuid in waiting(office).items():
        with pytest.raises(Forbidden):
            take(other, kind, uuid)
        assert _given(head, kind, uuid, other) == CaseworkRefusal.NOT_A_HOLDER
        with pytest.raises(Forbidden):
            _given(office.head(office.other), kind, uuid, own)
        take(own, kind, uuid)
        subject = holds.waiting_subject(kind, uuid)
        assert subject is not None
        assert subject.department_id == office.own
        assert holds.live_hold(kind, subject.id, clock.read()) is not None
        with pytest.raises(Forbidden):
            holds.past_holds(actor=other, kind=kind, subject=subject, at=clock.read())
        names = {one.id for one in holds.colleagues(actor=head, kind=kind, subject=subject, at=clock.read())}
        assert own.user_id in names
        assert other.user_id not in names
    assert held_by(own) == dict.fromkeys(waiting(office), 1)


def test_a_hold_ends_by_itself_when_its_holder_goes_to_another_department(office: Office) -> None:
    holder = office.checker(office.own, "moves")
    for kind, uuid in waiting(office).items():
        take(holder, kind, uuid)
    (right,) = browsing.memberships(holder.user_id)
    people.dismiss(actor=browsing.SYSTEM, membership_id=right, at=clock.read(), key=key())
    moved = office.checker(office.other, "moves")
    assert moved.user_id == holder.user_id
    for kind, uuid in waiting(office).items():
        subject = holds.waiting_subject(kind, uuid)
        assert subject is not None
        assert holds.live_hold(kind, subject.id, clock.read()) is None
    assert held_by(moved) == {}


def test_control_where_rows_hang_on_no_line_another_department_takes_them(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "_DEPARTMENT", {})
    for kind, uuid in waiting(office).items():
        take(office.checker(office.other, "other"), kind, uuid)


def _given(head: Actor, kind: Kind, uuid: Any, holder: Actor) -> object:
    to = User.objects.get(pk=holder.user_id).uuid
    return _refused(
        lambda: casework.assign_row(
            actor=head, kind=kind, subject_uuid=uuid, holder_uuid=to, at=clock.read(), key=key()
        )
    )


def _refused(deed: Callable[[], object]) -> object:
    with pytest.raises(Refused) as caught:
        deed()
    return caught.value.reason


def test_who_is_bound_to_no_department_costs_no_statement_more(office: Office, django_assert_num_queries: Any) -> None:
    checker = office.checker(None, "all")
    with django_assert_num_queries(0):
        assert departments.of_others(checker, {Role.CHECKER}, "sheet_row", [1, 2]) == set()


def test_each_kind_is_asked_for_its_line(office: Office) -> None:
    stranger = office.checker(office.other, "c")
    nobody = replace(stranger, grants=())
    for kind in ("month_sheet", "sheet_row", "absence_case", "mark_objection", "day_hold"):
        assert departments.of_others(stranger, {Role.CHECKER}, kind, [0]) == set()
    assert departments.of_others(stranger, {Role.CHECKER}, "sheet_row", [office.desk.rows[0].pk])
    assert departments.of_others(nobody, {Role.CHECKER}, "sheet_row", [office.desk.rows[0].pk]) == set()

"""A voucher's whole life with the ledger at each step; who may speak; each refusal; replays."""

import contextlib
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.vouchers import commands, queries
from qosymsha.domain.vouchers.models import Enrolment, EnrolmentHistory, Seat, Voucher, VoucherHistory
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, Move, Release, VoucherAnswer, VoucherRefusal
from qosymsha.domain.vouchers.states import (
    ENROLMENT_TRANSITIONS,
    TRANSITIONS,
    CloseReason,
    EnrolmentState,
    VoucherState,
)
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    OFFICER,
    SYSTEM,
    accepted,
    add_children,
    add_group,
    enrolled,
    held,
    issue,
    key,
    make_city,
    money,
    place,
)

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)
BUDGET = 100_000_000


def history(voucher_id: int) -> list[tuple[str, str]]:
    return list(
        VoucherHistory.objects.filter(voucher_id=voucher_id).order_by("seq").values_list("from_state", "to_state")
    )


def state(voucher_id: int) -> str:
    return Voucher.objects.get(pk=voucher_id).state


def test_a_voucher_lives_and_every_tenge_is_where_the_ledger_says() -> None:
    city = make_city()
    group = add_group(city)
    (child,) = add_children(city, 1)
    (voucher,) = issue(city, [child])
    guardian = city.guardian(child)
    assert money(city) == {"approp": -BUDGET, "free": BUDGET - 4 * 96_000, "held": 4 * 96_000}

    commands.accept_vouchers(actor=CHANNEL, answers=[VoucherAnswer(voucher, guardian)], at=AT, key=key())
    # September 2026 has nine Tuesdays and Thursdays from the 1st on; the month pays eight lessons at most.
    (done,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(voucher, guardian, group, FIRST)], at=AT, key=key())
    assert done.reason is None
    assert done.id is not None
    assert place(city, done.id) == 8 * 12_000
    assert held(city, voucher) == 3 * 96_000
    assert Seat.objects.get(group_id=group).taken == 1

    tally = commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=AT, key=key())
    assert (tally.done, tally.tiyn, tally.refused) == (1, 8 * 12_000, [])
    assert place(city, done.id, OCTOBER) == 8 * 12_000
    again = commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=AT, key=key())
    assert again.done == 0

    # Leaving on 16 September: lessons of 1, 3, 8, 10, 15 September stay with the place, all else is held again.
    leaving = Release(voucher, guardian, date(2026, 9, 16))
    at = local_instant(date(2026, 9, 14), 9)
    (gone,) = commands.release_vouchers(actor=CHANNEL, releases=[leaving], reason="moved house", at=at, key=key())
    assert gone.reason is None
    assert place(city, done.id) == 5 * 12_000
    assert place(city, done.id, OCTOBER) == 0
    assert held(city, voucher) == 4 * 96_000 - 5 * 12_000
    assert Seat.objects.get(group_id=group).taken == 0
    assert Enrolment.objects.get(pk=done.id).ends_on == date(2026, 9, 15)

    back = EnrolWish(voucher, guardian, group, date(2026, 9, 22))
    (second,) = commands.enrol(actor=CHANNEL, wishes=[back], at=at, key=key())
    assert second.id is not None
    assert place(city, second.id) == 3 * 12_000

    reason = CloseReason.MOVED
    late = local_instant(date(2026, 9, 25), 9)
    commands.close_vouchers(actor=OFFICER, voucher_ids=[voucher], reason=reason, at=late, key=key())
    kept = 5 * 12_000 + 2 * 12_000  # the lessons of 22 and 24 September stay with the second place
    assert money(city) == {
        "approp": -BUDGET,
        "free": BUDGET - 4 * 96_000,
        "place": kept,
        "released": 4 * 96_000 - kept,
    }
    swept = commands.sweep_released(actor=SYSTEM, programme_id=city.programme_id, at=late, key=key())
    assert swept == {city.lines["sport"]: 4 * 96_000 - kept}
    assert money(city) == {"approp": -BUDGET, "free": BUDGET - kept, "place": kept}
    assert commands.sweep_released(actor=SYSTEM, programme_id=city.programme_id, at=late, key=key()) == {}
    steps = ["", "issued", "accepted", "active", "released", "active", "closed"]
    assert history(voucher) == list(zip(steps, steps[1:], strict=False))
    assert queries.vouchers_by_state(city.programme_id) == {"closed:moved": 1}
    assert queries.enrolments_by_state(city.programme_id) == {"ended:moved": 1, "ended:moved house": 1}


def allows(model: type[Voucher] | type[Enrolment], pk: int, before: str, after: str) -> bool:
    """Whether the table lets a row go from one state to another, asked of the database itself."""
    extra = {"reason": "test"} | ({"ends_on": FIRST} if model is Enrolment else {})
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        model.objects.filter(pk=pk).update(state=before, **extra)
        cursor.execute("SET session_replication_role = origin")
    with contextlib.suppress(IntegrityError), transaction.atomic():
        model.objects.filter(pk=pk).update(state=after, **extra)
    return model.objects.filter(pk=pk, state=after).exists()


@pytest.mark.parametrize(("model", "table"), [(Voucher, TRANSITIONS), (Enrolment, ENROLMENT_TRANSITIONS)])
def test_the_tables_let_through_exactly_the_transitions_in_code(model: Any, table: frozenset[tuple[str, str]]) -> None:
    city = make_city()
    ((voucher, _, enrolment),) = enrolled(city, add_group(city))
    pk = voucher if model is Voucher else enrolment
    states: Any = VoucherState if model is Voucher else EnrolmentState
    let_through = {(a, b) for a in states for b in states if a != b and allows(model, pk, a, b)}
    assert let_through == {(a, b) for a, b in table if a}


def test_no_voucher_begins_in_the_middle_of_its_life() -> None:
    city = make_city()
    (voucher,) = issue(city, add_children(city, 1))
    row = Voucher.objects.get(pk=voucher)
    row.pk, row.uuid, row.number, row.state = None, key(), "V-x", "active"
    with pytest.raises(IntegrityError, match="no such transition"), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.parametrize("table", ["voucher_history", "enrolment_history"])
def test_histories_take_only_legal_steps_and_lose_none(table: str) -> None:
    city = make_city()
    ((voucher, _, enrolment),) = enrolled(city, add_group(city))
    subject = {"voucher_history": voucher, "enrolment_history": enrolment}[table]
    column = table.removesuffix("_history") + "_id"
    with connection.cursor() as cursor:
        for statement in (
            f"INSERT INTO {table} ({column}, seq, from_state, to_state, cause, at, actor_id)"
            f" VALUES ({subject}, 99, 'ended', 'issued', '', now(), 0)",
            f"UPDATE {table} SET cause = 'x' WHERE {column} = {subject}",
            f"DELETE FROM {table} WHERE {column} = {subject}",
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(statement)
    assert EnrolmentHistory.objects.filter(enrolment_id=enrolment).count() == 1


def test_a_replay_answers_the_same_and_moves_nothing_twice() -> None:
    city = make_city()
    group = add_group(city, capacity=1)
    rows = accepted(city, 2)
    wishes = [EnrolWish(v, g, group, FIRST) for v, _, g in rows]
    once = key()
    first = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=once)
    before = money(city)
    assert commands.enrol(actor=CHANNEL, wishes=wishes, at=AT + timedelta(days=1), key=once) == first
    assert [o.reason for o in first] == [None, EnrolRefusal.GROUP_FULL]
    assert money(city) == before
    assert Enrolment.objects.count() == 1
    with pytest.raises(Refused) as refused:
        commands.enrol(actor=CHANNEL, wishes=wishes[:1], at=AT, key=once)
    assert refused.value.reason is KeyReason.KEY_REUSED


def test_only_a_guardian_of_the_child_is_heard_and_the_control_shows_it() -> None:
    city = make_city()
    mine, other = accepted(city, 2)
    group = add_group(city)
    wishes = [EnrolWish(mine[0], other[2], group, FIRST)]
    (refused,) = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())
    assert refused.reason is VoucherRefusal.NOT_GUARDIAN
    # Control: the same row passes once the registry says that this guardian is one.
    Guardianship.objects.filter(guardian_id=other[2]).update(child_id=mine[1])
    (done,) = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())
    assert done.reason is None


def test_a_guardian_speaks_for_herself_only_and_an_ended_guardianship_for_nobody() -> None:
    city = make_city()
    (voucher,) = issue(city, children := add_children(city, 2))[:1]
    guardian, neighbour = (city.guardian(c) for c in children)
    herself = Actor(7, "user:7", (Grant("guardian"),), guardian_id=guardian)
    stranger = Actor(8, "user:8", (Grant("guardian"),), guardian_id=neighbour)
    answers = [VoucherAnswer(voucher, guardian)]
    (refused,) = commands.accept_vouchers(actor=stranger, answers=answers, at=AT, key=key())
    assert refused.reason is VoucherRefusal.NOT_GUARDIAN
    Guardianship.objects.filter(child_id=children[0]).update(valid=(FIRST, AT.date()))
    (ended,) = commands.accept_vouchers(actor=herself, answers=answers, at=AT, key=key())
    assert ended.reason is VoucherRefusal.NOT_GUARDIAN
    Guardianship.objects.filter(child_id=children[0]).update(valid=(FIRST, None))
    (done,) = commands.accept_vouchers(actor=herself, answers=answers, at=AT, key=key())
    assert done.id == voucher


def test_verbs_of_families_and_officials_are_forbidden_to_others() -> None:
    city = make_city()
    teacher = Actor(3, "user:3", (Grant("teacher"),))
    with pytest.raises(Forbidden):
        commands.accept_vouchers(actor=teacher, answers=[], at=AT, key=key())
    with pytest.raises(Forbidden):
        commands.close_vouchers(actor=CHANNEL, voucher_ids=[], reason=CloseReason.FRAUD, at=AT, key=key())
    with pytest.raises(Forbidden):
        commands.sweep_released(actor=teacher, programme_id=city.programme_id, at=AT, key=key())
    elsewhere = Actor(4, "user:4", (Grant("checker", territory_ids=frozenset({0})),))
    (voucher,) = issue(city, add_children(city, 1))
    (row,) = commands.close_vouchers(actor=elsewhere, voucher_ids=[voucher], reason=CloseReason.FRAUD, at=AT, key=key())
    assert row.reason is VoucherRefusal.UNKNOWN_VOUCHER


def test_answers_are_refused_row_by_row() -> None:
    city = make_city()
    vouchers = issue(city, children := add_children(city, 3))
    guardians = [city.guardian(c) for c in children]
    commands.refuse_vouchers(actor=CHANNEL, answers=[VoucherAnswer(vouchers[1], guardians[1])], at=AT, key=key())
    answers = [VoucherAnswer(v, g) for v, g in zip(vouchers, guardians, strict=True)]
    rows = commands.accept_vouchers(
        actor=CHANNEL, answers=[*answers[:2], answers[0], VoucherAnswer(0, 0)], at=AT, key=key()
    )
    assert [r.reason for r in rows] == [
        None,
        VoucherRefusal.WRONG_STATE,
        VoucherRefusal.NAMED_TWICE,
        VoucherRefusal.UNKNOWN_VOUCHER,
    ]
    late = local_instant(date(2026, 9, 4), 0)
    (row,) = commands.accept_vouchers(actor=CHANNEL, answers=answers[2:], at=late, key=key())
    assert row.reason is VoucherRefusal.ACCEPT_LATE
    assert money(city)["released"] == 4 * 96_000


def test_suspending_keeps_the_seat_but_promises_no_month() -> None:
    city = make_city()
    group = add_group(city)
    ((voucher, _, _),) = enrolled(city, group)
    (row,) = commands.suspend_vouchers(actor=OFFICER, voucher_ids=[voucher], reason="absent", at=AT, key=key())
    assert row.reason is None
    assert Seat.objects.get(group_id=group).taken == 1
    tally = commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=AT, key=key())
    assert tally.done == 0
    twice = commands.suspend_vouchers(actor=OFFICER, voucher_ids=[voucher, voucher, 0], reason="", at=AT, key=key())
    assert [r.reason for r in twice] == [
        VoucherRefusal.WRONG_STATE,
        VoucherRefusal.NAMED_TWICE,
        VoucherRefusal.UNKNOWN_VOUCHER,
    ]
    (silent,) = commands.resume_vouchers(actor=OFFICER, voucher_ids=[voucher], reason="", at=AT, key=key())
    assert silent.reason is VoucherRefusal.REASON_MISSING
    commands.resume_vouchers(actor=OFFICER, voucher_ids=[voucher], reason="a hearing", at=AT, key=key())
    tally = commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=AT, key=key())
    assert tally.done == 1


def test_release_needs_a_place_a_reason_and_a_day_to_come() -> None:
    city = make_city()
    ((voucher, guardian, _),) = enrolled(city, add_group(city))
    ((idle, _, idle_guardian),) = accepted(city)

    def reason_of(release: Release, reason: str = "x", actor: Actor = CHANNEL) -> object:
        rows = commands.release_vouchers(actor=actor, releases=[release], reason=reason, at=AT, key=key())
        return rows[0].reason

    assert reason_of(Release(idle, idle_guardian, FIRST)) is VoucherRefusal.WRONG_STATE
    assert reason_of(Release(voucher, guardian, FIRST - timedelta(days=1))) is VoucherRefusal.DAY_PAST
    assert reason_of(Release(voucher, guardian, FIRST), reason="") is VoucherRefusal.REASON_MISSING
    assert reason_of(Release(voucher, None, FIRST)) is VoucherRefusal.NOT_GUARDIAN
    assert reason_of(Release(voucher, None, FIRST), actor=OFFICER) is None
    assert state(voucher) == "released"


def test_a_day_on_which_no_voucher_expires_has_its_line_in_the_audit() -> None:
    """INV-12: after a round every voucher has days left; a key without its line stopped the whole city's payments."""
    city = make_city()
    issue(city, add_children(city, 1))
    at = local_instant(date(2026, 9, 2))
    expired = commands.expire_vouchers(actor=SYSTEM, territory_id=city.territory_id, on=at.date(), at=at, key=key())
    told = AuditEvent.objects.filter(at=at, actor_id=SYSTEM.user_id, subject_kind="voucher")
    assert (expired, [(one.action, one.subject_ids) for one in told]) == (0, [("expire_vouchers", [])])


def test_vouchers_expire_after_working_days_and_their_money_is_released() -> None:
    city = make_city(choose_working_days=5)
    silent, chosen, waiting = accepted(city, 3)
    never = issue(city, add_children(city, 1))[0]
    commands.enrol(actor=CHANNEL, wishes=[EnrolWish(chosen[0], chosen[2], add_group(city), FIRST)], at=AT, key=key())

    def expire(on: date) -> int:
        return commands.expire_vouchers(
            actor=SYSTEM, territory_id=city.territory_id, on=on, at=local_instant(on), key=key()
        )

    assert expire(date(2026, 9, 3)) == 0
    assert expire(date(2026, 9, 4)) == 1  # never answered by the 3rd
    assert expire(date(2026, 9, 8)) == 0  # accepted on Tuesday the 1st: five working days end on Tuesday the 8th
    assert expire(date(2026, 9, 9)) == 2
    assert [state(v) for v in (never, silent[0], waiting[0], chosen[0])] == ["closed", "closed", "closed", "active"]
    assert money(city)["released"] == 3 * 4 * 96_000


def test_a_child_holds_one_live_voucher_of_a_slot() -> None:
    city = make_city()
    children = add_children(city, 2)
    issue(city, children[:1])
    with pytest.raises(Refused) as refused:
        issue(city, children)
    assert refused.value.reason is VoucherRefusal.VOUCHER_LIVE


def test_nothing_is_issued_beyond_the_free_money() -> None:
    city = make_city(money=4 * 96_000 + 1)
    first, second = add_children(city, 2)
    issue(city, [first])
    with pytest.raises(Refused):
        issue(city, [second])
    assert Voucher.objects.count() == 1


def test_a_month_that_is_not_covered_is_refused_by_name() -> None:
    city = make_city()
    ((voucher, guardian, first),) = enrolled(city, add_group(city))
    dear = add_group(city, weekdays=(1, 2, 3, 4, 5))
    for month in (10, 11, 12):
        commands.promise_month(
            actor=SYSTEM, programme_id=city.programme_id, month=date(2026, month, 1), at=AT, key=key()
        )
    assert held(city, voucher) == 0
    # In mid-September all but two lessons stay with the old place; a full month of the next one would cost more.
    at = local_instant(date(2026, 9, 28), 9)
    moves = [Move(voucher, guardian, dear, date(2026, 9, 29))]
    (moved,) = commands.transfer(actor=CHANNEL, moves=moves, at=at, key=key())
    assert moved.id is not None
    Enrolment.objects.filter(pk=moved.id).update(unit_tariff_tiyn=60_000)
    tally = commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=AT, key=key())
    assert tally.refused == [(moved.id, EnrolRefusal.HELD_TOO_LITTLE)]
    assert Enrolment.objects.get(pk=first).state == "ended"

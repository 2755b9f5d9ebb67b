"""Rows held by name: one holder at a time, whoever asks at the same instant; a hold ends with its days or the right."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.casework import commands, steps
from qosymsha.domain.casework.models import RowHold
from qosymsha.domain.casework.queries import holds as queries
from qosymsha.domain.casework.queries.holds import Hold
from qosymsha.domain.casework.rules import CaseworkRefusal
from qosymsha.domain.casework.states import Kind, Over
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories.office import Desk, desk
from tests.interfaces import browsing
from tests.races import at_once

pytestmark = pytest.mark.django_db


def somebody(of: Desk, role: Role, name: str) -> Actor:
    return browsing.actor(browsing.official(role, territory_id=of.city.territory_id, name=f"{name}:{of.sheet.pk}"))


def row_of(of: Desk) -> tuple[int, UUID]:
    """The row that no family confirmed."""
    row = of.rows[-1]
    return row.pk, row.uuid


def take(actor: Actor, uuid: UUID, key: UUID | None = None) -> None:
    commands.take_row(actor=actor, kind=Kind.ROW, subject_uuid=uuid, at=clock.read(), key=key or uuid4())


def give(actor: Actor, uuid: UUID, holder: Actor) -> None:
    to = User.objects.get(pk=holder.user_id).uuid
    commands.assign_row(actor=actor, kind=Kind.ROW, subject_uuid=uuid, holder_uuid=to, at=clock.read(), key=uuid4())


def put_back(actor: Actor, uuid: UUID) -> None:
    commands.put_back_row(actor=actor, kind=Kind.ROW, subject_uuid=uuid, at=clock.read(), key=uuid4())


def holder(actor: Actor, row_id: int) -> Hold | None:
    return queries.holds(actor=actor, kind=Kind.ROW, ids=[row_id], at=clock.read()).get(row_id)


def refused(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        deed()
    return str(caught.value.reason)


@pytest.fixture
def office() -> tuple[Desk, Actor, Actor, Actor]:
    """A desk, two checkers and their head."""
    of = desk(families=2)
    return (
        of,
        somebody(of, Role.CHECKER, "a"),
        somebody(of, Role.CHECKER, "b"),
        somebody(of, Role.PROGRAMME_OFFICER, "h"),
    )


def test_a_row_is_taken_by_name_for_the_rules_days_and_put_back(office: tuple[Desk, Actor, Actor, Actor]) -> None:
    of, first, second, _ = office
    row, uuid = row_of(of)
    key = uuid4()
    take(first, uuid, key)
    take(first, uuid, key)  # a second touch is no second hold
    held = holder(second, row)
    assert held is not None
    assert (held.holder_id, held.given_by) == (first.user_id, first.user_id)
    assert held.until > clock.local_day(clock.read())
    assert refused(lambda: take(second, uuid)) == CaseworkRefusal.ROW_HELD
    assert refused(lambda: put_back(second, uuid)) == CaseworkRefusal.ROW_NOT_HELD
    put_back(first, uuid)
    take(second, uuid)
    ended = RowHold.objects.exclude(ended_at=None).get()
    assert (ended.holder_id, ended.over) == (first.user_id, Over.PUT_BACK)
    events = AuditEvent.objects.filter(subject_kind="row_hold").values_list("action", flat=True).order_by("id")
    assert list(events) == ["take_row", "put_back_row", "take_row"]


def test_a_head_gives_a_row_to_whoever_has_the_right_and_to_nobody_else(
    office: tuple[Desk, Actor, Actor, Actor],
) -> None:
    of, first, second, head = office
    row, uuid = row_of(of)
    give(head, uuid, first)
    give(head, uuid, second)  # handed on
    held = holder(first, row)
    assert held is not None
    assert (held.holder_id, held.given_by) == (second.user_id, head.user_id)
    assert RowHold.objects.exclude(ended_at=None).get().over == Over.HANDED_ON
    assert refused(lambda: give(head, uuid, second)) == CaseworkRefusal.ROW_HELD
    assert refused(lambda: give(head, uuid, somebody(of, Role.PAYER, "p"))) == CaseworkRefusal.NOT_A_HOLDER
    elsewhere = desk(families=1)
    assert refused(lambda: give(head, uuid, somebody(elsewhere, Role.CHECKER, "x"))) == CaseworkRefusal.NOT_A_HOLDER
    with pytest.raises(Forbidden):
        give(first, uuid, first)
    with pytest.raises(Forbidden):
        take(somebody(elsewhere, Role.CHECKER, "x"), uuid)
    assert refused(lambda: take(first, uuid4())) == CaseworkRefusal.ROW_UNKNOWN
    put_back(head, uuid)  # who gives rows may also free them
    assert holder(first, row) is None


def test_a_hold_ends_with_its_days_and_with_the_holders_right_by_itself(
    office: tuple[Desk, Actor, Actor, Actor],
) -> None:
    of, first, second, head = office
    row, uuid = row_of(of)
    take(first, uuid)
    assert [work.n for work in queries.held_work(actor=first, at=clock.read()) if work.kind is Kind.ROW] == [1]
    held = holder(first, row)
    assert held is not None
    now = clock.read()
    for days, is_held in ((0, True), ((held.until - clock.local_day(now)).days + 1, False)):
        found = queries.holds(actor=second, kind=Kind.ROW, ids=[row], at=now + timedelta(days=days))
        assert bool(found) is is_held
    (right,) = browsing.memberships(first.user_id)
    people.dismiss(actor=browsing.SYSTEM, membership_id=right, at=now, key=uuid4())
    assert holder(second, row) is None
    assert queries.held_ids(actor=second, kind=Kind.ROW, at=now) == []
    take(second, uuid)
    assert RowHold.objects.exclude(ended_at=None).get().over == Over.LAPSED
    (old,) = [one for one in _past(head, uuid) if one.over]
    assert old.holder.startswith("a:")


def _past(actor: Actor, uuid: UUID) -> list[queries.PastHold]:
    subject = queries.waiting_subject(Kind.ROW, uuid)
    assert subject is not None
    return queries.past_holds(actor=actor, kind=Kind.ROW, subject=subject, at=clock.read())


def test_the_database_keeps_the_history(office: tuple[Desk, Actor, Actor, Actor]) -> None:
    of, first, _, _ = office
    take(first, row_of(of)[1])
    for statement in ("UPDATE row_hold SET holder_id = holder_id + 1", "DELETE FROM row_hold"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert RowHold.objects.filter(ended_at=None).update(ended_at=clock.read(), ended_by=0, over="put_back") == 1


def _both(of: Desk, barrier_at: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two checkers take the same row at the same instant: each has seen that nobody holds it."""
    uuid = row_of(of)[1]
    actors = [somebody(of, Role.CHECKER, name) for name in ("a", "b")]
    seen, waits = queries.live_hold, threading.local()

    def look(*args: Any) -> Any:
        found = seen(*args)
        waits.barrier.wait()
        return found

    monkeypatch.setattr(f"{barrier_at}.live_hold", look)

    def taker(actor: Actor) -> Callable[[threading.Barrier], None]:
        def act(barrier: threading.Barrier) -> None:
            waits.barrier = barrier
            take(actor, uuid)

        return act

    return at_once(*(taker(actor) for actor in actors))


_QUERIES = "qosymsha.domain.casework.queries.holds"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_a_row_at_once_one_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk(families=1)
    answers = _both(of, _QUERIES, monkeypatch)
    assert [str(one.reason) for one in answers if isinstance(one, Refused)] == [CaseworkRefusal.ROW_HELD]
    assert answers.count(None) == 1
    assert RowHold.objects.filter(ended_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_index_both_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run."""
    of = desk(families=1)
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX row_hold_one")
    try:
        assert _both(of, _QUERIES, monkeypatch) == [None, None]
        assert RowHold.objects.filter(ended_at=None).count() == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE row_hold DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM row_hold")
            cursor.execute("ALTER TABLE row_hold ENABLE TRIGGER USER")
            cursor.execute("CREATE UNIQUE INDEX row_hold_one ON row_hold (kind, subject_id) WHERE ended_at IS NULL")


def _overtaken(of: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[list[object], list[int]]:
    """One takes a row while another, who has seen that nobody holds it, is about to: answers, holders at the end."""
    uuid = row_of(of)[1]
    first, second = (somebody(of, Role.CHECKER, name) for name in ("a", "b"))
    seen, answers = queries.live_hold, []

    def look(*args: Any) -> Any:
        found = seen(*args)
        monkeypatch.setattr(f"{_QUERIES}.live_hold", seen)
        answers.extend(at_once(lambda _: take(first, uuid)))
        return found

    monkeypatch.setattr(f"{_QUERIES}.live_hold", look)
    answers.extend(at_once(lambda _: take(second, uuid)))
    return answers, list(RowHold.objects.filter(ended_at=None).values_list("holder_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_hold_that_began_this_instant_is_not_ended_as_lapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk(families=1)
    (first, second), holders = _overtaken(of, monkeypatch)
    assert first is None
    assert isinstance(second, Refused)
    assert second.reason is CaseworkRefusal.ROW_HELD
    assert holders == [somebody(of, Role.CHECKER, "a").user_id]


@pytest.mark.django_db(transaction=True)
def test_control_one_who_ends_what_is_open_by_then_takes_it_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk(families=1)
    row, real = row_of(of)[0], steps.end
    monkeypatch.setattr(steps, "end", lambda _, *how: real(steps.lock_open(Kind.ROW, row), *how))
    answers, holders = _overtaken(of, monkeypatch)
    assert answers == [None, None]
    assert holders == [somebody(of, Role.CHECKER, "b").user_id]

"""Errands: stored with their job or not at all, one open about one thing, none lost in silence, nothing kept sealed."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.admission.access import Action as Round
from qosymsha.domain.errands import commands, queries
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import LAPSES_AFTER, MOST_TRIES, TASK, ErrandRefusal
from qosymsha.domain.errands.states import TRANSITIONS, ErrandState
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, KeyReason
from qosymsha.kernel.models import AuditEvent
from tests.factories.admission import AFTER, City
from tests.factories.errands import asked, wanted
from tests.factories.refusals import refusal
from tests.interfaces import browsing
from tests.queue import jobs
from tests.races import at_once, patient, slowly

pytestmark = pytest.mark.django_db
WORKER = Actor.system("errands")


@pytest.fixture
def city() -> City:
    """A city; its rounds stand in whatever state."""
    return City()


@pytest.fixture
def officer(city: City) -> Actor:
    """An officer who may lead its rounds."""
    return browsing.actor(browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory.id, name="one"))


def cut(**_: Any) -> None:
    """The connection breaks after both are written."""
    assert (len(jobs()), Errand.objects.count()) == (1, 1)
    raise ConnectionError


def test_an_errand_is_stored_with_its_job_and_both_go_when_the_transaction_does(
    city: City, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_round = city.planned()
    with monkeypatch.context() as broken:
        broken.setattr(commands.audit, "record", cut)
        with pytest.raises(ConnectionError):
            asked(officer, wanted(the_round), AFTER)
    assert (jobs(), Errand.objects.count()) == ([], 0)
    found = asked(officer, wanted(the_round), AFTER)
    assert (jobs(), found.state) == ([(TASK, "todo", 0)], "waiting")
    assert AuditEvent.objects.get(action="ask_errand").detail["verb"] == "allocate_round"


def test_what_is_asked_twice_is_one_errand_whoever_asks_and_something_else_waits(city: City, officer: Actor) -> None:
    the_round, key = city.planned(), uuid4()
    first = asked(officer, wanted(the_round), AFTER, key)
    assert asked(officer, wanted(the_round), AFTER, key).uuid == first.uuid
    second = browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory.id, name="two")
    assert asked(browsing.actor(second), wanted(the_round), AFTER).uuid == first.uuid
    assert len(jobs()) == 1
    other = wanted(the_round, Round.PUBLISH)
    assert refusal(lambda: asked(officer, other, AFTER)) is ErrandRefusal.ERRAND_UNDER_WAY
    assert refusal(lambda: asked(officer, other, AFTER, key)) is KeyReason.KEY_REUSED
    row = Errand.objects.get()
    row.pk, row.uuid = None, uuid4()
    with pytest.raises(IntegrityError, match="errand_one_open"), transaction.atomic():  # and the database holds it
        row.save()


def test_who_may_not_do_it_may_not_ask_for_it(city: City) -> None:
    the_round = city.planned()
    for role, territory in (
        (Role.CHECKER, city.territory.id),
        (Role.PROGRAMME_OFFICER, City(kato="750000000").territory.id),
    ):
        stranger = browsing.actor(browsing.official(role, territory_id=territory, name=f"{role}:x"))
        with pytest.raises(Forbidden):
            asked(stranger, wanted(the_round), AFTER)
    assert jobs() == []


def test_a_secret_stands_in_no_column_and_is_gone_when_the_errand_ends(city: City, officer: Actor) -> None:
    secret = "ab" * 32
    found = asked(officer, wanted(city.planned(), Round.DRAW, secrets={"akimat": secret}), AFTER)
    with connection.cursor() as cursor:
        for table in ("errand", "procrastinate_jobs", "audit_event", "idempotency_key"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{secret}%"])  # noqa: S608
            assert cursor.fetchone() == (0,), table
    begun = commands.begin(actor=WORKER, errand_uuid=found.uuid, at=AFTER)
    assert begun is not None
    assert begun.body == {"secrets": {"akimat": secret}}
    commands.end(actor=WORKER, errand_uuid=found.uuid, state=ErrandState.DONE, at=AFTER, tally={})
    found.refresh_from_db()
    assert (found.body, found.body_nonce, found.state) == (None, None, "done")
    with pytest.raises(IntegrityError, match="errand_ended_without_body"), transaction.atomic():
        Errand.objects.update(body=b"x")


def test_a_key_whose_errand_was_refused_may_be_sent_again(city: City, officer: Actor) -> None:
    the_round, key = city.planned(), uuid4()
    first = asked(officer, wanted(the_round), AFTER, key)
    commands.begin(actor=WORKER, errand_uuid=first.uuid, at=AFTER)
    commands.end(actor=WORKER, errand_uuid=first.uuid, state=ErrandState.REFUSED, at=AFTER, reason="list_changed")
    again = asked(officer, wanted(the_round, again=True), AFTER, key)
    assert again.uuid != first.uuid
    commands.begin(actor=WORKER, errand_uuid=again.uuid, at=AFTER)
    commands.end(actor=WORKER, errand_uuid=again.uuid, state=ErrandState.DONE, at=AFTER)
    assert asked(officer, wanted(the_round, again=True), AFTER, key).uuid == again.uuid


def test_one_takes_back_ones_own_errand_while_it_waits(city: City, officer: Actor) -> None:
    the_round = city.planned()
    found = asked(officer, wanted(the_round), AFTER)
    other = browsing.actor(browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory.id, name="two"))
    with pytest.raises(Forbidden):
        commands.withdraw(actor=other, errand_uuid=found.uuid, at=AFTER, key=uuid4())
    key = uuid4()
    for _ in range(2):
        commands.withdraw(actor=officer, errand_uuid=found.uuid, at=AFTER, key=key)
    assert Errand.objects.get().state == "withdrawn"
    assert commands.begin(actor=WORKER, errand_uuid=found.uuid, at=AFTER) is None
    found = asked(officer, wanted(the_round), AFTER)
    commands.begin(actor=WORKER, errand_uuid=found.uuid, at=AFTER)
    late = ErrandRefusal.ERRAND_NOT_WAITING
    assert refusal(lambda: commands.withdraw(actor=officer, errand_uuid=found.uuid, at=AFTER, key=uuid4())) is late


def test_what_waited_a_day_or_was_begun_too_often_is_given_up_and_says_so(city: City, officer: Actor) -> None:
    late = asked(officer, wanted(city.planned()), AFTER)
    after = AFTER + LAPSES_AFTER + timedelta(seconds=1)
    assert commands.begin(actor=WORKER, errand_uuid=late.uuid, at=after) is None
    late.refresh_from_db()
    assert (late.state, late.reason) == ("refused", "errand_lapsed")
    deadly = asked(officer, wanted(city.planned()), AFTER)
    for _ in range(MOST_TRIES):
        assert commands.begin(actor=WORKER, errand_uuid=deadly.uuid, at=AFTER) is not None
    assert commands.begin(actor=WORKER, errand_uuid=deadly.uuid, at=AFTER) is None
    deadly.refresh_from_db()
    assert (deadly.state, deadly.reason) == ("failed", "errand_gave_up")


def lose_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def test_an_errand_without_a_job_gets_one_again_and_an_old_one_is_forgotten(city: City, officer: Actor) -> None:
    lost = asked(officer, wanted(city.planned()), AFTER)
    assert commands.mind(actor=WORKER, at=AFTER) == 0  # the control: its job is there
    lose_jobs()
    assert commands.mind(actor=WORKER, at=AFTER) == 1
    assert jobs() == [(TASK, "todo", 0)]
    commands.begin(actor=WORKER, errand_uuid=lost.uuid, at=AFTER)
    lose_jobs()
    assert commands.mind(actor=WORKER, at=AFTER) == 1  # broken off: its worker died and nobody gave it back
    commands.begin(actor=WORKER, errand_uuid=lost.uuid, at=AFTER)
    commands.end(actor=WORKER, errand_uuid=lost.uuid, state=ErrandState.DONE, at=AFTER)
    commands.mind(actor=WORKER, at=AFTER + timedelta(days=91))
    assert Errand.objects.count() == 1
    commands.mind(actor=WORKER, at=AFTER + timedelta(days=93))
    assert Errand.objects.count() == 0


def test_a_worker_is_seen_by_its_heartbeat() -> None:
    assert not queries.has_worker()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        assert queries.has_worker()
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    assert not queries.has_worker()


def test_every_state_is_reached_and_none_is_left_once_it_ended() -> None:
    assert {to for _, to in TRANSITIONS} == set(ErrandState)
    assert {come for come, _ in TRANSITIONS} == {"", "waiting", "running"}


def ask_at_once() -> list[Any]:
    """Two officers ask for the same step in the same moment: what each is told."""
    city = City()
    the_round = city.planned()
    names = ("one", "two")
    officers = [browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory.id, name=name) for name in names]

    def asking(user_id: int) -> Any:
        actor, what = browsing.actor(user_id), wanted(the_round)

        def act(barrier: Barrier) -> Any:
            barrier.wait()
            return commands.ask(actor=actor, wanted=what, at=AFTER, key=uuid4())

        return act

    return at_once(*(asking(user_id) for user_id in officers))


@pytest.mark.django_db(transaction=True)
def test_two_officers_who_ask_at_once_get_one_errand(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, queries, "open_errand")
    with patient():
        first, second = ask_at_once()
    assert (first, len(jobs())) == (second, 1)


@pytest.mark.django_db(transaction=True)
def test_the_control_without_the_lock_one_of_them_is_told_nothing_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    both_looked, look = Barrier(2, timeout=20), queries.open_errand

    def looked(kind: str, subject_id: int) -> Any:
        found = look(kind, subject_id)
        both_looked.wait()
        return found

    monkeypatch.setattr("qosymsha.kernel.locks.exclusive", lambda *_: None)
    monkeypatch.setattr(queries, "open_errand", looked)
    with patient():
        told = ask_at_once()
    assert sorted(type(one) for one in told if isinstance(one, Exception)) == [IntegrityError]
    assert len(jobs()) == 1

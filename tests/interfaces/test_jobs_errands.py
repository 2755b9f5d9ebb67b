"""A worker carries errands out: as who asked, once however often it dies, given up when it is no use, never twice."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection

from qosymsha.domain.admission.access import Action as Verb
from qosymsha.domain.admission.models import Round
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import LONGEST_SECONDS, MOST_TRIES, TASK
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.jobs import errands, hands, reaper, schedule, worker
from qosymsha.interfaces.jobs.app import TASKS, app
from qosymsha.interfaces.office.errands import PAGES
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import admission
from tests.factories.errands import asked, wanted
from tests.interfaces import browsing
from tests.queue import child, jobs, until

COMMIT = pytest.mark.django_db(transaction=True)
# A worker that dies after the verb has committed and before the errand says so.
DYING = """
import django; django.setup()
import os, signal
from qosymsha.interfaces.jobs import errands, worker
from qosymsha.interfaces.jobs.app import app
app.perform_import_paths(); app.periodic_registry.periodic_tasks = {}
errands.commands.end = lambda **_: os.kill(os.getpid(), signal.SIGKILL)
worker.run()
"""


def drawn(families: int = 5, places: int = 3) -> tuple[Any, Round]:
    """An officer, and a drawn round of the city."""
    of = admission.City(money={"sport": admission.money_for(places)})
    clock.shift_to(admission.AFTER)
    the_round = of.opened()
    of.file(the_round, of.families(families))
    of.close(the_round)
    of.draw(the_round)
    user = browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory.id, name="one")
    return browsing.actor(user), the_round


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule's own jobs do not come in between."""
    app.perform_import_paths()
    monkeypatch.setattr(app.periodic_registry, "periodic_tasks", {})


@COMMIT
@pytest.mark.usefixtures("still_clock")
def test_a_worker_does_what_an_officer_asked_as_that_officer() -> None:
    officer, the_round = drawn()
    found = asked(officer, wanted(the_round), clock.read())
    assert worker.run(wait=False) == 0
    found.refresh_from_db()
    assert (found.state, found.tally, found.tries) == ("done", {"vouchers": 3, "waiting": 2}, 1)
    assert AuditEvent.objects.get(action="allocate_round").actor_id == officer.user_id
    assert jobs() == []


@COMMIT
@pytest.mark.fault
@pytest.mark.usefixtures("still_clock")
def test_killed_between_the_deed_and_its_word_it_is_run_again_and_done_once() -> None:
    officer, the_round = drawn()
    found = asked(officer, wanted(the_round), clock.read())
    dying = child(DYING)
    try:
        assert dying.wait(60) == -signal.SIGKILL
    finally:
        if dying.poll() is None:
            os.killpg(dying.pid, signal.SIGKILL)
            dying.wait()
    found.refresh_from_db()
    assert (found.state, Voucher.objects.count()) == ("running", 3)  # the deed is done, its word is not
    until(lambda: jobs() == [(TASK, "doing", 0)])
    assert len(reaper.reap(silent_seconds=0).retried) == 1
    assert worker.run(wait=False) == 0
    found.refresh_from_db()
    assert (found.state, found.tries, Voucher.objects.count()) == ("done", 2, 3)
    assert AuditEvent.objects.filter(action="allocate_round").count() == 1


@pytest.mark.django_db
def test_the_control_with_another_key_a_second_run_is_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    officer, the_round = drawn()
    found = asked(officer, wanted(the_round), clock.read())
    end = errands.commands.end
    monkeypatch.setattr(errands.commands, "end", lambda **_: None)
    errands.carry(found.uuid)
    monkeypatch.setattr(errands.commands, "end", end)
    begin = errands.commands.begin

    def another(**given: Any) -> Any:
        begun = begin(**given)
        object.__setattr__(begun, "uuid", browsing.new_key()) if begun else None
        return begun

    monkeypatch.setattr(errands, "_end", lambda begun, state, reason="", tally=None: told.append((state, reason)))
    monkeypatch.setattr(errands.commands, "begin", another)
    told: list[tuple[str, str]] = []
    errands.carry(found.uuid)
    assert told == [("refused", "round_in_other_state")]


@pytest.mark.django_db
def test_a_passing_fault_is_tried_again_and_given_up_at_last_a_program_fault_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    officer, the_round = drawn()

    def failing(fault: Exception) -> None:
        def run(*_: Any) -> Any:
            raise fault

        monkeypatch.setattr(errands, "VERBS", {Verb.ALLOCATE: run})

    found = asked(officer, wanted(the_round), clock.read())
    failing(DatabaseError("a lock was held for three seconds"))
    for tried in range(1, MOST_TRIES + 1):
        with pytest.raises(DatabaseError):
            errands.carry(found.uuid)
        found.refresh_from_db()
        assert (found.tries, found.state) == (tried, "failed" if tried == MOST_TRIES else "running")
    found = asked(officer, wanted(the_round), clock.read())
    failing(AssertionError("the independent checker found: something"))
    with pytest.raises(AssertionError):
        errands.carry(found.uuid)
    found.refresh_from_db()
    assert (found.state, found.reason) == ("failed", "errand_gave_up")


@COMMIT
def test_how_far_it_is_can_be_read_while_its_transaction_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    officer, the_round = drawn()
    found = asked(officer, wanted(the_round), clock.read())
    monkeypatch.setattr(errands, "NOTE_SECONDS", 0.01)

    def slow(*_: Any) -> dict[str, int]:
        tell(Phase.VOUCHERS, 7, 9)

        def is_told() -> bool:
            found.refresh_from_db()
            return (found.phase, found.rows_done, found.rows_all) == ("vouchers", 7, 9)

        until(is_told)
        return {}

    monkeypatch.setattr(errands, "VERBS", {Verb.ALLOCATE: slow})
    errands.carry(found.uuid)
    found.refresh_from_db()
    assert found.state == "done"


@COMMIT
@pytest.mark.usefixtures("still_clock")
def test_an_errand_may_take_longer_than_a_duty_before_it_is_taken_away() -> None:
    officer, the_round = drawn()
    asked(officer, wanted(the_round), clock.read())
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        cursor.execute("UPDATE procrastinate_jobs SET worker_id = %s", cursor.fetchone())
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")

    def begun(ago: timedelta) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE procrastinate_events SET at = now() - %s WHERE type = 'started'", [ago])
        return reaper.reap().retried

    assert begun(timedelta(minutes=10)) == []
    assert len(begun(timedelta(seconds=LONGEST_SECONDS + reaper.LONGEST_SECONDS + 5))) == 1
    with hands.held(LONGEST_SECONDS):
        assert hands.longest_held() < 0
        with hands.held():
            until(lambda: hands.longest_held() > 0)  # a duty beside it is not forgiven


def test_every_verb_has_its_deed_and_its_pages_and_its_task_is_known() -> None:
    app.perform_import_paths()
    assert set(map(str, errands.VERBS)) == set(map(str, PAGES))
    assert TASK in app.tasks
    assert schedule.__name__ == TASKS


@pytest.mark.django_db
def test_an_errand_that_has_ended_is_not_done_again() -> None:
    officer, the_round = drawn()
    found = asked(officer, wanted(the_round), clock.read())
    for _ in range(2):
        errands.carry(found.uuid)
    assert Errand.objects.get().tries == 1

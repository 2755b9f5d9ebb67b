"""The clock's door: each duty does its work once however often it runs, and what a killed worker left is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from qosymsha.domain.admission.models import Application
from qosymsha.domain.insights.models import InvariantRun
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.ports import Reply, ReplyStatus, TreasuryUnavailable
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.jobs import duties, keys, reaper, schedule, treasury, worker
from qosymsha.interfaces.jobs.app import TASKS, app
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.models import AuditEvent, AuditLink, IdempotencyKey
from tests.factories import admission, horizon, settlement
from tests.queue import SLOW_WORKER, child, jobs, until

NIGHT = local_instant(date(2026, 3, 20), 0, 10)
COMMIT = pytest.mark.django_db(transaction=True)


def played_city(families: int = 6, places: int = 4) -> admission.City:
    """A round with some granted and some waiting; nobody answers."""
    city = admission.City(money={"sport": admission.money_for(places)})
    the_round = city.opened()
    city.file(the_round, city.families(families))
    city.run(the_round)
    return city


# Once, however often


KEYED: dict[str, Callable[[datetime], None]] = {
    "expire_vouchers": duties.expire_vouchers,
    "expire_accreditations": duties.expire_accreditations,
    "end_places": duties.end_places,
    "promise_month": duties.promise_month,
    "refill": duties.refill,
    "remind_guardians": duties.remind_guardians,
    "watch_absences": duties.watch_absences,
    "escalate_controls": duties.escalate_controls,
    "check_invariants_by_night": duties.check_invariants_by_night,
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", KEYED)
def test_a_duty_run_twice_has_its_effect_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played_city()

    def effects(at: datetime) -> int:
        before = AuditEvent.objects.count() + IdempotencyKey.objects.count()
        KEYED[name](at)
        return AuditEvent.objects.count() + IdempotencyKey.objects.count() - before

    assert effects(NIGHT) > 0
    assert effects(NIGHT + timedelta(minutes=5)) == 0
    unkeyed = (UUID(int=n) for n in count(1))  # the control: without the key of the day it happens again
    monkeypatch.setattr(duties, "key_of", lambda *_: next(unkeyed))
    assert effects(NIGHT + timedelta(minutes=6)) > 0


@pytest.mark.django_db
def test_a_duty_of_the_next_day_is_another_one() -> None:
    played_city()
    duties.expire_accreditations(NIGHT)
    before = AuditEvent.objects.count()
    duties.expire_accreditations(NIGHT + timedelta(days=1))
    assert AuditEvent.objects.count() == before + 1


def test_a_key_is_made_of_what_the_job_is_about() -> None:
    day = date(2026, 3, 20)
    assert keys.key_of("refill", 1, day) == keys.key_of("refill", 1, day)
    assert len({keys.key_of("refill", 1, day), keys.key_of("refill", 2, day), keys.key_of("refil", "l1", day)}) == 3
    assert keys.key_of("a", "b") != keys.key_of("ab")


# What each does


@pytest.mark.django_db
def test_vouchers_nobody_accepts_go_to_those_who_wait() -> None:
    city = played_city(families=6, places=4)
    assert Application.objects.filter(state="waiting").count() == 2
    duties.expire_vouchers(NIGHT)
    assert Voucher.objects.filter(state="closed", reason="expired").count() == 4
    duties.refill(NIGHT)
    assert Application.objects.filter(state="waiting").count() == 0
    assert Voucher.objects.filter(state="issued").count() == 2
    assert ledger.unbalanced_lines() == []
    assert ledger.totals([city.lines["sport"]])[city.lines["sport"]].get("released", 0) == 0


@pytest.mark.django_db
def test_a_refill_that_a_rule_refuses_is_no_fault() -> None:
    city = played_city()
    opens = admission.AFTER + timedelta(days=1)
    plan = city.plan(opens_at=opens, closes_at=opens + timedelta(days=60), first_month=date(2026, 6, 1))
    city.opened(plan, at=opens)
    duties.expire_vouchers(NIGHT)
    duties.refill(NIGHT)
    assert Application.objects.filter(state="waiting").count() == 2


@COMMIT
def test_the_audit_chain_takes_in_what_happened() -> None:
    played_city(families=1, places=1)
    horizon.settled()
    duties.link_audit(NIGHT)
    assert AuditLink.objects.count() == AuditEvent.objects.count() > 0
    duties.link_audit(NIGHT)
    assert AuditLink.objects.count() == AuditEvent.objects.count()


@pytest.mark.django_db
def test_the_checker_leaves_room_for_the_rest() -> None:
    duties.check_invariants(NIGHT)
    assert InvariantRun.objects.exists()
    InvariantRun.objects.update(seconds=1.0)  # 21 checks of a second: not again before 210 seconds
    runs = InvariantRun.objects.count()
    duties.check_invariants(NIGHT + timedelta(seconds=200))
    assert InvariantRun.objects.count() == runs
    duties.check_invariants(NIGHT + timedelta(seconds=240))
    assert InvariantRun.objects.count() == 2 * runs


@pytest.mark.django_db
def test_a_check_that_takes_long_is_made_call_by_call_and_none_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duties, "CHECK_SECONDS", -1)  # no time: one check a call
    monkeypatch.setattr(duties, "CHECKS_SHARE", 0)
    seen = []
    for minute in range(3):
        duties.check_invariants(NIGHT + timedelta(minutes=minute))
        seen.append(InvariantRun.objects.latest("id").invariant)
    assert InvariantRun.objects.count() == len(set(seen)) == 3


@pytest.mark.django_db
def test_the_tables_of_the_coming_months_are_there() -> None:
    duties.make_months(local_instant(date(2031, 5, 3)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^audit_event_2031'")
        assert cursor.fetchone() == (duties.MONTHS_AHEAD,)


# The treasury


class Bank:
    """Takes files, says each line was paid, and notes whether somebody spoke to it inside a transaction."""

    def __init__(self, is_open: bool = True) -> None:
        self.is_open = is_open
        self.files: list[bytes] = []
        self.words: list[Reply] = []
        self.spoken_inside = False

    def send(self, content: bytes, content_hash: bytes, signature: bytes = b"") -> str:
        self.spoken_inside |= connection.in_atomic_block
        if not self.is_open:
            raise TreasuryUnavailable("closed")
        self.files.append(content_hash)
        return f"receipt {content_hash.hex()[:8]}"

    def replies(self) -> list[Reply]:
        self.spoken_inside |= connection.in_atomic_block
        return list(self.words)

    def acknowledge(self, replies: Any) -> None:
        self.words = [word for word in self.words if word not in replies]


def sent_file() -> settlement.City:
    """A file of one claim that left the ledger but not the house."""
    with transaction.atomic():
        home = settlement.city()
        settlement.confirmed_month(home, 2)
    at = settlement.AT
    office = {"programme_id": home.programme.id, "at": at}
    whose = {"provider_ids": [home.provider.id], "month": settlement.JANUARY}
    commands.draw_claims(actor=settlement.SYSTEM, key=uuid4(), **whose, **office)
    claims = queries.claims_in_state(home.programme.id, "drawn")
    commands.approve_claims(actor=settlement.APPROVER, claim_ids=claims, key=uuid4(), **office)
    commands.release_claims(actor=settlement.PAYER_OFFICIAL, claim_ids=claims, key=uuid4(), **office)
    drawn = commands.draw_payment_file(
        actor=settlement.PAYER_OFFICIAL, payer=settlement.PAYER, pay_on=at.date(), key=uuid4(), **office
    )
    assert drawn.file_id is not None
    commands.send_payment_file(actor=settlement.PAYER_OFFICIAL, file_id=drawn.file_id, key=uuid4(), **office)
    return home


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    one = Bank()
    monkeypatch.setattr(treasury, "_treasury", lambda: one)
    return one


@COMMIT
def test_a_file_is_handed_over_once_and_its_money_is_paid_once(bank: Bank) -> None:
    home = sent_file()
    bank.is_open = False
    treasury.exchange(NIGHT)  # nobody is there: nothing is lost
    assert len(queries.files_to_deliver(home.programme.id)) == 1
    bank.is_open = True
    treasury.exchange(NIGHT)
    treasury.exchange(NIGHT)
    assert len(bank.files) == 1
    assert queries.files_to_deliver(home.programme.id) == []
    line = paid_line()
    words = [Reply("B-1", line[0], ReplyStatus.ACCEPTED, line[1])]
    for _ in range(3):
        bank.words = list(words)
        treasury.exchange(NIGHT)
        assert bank.words == []
    assert ledger.totals([home.line.id])[home.line.id]["paid"] == line[1]
    assert not bank.spoken_inside


def paid_line() -> tuple[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT end_to_end_id, amount_tiyn FROM payment_line")
        (found,) = cursor.fetchall()
    return str(found[0]), int(found[1])


@pytest.mark.django_db
def test_the_treasury_is_never_spoken_to_inside_a_transaction(bank: Bank) -> None:
    with pytest.raises(AssertionError, match="no network"):
        treasury.exchange(NIGHT)


# The queue


def test_every_duty_is_scheduled_under_its_own_name() -> None:
    app.perform_import_paths()
    named = {schedule.task_name(duty) for _, duty in schedule.SCHEDULE}
    assert len(named) == len(schedule.SCHEDULE)
    assert named <= set(app.tasks)
    assert {task.task.name for task in app.periodic_registry.periodic_tasks.values()} == named
    assert all(app.tasks[name].lock == app.tasks[name].queueing_lock == name for name in named)
    assert schedule.__name__ == TASKS


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule's own jobs do not come in between, whatever minute it is."""
    app.perform_import_paths()
    monkeypatch.setattr(app.periodic_registry, "periodic_tasks", {})


@COMMIT
@pytest.mark.usefixtures("still_clock")
def test_the_worker_does_what_waits_and_leaves_nothing_behind() -> None:
    app.configure_task(schedule.task_name(duties.expire_accreditations)).defer(timestamp=0)
    assert worker.run(wait=False) == 0
    assert jobs() == []
    assert AuditEvent.objects.filter(action="expire_accreditations", actor_label="system:jobs").count() == 1


@pytest.fixture
def killed_worker(still_clock: None) -> None:
    """A worker killed with -9 in the middle of the duty that waited."""
    app.configure_task(schedule.task_name(duties.expire_accreditations)).defer(timestamp=0)
    process = child(SLOW_WORKER % "")
    try:
        until(lambda: [status for _, status, _ in jobs()] == ["doing"])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@COMMIT
@pytest.mark.fault
@pytest.mark.usefixtures("killed_worker")
def test_a_killed_workers_job_is_done_by_the_next_one() -> None:
    worker.run(wait=False)
    assert [status for _, status, _ in jobs()] == ["doing"], "the control: without the reaper it stays where it is"
    assert reaper.reap(silent_seconds=3600).retried == [], "a worker silent for less may still be at it"
    assert len(reaper.reap(silent_seconds=0).retried) == 1
    assert [(status, attempts) for _, status, attempts in jobs()] == [("todo", 1)]
    worker.run(wait=False)
    assert jobs() == []
    assert AuditEvent.objects.filter(action="expire_accreditations").count() == 1


@COMMIT
def test_a_job_that_kills_its_worker_each_time_is_set_aside() -> None:
    leave_behind(attempts=reaper.MOST_ATTEMPTS)
    reaped = reaper.reap()
    assert (len(reaped.retried), len(reaped.set_aside)) == (0, 1)
    assert [status for _, status, _ in jobs()] == ["failed"]


@COMMIT
def test_a_job_whose_twin_waits_already_is_set_aside() -> None:
    leave_behind(attempts=0)
    app.configure_task(schedule.task_name(duties.refill)).defer(timestamp=1)
    assert len(reaper.reap().set_aside) == 1
    assert [status for _, status, _ in jobs()] == ["failed", "todo"]


def leave_behind(attempts: int) -> None:
    """A job in the hands of a worker that is no more."""
    app.perform_import_paths()
    app.configure_task(schedule.task_name(duties.refill)).defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = %s", [attempts])


def test_jobs_act_as_the_system() -> None:
    assert Actor.system("jobs") == duties.ACTOR

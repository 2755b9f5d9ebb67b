"""No job stays in the hands of a worker that is dead, frozen or hanging, and nobody needs the reaper to be immortal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import pytest
from django.db import connection

from qosymsha.interfaces.cli import doctor
from qosymsha.interfaces.jobs import duties, hands, reaper, schedule
from qosymsha.interfaces.jobs.app import app
from tests.queue import SLOW_WORKER, child, jobs, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

# A reaper under the supervisor; each life adds its pid to the file. The first one hangs; the next is in a hurry.
REAPER = """
import os, sys, time, django; django.setup()
from qosymsha.interfaces.jobs import reaper
reaper.reap.__defaults__, reaper.watch.__defaults__ = (0.5, 150.0), (0.1,)
is_first = not os.path.exists(sys.argv[1])
print(os.getpid(), file=open(sys.argv[1], "a"), flush=True)
sys.exit(time.sleep(600) if is_first else reaper.run())
"""
SUPERVISED = """
import sys
from qosymsha.runtime.supervisor import Command, run
sys.exit(run([Command("reaper", [sys.executable, "-c", sys.argv[1], sys.argv[2]])], grace_seconds=5))
"""


@contextmanager
def running(process: Popen[bytes]) -> Iterator[Popen[bytes]]:
    """The process, and nothing of it afterwards."""
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """One duty waits; the schedule's own jobs do not come in between."""
    app.perform_import_paths()
    monkeypatch.setattr(app.periodic_registry, "periodic_tasks", {})
    app.configure_task(schedule.task_name(duties.expire_accreditations)).defer(timestamp=0)


def states() -> list[tuple[str, int]]:
    return [(status, attempts) for _, status, attempts in jobs()]


def test_a_frozen_workers_job_comes_back_though_the_reaper_itself_was_killed(tmp_path: Path) -> None:
    lives = tmp_path / "lives"

    def pids() -> list[int]:
        return [int(line) for line in lives.read_text().split()] if lives.exists() else []

    with running(child(SLOW_WORKER % "")) as worker:
        until(lambda: states() == [("doing", 0)])
        os.killpg(worker.pid, signal.SIGSTOP)
        supervised = child(SUPERVISED, REAPER, lives)
        try:
            until(lambda: len(pids()) == 1)
            assert states() == [("doing", 0)]
            os.kill(pids()[0], signal.SIGKILL)
            until(lambda: states() == [("todo", 1)])
            assert len(pids()) == 2
        finally:
            supervised.terminate()
            assert supervised.wait(60) == 0


def test_control_without_a_reaper_a_frozen_workers_job_stays_where_it_is() -> None:
    with running(child(SLOW_WORKER % "")) as worker:
        until(lambda: states() == [("doing", 0)])
        os.killpg(worker.pid, signal.SIGSTOP)
        time.sleep(1.5)  # three times the silence after which the reaper above takes a job back
        assert states() == [("doing", 0)]
        assert len(reaper.reap(silent_seconds=0.5).retried) == 1, "and one would have"


def test_a_hanging_duty_ends_its_worker_and_comes_back() -> None:
    with running(child(SLOW_WORKER % "worker.LONGEST_SECONDS = 0.5")) as worker:
        assert worker.wait(60) == -signal.SIGKILL
        assert states() == [("doing", 0)]
        assert len(reaper.reap(silent_seconds=0).retried) == 1
    assert states() == [("todo", 1)]


def test_hands_that_are_empty_hold_nothing_for_long() -> None:
    assert hands.longest_held() < 1
    with hands.held():
        until(lambda: hands.longest_held() > 0.05)
    assert hands.longest_held() < 0.05


def _in_living_hands(minutes: int) -> None:
    """A job that a worker with a fresh heartbeat has held for so long."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        cursor.execute("UPDATE procrastinate_jobs SET worker_id = %s", cursor.fetchone())
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        cursor.execute(
            "UPDATE procrastinate_events SET at = now() - make_interval(mins => %s) WHERE type = 'started'", [minutes]
        )


@pytest.mark.parametrize(("minutes", "given_back"), [(2, 0), (3, 1)])
def test_what_takes_three_minutes_comes_back_from_living_hands_too(minutes: int, given_back: int) -> None:
    _in_living_hands(minutes)
    assert len(reaper.reap().retried) == given_back


def test_the_reaper_is_done_before_the_invariant_complains() -> None:
    worst = 120 + 1 + reaper.SILENT_SECONDS + reaper.EVERY_SECONDS  # hangs, is killed, falls silent, is found
    assert max(worst, reaper.LONGEST_SECONDS + reaper.EVERY_SECONDS) < 180


def test_the_doctor_shows_what_was_set_aside_and_what_is_stuck() -> None:
    assert [check.ok for check in doctor.jobs_checks()] == [True, True]
    _in_living_hands(4)
    assert [check.ok for check in doctor.jobs_checks()] == [True, False]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET attempts = %s", [reaper.MOST_ATTEMPTS])
    assert len(reaper.reap().set_aside) == 1
    set_aside, stuck = doctor.jobs_checks()
    assert (set_aside.ok, stuck.ok) == (False, True)
    assert "qosymsha.expire_accreditations" in set_aside.found

"""Brings back jobs whose worker died, froze or hangs: the queue does not do that by itself, nor could a job of its own.

So it is no job and no part of a worker: a program of its own (`python -m qosymsha.interfaces.jobs.reaper`), which the
supervisor keeps up. Several at once do no harm: a job is given back by one of them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass, field
from threading import Event

import django
from asgiref.sync import async_to_sync
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.utils import utcnow

from qosymsha.domain.errands.rules import LONGEST_SECONDS as LONGEST_ERRAND
from qosymsha.domain.errands.rules import TASK as ERRAND
from qosymsha.interfaces.jobs.app import connector

EVERY_SECONDS = 10.0
SILENT_SECONDS = 30.0  # three heartbeats of a worker
LONGEST_SECONDS = 150.0  # longer than a worker lets itself take; with the rest below the three minutes of INV-13
MOST_ATTEMPTS = 5  # a job that kills its worker each time is set aside for a person
# Held by nobody alive (no worker, a silent one), or held too long by one that is: an errand may take longer.
_LEFT = """
SELECT j.id, j.task_name, j.attempts FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
 WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %s)
    OR EXISTS (SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started'
               HAVING max(e.at) < now() - make_interval(
                   secs => %s + CASE WHEN j.task_name = %s THEN %s ELSE 0 END)))
 ORDER BY j.id FOR UPDATE OF j SKIP LOCKED"""
_queue = JobManager(connector)  # not the app's: while a worker runs, that one lives in the worker's event loop
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reaped:
    """Ids of jobs given back to the queue, and of those set aside as failed."""

    retried: list[int] = field(default_factory=list)
    set_aside: list[int] = field(default_factory=list)


def reap(silent_seconds: float = SILENT_SECONDS, longest_seconds: float = LONGEST_SECONDS) -> Reaped:
    """Give every job of a worker silent for so long, and every job that takes so long, back to the queue.

    A job that was begun too often, or whose twin already waits, is set aside as failed; `qosymsha doctor` shows it.
    """
    reaped = Reaped()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LEFT, [silent_seconds, longest_seconds, ERRAND, LONGEST_ERRAND])
        for job_id, task_name, attempts in cursor.fetchall():
            is_back = attempts < MOST_ATTEMPTS and _given_back(job_id)
            if not is_back:
                finish = async_to_sync(_queue.finish_job_by_id_async)
                finish(job_id=job_id, status=Status.FAILED, delete_job=False)
            (reaped.retried if is_back else reaped.set_aside).append(job_id)
            done = "again" if is_back else "set aside"
            _log.warning("reaper: job %s (%s) was left by its worker: %s", job_id, task_name, done)
    return reaped


def _given_back(job_id: int) -> bool:
    """Put a job back; False where its twin already waits (one waiting job for each duty)."""
    try:
        with transaction.atomic():
            async_to_sync(_queue.retry_job_by_id_async)(job_id=job_id, retry_at=utcnow())
    except ConnectorException:
        return False
    return True


def watch(stop: Event, every_seconds: float = EVERY_SECONDS) -> None:
    """Reap until told to stop; a database that is away for a while is waited for."""
    while not stop.wait(every_seconds):
        try:
            reap()
        except (DatabaseError, ConnectorException) as fault:
            _log.warning("reaper: %s", fault)
        finally:
            connections.close_all()


def run() -> int:
    """Watch until SIGTERM or SIGINT. Returns 0."""
    if not apps.ready:
        django.setup()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(stop)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    sys.exit(run())

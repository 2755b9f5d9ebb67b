"""Brings back jobs whose worker died: the queue does not do that by itself, and a job of the queue could be stuck too.

So it is no job: it runs beside the worker, in a thread of its own, in every worker.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from threading import Event

from asgiref.sync import async_to_sync
from django.db import DatabaseError, connections, transaction
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from qosymsha.interfaces.jobs.app import connector

EVERY_SECONDS = 10.0
SILENT_SECONDS = 30.0  # three heartbeats of a worker
MOST_ATTEMPTS = 5  # a job that kills its worker each time is set aside for a person
_queue = JobManager(connector)  # not the app's: while a worker runs, that one lives in the worker's event loop
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reaped:
    """Ids of jobs given back to the queue, and of those set aside as failed."""

    retried: list[int] = field(default_factory=list)
    set_aside: list[int] = field(default_factory=list)


def reap(silent_seconds: float = SILENT_SECONDS) -> Reaped:
    """Give every job of a worker silent for so long back to the queue.

    A job that was begun too often, or whose twin already waits, is set aside as failed.
    """
    reaped = Reaped()
    stalled = async_to_sync(_queue.get_stalled_jobs)(seconds_since_heartbeat=silent_seconds)
    for job in stalled:
        assert job.id is not None, "a stored job has its id"
        back = job.attempts < MOST_ATTEMPTS and _retried(job)
        if not back:
            async_to_sync(_queue.finish_job)(job=job, status=Status.FAILED, delete_job=False)
        (reaped.retried if back else reaped.set_aside).append(job.id)
        done = "again" if back else "set aside"
        _log.warning("reaper: job %s (%s) was left by its worker: %s", job.id, job.task_name, done)
    return reaped


def _retried(job: Job) -> bool:
    """Put a job back; False where its twin already waits (one waiting job for each duty)."""
    try:
        with transaction.atomic():
            async_to_sync(_queue.retry_job)(job)
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

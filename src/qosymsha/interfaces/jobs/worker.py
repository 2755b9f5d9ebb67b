"""The job worker: `qosymsha work`, or `python -m qosymsha.interfaces.jobs.worker`. Ends at SIGTERM, after its jobs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from threading import Event, Thread

import django
from django.apps import apps

from qosymsha.interfaces.jobs.app import app, connector
from qosymsha.interfaces.jobs.hands import longest_held

CONCURRENCY = 3  # so that the checker's minutes do not hold up the audit's chain
GRACE_SECONDS = 8.0  # the supervisor kills after ten
LONGEST_SECONDS = 120.0  # a job that takes longer hangs: no thread can be ended, so the process is, and started anew
_TICK = 1.0
_log = logging.getLogger(__name__)


def run(*, wait: bool = True) -> int:
    """Run due jobs, and the schedule, until a stop signal; with `wait` off, only what is waiting now. Returns 0."""
    if not apps.ready:
        django.setup()
    stop = Event()
    Thread(target=_end_with_a_hanging_job, args=(stop,), name="impatience", daemon=True).start()
    try:
        with app.replace_connector(connector.get_worker_connector()):
            asyncio.run(_work(wait))
    finally:
        stop.set()
    return 0


async def _work(wait: bool) -> None:
    async with app.open_async():
        await app.run_worker_async(
            wait=wait, concurrency=CONCURRENCY, delete_jobs="successful", shutdown_graceful_timeout=GRACE_SECONDS
        )


def _end_with_a_hanging_job(stop: Event) -> None:
    """Kill this process when a job takes too long: its transaction is undone, the reaper gives its jobs back."""
    while not stop.wait(_TICK):
        if longest_held() > LONGEST_SECONDS:
            _log.error("a job takes longer than %.0f s: the worker ends and begins anew", LONGEST_SECONDS)
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    sys.exit(run())

"""The job worker: `qosymsha work`, or `python -m qosymsha.interfaces.jobs.worker`. Ends at SIGTERM, after its jobs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from threading import Event, Thread

import django
from django.apps import apps

from qosymsha.interfaces.jobs import reaper
from qosymsha.interfaces.jobs.app import app, connector

CONCURRENCY = 3  # so that the checker's minutes do not hold up the audit's chain
GRACE_SECONDS = 8.0  # the supervisor kills after ten


def run(*, wait: bool = True) -> int:
    """Run due jobs, and the schedule, until a stop signal; with `wait` off, only what is waiting now. Returns 0."""
    if not apps.ready:
        django.setup()
    stop = Event()
    beside = Thread(target=reaper.watch, args=(stop,), name="reaper", daemon=True)
    beside.start()
    try:
        with app.replace_connector(connector.get_worker_connector()):
            asyncio.run(_work(wait))
    finally:
        stop.set()
        beside.join(timeout=GRACE_SECONDS)
    return 0


async def _work(wait: bool) -> None:
    async with app.open_async():
        await app.run_worker_async(
            wait=wait, concurrency=CONCURRENCY, delete_jobs="successful", shutdown_graceful_timeout=GRACE_SECONDS
        )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    sys.exit(run())

"""The queue as tests see it, and workers and reapers as processes of their own on the tests' database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

SOURCE = Path(__file__).resolve().parents[1]
# A worker whose one duty never ends. `%s`: what to change before it begins.
SLOW_WORKER = """
import django; django.setup()
import time
from qosymsha.interfaces.jobs.app import app
from qosymsha.interfaces.jobs import hands, worker
app.import_paths = []
@app.task(name="qosymsha.expire_accreditations", lock="x")
def slow(timestamp):
    with hands.held(): time.sleep(600)
%s
worker.run()
"""


def jobs() -> list[tuple[str, str, int]]:
    """Task, status and attempts of each job, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, status::text, attempts FROM procrastinate_jobs ORDER BY id")
        return [(str(task), str(status), int(attempts)) for task, status, attempts in cursor.fetchall()]


def child(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A Python process on the tests' database, in a group of its own."""
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    own = {
        "DATABASE_URL": urlunsplit(address),
        "PYTHONPATH": os.pathsep.join([str(SOURCE / "src"), str(SOURCE)]),
        "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
    }
    argv = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(argv, env={**os.environ, **own}, start_new_session=True)


def until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition; a slow machine is no fault, one that never comes is."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, jobs()
        time.sleep(0.05)

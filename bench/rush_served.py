"""What `bench.rush` and the fault runs stand on: a database of their own, the page server on it, forms to send."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench import traffic
from bench.rush_meter import Log
from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.places import places_of
from qosymsha.runtime.postgres import create_database, postmaster_pid, running

Jobs = Sequence[traffic.Job]


@dataclass(frozen=True, slots=True)
class Here:
    """The database of this run: its address, the server's pid, log and pgbench."""

    url: str
    postmaster: int
    log: Log
    pgbench: Path


@contextmanager
def database(state: Path) -> Iterator[Here]:
    """A server and an empty database of this run; Django is pointed at it before anything of the domain is imported."""
    with running(state) as server:
        create_database(server, "rush")
        os.environ |= {"DATABASE_URL": server.url("rush"), "QOSYMSHA_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
        pid = postmaster_pid(state)
        assert pid is not None, "it runs"
        places = places_of(state)
        pgbench = find_binaries(places).folder / "pgbench"
        yield Here(server.url("rush"), pid, Log(server.url("rush"), places.log), pgbench)


@contextmanager
def serving(
    url: str, application: str | None = None, *, workers: int = 0, nice: int = 0
) -> Iterator[tuple[traffic.Address, int]]:
    """The page server on a free port, and its pid, once it answers; `nice`: how far it stands back for others."""
    from qosymsha.interfaces.cli import serve  # noqa: PLC0415 - reads the settings

    port = serve.free_port("127.0.0.1", 0)
    workers = workers or int(os.environ.get("RUSH_WORKERS", "2"))
    command = serve.page_server("127.0.0.1", port, workers, url, application or serve.APPLICATION)
    root = Path(__file__).parents[1]
    env = os.environ | dict(command.env)
    env["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "src"), env["PYTHONPATH"]])
    process = subprocess.Popen(["nice", "-n", str(nice), *command.argv], env=env)
    try:
        _wait_for(port)
        yield ("127.0.0.1", port), process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    for attempt in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ru/", timeout=30).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if attempt == 199:
                raise
            time.sleep(0.1)
        else:
            return


def jobs_of(city: Any, case: str) -> list[traffic.Job]:
    """A request for each family that can make it: `file`, or a place over all groups (`spread`) or in the `hot` one."""
    if case == "file":
        return [_form(city.application(f, uuid4()), f) for f in city.applicants]
    groups = [city.hot] if case == "hot" else city.groups
    return [_form(city.place(f, uuid4(), groups[i * 617 % len(groups)]), f) for i, f in enumerate(city.holders)]


def _form(told: tuple[str, dict[str, str]], family: Any) -> traffic.Job:
    path, fields = told
    return traffic.post(path, fields, family.cookies)

"""`qosymsha serve`: the pages, and the jobs beside them, on a database that is brought along."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
from django.conf import settings
from django.db import connections

from qosymsha.interfaces.cli.out import EXIT_DONE, emit, json_option, remark
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.cli.starting import refuse_unsafe
from qosymsha.interfaces.ui.shedding import Limits, limits
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime import supervisor
from qosymsha.runtime.secrets import is_from_file
from qosymsha.runtime.supervisor import Command

APPLICATION = "qosymsha.config.wsgi:application"
_JOBS, _REAPER = "qosymsha.interfaces.jobs.worker", "qosymsha.interfaces.jobs.reaper"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files (PEM; the key PKCS#8): by which the pages prove themselves, and whose callers alone are answered."""

    certificate: Path
    key: Path
    callers: Path | None = None

    def words(self) -> list[str]:
        """For granian."""
        asked = [] if self.callers is None else ["--ssl-ca", str(self.callers), "--ssl-client-verify"]
        own = ["--ssl-certificate", str(self.certificate), "--ssl-keyfile", str(self.key)]
        return [*own, "--ssl-protocol-min", "tls1.3", *asked]


_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free port.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that serve pages.")
@click.option("--no-work", is_flag=True, help="Pages only; `qosymsha work` runs the jobs elsewhere.")
@click.option("--looks", is_flag=True, help="Public pages only, read only: its database may be a standby.")
@click.option("--tls-certificate", type=_FILE, envvar="QOSYMSHA_TLS_CERTIFICATE", help="TLS 1.3 alone, by this chain.")
@click.option("--tls-key", type=_FILE, envvar="QOSYMSHA_TLS_KEY", help="Its key, PKCS#8.")
@click.option("--tls-callers", type=_FILE, envvar="QOSYMSHA_TLS_CALLERS", help="Answer only those whom this CA knows.")
@json_option
def command(  # noqa: PLR0913 (a verb's options)
    host: str,
    port: int,
    workers: int,
    no_work: bool,
    looks: bool,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_callers: Path | None,
    as_json: bool,
) -> int:
    """Serve the pages until Ctrl-C; starts the embedded database where DATABASE_URL is not set.

    The address is printed once the port is free to take. Pages and jobs live and end together, with everything they
    started. To be reached from other computers put a proxy with TLS in front and name its hosts in QOSYMSHA_HOSTS;
    where the proxy stands on another machine, give the pages a certificate too.

    \b
    Examples:
      qosymsha serve
      qosymsha serve --port 8080 --no-work
      qosymsha serve --looks --port 8001        beside the first, for what anyone may look at
      qosymsha --demo serve                     the demo's city
    """
    tls = tls_of(tls_certificate, tls_key, tls_callers)
    with database(migrate=not looks):
        refuse_unsafe()
        if looks:
            os.environ["QOSYMSHA_LOOKS"] = "1"
        with_work = not (no_work or looks)
        return serve_until_stopped(host=host, port=port, workers=workers, with_work=with_work, tls=tls, as_json=as_json)


def tls_of(certificate: Path | None, key: Path | None, callers: Path | None) -> Tls | None:
    """What was asked for; None for plain HTTP.

    Raises:
        BadInput: half of it.
    """
    if certificate is not None and key is not None:
        return Tls(certificate, key, callers)
    if certificate is None and key is None and callers is None:
        return None
    raise BadInput("--tls-certificate", "give a certificate and its key together, and callers only with both")


def serve_until_stopped(  # noqa: PLR0913 (where, how many, with what)
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 2,
    with_work: bool = False,
    tls: Tls | None = None,
    as_json: bool = False,
) -> int:
    """Say the address, serve the database that is connected now, and return a status when asked to stop.

    Raises:
        BadInput: the port is taken.
    """
    port, url = free_port(host, port), os.environ["DATABASE_URL"]
    connections.close_all()  # the children have their own
    address = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}/"
    told = {"address": address, "pid": os.getpid()}
    emit(told, as_json=as_json, text=lambda: [f"Serving {address}  (Ctrl-C ends)"])
    sys.stdout.flush()
    return (
        supervisor.run([page_server(host, port, workers, url, tls=tls), *(work_commands(url) if with_work else [])])
        or EXIT_DONE
    )


def page_server(  # noqa: PLR0913 (where, how many, on what, of whom)
    host: str, port: int, workers: int, url: str, application: str = APPLICATION, *, tls: Tls | None = None
) -> Command:
    """The page server: a process a core, and in each as many threads as may be at work or stand in line."""
    given = limits()
    argv = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", str(given.threads), "--blocking-threads-idle-timeout", "600"),
        *("--backlog", "4096", "--backpressure", "2048", "--log-level", "error"),
        *(tls.words() if tls else ()),
        application,
    ]
    return Command("pages", argv, environment(url) | {"QOSYMSHA_POOL": str(_connections(given))})


def _connections(given: Limits) -> int:
    """Connections of one worker: one for each request at work, and some for answers still on their way out."""
    return 2 * given.places + 4 if given.places else 16


def work_commands(url: str) -> list[Command]:
    """The job worker and, outside it, the reaper of what it leaves: programs of their own, where there are any."""
    if find_spec(_JOBS) is None:
        remark("no job worker is installed: pages only")
        return []
    programs = {"jobs": _JOBS, "reaper": _REAPER}
    return [Command(name, [sys.executable, "-m", module], environment(url)) for name, module in programs.items()]


def environment(url: str) -> dict[str, str]:
    """What a child program needs to be on the same database in the same mode."""
    # One that a file gives is read from there by each child; one made up for this run all of them must share.
    key = {} if is_from_file("QOSYMSHA_SECRET_KEY") else {"QOSYMSHA_SECRET_KEY": settings.SECRET_KEY}
    return key | {
        "DATABASE_URL": url,
        "QOSYMSHA_MODE": settings.MODE,
        "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def free_port(host: str, port: int) -> int:
    """The port, or any free one for 0.

    Raises:
        BadInput: the address is not ours or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "is no address"
        raise BadInput("--port", f"{host}:{port} cannot be taken ({str(reason).lower()}); name another") from error

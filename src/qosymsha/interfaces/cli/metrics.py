"""`qosymsha metrics`: figures of the house in Prometheus' text form, for this machine alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import click
from django.db import Error, connections

from qosymsha.domain.casework.queries.unguarded import unguarded_everywhere
from qosymsha.domain.erasure import queries as erasure
from qosymsha.domain.insights.queries import machine as machines
from qosymsha.domain.insights.queries.standing import standings
from qosymsha.interfaces.cli.out import EXIT_DONE, emit, json_option
from qosymsha.interfaces.cli.serve import free_port
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.ui import meters
from qosymsha.interfaces.ui.build import build_id
from qosymsha.kernel.clock import local_day

KIND = "text/plain; version=0.0.4; charset=utf-8"
LOCAL = "127.0.0.1"


@click.command(name="metrics")
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True, help="0 takes any free port.")
@click.option("--once", is_flag=True, help="Print the figures and end.")
@json_option
def command(port: int, once: bool, as_json: bool) -> int:
    """Give requests, sheds, jobs, news, invariants, the ledger's day in Prometheus' text form.

    Listens on this machine's own address only (127.0.0.1), on a port apart from the pages: no proxy leads there, and
    no figure names a person. Run it beside `qosymsha serve` with the same QOSYMSHA_STATE, or the requests are missing.

    \b
    Examples:
      qosymsha metrics --once
      qosymsha metrics --port 9464
    """
    with database(migrate=False):
        if once:
            text = metrics()
            emit({"metrics": text}, as_json=as_json, text=lambda: text.splitlines())
            return EXIT_DONE
        port = free_port(LOCAL, port)
        connections.close_all()  # each answer has its own, and gives it back
        emit({"address": f"http://{LOCAL}:{port}/metrics"}, as_json=as_json, text=lambda: [f"Metrics on {port}"])
        serve(port)
    return EXIT_DONE


def serve(port: int) -> None:
    """Answer until Ctrl-C."""
    with ThreadingHTTPServer((LOCAL, port), Metrics) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


class Metrics(BaseHTTPRequestHandler):
    """GET /metrics, nothing else; a database that does not answer is a figure, not a fault."""

    server_version = "qosymsha"
    sys_version = ""

    def do_GET(self) -> None:
        """The figures."""
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            body = metrics().encode()
        finally:
            connections.close_all()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", KIND)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a scrape every few seconds would drown the journal."""


def metrics() -> str:
    """All figures as text."""
    return "".join(f"{line}\n" for line in (*_of_pages(), *_of_database()))


def _of_pages() -> Iterator[str]:
    found = meters.totals()
    yield from _head("build_info", "gauge", "Which build runs.")
    yield f'qosymsha_build_info{{build="{build_id()}"}} 1'
    yield from _head("requests_total", "counter", "Answers by door and kind; 503 stands apart.")
    for name, value in found.items():
        what, _, rest = name.partition("/")
        if what == "requests":
            door, _, kind = rest.partition("/")
            yield f'qosymsha_requests_total{{door="{door}",status="{kind}"}} {value}'
    yield from _head("request_seconds", "histogram", "How long answers took, without waiting in the line.")
    below = 0
    for bound in meters.BOUNDS_MS:
        below += found[f"took/{bound}"]
        yield f'qosymsha_request_seconds_bucket{{le="{bound / 1000:g}"}} {below}'
    below += found["took/more"]
    yield f'qosymsha_request_seconds_bucket{{le="+Inf"}} {below}'
    yield f"qosymsha_request_seconds_sum {found[meters.MILLISECONDS] / 1000:g}"
    yield f"qosymsha_request_seconds_count {below}"
    yield from _one("shed_total", "counter", "Requests sent away by the line (503).", found[meters.SHED])
    yield from _head("duties_total", "counter", "Duties of the clock by how they ended.")
    for ended in ("done", "failed"):
        yield f'qosymsha_duties_total{{ended="{ended}"}} {found[f"duties/{ended}"]}'


def _of_database() -> Iterator[str]:
    try:
        stands, promises = machines.machine(), standings()
    except Error:
        yield from _one("database_up", "gauge", "1 where the database answers.", 0)
        return
    looked = max((look.at for one in promises for look in one.looks), default=None)
    red = sum(one.is_green is False for one in promises)
    days: int = -1 if stands.money_day is None else (stands.at.date() - stands.money_day).days
    last = erasure.last_run()
    erased: int = -1 if last is None else (local_day(stands.at) - last.on).days
    unguarded = unguarded_everywhere(local_day(stands.at))
    figures: tuple[tuple[str, str, float], ...] = (
        ("database_up", "1 where the database answers.", 1),
        ("database_bytes", "Size of the database.", stands.size_bytes),
        ("database_connections", "Connections to this database.", stands.connections),
        ("database_connections_most", "Connections that the server allows.", stands.connections_most),
        ("database_standbys", "Standbys that receive the log.", stands.standbys),
        ("jobs_waiting", "Jobs that are due.", stands.jobs_waiting),
        ("jobs_stuck", "Jobs in hands that have not let go for three minutes.", stands.jobs_stuck),
        ("jobs_failed", "Jobs set aside within a day.", stands.jobs_failed),
        ("jobs_started_seconds", "Since a job was last begun; -1: not within a day.", _age(stands.at, stands.jobs_at)),
        ("news_unread", "Outbox rows that some reader has not read.", stands.news_unread),
        ("events_unlinked", "Audit events without their link.", stands.events_unlinked),
        ("invariants_red", "Promises that are red.", red),
        ("invariants_looked_seconds", "Since the checker last looked; -1: never.", _age(stands.at, looked)),
        ("ledger_day_age_days", "Since the last day that was sealed; -1: none.", days),
        ("ledger_differences", "Differences in the last sealed day: must be 0.", stands.money_differences),
        ("erasing_age_days", "Since everybody due was last erased; -1: never.", erased),
        ("children_unguarded", "Children for whom nobody speaks and who hold something.", unguarded),
        ("troubles", "Things that the office's page shows as wrong.", len(machines.troubles(stands, looked)) + red),
    )
    for name, what, value in figures:
        yield from _one(name, "gauge", what, value)


def _age(at: datetime, since: datetime | None) -> float:
    return -1 if since is None else round((at - since).total_seconds(), 1)


def _one(name: str, kind: str, what: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, what)
    yield f"qosymsha_{name} {value:g}" if isinstance(value, float) else f"qosymsha_{name} {value}"


def _head(name: str, kind: str, what: str) -> Iterator[str]:
    yield f"# HELP qosymsha_{name} {what}"
    yield f"# TYPE qosymsha_{name} {kind}"

"""`qosymsha backup`: base copies and the log since, a restore to any second, and the drill that proves it."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from django.db import connection

from qosymsha.domain.insights.queries import checked
from qosymsha.domain.insights.rules import PROMISES, Span
from qosymsha.domain.witness import queries as witness
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option
from qosymsha.interfaces.cli.session import connected, database
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime import backups, postgres, supervisor
from qosymsha.runtime.backups import Base
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.supervisor import Command

_WHERE = click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
_OUTSIDE = {"INV-18"}  # looks at checkpoints up to now; the drill looks at those up to its instant
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill found: the instant restored to (None: the end of the log), seconds, and what was wrong."""

    at: datetime | None
    base: Base
    restore_seconds: float
    check_seconds: float
    findings: list[str]
    links: int


@click.group(name="backup")
def command() -> None:
    """Copies outside the database's disk, and the proof that they bring it back.

    \b
    Examples:
      qosymsha backup receive /backups/city        (leave it running)
      qosymsha backup take /backups/city           (every night)
      qosymsha backup drill /backups/city          (every day)
    """


@command.command()
@_WHERE
@json_option
def take(folder: Path, as_json: bool) -> int:
    """Copy the whole server into FOLDER while it runs, and check every file of the copy.

    \b
    Examples:
      qosymsha backup take /backups/city
    """
    with database(migrate=False) as url:
        base = backups.take(url, folder.absolute())
    told = {"base": str(base.path), "since": base.since.isoformat()}
    emit(told, as_json=as_json, text=lambda: [f"{base.path.name}: restores to {moment(base.since)} and later"])
    return EXIT_DONE


@command.command()
@_WHERE
@click.option("--strict", is_flag=True, help="Nothing is answered before the log is in FOLDER too.")
@json_option
def receive(folder: Path, strict: bool, as_json: bool) -> int:
    """Receive the log into FOLDER as it is written, until Ctrl-C; started again when it dies.

    With --strict the server waits for FOLDER's disk before it answers anybody. While nothing receives, it then answers
    nobody: that is what lossless means. Ending this verb in good order lifts it. In a cluster standbys do this.

    \b
    Examples:
      qosymsha backup receive /mnt/other-disk/city --strict
    """
    folder = folder.absolute()
    with database(migrate=False) as url:
        backups.receiver(url, folder)  # what the server refuses is told at once
        argv = [sys.executable, "-m", "qosymsha.runtime.receiving", url, str(folder)]
        told = {"wal": str(folder / "wal"), "strict": strict}
        emit(told, as_json=as_json, text=lambda: [f"receiving into {told['wal']}; Ctrl-C ends"])
        sys.stdout.flush()
        if strict:
            backups.wait_for_receiver(url, is_strict=True)
        try:
            path = {"PYTHONPATH": os.pathsep.join(sys.path)}
            return supervisor.run([Command("log receiver", argv, path)]) or EXIT_DONE
        finally:
            if strict:
                backups.wait_for_receiver(url, is_strict=False)


@command.command(name="list")
@_WHERE
@json_option
def listed(folder: Path, as_json: bool) -> int:
    """Say what FOLDER can bring back.

    \b
    Examples:
      qosymsha backup list /backups/city
    """
    found = backups.bases(folder)
    told = {"bases": [{"path": str(one.path), "since": one.since.isoformat()} for one in found]}
    lines = [f"{one.path.name}: {moment(one.since)} and later" for one in found] or [
        "no base copy: `qosymsha backup take`"
    ]
    emit(told, as_json=as_json, text=lambda: lines)
    return EXIT_DONE


@command.command()
@_WHERE
@click.option("--into", type=click.Path(path_type=Path), required=True, help="An empty state folder (QOSYMSHA_STATE).")
@click.option("--at", "instant", help="To this instant (2026-11-22T07:59:00+05:00); else to the end of the log.")
@json_option
def restore(folder: Path, into: Path, instant: str | None, as_json: bool) -> int:
    """Lay out an embedded server in the state folder INTO as it stood at an instant; then look at it and use it.

    The database that runs is not touched. Own servers: the same files, started by your own PostgreSQL.

    \b
    Examples:
      qosymsha backup restore /backups/city --into /var/lib/qosymsha/restored --at 2026-11-22T07:59:00+05:00
      QOSYMSHA_STATE=/var/lib/qosymsha/restored qosymsha doctor
    """
    at = _instant(instant)
    started = time.perf_counter()
    backups.restore(folder.absolute(), into.absolute(), at)
    with postgres.running(into.absolute()) as server:
        backups.own(server)
        seconds = time.perf_counter() - started
    told = {"state": str(into), "seconds": round(seconds, 1)}
    said = f"{into} stands as at {moment(at) if at else 'the end of the log'} ({seconds:.1f} s)"
    emit(told, as_json=as_json, text=lambda: [said, f"next: QOSYMSHA_STATE={into} qosymsha doctor"])
    return EXIT_DONE


@command.command()
@_WHERE
@click.option("--days", type=click.IntRange(1), default=30, show_default=True, help="How far back one may go.")
@json_option
def prune(folder: Path, days: int, as_json: bool) -> int:
    """Remove copies and log that no restore of the last days needs.

    \b
    Examples:
      qosymsha backup prune /backups/city --days 30
    """
    removed = backups.prune(folder.absolute(), datetime.now(UTC) - timedelta(days=days))
    told = {"removed": [str(path) for path in removed]}
    emit(told, as_json=as_json, text=lambda: [f"{len(removed)} files and folders removed"])
    return EXIT_DONE


@command.command()
@_WHERE
@click.option("--at", "instant", help="To this instant; else to a random second of the log.")
@json_option
def drill(folder: Path, instant: str | None, as_json: bool) -> int:
    """Restore to a random second beside the city, check invariants, audit and checkpoints there, remove it again.

    Exit status 1 where anything is wrong. Where the city's database does not answer, to the end of the log.

    \b
    Examples:
      qosymsha backup drill /backups/city --json
    """
    folder = folder.absolute()
    found = drilled(folder, _instant(instant))
    emit(_told(found), as_json=as_json, text=lambda: _text(found))
    return EXIT_FINDING if found.findings else EXIT_DONE


def drilled(folder: Path, at: datetime | None = None) -> Drill:
    """Restore, check, remove."""
    kept = backups.bases(folder)
    if not kept:
        raise EnvironmentFault(f"{folder} holds no base copy: `qosymsha backup take {folder}` makes one")
    name, now = _end_of_log(kept[0].since)
    if at is None and now is not None:
        at = kept[0].since + timedelta(seconds=secrets.randbelow(max(int((now - kept[0].since).total_seconds()), 1)))
    base = next((one for one in reversed(kept) if at is None or one.since <= at), kept[0])
    with _scratch() as state:
        started = time.perf_counter()
        backups.restore(folder, state, at)
        with postgres.running(state) as server:
            backups.own(server)
            restored = time.perf_counter()
            with connected(server.url(name)):
                findings, links = _findings(at), witness.length()
    return Drill(at, base, restored - started, time.perf_counter() - restored, findings, links)


def _end_of_log(since: datetime) -> tuple[str, datetime | None]:
    """The database's name, and an instant that the received log reaches; None where the city does not answer.

    Asks no table: a cluster's machine for copies comes by a role that may read none.

    A mark is written into the log, so that there is a commit after every instant we may ask for.
    """
    outside = os.environ.get("DATABASE_URL", "")
    try:
        with database(migrate=False) as url:
            name = connection.settings_dict["NAME"]
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp(), pg_logical_emit_message(true, 'qosymsha', 'drill')")
                (now, _) = cursor.fetchone()
            _wait_for_log(url)
    except EnvironmentFault:
        return urlsplit(outside).path.lstrip("/") or "qosymsha", None
    return str(name), max(now, since)


def _wait_for_log(url: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        is_active, behind = backups.received(url)
        if is_active and behind <= 0:
            return
        if time.monotonic() > until:
            said = f"is {behind:,} bytes behind" if is_active else "does not run"
            raise BadInput("FOLDER", f"the log's receiver {said}: leave `qosymsha backup receive` running")
        time.sleep(0.1)


def _findings(at: datetime | None) -> list[str]:
    """What is wrong in the database that is connected now."""
    asked = [promise.id for promise in PROMISES if promise.id not in _OUTSIDE]
    results = [result for result, _ in checked(Span.FULL, clock.read(), asked)]
    wrong = [f"{one.id}: {one.violations} violations, such as {one.examples[:3]}" for one in results if not one.ok]
    return wrong + [fault.what for fault in witness.chain_faults(until=at)]


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="qosymsha-drill-"))
    folder.chmod(0o711)  # the server's user passes through; what is inside is closed
    try:
        yield folder / "state"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _instant(typed: str | None) -> datetime | None:
    if typed is None:
        return None
    try:
        found = datetime.fromisoformat(typed)
    except ValueError as error:
        raise BadInput("--at", f"{typed} is no instant; write 2026-11-22T07:59:00+05:00") from error
    return found if found.tzinfo else found.replace(tzinfo=clock.ZONE)


def _told(found: Drill) -> dict[str, Any]:
    return {
        "ok": not found.findings,
        "at": found.at.isoformat() if found.at else None,
        "base": found.base.path.name,
        "restore_seconds": round(found.restore_seconds, 1),
        "check_seconds": round(found.check_seconds, 1),
        "links": found.links,
        "findings": found.findings,
    }


def _text(found: Drill) -> list[str]:
    whence = moment(found.at) if found.at else "the end of the log"
    head = f"restored to {whence} from {found.base.path.name} in {found.restore_seconds:.1f} s"
    looked = f"invariants, {found.links:,} audit links and their checkpoints looked at in {found.check_seconds:.1f} s"
    return [head, looked, *(f"WRONG  {one}" for one in found.findings), "all right" if not found.findings else ""]

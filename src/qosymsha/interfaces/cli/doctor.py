"""`qosymsha doctor`: what is wrong with this installation, and what to do about each thing."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from os import W_OK, access

import click
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from qosymsha import __version__
from qosymsha.domain.erasure import queries as erasure
from qosymsha.domain.errands.rules import LONGEST_SECONDS as LONGEST_ERRAND
from qosymsha.domain.errands.rules import TASK as ERRAND
from qosymsha.domain.insights.queries import checked
from qosymsha.domain.insights.queries.standing import Standing, standings
from qosymsha.domain.insights.rules import PROMISES, Span
from qosymsha.domain.keeping.rules import Term
from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.people import watched
from qosymsha.domain.settlement.rules.file_signature import signed
from qosymsha.domain.witness import store
from qosymsha.interfaces.cli import rights
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.cli.doctor_keys import keys_line
from qosymsha.interfaces.cli.doctor_notices import OPTIONAL_WAYS, notice_lines
from qosymsha.interfaces.cli.doctor_scanner import NAME as SCANNER
from qosymsha.interfaces.cli.doctor_scanner import scanner_line
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option, tracked
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock
from qosymsha.kernel.errors import NotConfigured
from qosymsha.runtime.places import places_of
from qosymsha.runtime.secrets import secret

OLDEST_SERVER = 160_000
_NIGHTS = 3  # that the erasing may miss
OPTIONAL = frozenset({"codes", SCANNER, *OPTIONAL_WAYS})
_SUMMER_HOURS = {2023: 6, 2026: 5}  # all of Kazakhstan is UTC+5 since 1 March 2024 (DOMAIN.md 9)
_SAFE = {"fsync": {"on"}, "full_page_writes": {"on"}, "data_checksums": {"on"}}
_WAITS_FOR_DISK = {"on", "local", "remote_write", "remote_apply"}
_LINK = """
SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
       inet_server_addr() IS NULL OR inet_server_addr() << '127.0.0.0/8' OR inet_server_addr() = '::1'"""
_STANDBYS = """
SELECT current_setting('synchronous_standby_names'), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
       count(*) FILTER (WHERE sync_state IS NULL) FROM pg_stat_replication"""
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
_REST = """
SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' ORDER BY 1"""

_FAILED = """
SELECT j.task_name, count(*) FROM procrastinate_jobs j WHERE j.status = 'failed' AND EXISTS (
    SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'failed' AND e.at > now() - interval '1 day')
 GROUP BY 1 ORDER BY 1"""
_STUCK = """
SELECT j.id, j.task_name FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS (
    SELECT FROM procrastinate_events e
     WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - interval '3 minutes'
           - make_interval(secs => CASE WHEN j.task_name = %s THEN %s ELSE 0 END)) ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: is it right, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    advice: str = ""


@click.command(name="doctor")
@click.option("--quick", is_flag=True, help="Leave the invariants out: they read the whole database.")
@json_option
def command(quick: bool, as_json: bool) -> int:
    """Look at versions, mode and keys, the server's settings, time zones, migrations, partitions and invariants.

    Changes nothing. Each finding says what to do; exit status 1 where there is one, 3 where no database answers.

    \b
    Examples:
      qosymsha doctor
      qosymsha doctor --quick --json
      qosymsha --demo doctor            the demo's database
    """
    with database(migrate=False):
        checks = _looked(quick)
    findings = [check for check in checks if not check.ok]
    result = {"ok": not findings, "checks": [asdict(check) for check in checks]}
    emit(result, as_json=as_json, text=lambda: _text(checks))
    return EXIT_FINDING if findings else EXIT_DONE


def _looked(quick: bool) -> list[Check]:
    parts: list[Callable[[], Iterator[Check]]] = [_versions, _mode, link_checks, server_checks, zone_checks]
    checks = [check for part in parts for check in part()]
    unapplied = _unapplied()
    checks.append(
        Check(
            "migrations",
            not unapplied,
            f"{len(unapplied)} not applied" if unapplied else "all applied",
            "run `qosymsha migrate`: it brings the tables up to date while everybody goes on",
        )
    )
    if unapplied:  # the rest asks tables that may not be there yet
        return checks
    checks += [standby_check(), *_partitions(), *jobs_checks(), *_alarms(), *notice_checks(), Check(*scanner_line())]
    checks += [Check(*keys_line()), *_checkpoints(), *erasing_checks(), *_shift()]
    return checks if quick else checks + list(_invariants())


def _versions() -> Iterator[Check]:
    yield Check("qosymsha", True, __version__)
    yield Check("python", True, platform.python_version())
    yield Check(
        "libraries", True, f"Django {version('Django')}, psycopg {version('psycopg')}, tzdata {version('tzdata')}"
    )
    number = connection.cursor().connection.info.server_version
    yield Check(
        "server", number >= OLDEST_SERVER, f"PostgreSQL {number // 10_000}.{number % 10_000}", "use 16 or newer"
    )


def _mode() -> Iterator[Check]:
    yield Check("mode", True, settings.MODE)
    if not settings.PRODUCTION:
        return
    for name, is_set in (
        ("QOSYMSHA_SECRET_KEYS", bool(settings.SECRET_KEYS)),
        ("QOSYMSHA_LOOKUP_KEY", bool(settings.LOOKUP_KEY)),
        ("QOSYMSHA_SECRET_KEY", bool(secret("QOSYMSHA_SECRET_KEY"))),
        ("QOSYMSHA_CHECKPOINT_KEY", bool(settings.CHECKPOINT_KEY)),
        *(
            (f"QOSYMSHA_{port.upper()}", bool(adapter))
            for port, adapter in settings.ADAPTERS.items()
            if port not in OPTIONAL
        ),
    ):
        yield Check(name, is_set, "set" if is_set else "not set", f"set {name}; docs/guides/operator.md says how")
    yield from _strength()
    fakes = [port for port, adapter in settings.ADAPTERS.items() if ".fake:" in adapter]
    yield Check(
        "adapters", not fakes, f"fakes: {', '.join(fakes)}" if fakes else "real", "name a real adapter for each"
    )


def _strength() -> Iterator[Check]:
    """The key of payment files, whose public part the treasury needs; exceptions of decision 0058 that were made."""
    key = settings.PAYMENT_KEY
    found = f"set; the treasury checks files by {signed(b'', key).public.hex()}" if key else "not set"
    name = "QOSYMSHA_PAYMENT_KEY"
    yield Check(name, bool(key), found, f"set {name}, or no payment file is drawn; docs/guides/operator.md says how")
    made = {
        "families by one factor": settings.TWO_FACTORS == "staff",
        "an app's code for 60 s": settings.APP_CODE_BEFORE,
        f"RSA of {settings.RSA_BITS} bits": settings.RSA_BITS < 3072,
    }
    told = ", ".join(what for what, is_made in made.items() if is_made)
    yield Check("exceptions", True, f"{told}: to be signed, docs/security/known-limits.md" if told else "none")


def link_checks() -> Iterator[Check]:
    """Whether what leaves this machine is encrypted: the pages' own address, the way to the database."""
    address = settings.PUBLIC_ADDRESS
    is_right = address.startswith("https://") or not settings.PRODUCTION
    advice = "set QOSYMSHA_ADDRESS=https://… and a proxy with TLS in front; docs/security/tls.md"
    yield Check("address", is_right, address or "not set", advice)
    with connection.cursor() as cursor:
        cursor.execute(_LINK)
        is_encrypted, is_local = cursor.fetchone()
    found = "encrypted" if is_encrypted else "on this machine" if is_local else "plain, to another machine"
    role = connection.cursor().connection.info.user
    is_own = connection.settings_dict["HOST"] == str(places_of().socket_dir)
    more = rights.faults(role) if settings.PRODUCTION and not is_own else []
    advice = "run `qosymsha migrate` with QOSYMSHA_OWNER_URL, another role in DATABASE_URL; deploy/README.md"
    works = "works with rows alone" if settings.PRODUCTION else "not looked at: fit for invented people only"
    if settings.PRODUCTION and is_own:
        works = "owns the server brought along: to be signed, docs/security/known-limits.md"
    yield Check("database role", not more, f"{role} {'; '.join(more[:5]) or works}", advice)
    advice = "set PGSSLMODE=verify-full and PGSSLROOTCERT; docs/security/tls.md"
    yield Check("database link", is_encrypted or is_local or not settings.PRODUCTION, found, advice)


def server_checks() -> Iterator[Check]:
    """Whether what was answered is on a disk, whole, and stays readable."""
    names = [*_SAFE, "synchronous_commit"]
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS, [names])
        found = dict(cursor.fetchall())
    advice = {
        "fsync": "set fsync = on: a power cut would lose or break data",
        "full_page_writes": "set full_page_writes = on: a power cut could tear pages",
        "data_checksums": "stop the server and run pg_checksums --enable: bit rot would go unseen",
    }
    for name, safe in _SAFE.items():
        setting = found.get(name, "unknown")
        yield Check(name, setting in safe, setting, advice[name])
    setting = found.get("synchronous_commit", "unknown")
    told = "set synchronous_commit = on: an answered application could be lost in a crash"
    yield Check("synchronous_commit", setting in _WAITS_FOR_DISK, setting, told)


def standby_check() -> Check:
    """Where each change waits for another disk: whether one is there. Without, all reading goes on and nothing is kept.

    A role that may not see it (`sync_state` is closed to it) is told nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDBYS)
        names, standing, hidden = cursor.fetchone()
    told = f"each change waits for {names}" if names else "no change waits for another disk"
    if not names or standing or hidden:
        return Check("standbys", True, told)
    advice = "start `qosymsha backup receive`, or the standbys: until then nobody is answered; backup-and-restore.md"
    return Check("standbys", False, f"{told}, and it is not there", advice)


def zone_checks() -> Iterator[Check]:
    """Old time-zone data would shift every day's border by an hour, silently."""
    instants = {year: datetime(year, 7, 1, 12, tzinfo=UTC) for year in _SUMMER_HOURS}
    for year, instant in instants.items():
        offset = instant.astimezone(clock.ZONE).utcoffset()
        hours = None if offset is None else offset.total_seconds() / 3600
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(hour FROM %s::timestamptz AT TIME ZONE 'Asia/Almaty') - 12", [instant])
            (server_hours,) = cursor.fetchone()
        is_right = hours == float(server_hours) == _SUMMER_HOURS[year]
        found = f"Python +{hours:g}, server +{float(server_hours):g}" if hours is not None else "unknown"
        advice = "renew the time-zone data (2024a or newer) of Python's tzdata and of the database server"
        yield Check(f"Asia/Almaty in July {year}", is_right, found, advice)


def _unapplied() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _ in plan]


def _partitions() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute(_REST)
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM ONLY {table})")  # noqa: S608 - a name from the catalogue
            (has_rows,) = cursor.fetchone()
            advice = (
                "rows fell outside the months made ahead: let `qosymsha work` run, and see the runbook on partitions"
            )
            yield Check(f"partition {table}", not has_rows, "holds rows" if has_rows else "empty", advice)


def jobs_checks() -> Iterator[Check]:
    """Jobs that failed or were set aside within the last day, and jobs in hands that do not let go."""
    with connection.cursor() as cursor:
        cursor.execute(_FAILED)
        failed = [f"{name} ×{times}" for name, times in cursor.fetchall()]
        cursor.execute(_STUCK, [ERRAND, LONGEST_ERRAND])
        stuck = [f"{name} ({job_id})" for job_id, name in cursor.fetchall()]
    advice = "see the log of `qosymsha work`; a duty is tried again at its next time, docs/runbooks/jobs.md says which"
    yield Check("jobs set aside", not failed, ", ".join(failed) or "none within a day", advice)
    advice = "let `qosymsha serve` or `qosymsha work` run: its reaper gives them back within three minutes"
    yield Check("jobs stuck", not stuck, ", ".join(stuck) or "none", advice)


def _alarms() -> Iterator[Check]:
    """Honeytokens read, accounts stopped, guessing: of the last day, for a person to look at."""
    found = Counter(one.kind for one in watched.alarms(actor=HAND, since=clock.read() - timedelta(days=1)))
    told = ", ".join(f"{kind} ×{times}" for kind, times in sorted(found.items()))
    advice = "see `qosymsha guard alarms` or the auditor's page, and ask the account's owner; it stays for a day"
    yield Check("alarms", not found, told or "none within a day", advice)


def notice_checks() -> Iterator[Check]:
    """News that waits to be told, ways out that fail: what is wrong with the notices, and what to do."""
    for line in notice_lines():
        yield Check(*line)


def _checkpoints() -> Iterator[Check]:
    """The witness outside the database: a folder that is named, can be written and can be read by our key."""
    advice = "name a folder on another disk in QOSYMSHA_CHECKPOINTS, with its key; docs/guides/operator.md says how"
    where = store.folder()
    if where is None:
        yield Check("checkpoints", not settings.PRODUCTION, "no folder is named", advice)
        return
    beside = next((folder for folder in (where, *where.parents) if folder.is_dir()), where)
    if not access(beside, W_OK):
        yield Check("checkpoints", False, f"{where} cannot be written", advice)
        return
    if not settings.CHECKPOINT_KEY:
        yield Check("checkpoints", False, "no key", advice)
        return
    last = store.files(where)[-1:]
    is_ours = all(store.one(path).checkpoint for path in last)
    told = f"{len(store.files(where))} kept" if is_ours else f"{last[0].name} is not signed by our key"
    yield Check("checkpoints", is_ours, told, "run `qosymsha audit verify`: it names what was changed, and where")


def erasing_checks() -> Iterator[Check]:
    """The installation's own periods, whether the nights erase, whether anybody is past their time and three nights."""
    at, advice = clock.read(), "let `qosymsha work` run, then see `qosymsha retention show`; docs/runbooks/jobs.md"
    try:
        terms()
    except NotConfigured as fault:
        yield Check("retention", False, str(fault), "mend the file; nobody is erased until then")
        return
    last = erasure.last_run()
    since = last.at if last else _made_at()
    is_fresh = settings.DEMO or since is None or at - since < timedelta(days=_NIGHTS)
    found = f"everybody due was erased on {last.on}" if last else "no night has ended yet"
    yield Check("erasing", is_fresh, found, advice)
    late = erasure.overdue(at, Term(days=_NIGHTS))
    told = ", ".join(f"{kind} ×{n}" for kind, n in late.items())
    yield Check("persons past their time", settings.DEMO or not late, told or "none", advice)


def _made_at() -> datetime | None:
    """When this database learned to erase: before that no night can have ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(applied) FROM django_migrations WHERE app = 'erasure'")
        (applied,) = cursor.fetchone()
    return applied if isinstance(applied, datetime) else None


def _shift() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT by_interval FROM clock_shift")
        row = cursor.fetchone()
    is_right = row is None or settings.DEMO
    advice = "this database was made by the demo: every date in it is played; never use it for a city"
    yield Check("clock", is_right, "the database's own" if row is None else f"played, by {row[0]}", advice)


def _invariants() -> Iterator[Check]:
    """Everything, now; and beside it when the jobs have looked last, as the status page says it."""
    stood = {one.invariant: one for one in standings()}
    for promise, (result, _) in zip(tracked(PROMISES, "invariants"), checked(Span.FULL, clock.read()), strict=True):
        found = promise.en if result.ok else f"{result.violations} violations of: {promise.en}"
        examples = ", ".join(result.examples[:5])
        advice = f"look at {examples}; stop payments until it is explained: docs/runbooks/invariant-is-red.md"
        told = f"not checked here: {result.not_applicable}" if result.not_applicable else found
        yield Check(promise.id, result.ok, told + _looked_at(stood[promise.id]), advice)


def _looked_at(one: Standing) -> str:
    looks = ((name, look) for name, look in (("changes", one.minute), ("everything", one.full)) if look)
    said = [f"{name} {moment(look.at)}{f' RED: {look.violations}' if look.violations else ''}" for name, look in looks]
    return f" ({', '.join(said)})" if said else ""


def _text(checks: list[Check]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"{'ok   ' if check.ok else 'WRONG'} {check.name}: {check.found}")
        if not check.ok:
            lines.append(f"      what to do: {check.advice}")
    wrong = sum(not check.ok for check in checks)
    return [
        *lines,
        f"{wrong} of {len(checks)} checks found something" if wrong else f"All {len(checks)} checks are fine",
    ]

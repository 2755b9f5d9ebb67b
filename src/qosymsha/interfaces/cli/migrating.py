"""Bringing the tables up to date while the city works: short waits for locks, tries again, one node at a time.

A change of a table waits for whoever reads it; whoever comes after waits behind the change. So a change waits 0.3 s at
most, lets everybody pass, and tries again. What it once holds it holds for its statements alone: what Django computes
for them is computed before. What a migration may hold: docs/runbooks/upgrade.md.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from psycopg import errors

from qosymsha.runtime.errors import EnvironmentFault

PATIENCE = 600.0  # seconds for one migration, all its tries together
LOCK_WAIT = "300ms"
_PAUSES = (0.3, 1.0)  # between tries, drawn anew each time; twice as long after each, at most `_LONGEST`
_LONGEST = 5.0
_ALONE = 0x716F73796D736861  # an advisory lock's number: whoever migrates
_IN_THE_WAY = """
SELECT format('pid %s (%s), in a transaction for %s s', pid, coalesce(nullif(application_name, ''), usename),
              extract(epoch FROM now() - xact_start)::int)
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
 ORDER BY xact_start LIMIT 3"""


class Rehearsed(MigrationExecutor):
    """Plays a migration once all its states are computed, and writes down that it did in the same transaction.

    Django computes them between the operations, while the first one's locks are held: a tenth of a second for each
    with as many models as ours, seconds for a large migration. Going back, it does as we do.
    """

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """As Django's; one that says `atomic = False` is left to Django."""
        if fake or not migration.atomic:
            return super().apply_migration(state, migration, fake, fake_initial)
        steps = _rehearsed(migration, state)
        with self.connection.schema_editor(atomic=True) as editor:
            for operation, before, after in steps:
                operation.database_forwards(migration.app_label, editor, before, after)
            while editor.deferred_sql:
                editor.execute(editor.deferred_sql.pop(0))
            self.record_migration(migration)  # type: ignore[call-arg, arg-type]  # older stubs
        return steps[-1][2] if steps else state


def _rehearsed(migration: Migration, state: ProjectState) -> list[tuple[Operation, ProjectState, ProjectState]]:
    steps = []
    for operation in migration.operations:
        before, state = state, state.clone()
        operation.state_forwards(migration.app_label, state)
        steps.append((operation, before, state))
    return steps


def missing() -> list[tuple[str, str]]:
    """(room, name) of every migration of this code that the database lacks, in the order they are played."""
    executor = Rehearsed(connection)
    return [(one.app_label, one.name) for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def bring_up_to_date(patience: float = PATIENCE) -> list[str]:
    """Play what is missing, each migration in a transaction of its own; what was played by us, `room.name`.

    Raises:
        EnvironmentFault: somebody reads a table for longer than `patience`; says who. Or the role may change none.
    """
    if not missing():
        return []
    if not _may_change():
        raise EnvironmentFault(
            "the tables are not up to date, and this role may not change them: run `qosymsha migrate` on one node with"
            " QOSYMSHA_OWNER_URL (docs/runbooks/upgrade.md)"
        )
    with _alone(patience):
        wanted = missing()  # another node may have played them while we waited
        if wanted and not MigrationRecorder(connection).applied_migrations():
            call_command("migrate", verbosity=0, interactive=False)  # nobody reads what is not there: all in one go
        else:
            for one in wanted:
                _patiently(one, patience)
            call_command("migrate", verbosity=0, interactive=False)  # nothing left: Django's own closing words
    return [f"{room}.{name}" for room, name in wanted]


def take_back(room: str, name: str, patience: float = PATIENCE) -> list[str]:
    """Undo what a room played after the migration `name` (`zero`: all of it), and what needs it; what was undone.

    Raises:
        EnvironmentFault: somebody reads a table for longer than `patience`; says who.
    """
    before = set(MigrationRecorder(connection).applied_migrations())
    with _alone(patience):
        _patiently((room, None if name == "zero" else name), patience)
    after = set(MigrationRecorder(connection).applied_migrations())
    return [f"{label}.{gone}" for label, gone in sorted(before - after)]


def _may_change() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_schema_privilege(current_schema()::text, 'CREATE')")
        (may,) = cursor.fetchone()
    return bool(may)


def _patiently(target: tuple[str, str | None], patience: float) -> None:
    """Play up (or down) to a migration; a lock that is not had at once is asked for again later."""
    until, pause = time.monotonic() + patience, random.uniform(*_PAUSES)  # noqa: S311 - spreads tries, keeps no secret
    while True:
        try:
            with _short_waits():
                Rehearsed(connection).migrate([target])
        except OperationalError as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
                raise
            if time.monotonic() + pause > until:
                raise EnvironmentFault(_told(target, patience)) from error
        else:
            return
        time.sleep(pause)
        pause = min(_LONGEST, 2 * pause)


@contextmanager
def _short_waits() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")


@contextmanager
def _alone(patience: float) -> Iterator[None]:
    """Hold the lock of whoever migrates; asked for again and again, so that nobody waits inside the server."""
    until = time.monotonic() + patience
    while not _said("SELECT pg_try_advisory_lock(%s)"):
        if time.monotonic() > until:
            raise EnvironmentFault("another node has been bringing the tables up to date for too long; look at its log")
        time.sleep(0.5)
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            _said("SELECT pg_advisory_unlock(%s)")


def _said(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_ALONE])
        (answer,) = cursor.fetchone()
    return bool(answer)


def _told(target: tuple[str, str | None], patience: float) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_IN_THE_WAY)
        found = "; ".join(row[0] for row in cursor.fetchall()) or "nobody is in the way any more"
    return (
        f"{target[0]}.{target[1] or 'zero'} did not get its locks within {patience:.0f} s: {found}. Nothing is half"
        " done; let them finish (or end them with pg_terminate_backend) and run `qosymsha migrate` again"
    )

"""A change of a table lets everybody pass while somebody reads it; the control, which waits, makes everybody wait.

The change is planted, so that Django need not plan a hundred migrations each time; `tests.faults.upgrades` plays the
real ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from django.db import connection, connections, migrations, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from psycopg import errors

from qosymsha.interfaces.cli import migrating
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.processes import wait_until
from tests.faults.upgrades import reader

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
TABLE = "upgraded"
PATIENCE = 60.0
_WAITS = """
SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted AND mode = 'AccessExclusiveLock')"""
_HAS = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'more')"


class Planted:
    """Stands for Django's executor: knows one migration, which adds a column to a table in use."""

    def __init__(self, _: object) -> None:
        self.loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list))

    def migration_plan(self, _: object) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(_HAS, [TABLE])
            (has,) = cursor.fetchone()
        return [] if has else [(SimpleNamespace(app_label="planted", name="0002_more"), False)]

    def migrate(self, targets: list[tuple[str, str]]) -> None:
        assert targets == [("planted", "0002_more")]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN more int")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The tests' database with a table that is about to be changed."""
    monkeypatch.setattr(migrating, "Rehearsed", Planted)
    monkeypatch.setattr(migrating, "call_command", lambda *_, **__: None)
    told = connection.get_connection_params()
    words = {name: told[name] for name in ("dbname", "user", "password", "host", "port") if told.get(name)}
    found = psycopg.conninfo.make_conninfo(**words)
    with psycopg.connect(found, autocommit=True) as line:
        line.execute(f"CREATE TABLE {TABLE} (id int)")
    yield found
    with psycopg.connect(found, autocommit=True) as line:
        line.execute(f"DROP TABLE {TABLE}")


class Upgrade:
    """`bring_up_to_date` in a thread of its own, as on another node; `played` once it is through."""

    def __init__(self) -> None:
        self.played: list[str] | None = None
        self.fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.played = migrating.bring_up_to_date(PATIENCE)
        except Exception as error:
            self.fault = error
        finally:
            connections.close_all()

    def ended(self) -> list[str] | None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        assert self.fault is None, self.fault
        return self.played


def stands_in_line(url: str) -> bool:
    """Whether the change waits inside the server for its lock: whoever comes now stands behind it."""
    with psycopg.connect(url) as line:
        row = line.execute(_WAITS, [TABLE]).fetchone()
    return bool(row and row[0])


def is_answered(url: str) -> bool:
    """Whether somebody who asks the table is answered within a second."""
    with psycopg.connect(url, options="-c lock_timeout=1s", autocommit=True) as line:
        try:
            line.execute(f"SELECT FROM {TABLE} LIMIT 1")
        except errors.LockNotAvailable:
            return False
    return True


def test_visitors_pass_while_a_migration_waits_for_a_reader_and_two_nodes_play_it_once(url: str) -> None:
    with reader(url, [TABLE], 600) as ends:
        nodes = [Upgrade(), Upgrade()]
        assert wait_until(lambda: stands_in_line(url), PATIENCE)
        answered = [is_answered(url) for _ in range(5)]
        assert wait_until(lambda: not stands_in_line(url), PATIENCE), "it lets everybody pass"
        assert [node.played for node in nodes] == [None, None]
        ends.set()
        played = [node.ended() for node in nodes]
    assert all(answered)
    assert sorted(map(str, played)) == sorted(["[]", "['planted.0002_more']"])


def test_control_one_that_waits_for_its_locks_makes_everybody_wait(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "LOCK_WAIT", "0")
    with reader(url, [TABLE], 600) as ends:
        upgrade = Upgrade()
        assert wait_until(lambda: stands_in_line(url), PATIENCE)
        assert not is_answered(url)
        ends.set()
        assert upgrade.ended() == ["planted.0002_more"]


def test_one_that_gives_up_says_for_whom_it_waited_and_nothing_is_half_done(url: str) -> None:
    with reader(url, [TABLE], 600):
        with pytest.raises(EnvironmentFault, match="a slow reader"):
            migrating.bring_up_to_date(1.0)
        assert is_answered(url)
    assert migrating.missing() == [("planted", "0002_more")]
    assert migrating.bring_up_to_date(PATIENCE) == ["planted.0002_more"]


class Noted(Operation):
    """Writes down when its state is computed and when it works on the tables."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        self.told.append("state")

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.told.append("tables")


def planted(operations: list[Operation]) -> migrations.Migration:
    return cast(
        migrations.Migration, type("Migration", (migrations.Migration,), {"operations": operations})("m", "planted")
    )


@pytest.mark.parametrize(
    ("executor", "order"),
    [
        pytest.param(migrating.Rehearsed, ["state"] * 3 + ["tables"] * 3, id="ours"),
        pytest.param(MigrationExecutor, ["state", "tables"] * 3, id="control: Django's computes while it holds locks"),
    ],
)
def test_states_are_computed_before_the_first_lock(executor: type[MigrationExecutor], order: list[str]) -> None:
    told: list[str] = []
    with transaction.atomic():
        executor(connection).apply_migration(ProjectState(), planted([Noted(told) for _ in range(3)]))
        transaction.set_rollback(True)
    assert told == order


@pytest.mark.parametrize(
    ("executor", "is_left"),
    [
        pytest.param(migrating.Rehearsed, False, id="ours"),
        pytest.param(MigrationExecutor, True, id="control: Django's writes down afterwards"),
    ],
)
def test_a_migration_that_is_not_written_down_leaves_nothing(
    executor: type[MigrationExecutor], is_left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise ConnectionAbortedError

    monkeypatch.setattr(MigrationExecutor, "record_migration", cut)
    columns: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("on", models.DateField(db_index=True)),
    ]
    made = migrations.CreateModel(name="Leftover", fields=columns, options={"db_table": "leftover"})
    try:
        with pytest.raises(ConnectionAbortedError):
            executor(connection).apply_migration(ProjectState(), planted([made]))
        assert ("leftover" in connection.introspection.table_names()) is is_left
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS leftover")

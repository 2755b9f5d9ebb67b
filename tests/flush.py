"""Emptying the tests' database after a test with real commits: insert-only tables refuse TRUNCATE to everybody else."""

from __future__ import annotations

from typing import Any

import django.db.models  # noqa: F401 - first, or the next line runs into a circle when nothing was imported before
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

_TABLES = """
SELECT string_agg(format('%I', relname), ', ') FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
   AND relname <> 'django_migrations'"""


def _sql_flush(self: DatabaseOperations, *_: Any, **__: Any) -> list[str]:
    """Every table at once, Django's and ours, with the triggers asleep (only the tests' superuser may do that)."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        (tables,) = cursor.fetchone()
    return ["SET LOCAL session_replication_role = replica", f"TRUNCATE {tables}"]


def install() -> None:
    """Let `flush`, which Django runs after tests with `transaction=True`, use it."""
    DatabaseOperations.sql_flush = _sql_flush  # type: ignore[method-assign]

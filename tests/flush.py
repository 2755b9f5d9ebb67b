"""Emptying the tests' database after a test with real commits, for as much as the test has written.

Django truncates every table: hundreds, with their partitions and indexes, a third of a second after each test. Here
only what has pages is emptied. Insert-only tables refuse that to everybody but the tests' superuser, whose triggers
sleep meanwhile. What Django itself writes at the end of `migrate`, its models and rights, stays as it was written.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.test import TransactionTestCase

# A row has its page before it is committed: who still writes is seen here, and waited for by the lock.
_WRITTEN = """
SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
   AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission') ORDER BY oid"""
_LARGE = 256 * 1024  # bytes; from here on the pages go too, or every later test would look through them


def empty() -> None:
    """Remove every row of every table, large or small, ours and Django's."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        written = cursor.fetchall()
        if written:
            cursor.execute("; ".join(_statements(written)))


def _statements(written: list[tuple[str, int]]) -> list[str]:
    names = ", ".join(name for name, _ in written)
    return [
        "SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE",
        *(f"TRUNCATE {name} CASCADE" if size > _LARGE else f"DELETE FROM {name}" for name, size in written),
    ]


def install() -> None:
    """Let Django do this after tests with `transaction=True`, instead of its `flush`."""
    TransactionTestCase._fixture_teardown = lambda self: empty()  # type: ignore[method-assign]

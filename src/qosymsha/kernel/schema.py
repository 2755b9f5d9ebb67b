"""Migration operations that Django has no words for: month partitions, insert-only tables, keys that keep place equal."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.db.migrations.operations import RunSQL


def partitioned(table: str) -> RunSQL:
    """Give a table made with PARTITION BY RANGE a default partition, so that no row is ever refused for its month."""
    return RunSQL(
        f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT; SELECT make_months('{table}', now()::date, 4)",
        f"DROP TABLE {table}_rest",
    )


def insert_only(table: str) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE on a table, for its owner too."""
    return RunSQL(
        f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {table}_insert_only ON {table}",
    )


def same_place(child: str, column: str, parent: str) -> RunSQL:
    """A composite key (column, territory, programme): a row can't point into another territory or programme than its own."""
    name = f"{child}_{column}_same_place"
    return RunSQL(
        f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY ({column}, territory_id, programme_id)"
        f" REFERENCES {parent} (id, territory_id, programme_id)",
        f"ALTER TABLE {child} DROP CONSTRAINT {name}",
    )


def make_months(first: date, months: int) -> None:
    """Make the month partitions of every partitioned table from `first`'s month on; those that exist are left alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT make_months(c.relname::text, %s, %s) FROM pg_class c WHERE c.relkind = 'p'"
            " AND c.relnamespace = current_schema()::regnamespace",
            [first, months],
        )

"""What Django's migrations have no words for: month partitions, insert-only tables, keys that keep place equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    """Refuse UPDATE, DELETE and TRUNCATE on a table and on each of its months, for its owner too."""
    return RunSQL(
        f"CREATE TRIGGER {table}_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(); SELECT copy_guards('{table}')",
        f"DROP TRIGGER {table}_insert_only ON {table}",
    )


def same_place(child: str, column: str, parent: str) -> RunSQL:
    """A composite key (column, territory, programme): a row points only into its own territory and programme."""
    name = f"{child}_{column}_same_place"
    return RunSQL(
        f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY ({column}, territory_id, programme_id)"
        f" REFERENCES {parent} (id, territory_id, programme_id)",
        f"ALTER TABLE {child} DROP CONSTRAINT {name}",
    )


def belongs(child: str, parent: str, keys: Mapping[str, str]) -> RunSQL:
    """A foreign key asked once per statement: `keys` (column of `child` → of `parent`) match a row of `parent`.

    For tables that take a city's month at once: as safe as a foreign key, at a tenth of its price. A row of `child`
    never points elsewhere later; a parent never goes away and never changes these columns, so that no lock is needed.
    """
    name, columns = f"{child}_belongs_to_{parent}", list(keys)
    # By the index of ids alone: another column's index, which may fit a thousand rows, looks as good in a young table.
    same = {mine: f"p.{theirs} = c.{mine}" for mine, theirs in keys.items()}
    matched = " AND ".join(one if keys[mine] == "id" else f"({one}) IS TRUE" for mine, one in same.items())
    # By index whatever the statistics say: of the added rows there are none. OFFSET 0 keeps each row its own look-up.
    by_index = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"
    return RunSQL(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {by_index} AS $$ BEGIN"  # noqa: S608
        f" IF EXISTS (SELECT FROM added c WHERE NOT EXISTS (SELECT FROM {parent} p WHERE {matched} OFFSET 0)) THEN"
        f" RAISE EXCEPTION '{child}: a row belongs to no {parent}'"
        f" USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{name}'; END IF; RETURN NULL; END $$;"
        f" CREATE TRIGGER {name} AFTER INSERT ON {child} REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}();"
        f" CREATE TRIGGER {name}_stays BEFORE UPDATE OF {', '.join(columns)} ON {child} FOR EACH ROW"
        f" WHEN ({_differ(columns)}) EXECUTE FUNCTION refuse_change();"
        f" CREATE TRIGGER {child}_counts_on BEFORE UPDATE OF {', '.join(keys.values())} ON {parent} FOR EACH ROW"
        f" WHEN ({_differ(keys.values())}) EXECUTE FUNCTION refuse_change();"
        f" CREATE TRIGGER {child}_keeps BEFORE DELETE OR TRUNCATE ON {parent}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        f"DROP TRIGGER {child}_keeps ON {parent}; DROP TRIGGER {child}_counts_on ON {parent};"
        f" DROP TRIGGER {name}_stays ON {child}; DROP FUNCTION {name} CASCADE",
    )


def _differ(columns: Iterable[str]) -> str:
    names = list(columns)
    before, after = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
    return f"({before}) IS DISTINCT FROM ({after})"


def only_transitions(table: str, column: str, transitions: Iterable[tuple[str, str]]) -> RunSQL:
    """Refuse any change of `column` that the table of transitions does not hold; ("", x) says where a row may begin.

    The pairs stand in the trigger's WHEN, so that a legal change calls no function.
    """
    pairs = sorted((str(a), str(b)) for a, b in transitions)
    births = ", ".join(f"'{b}'" for a, b in pairs if a == "")
    moves = ", ".join(f"('{a}', '{b}')" for a, b in pairs if a != "")
    name = f"{table}_{column}_legal"
    return RunSQL(
        f"CREATE TRIGGER {name}_birth BEFORE INSERT ON {table} FOR EACH ROW"
        f" WHEN (NEW.{column} NOT IN ({births})) EXECUTE FUNCTION refuse_transition('{column}');"
        f" CREATE TRIGGER {name}_move BEFORE UPDATE OF {column} ON {table} FOR EACH ROW"
        f" WHEN (OLD.{column} <> NEW.{column} AND (OLD.{column}, NEW.{column}) NOT IN ({moves}))"
        f" EXECUTE FUNCTION refuse_transition('{column}')",
        f"DROP TRIGGER {name}_birth ON {table}; DROP TRIGGER {name}_move ON {table}",
    )


def history_of(table: str, transitions: Iterable[tuple[str, str]]) -> list[RunSQL]:
    """Keep `<table>_history` honest: insert-only, and no step that the table of transitions does not hold."""
    pairs = ", ".join(f"('{a}', '{b}')" for a, b in sorted((str(a), str(b)) for a, b in transitions))
    legal = RunSQL(
        f"ALTER TABLE {table}_history ADD CONSTRAINT {table}_history_legal CHECK ((from_state, to_state) IN ({pairs}))",
        f"ALTER TABLE {table}_history DROP CONSTRAINT {table}_history_legal",
    )
    return [legal, insert_only(f"{table}_history")]


def count_anew() -> None:
    """Renew the planner's statistics at once: after a year played in a minute the server's own upkeep lags behind."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_months(first: date, months: int) -> None:
    """Make the month partitions of every partitioned table from `first`'s month on; those that exist are left alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT make_months(c.relname::text, %s, %s) FROM pg_class c WHERE c.relkind = 'p'"
            " AND c.relnamespace = current_schema()::regnamespace",
            [first, months],
        )

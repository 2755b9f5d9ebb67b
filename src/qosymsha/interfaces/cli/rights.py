"""The rights of the role by which pages and jobs work: rows, never tables; and only new rows where nothing may change.

The owner of the tables grants them after each change (`qosymsha migrate`); `doctor` compares. What a role may do with a
table is read from the table's own guards: what a trigger refuses to everybody is not granted either, so that code run
in a page's process can neither change such a row nor switch the trigger off (ASVS 13.2.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from psycopg import sql

from qosymsha.runtime.errors import EnvironmentFault

# Written by the owner alone: what has been played, and the demo's clock.
_OWNERS_ALONE = frozenset({"django_migrations", "clock_shift"})
OWNERS_FUNCTIONS = (
    "make_months(text, date, int)",
    "outbox_forget(date)",
    "trace_forget(text, date)",
    "audit_forget(date)",
    "presence_forget(text, date)",
    "outside_forget(date)",
    "remarks_forget(bigint[])",
    "case_words_forget(bigint[])",
)
_VERBS = {
    "SELECT": sql.SQL("SELECT"),
    "INSERT": sql.SQL("INSERT"),
    "UPDATE": sql.SQL("UPDATE"),
    "DELETE": sql.SQL("DELETE"),
    "TRUNCATE": sql.SQL("TRUNCATE"),
    "REFERENCES": sql.SQL("REFERENCES"),
    "TRIGGER": sql.SQL("TRIGGER"),
    "MAINTAIN": sql.SQL("MAINTAIN"),
}
_UPDATE, _DELETE = 16, 8  # bits of pg_trigger.tgtype

# Table, whether it is a month of another, what a guard refuses to everybody, what the role has.
_TABLES = """
SELECT c.relname, c.relispartition,
       coalesce((SELECT bit_or(t.tgtype::int) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                  WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND p.proname = 'refuse_change'
                    AND t.tgtype & 1 = 0 AND t.tgqual IS NULL AND t.tgattr::text = ''), 0),
       coalesce((SELECT array_agg(a.privilege_type::text) FROM aclexplode(c.relacl) a WHERE a.grantee = r.oid), '{}')
  FROM pg_class c CROSS JOIN pg_roles r
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v') AND r.rolname = %s
 ORDER BY 1"""
_SEQUENCES = """
SELECT c.relname FROM pg_class c CROSS JOIN pg_roles r
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S' AND r.rolname = %s
   AND NOT has_sequence_privilege(r.oid, c.oid, 'USAGE') ORDER BY 1"""
_ROLE = """
SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
       EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
                  AND c.relkind IN ('r', 'p') AND pg_has_role(r.oid, c.relowner, 'MEMBER')),
       has_schema_privilege(r.oid, current_schema()::text, 'CREATE'),
       has_database_privilege(r.oid, current_database(), 'TEMPORARY')
  FROM pg_roles r WHERE r.rolname = %s"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A table on which the role has not what it should: what it lacks, what it has too much."""

    table: str
    lacks: frozenset[str]
    too_much: frozenset[str]


def wanted(table: str, refused: int, *, is_month: bool) -> frozenset[str]:
    """What the role may do with a table, from what its guards refuse; a month is reached through its whole alone."""
    if is_month or table in _OWNERS_ALONE:
        return frozenset({"SELECT"})
    verbs = {"SELECT", "INSERT"}
    verbs |= {"UPDATE"} if not refused & _UPDATE else set()
    verbs |= {"DELETE"} if not refused & _DELETE else set()
    return frozenset(verbs)


def gaps(role: str) -> list[Gap]:
    """Where the role's rights are not what the tables' guards say."""
    found = []
    for table, is_month, refused, has in _rows(_TABLES, role):
        should, given = wanted(table, refused, is_month=is_month), frozenset(has)
        # A month made since the last grant has none of its own and needs none; a rest is looked at by `doctor`.
        is_needed = not is_month or table.endswith("_rest")
        if (given - should) or (should - given and is_needed):
            found.append(Gap(table, should - given, given - should))
    return found


def faults(role: str) -> list[str]:
    """What makes a role more than it should be, in words; [] for one that may only work with rows."""
    (told,) = _rows(_ROLE, role)
    words = ("has rights over the whole server", "owns the tables", "may make tables", "may make temporary tables")
    gapped = [f"{gap.table}: {_said(gap)}" for gap in ([] if told[1] else gaps(role))]
    return [word for word, is_so in zip(words, told, strict=True) if is_so] + gapped


def grant(role: str) -> int:
    """Give the role what it should have and take what it should not; the number of tables that changed. As the owner.

    Raises:
        EnvironmentFault: there is no such role, or it owns the tables itself.
    """
    found = _rows(_ROLE, role)
    if not found:
        raise EnvironmentFault(f"there is no role {role}: CREATE ROLE {role} LOGIN; deploy/README.md says how")
    if found[0][1]:
        raise EnvironmentFault(f"{role} owns the tables, or belongs to who does: name another role in DATABASE_URL")
    changed = gaps(role)
    with transaction.atomic():
        for statement in _statements(role, changed):
            with connection.cursor() as cursor:
                cursor.execute(statement)
    return len(changed)


def _statements(role: str, changed: list[Gap]) -> Iterator[sql.Composed]:
    who, names = sql.Identifier(role), _rows("SELECT current_schema()::text, current_database()::text")[0]
    schema, database = map(sql.Identifier, names)
    yield sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC, {}").format(schema, who)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, who)
    yield sql.SQL("REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC, {}").format(database, who)
    for gap in changed:
        table = sql.Identifier(gap.table)
        if gap.too_much:
            yield sql.SQL("REVOKE {} ON {} FROM {}").format(_verbs(gap.too_much), table, who)
        if gap.lacks:
            yield sql.SQL("GRANT {} ON {} TO {}").format(_verbs(gap.lacks), table, who)
    for (sequence,) in _rows(_SEQUENCES, role):
        yield sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sql.Identifier(sequence), who)
    for function in OWNERS_FUNCTIONS:
        yield sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), who)


def _verbs(verbs: frozenset[str]) -> sql.Composed:
    return sql.SQL(", ").join(_VERBS[verb] for verb in sorted(verbs))


def _said(gap: Gap) -> str:
    parts = [f"lacks {', '.join(sorted(gap.lacks))}"] if gap.lacks else []
    return " and ".join(parts + ([f"has {', '.join(sorted(gap.too_much))}"] if gap.too_much else []))


def _rows(statement: str, role: str | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, None if role is None else [role])
        return list(cursor.fetchall())

"""Every migration of the house taken back, and played again: nothing is left behind, and the tables stand as they did.

    python -m tests.faults.rollback --report night/rollback.json

An upgrade that goes wrong is taken back (docs/runbooks/upgrade.md) and tried again: what a migration leaves behind when
it is taken back (a function, a sequence) would stop the second try.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import psycopg

from tests.faults.upgrades import city

_KINDS = {
    "column": "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable"
    " FROM information_schema.columns WHERE table_schema = 'public'",
    "constraint": "SELECT conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "index": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "function": "SELECT p.oid::regprocedure || ' ' || md5(p.prosrc) || coalesce(p.proconfig::text, '') FROM pg_proc p"
    " WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
    "sequence": "SELECT oid::regclass::text FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'",
    "view": "SELECT viewname || ' ' || definition FROM pg_views WHERE schemaname = 'public'",
}
_OTHERS = re.compile(r"\b(auth|django|procrastinate)_")  # not the house's: they stay
_PLANTED = "left_behind"
Schema = frozenset[tuple[str, str]]


def schema(url: str) -> Schema:
    """Everything that stands in the database, by its kind and in words."""
    with psycopg.connect(url) as line:
        return frozenset((kind, str(row[0])) for kind, ask in _KINDS.items() for row in line.execute(ask).fetchall())


def _say(url: str, words: str) -> None:
    with psycopg.connect(url, autocommit=True) as line:
        line.execute(words)  # type: ignore[call-overload]


def ours() -> list[tuple[str, None]]:
    """The rooms' labels, as targets of "all of it back"."""
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - once Django is set up

    found = MigrationLoader(None).disk_migrations.items()
    return [(room, None) for room in sorted({key[0] for key, one in found if one.__module__.startswith("qosymsha.")})]


def played(url: str) -> dict[str, list[str]]:
    """What is left after everything went back, and how the second try differs from the first."""
    from django.core.management import call_command  # noqa: PLC0415 - once Django is set up
    from django.db import connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    call_command("migrate", verbosity=0, interactive=False)
    first = schema(url)
    _say(url, f"CREATE FUNCTION {_PLANTED}() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    MigrationExecutor(connection).migrate(ours())
    left = {f"{kind} {what}" for kind, what in schema(url) if not _OTHERS.search(what)}
    assert any(_PLANTED in one for one in left), "the control: what is left behind is seen"
    left = {one for one in left if _PLANTED not in one}
    _say(url, f"DROP FUNCTION {_PLANTED}")
    if not left:
        call_command("migrate", verbosity=0, interactive=False)
    differs = {f"{kind} {what}" for kind, what in first ^ schema(url)} if not left else set()
    return {"left": sorted(left), "differs": sorted(differs)}


def main() -> int:
    """Play, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    with city() as url:
        told = played(url)
    if asked.report is not None:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        asked.report.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    for word, found in told.items():
        print(f"{word}: {len(found)}", *found[:60], sep="\n  ")
    red = any(told.values())
    print("RED" if red else "green")
    return int(red)


if __name__ == "__main__":
    sys.exit(main())

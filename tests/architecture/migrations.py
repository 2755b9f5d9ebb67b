"""The SQL of every migration, and what squawk says of it. Waivers: `migrations-waived.toml`, each with its reason.

python -m tests.architecture.migrations            what is found and not waived
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.special import RunSQL

WAIVERS = Path(__file__).with_name("migrations-waived.toml")
_FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)(\(.*?\$\$.*?\$\$);", re.DOTALL)
SERVER = "16"  # the oldest that `doctor` accepts


@dataclass(frozen=True)
class Finding:
    """What squawk says of a migration's line."""

    migration: str
    rule: str
    message: str


@dataclass(frozen=True)
class Waiver:
    """Findings that are accepted: of migrations by patterns of their names, with who says so, when and why."""

    migrations: list[str]
    rules: list[str]
    why: str
    by: str
    on: str

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        return finding.rule in self.rules and any(fnmatchcase(finding.migration, one) for one in self.migrations)


def statements() -> Iterator[tuple[str, bool, str]]:
    """(room.name, whether in one transaction, SQL) of every migration, in their order, as Django would send it.

    Nothing is stored. Django works out the state of all models before each of them: half a minute.
    """
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    state = executor.loader.project_state(nodes=[])
    for migration, _ in plan:
        with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            state = migration.apply(state, editor, collect_sql=True)
        if not is_ours(migration):
            continue
        lines = [line for line in editor.collected_sql if not line.startswith("--")]
        yield f"{migration.app_label}.{migration.name}", migration.atomic, "\n".join(lines)


def written() -> Iterator[tuple[str, bool, str]]:
    """The same of what is written in SQL in the migrations themselves: at once."""
    for (room, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if not is_ours(migration):
            continue
        texts = [_text(one.sql) for one in migration.operations if isinstance(one, RunSQL)]
        yield f"{room}.{name}", migration.atomic, "\n".join(f"{text.rstrip().rstrip(';')};" for text in texts if text)


def in_order() -> Iterator[tuple[str, str]]:
    """(room.name, the SQL written in it) of ours, each after those that it stands on."""
    loader = MigrationLoader(None)
    done = set()
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            migration = loader.disk_migrations[key]
            if key not in done and is_ours(migration):
                done.add(key)
                yield ".".join(key), "\n".join(_text(o.sql) for o in migration.operations if isinstance(o, RunSQL))


def brought_back(migrations: Iterable[tuple[str, str]]) -> list[str]:
    """Functions that a migration writes as they were before another one changed them: that change is lost."""
    found, texts = [], defaultdict[str, list[str]](list)
    for name, text in migrations:
        for function, body in _FUNCTION.findall(text):
            before = texts[function]
            if body in before[:-1] and body != before[-1]:
                found.append(f"{name}: {function}")
            before.append(body)
    return found


def is_ours(migration: Migration) -> bool:
    """Whether it is a room's; a library's are read before a new version of it is taken."""
    return type(migration).__module__.startswith("qosymsha.")


def _text(given: object) -> str:
    if isinstance(given, str):
        return given
    return ";".join(one if isinstance(one, str) else one[0] for one in given)  # type: ignore[attr-defined]


def squawk() -> str | None:
    """Its program, beside this Python or on the path."""
    return shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")


def findings(files: dict[str, tuple[bool, str]]) -> list[Finding]:
    """What squawk finds in SQL by name. Those in one transaction are told so: locks last until its end."""
    program = squawk()
    assert program is not None, "squawk is one of the pinned packages"
    found: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        for is_atomic in (True, False):
            paths = []
            for name, (atomic, text) in files.items():
                if atomic is is_atomic and text.strip():
                    paths.append(Path(folder) / f"{name}.sql")
                    paths[-1].write_text(text, "utf-8")
            if not paths:
                continue
            argv = [program, "--reporter", "json", "--pg-version", SERVER, "--no-error-on-unmatched-pattern"]
            argv += ["--assume-in-transaction"] if is_atomic else []
            done = subprocess.run([*argv, *map(str, paths)], capture_output=True, text=True, check=False)
            assert done.stdout.startswith("["), done.stderr
            found += [
                Finding(Path(one["file"]).stem, one["rule_name"], one["message"]) for one in json.loads(done.stdout)
            ]
    return found


def waivers() -> list[Waiver]:
    """What is accepted."""
    return [Waiver(**row) for row in tomllib.loads(WAIVERS.read_text("utf-8"))["waiver"]]


def judged(found: list[Finding], accepted: list[Waiver]) -> tuple[list[Finding], list[Waiver]]:
    """Findings nobody accepted, and waivers of nothing."""
    open_ones = [one for one in found if not any(waiver.covers(one) for waiver in accepted)]
    idle = [waiver for waiver in accepted if not any(waiver.covers(one) for one in found)]
    return open_ones, idle

"""Writes the generated pages of docs/reference: states, actions, tables, licences, addresses; --check: which are stale.

Run by `make docs`. States, actions and tables come from the code, licences from the packages that the lock installs.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.apps import apps
from django.db.models import Field, Model

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))  # also where this is not the program that was started
PAGES = ROOT / "docs" / "reference"
ROOMS = (
    *(
        "ledger",
        "people",
        "errands",
        "factors",
        "documents",
        "assistance",
        "programmes",
        "providers",
        "vouchers",
        "agreements",
    ),
    *("attendance", "trials", "flags", "settlement", "choice", "admission", "intake", "enquiries", "controls"),
    *("casework", "messages", "erasure", "insights", "figures"),
)
MADE = "<!-- Made by scripts/reference.py (`make docs`). Do not edit. -->\n"


def states() -> str:
    """Every life as a diagram."""
    parts = [
        f"# States\n\n{MADE}\nEvery life, drawn from the tables of transitions that constraints and triggers keep.\n"
    ]
    for room in ROOMS:
        found = _module(room, "states")
        lives = [name for name in vars(found) if name.endswith("TRANSITIONS")] if found else []
        parts += [_life(found, room, getattr(found, name)) for name in lives if found]
    return "\n".join(parts)


def _life(module: ModuleType, room: str, transitions: frozenset[tuple[str, str]]) -> str:
    named = {str(state) for pair in transitions for state in pair if state}
    enums = [e for e in vars(module).values() if isinstance(e, type) and issubclass(e, StrEnum) and e is not StrEnum]
    life = next(e for e in enums if named <= {str(state) for state in e})
    steps = sorted((str(a) or "[*]", str(b)) for a, b in transitions)
    ends = sorted(named - {a for a, _ in steps})
    lines = [f"    {a} --> {b}" for a, b in steps] + [f"    {end} --> [*]" for end in ends]
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", life.__name__.removesuffix("State")).lower()
    drawn = "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])
    return f"## {title.capitalize()} ({room})\n\n{_first_line(life)}\n\n{drawn}\n"


def actions() -> str:
    """Every verb with the roles that may do it."""
    parts = [
        f"# Actions\n\n{MADE}\nWho may do what; each command checks the scope (territory, provider, child) as well.\n"
    ]
    for room in ROOMS:
        found = _module(room, "access")
        if found and hasattr(found, "ALLOWED"):
            rows = [f"| `{action}` | {', '.join(sorted(map(str, roles)))} |" for action, roles in found.ALLOWED.items()]
            parts.append("\n".join([f"## {room}\n", "| action | roles |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def tables() -> str:
    """Every table with its columns, and what personal data it holds for how long."""
    parts = [f"# Tables\n\n{MADE}\nEvery table of the house, by the room that owns it and alone writes it.\n"]
    for room in ("kernel", *ROOMS):
        models = sorted(apps.get_app_config(room).get_models(), key=lambda model: model._meta.db_table)
        parts += [f"## {room}\n", *(_table(model) for model in models)] if models else []
    return "\n".join(parts)


def _table(model: type[Model]) -> str:
    rows = [_column(field) for field in model._meta.get_fields() if isinstance(field, Field) and field.concrete]
    kept = [f"`{constraint.name}`" for constraint in model._meta.constraints]
    note = " ".join((model.__doc__ or "").split())
    keeps = [f"Constraints: {', '.join(kept)}.\n"] if kept else []
    return "\n".join(
        [
            f"### `{model._meta.db_table}`\n",
            note,
            "",
            _kept(model._meta.db_table),
            "",
            "| column | type | |",
            "|---|---|---|",
            *rows,
            "",
            *keeps,
        ]
    )


def _kept(table: str) -> str:
    """What the register of retention says of a table: the way its rows end, the period's name, the job."""
    told = import_module("qosymsha.domain.keeping.tables").TABLES[table]
    job = f"; by the job `{told.job}`" if told.job else ""
    return f"Kept: {told.way.value}{f', period `{told.term}`' if told.term else ''}{job}."


def _column(field: Field[Any, Any]) -> str:
    target = f"→ `{field.related_model._meta.db_table}`" if field.related_model else ""
    notes = [
        note for note, holds in (("null", field.null), ("unique", field.unique and not field.primary_key)) if holds
    ]
    return f"| `{field.column}` | {field.get_internal_type()} {target} | {', '.join(notes)} |".replace("  ", " ")


def licences() -> str:
    """Every package of the lock that the product runs on, with the licence it states."""
    lock = (ROOT / "requirements" / "main.lock").read_text("utf-8")
    rows = [_package(name) for name in sorted(set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)), key=str.lower)]
    head = "The product itself: AGPL-3.0-or-later; `verify/`: 0BSD. The embedded server: the PostgreSQL Licence."
    return "\n".join([f"# Licences\n\n{MADE}\n{head}\n", "| package | version | licence |", "|---|---|---|", *rows, ""])


def _package(name: str) -> str:
    try:
        facts: Any = metadata(name)
    except PackageNotFoundError:
        return f"| {name} | (not installed here) | |"
    stated = [c.rpartition(" :: ")[2] for c in facts.get_all("Classifier") or [] if c.startswith("License ::")]
    short = (facts.get("License") or "").strip().splitlines()[:1]
    licence = facts.get("License-Expression") or ", ".join(s for s in stated if s != "OSI Approved") or "".join(short)
    return f"| {facts['Name']} | {facts['Version']} | {licence or 'not stated'} |"


def access_matrix() -> str:
    """Every signed-in address: by which method, for which deed, by whom, after which proof."""
    fresh, door = import_module("qosymsha.interfaces.ui.fresh"), import_module("django.urls")
    rows = sorted(row for pattern in door.get_resolver().url_patterns for row in _addresses(pattern, "", fresh))
    head = (
        f"# Access matrix\n\n{MADE}\nEvery address behind the sign-in. Another's object, and one that once was one's,"
        " is\nanswered as one that does not exist; another role gets 403, another method 405, who is not signed in goes"
        "\nto the sign-in. `tests/architecture/test_wall.py` walks each line with its owner (the page opens), a"
        "\nstranger, who owned it before; where a department's line pays for it, with another department of the same"
        "\nterritory, now and until today; where a clerk may come, with a clerk without a visit, with one not proved,"
        "\nof another family, over, at another point."
        "\n\n| Address | Method | Deed | Roles | Fresh proof |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + f"\n\n{len(rows)} lines.\n"


def _addresses(pattern: Any, before: str, fresh: ModuleType) -> Iterator[str]:
    address = before + str(pattern.pattern)
    for inner in getattr(pattern, "url_patterns", []):
        yield from _addresses(inner, address, fresh)
    view = getattr(pattern, "callback", None)
    for method, deed in sorted(getattr(view, "deeds", {}).items()):
        if method != "HEAD" and view is not None:
            is_asked = method == "POST" and fresh.asks(deed)
            asked = f"{fresh.ASKED[deed]}, {fresh.minutes_of(deed)} min" if is_asked else ""
            shown = re.sub(r"^[a-z]{2}/", "", address)
            yield f"| `/{shown}` | {method} | {deed} | {', '.join(sorted(view.roles[method]))} | {asked} |"


def openapi() -> str:
    """Every address as an OpenAPI document, an address on each line."""
    made = import_module("openapi").document()
    written = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
    paths = ",\n".join(f"{written(where)}: {written(methods)}" for where, methods in made.pop("paths").items())
    return f'{written(made)[:-1]}, "paths": {{\n{paths}\n}}}}\n'


def _module(room: str, name: str) -> ModuleType | None:
    path = ROOT / "src" / "qosymsha" / "domain" / room / name
    is_there = path.with_suffix(".py").exists() or (path / "__init__.py").exists()
    return import_module(f"qosymsha.domain.{room}.{name}") if is_there else None


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def pages() -> Iterator[tuple[Path, str]]:
    """(file, text) of every generated page."""
    for make in (states, actions, tables, licences, access_matrix):
        yield PAGES / f"{make.__name__.replace('_', '-')}.md", make()
    yield PAGES / "openapi.json", openapi()


def stale() -> list[str]:
    """Pages that do not say what the code says; licences depend on what is installed and are left out."""
    kept = [(path, text) for path, text in pages() if path.stem != "licences"]
    return [path.name for path, text in kept if not path.exists() or path.read_text("utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check name the stale ones (exit status 1)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    django.setup()
    if "--check" in arguments:
        found = stale()
        print(
            "\n".join(f"stale: docs/reference/{name}; run `make docs`" for name in found) or "the reference is current"
        )
        return 1 if found else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path, text in pages():
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`qosymsha rules …`: a programme's rules as a document: drafted by one person, compared, approved by another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands.places import ASTANA
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers, commands, queries
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.out import as_option, emit, json_option, table
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime import outside

_SETS = """
SELECT version, state, lower(valid), upper(valid), encode(hash, 'hex'), id FROM rule_set
 WHERE programme_id = %s ORDER BY version"""


@dataclass(frozen=True, slots=True)
class Desk:
    """One call's ground: the city, and who acts."""

    territory_id: int
    staff: Staff

    def programme(self, code: str) -> queries.ProgrammeFacts:
        """The programme of a code.

        Raises:
            BadInput: there is none yet.
        """
        found = next((p for p in queries.programmes(self.territory_id) if p.code == code), None)
        if found is None:
            raise BadInput("--programme", f"no programme is called “{code}” here; `qosymsha rules found` makes it")
        return found


@contextmanager
def desk(subjects: tuple[str, ...], kato: str) -> Iterator[Desk]:
    """The database and the territory."""
    with database():
        at = clock.read()
        territory_id = people.territory_by_kato(kato, local_day(at))
        if territory_id is None:
            raise BadInput("--kato", f"no territory has the code {kato}; run `qosymsha staff found` first")
        yield Desk(territory_id, Staff(subjects, at))


kato_option = click.option("--kato", default=ASTANA, show_default=True, help="The programme's territory.")
programme_option = click.option("--programme", "code", default="clubs", show_default=True, help="Its short code.")


@click.group(name="rules")
def command() -> None:
    """A programme and its rules: found, draft, show, approve. Two people: one drafts, another approves."""


@command.command()
@programme_option
@click.option("--name-kk", required=True, help="The name in Kazakh.")
@click.option("--name-ru", required=True, help="The name in Russian.")
@click.option("--name-en", default="", help="The name in English.")
@kato_option
@as_option
@json_option
def found(  # noqa: PLR0913 (a verb's options)
    code: str, name_kk: str, name_ru: str, name_en: str, kato: str, subjects: tuple[str, ...], as_json: bool
) -> None:
    """Found a programme, as a programme officer.

    \b
    Example:
      qosymsha rules found --name-kk "Үйірмелер" --name-ru "Кружки" --as aigul@city
    """
    with desk(subjects, kato) as d:
        draft = commands.ProgrammeDraft(d.territory_id, code, name_kk, name_ru, name_en)
        officer = d.staff.actor(Role.PROGRAMME_OFFICER)
        key = key_of("found programme", kato, code, name_kk, name_ru, name_en)
        commands.create_programme(actor=officer, programme=draft, at=d.staff.at, key=key)
    emit(
        {"programme": code},
        as_json=as_json,
        text=lambda: [f"Programme {code} is founded; next: `qosymsha rules draft`."],
    )


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--default", "is_default", is_flag=True, help="The product's own rules, with their assumptions marked.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First day they hold.")
@programme_option
@kato_option
@as_option
@json_option
def draft(  # noqa: PLR0913 (a verb's options)
    file: Path | None,
    is_default: bool,
    first: datetime,
    code: str,
    kato: str,
    subjects: tuple[str, ...],
    as_json: bool,
) -> None:
    """Store a JSON document of schema rule-set-1 as the next version, a draft; tell what it would change.

    \b
    Examples:
      qosymsha rules draft --default --from 2027-01-01 --as aigul@city
      qosymsha rules draft rules.json --from 2027-01-01 --as aigul@city
    """
    document = _document(file, is_default)
    with desk(subjects, kato) as d:
        programme = d.programme(code)
        wish = commands.RuleSetDraft(programme.id, document, first.date())
        key = key_of("draft rules", programme.id, json.dumps(document, sort_keys=True), first.date())
        made = commands.draft_rule_set(actor=d.staff.actor(Role.PROGRAMME_OFFICER), draft=wish, at=d.staff.at, key=key)
        version = next(row[0] for row in _sets(programme.id) if row[5] == made)
        changes = queries.differences(made)
    result = {"version": version, "changes": [{"path": p, "in_force": a, "draft": b} for p, a, b in changes]}
    emit(result, as_json=as_json, text=lambda: [f"Version {version} is drafted.", *_told(changes)])


@command.command()
@click.argument("version", type=int)
@programme_option
@kato_option
@as_option
@json_option
def approve(version: int, code: str, kato: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Put a draft in force from its first day, as somebody else than its drafter.

    \b
    Example:
      qosymsha rules approve 2 --as marat@city
    """
    with desk(subjects, kato) as d:
        programme = d.programme(code)
        rule_set_id = _numbered(programme.id, version)[5]
        approver = d.staff.actor(Role.RULE_APPROVER)
        key = key_of("approve rules", programme.id, version)
        commands.approve_rule_set(actor=approver, rule_set_id=rule_set_id, at=d.staff.at, key=key)
    emit({"approved": version}, as_json=as_json, text=lambda: [f"Version {version} is approved."])


@command.command()
@click.argument("version", type=int, required=False)
@programme_option
@kato_option
@json_option
def show(version: int | None, code: str, kato: str, as_json: bool) -> None:
    """List the versions with state, days and hash; with a VERSION its whole document and what it changes.

    \b
    Example:
      qosymsha rules show 2
    """
    with desk((), kato) as d:
        programme = d.programme(code)
        if version is None:
            found = [[*row[:2], str(row[2]), str(row[3] or ""), row[4]] for row in _sets(programme.id)]
            columns = ["version", "state", "from", "until", "sha256"]
            result: dict[str, Any] = {"rule_sets": [dict(zip(columns, row, strict=True)) for row in found]}
            lines = table("Rule sets", columns, found)
        else:
            row = _numbered(programme.id, version)
            changes, document = queries.differences(row[5]), queries.document_of(row[5])
            result = {"document": document, "changes": [{"path": p, "in_force": a, "draft": b} for p, a, b in changes]}
            lines = [json.dumps(document, ensure_ascii=False, indent=1), *_told(changes)]
    emit(result, as_json=as_json, text=lambda: lines)


def _document(file: Path | None, is_default: bool) -> dict[str, Any]:
    if (file is None) is not is_default:
        raise BadInput("FILE", "give a file with the rules, or --default for the product's own")
    if file is None:
        return classifiers.default_rule_set()
    try:
        document = outside.document(file.read_bytes())
    except ValueError as fault:
        raise BadInput(str(file), f"no JSON: {fault}") from None
    if not isinstance(document, dict):
        raise BadInput(str(file), "a rule set is one JSON object")
    return document


def _sets(programme_id: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_SETS, [programme_id])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _numbered(programme_id: int, version: int) -> tuple[Any, ...]:
    found = next((row for row in _sets(programme_id) if row[0] == version), None)
    if found is None:
        raise BadInput("VERSION", f"there is no version {version}; `qosymsha rules show` lists them")
    return found


def _told(changes: list[tuple[str, Any, Any]]) -> list[str]:
    if not changes:
        return ["It changes nothing against the rules in force on that day."]
    rows = [[path, json.dumps(a, ensure_ascii=False), json.dumps(b, ensure_ascii=False)] for path, a, b in changes]
    return table("What it changes", ["field", "in force", "here"], rows)

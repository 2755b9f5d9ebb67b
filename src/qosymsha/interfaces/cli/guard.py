"""`qosymsha guard …`: children whom nobody has a reason to read, and the alarms they and stopped accounts raise."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import click

from qosymsha.domain.people import commands, queries, watched
from qosymsha.domain.people.commands.places import ASTANA
from qosymsha.domain.people.rules import PersonDetails
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.cli.out import emit, json_option, table
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput


@click.group(name="guard")
def command() -> None:
    """Watch over children's records: honeytokens and alarms. docs/explanation/childrens-data.md says what they are."""


@command.command()
@click.option("--child", "child", type=click.UUID, help="Mark a child that is there, by its outside id.")
@click.option("--surname", default="", help="Or invent one: its surname,")
@click.option("--given", default="", help="its given name,")
@click.option("--born", type=click.DateTime(["%Y-%m-%d"]), help="its birth date,")
@click.option("--kato", default=ASTANA, show_default=True, help="and its territory.")
@json_option
def lay(  # noqa: PLR0913 (a verb's options)
    child: UUID | None, surname: str, given: str, born: datetime | None, kato: str, as_json: bool
) -> None:
    """Lay out a honeytoken: an invented child, or one that is there. Only a keyed hash says which child it is.

    \b
    Examples:
      qosymsha guard lay --surname Сапаров --given Тұрар --born 2016-04-09
      qosymsha guard lay --child 0b0f7c1e-3b1f-4a53-9b0e-2f6e5a8d1c77
    """
    with database():
        at = clock.read()
        if child is not None:
            commands.lay_honeytoken(actor=HAND, child_uuid=child, at=at)
        else:
            territory_id = queries.territory_by_kato(kato, local_day(at))
            if territory_id is None or not given or born is None:
                raise BadInput(
                    "--given", "give --child, or --given and --born of a child to invent, and a known --kato"
                )
            person = PersonDetails(None, surname, given, born_on=born.date())
            child = commands.invent_honeytoken(actor=HAND, territory_id=territory_id, person=person, at=at)
    emit({"child": str(child)}, as_json=as_json, text=lambda: [f"Laid out: {child}. Tell nobody which."])


@command.command(name="list")
@json_option
def listed(as_json: bool) -> None:
    """The children laid out: every child's id is hashed to find them, so this takes a while in a large city.

    \b
    Example:
      qosymsha guard list
    """
    with database():
        found = [str(uuid) for uuid in watched.honeytokens(actor=HAND)]
    emit({"honeytokens": found}, as_json=as_json, text=lambda: found or ["None is laid out."])


@command.command()
@json_option
def alarms(as_json: bool) -> None:
    """The latest alarms, newest first: when, what, by which account.

    \b
    Example:
      qosymsha guard alarms
    """
    with database():
        rows = [(one.at.isoformat(), one.kind, one.subject) for one in watched.alarms(actor=HAND)]
    columns = ("at", "what", "account")
    emit(
        {"alarms": [dict(zip(columns, row, strict=True)) for row in rows]},
        as_json=as_json,
        text=lambda: table("Alarms", columns, rows),
    )

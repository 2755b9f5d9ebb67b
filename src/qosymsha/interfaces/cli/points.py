"""`qosymsha points …`: devices of consultation points, on which many families may confirm without suspicion."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import click

from qosymsha.domain.flags import commands, queries
from qosymsha.domain.flags.rules.recording import PointDraft
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import as_option, emit, json_option, table
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock, entropy
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@click.group(name="points")
def command() -> None:
    """Devices of consultation points: families who are helped there share one, and are not flagged for it."""


@command.command()
@click.argument("device")
@click.argument("name")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day; today unless told.")
@click.option("--until", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day; open unless told.")
@json_option
@as_option
def add(  # noqa: PLR0913 (a verb's options)
    device: str, name: str, first: datetime | None, last: datetime | None, as_json: bool, subjects: tuple[str, ...]
) -> None:
    """Register DEVICE (the id its installation sends with every word) as that of the point NAME.

    A programme officer does this; who resolves flags does not.

    \b
    Example:
      qosymsha points add 5f2c8c1e-3b1f-4a53-9b0e-2f6e5a8d1c77 "Point at Kabanbay 1"
    """
    with database():
        at = clock.read()
        place, actor = installation(at), Staff(subjects, at).actor(Role.PROGRAMME_OFFICER)
        until = None if last is None else last.date() + timedelta(days=1)
        point = PointDraft(device, name, first.date() if first else local_day(at), until)
        (outcome,) = commands.register_points(
            actor=actor, programme_id=place.programme_id, points=[point], at=at, key=entropy.uuid4()
        )
        if outcome.reason is not None:
            raise Refused(outcome.reason)
    emit({"point": outcome.id}, as_json=as_json, text=lambda: [f"Registered as {outcome.id}: {name}."])


@command.command(name="list")
@json_option
def listed(as_json: bool) -> None:
    """The registered devices, newest first.

    \b
    Example:
      qosymsha points list
    """
    with database():
        found = queries.points(installation(clock.read()).programme_id)
    rows = [(str(p.id), p.name, p.device, p.first.isoformat(), _last(p.until)) for p in found]
    columns = ("point", "name", "device", "first", "last")
    emit(
        {"points": [dict(zip(columns, row, strict=True)) for row in rows]},
        as_json=as_json,
        text=lambda: table("Devices of consultation points", columns, rows),
    )


def _last(until: date | None) -> str:
    return "" if until is None else (until - timedelta(days=1)).isoformat()

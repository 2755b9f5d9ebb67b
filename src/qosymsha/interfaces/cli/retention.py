"""`qosymsha retention …`: periods and tables, who is due to be erased, who is held back; the night by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from qosymsha.domain.erasure import commands, queries
from qosymsha.domain.erasure.rules import Kind
from qosymsha.domain.keeping.rules import FLOORS
from qosymsha.domain.keeping.tables import TABLES
from qosymsha.domain.keeping.terms import terms
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.cli.out import emit, json_option, table
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock


@click.group(name="retention")
def command() -> None:
    """Persons whose time is over. docs/rules/retention.md says who is erased when, and what holds somebody back."""


@command.command()
@json_option
def show(as_json: bool) -> None:
    """Who is due now, what holds old records back, what the last night did, how many are erased. Changes nothing.

    \b
    Examples:
      qosymsha retention show
      qosymsha retention show --json
    """
    with database(migrate=False):
        found = queries.stand(actor=HAND, at=clock.read())
    told = asdict(found) | {
        "last_on": found.last_on.isoformat() if found.last_on else None,
        "last_at": found.last_at.isoformat() if found.last_at else None,
    }
    emit(told, as_json=as_json, text=lambda: _shown(found))


def _shown(found: queries.Stand) -> list[str]:
    rows = [(kind, str(n), str(found.erased[kind])) for kind, n in found.due.items()]
    held = [(why, str(n)) for why, n in sorted(found.held.items())]
    gone = ", ".join(f"{what} {n}" for what, n in found.last_gone.items()) or "nobody was due"
    last = f"Last night that ended: {found.last_on} ({gone})." if found.last_on else "No night has ended yet."
    return [
        *table("Persons", ("kind", "due now", "erased so far"), rows),
        *(table("Old records held back", ("by", "children"), held) if held else ["No old record is held back."]),
        last,
    ]


@command.command()
@json_option
def periods(as_json: bool) -> None:
    """The periods in force here, each with the floor below which no installation may go.

    \b
    Example:
      qosymsha retention periods
    """
    found = [(name, term.words, FLOORS[name].term.words, FLOORS[name].why) for name, term in terms().items()]
    columns = ("period", "here", "at least", "because")
    result = {"periods": [dict(zip(columns, row, strict=True)) for row in found]}
    emit(result, as_json=as_json, text=lambda: table("Periods", columns, found))


@command.command(name="tables")
@json_option
def listed(as_json: bool) -> None:
    """Every table: what becomes of its rows, by which period, by which job.

    \b
    Example:
      qosymsha retention tables --json
    """
    found = [(name, kept.way.value, kept.term, kept.job) for name, kept in sorted(TABLES.items())]
    columns = ("table", "way", "period", "job")
    result = {"tables": [dict(zip(columns, row, strict=True)) for row in found]}
    emit(result, as_json=as_json, text=lambda: table("Tables", columns, found))


@command.command()
@click.option("--now", "is_now", is_flag=True, help="Erase; without it, only say how many would be.")
@json_option
def erase(is_now: bool, as_json: bool) -> None:
    """Do the night's erasing by hand: without --now a dry run. What is erased cannot be brought back.

    \b
    Examples:
      qosymsha retention erase
      qosymsha retention erase --now
    """
    with database(migrate=is_now):  # who erases leaves its audit events linked
        at, gone = clock.read(), Counter[str]()
        for kind in Kind:
            if not is_now:
                gone[kind.value] = queries.due_count(kind, at)
                continue
            while n := commands.erase(actor=HAND, kind=kind, at=at):
                gone[kind.value] += n
    result: dict[str, Any] = {"erased": is_now, "persons": {kind.value: gone[kind.value] for kind in Kind}}
    told = ", ".join(f"{kind.value} {gone[kind.value]}" for kind in Kind)
    said = f"Erased: {told}." if is_now else f"Would be erased: {told}. Guardians and accounts follow their children."
    emit(result, as_json=as_json, text=lambda: [said])


@command.command()
@click.argument("child", type=click.UUID)
@click.option("--reason", required=True, help="The paper that asks for it: number and date, no name.")
@json_option
def hold(child: UUID, reason: str, as_json: bool) -> None:
    """Keep a child, by its outside id, from being erased: a court, an audit or an inquiry asks.

    \b
    Example:
      qosymsha retention hold 0b0f7c1e-3b1f-4a53-9b0e-2f6e5a8d1c77 --reason "inquiry 12-34 of 3 May 2031"
    """
    with database():
        uuid = commands.hold(actor=HAND, child_uuid=child, reason=reason, at=clock.read())
    emit({"hold": str(uuid)}, as_json=as_json, text=lambda: [f"Held: {uuid}."])


@command.command()
@click.argument("held", type=click.UUID, metavar="HOLD")
@json_option
def lift(held: UUID, as_json: bool) -> None:
    """End a legal hold, by its own id (`retention holds` lists them).

    \b
    Example:
      qosymsha retention lift 5f0c6b7e-97c4-4f0a-9a55-0f4c3f0de001
    """
    with database():
        commands.lift(actor=HAND, hold_uuid=held, at=clock.read())
    emit({"lifted": str(held)}, as_json=as_json, text=lambda: ["Lifted."])


@command.command()
@json_option
def holds(as_json: bool) -> None:
    """The legal holds that stand.

    \b
    Example:
      qosymsha retention holds
    """
    with database(migrate=False):
        found = [(str(i), str(c), why, at.isoformat()) for i, c, why, at in queries.holds(actor=HAND)]
    columns = ("hold", "child", "reason", "since")
    result = {"holds": [dict(zip(columns, row, strict=True)) for row in found]}
    emit(result, as_json=as_json, text=lambda: table("Holds", columns, found) if found else ["None stands."])

"""`qosymsha migrate`: the tables, brought up to what this code wants while everybody goes on; or back again."""

from __future__ import annotations

import os

import click

from qosymsha.interfaces.cli import rights
from qosymsha.interfaces.cli.migrating import PATIENCE, bring_up_to_date, missing, take_back
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option
from qosymsha.interfaces.cli.session import connected, database
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.address import django_database
from qosymsha.runtime.secrets import secret


@click.command(name="migrate")
@click.option("--check", is_flag=True, help="Only say what is missing; exit status 1 where anything is.")
@click.option("--back", metavar="ROOM.NAME", help="Undo what a room played after this one (ROOM.zero: all of it).")
@click.option("--patience", type=click.FloatRange(0), default=PATIENCE, show_default=True, help="Seconds for each.")
@json_option
def command(check: bool, back: str | None, patience: float, as_json: bool) -> int:
    """Bring the tables up to date: each change waits 0.3 s for its locks, lets everybody pass, and tries again.

    Run it on one node before the new version is started anywhere; the old version runs on the new tables. Several nodes
    at once wait for each other. docs/runbooks/upgrade.md has the whole order of an upgrade.

    With QOSYMSHA_OWNER_URL the tables are changed as their owner, and the role of DATABASE_URL, by which pages and jobs
    work, is given what it needs: rows, and only new ones where nothing may change.

    \b
    Examples:
      qosymsha migrate --check
      qosymsha migrate
      QOSYMSHA_OWNER_URL=postgresql://qosymsha@/city DATABASE_URL=postgresql://pages@/city qosymsha migrate
      qosymsha migrate --back vouchers.0004_transfers
    """
    owner = secret("QOSYMSHA_OWNER_URL")
    role = django_database(os.environ.get("DATABASE_URL", ""))["USER"] if owner else ""
    if owner and not role:
        raise BadInput(
            "DATABASE_URL", "name in it the role by which pages and jobs work: postgresql://qosymsha_pages@…"
        )
    with connected(owner) if owner else database(migrate=False):
        if check:
            found = [f"{room}.{name}" for room, name in missing()]
            emit({"missing": found}, as_json=as_json, text=lambda: found or ["nothing is missing"])
            return EXIT_FINDING if found else EXIT_DONE
        undone = take_back(*_named(back), patience) if back else []
        played = [] if back else bring_up_to_date(patience)
        granted = rights.grant(role) if owner else 0
    lines = [*(f"undone  {one}" for one in undone), *(f"played  {one}" for one in played)]
    lines += [f"granted  {role}: {granted} tables"] if granted else []
    told = {"played": played, "undone": undone, "granted": granted}
    emit(told, as_json=as_json, text=lambda: lines or ["nothing was missing"])
    return EXIT_DONE


def _named(typed: str) -> tuple[str, str]:
    room, dot, name = typed.partition(".")
    if not (room and dot and name):
        raise BadInput("--back", f"{typed} is no migration; write ROOM.NAME, such as vouchers.0004_transfers")
    return room, name

"""`qosymsha export …`: results as tables that a spreadsheet opens and does not run."""

from __future__ import annotations

from pathlib import Path

import click

from qosymsha.interfaces.cli import listing
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import emit, json_option
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.files import exports
from qosymsha.kernel import clock


@click.command(name="export")
@click.argument("what", type=click.Choice(list(listing.EXPORTS)))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@json_option
def command(what: str, file: Path, as_json: bool) -> None:
    """Write a table as FILE: .csv (UTF-8 with BOM, for Excel) or .xlsx, by the file's ending.

    Texts that a spreadsheet would run as formulas are quoted with an apostrophe; `import` takes it off again. People
    stand in no export: applications and vouchers go by their numbers. The file is whole or absent.

    \b
    Examples:
      qosymsha export ledger ledger-2026.xlsx        every entry, with its cause
      qosymsha export applications applications.csv
      qosymsha --demo export claims claims.csv       from the demo's database
    """
    with database():
        place = installation(clock.read())
        columns = listing.EXPORTS[what][0].split(",")
        with listing.exported(what, place.programme_id) as rows:
            count = exports.write(file, columns, rows)
    told = {"export": what, "file": str(file), "rows": count}
    emit(told, as_json=as_json, text=lambda: [f"{file}: {count:,} rows of {what}"])

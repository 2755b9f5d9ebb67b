"""`qosymsha import …`: rosters into the city, as often as needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from qosymsha.domain.admission.queries import round_numbered, round_numbers
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.admission.states import RoundState
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.loading.budget import BudgetLoader
from qosymsha.interfaces.cli.loading.context import City
from qosymsha.interfaces.cli.loading.engine import load
from qosymsha.interfaces.cli.loading.families import FamilyLoader
from qosymsha.interfaces.cli.loading.filing import ApplicationLoader
from qosymsha.interfaces.cli.loading.groups import GroupLoader
from qosymsha.interfaces.cli.loading.marks import mark_loader
from qosymsha.interfaces.cli.loading.suppliers import ProviderLoader
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.files import exports, layouts
from qosymsha.interfaces.files.reading import Loader, Verdict
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput, Refused

MARKS_WHAT = """Load a month of marks kept elsewhere, to be screened by `qosymsha flags`; nothing of it is ever paid.

One row is one child at one lesson. Only the first five columns must be there; the more evidence stands beside a mark,
the more rules can speak, and no rule judges by a blank. Instants are local (Astana) unless they carry an offset; with
seconds, for rules about seconds say nothing of minutes. Devices, networks and persons are stored as keyed hashes."""
_NO_FILE = ""  # what `--template` is given without a value
_HELP = """{what}

FILE is .csv or .xlsx as a city has it: UTF-8, UTF-16 or Windows-1251; commas, semicolons or tabs; headers in
Kazakh, Russian or English. Good rows are loaded once, bad ones are told by row and column; loading the file again
(after a correction, or after a break in the middle) loads what is missing and changes what differs.

\b
Examples:
  qosymsha import {name} --template {name}.xlsx       an example to fill in
  qosymsha import {name} {name}.csv --check           what would happen; stores nothing
  qosymsha import {name} {name}.csv --report bad.csv  load; write the bad rows down

\b
Columns (* must be there):
{columns}

Exit status: 0 all rows taken, 1 some rows refused, 2 the file cannot be read.
"""


@click.group(name="import")
def command() -> None:
    """Load rosters: budget, providers, groups, guardians, applications, marks (CSV or XLSX).

    \b
    A city begins with:
      qosymsha import providers providers.xlsx
      qosymsha import groups groups.xlsx
      qosymsha round open --budget-tenge 40000000
      qosymsha import guardians guardians.csv
      qosymsha import applications applications.csv
    """


def _columns(name: str) -> str:
    rows = layouts.LAYOUTS[name]
    return "\n".join(f"  {'*' if c.is_required else ' '} {c.name:<18} {c.meaning}" for c in rows)


def _verb(name: str, what: str, make: Callable[..., Loader[Any]], *more: click.Parameter) -> click.Command:
    """One roster's command."""

    def run(  # noqa: PLR0913 - the options of a verb
        file: Path | None,
        template: Path | None,
        report: Path | None,
        is_check: bool,
        as_json: bool,
        subjects: tuple[str, ...],
        **given: Any,
    ) -> int:
        if template == Path(_NO_FILE):
            raise BadInput("--template", f"name the file to write the example to: `--template {name}.xlsx` (or .csv)")
        if template is not None:
            return _template(name, template)
        if file is None:
            raise BadInput("FILE", f"name the roster to load, or `--template {name}.xlsx` for an example to fill in")
        with database():
            at = clock.read()
            city = City(installation(at, may_found=not is_check), Staff(subjects, at), is_check)
            told = load(make(city, **given), file, is_check=is_check)
        if report is not None:
            told.write(report)
        emit(told.as_json(), as_json=as_json, text=told.as_text)
        return EXIT_FINDING if told.counts[Verdict.REFUSED] else EXIT_DONE

    path = click.Path(dir_okay=False, path_type=Path)
    parameters = [
        click.Argument(["file"], type=click.Path(path_type=Path), required=False, metavar="[FILE]"),
        click.Option(["--check", "is_check"], is_flag=True, help="Say what would happen; store nothing."),
        click.Option(["--report"], type=path, metavar="OUT.csv", help="Write every refused cell to a .csv or .xlsx."),
        click.Option(
            ["--template"],
            type=path,
            metavar="OUT.xlsx",
            help="Write an example roster and stop.",
            is_flag=False,
            flag_value=_NO_FILE,
        ),
        *more,
    ]
    help_text = _HELP.format(what=what, name=name, columns=_columns(name))
    made = click.Command(name, callback=run, params=list(parameters), help=help_text, short_help=what.split("\n")[0])
    as_option(made)
    json_option(made)
    return made


def _template(name: str, path: Path) -> int:
    layout = layouts.LAYOUTS[name]
    exports.write(path, [column.name for column in layout], [[column.example for column in layout]])
    click.echo(f"{path}: an example row under the columns of `import {name}`")
    return EXIT_DONE


def _applications(city: City, number: str | None) -> ApplicationLoader:
    numbers = [number] if number else round_numbers(city.place.programme_id)
    found = [round_numbered(one) for one in numbers]
    is_open = [one for one in found if one.state == RoundState.OPEN]
    if not is_open:
        raise Refused(AdmissionRefusal.WINDOW_NOT_OPEN, **({"round": number} if number else {}))
    return ApplicationLoader(city, is_open[0].id)


def _marks(city: City, may_create: bool) -> Loader[Any]:
    if may_create and settings.PRODUCTION:
        raise BadInput("--create-missing", "is for trials: in production load providers, groups and guardians first")
    return mark_loader(city, may_create=may_create)


def _budget(city: City, year: int | None) -> BudgetLoader:
    return BudgetLoader(city, year or city.today.year)


_round_option = click.Option(
    ["--round", "number"], metavar="R-…", help="The round to file into (default: the open one)."
)
_missing_option = click.Option(
    ["--create-missing", "may_create"],
    is_flag=True,
    help="Take providers, groups, children and guardians that this city does not know by the file's own codes"
    " (trial and demo only).",
)
_year_option = click.Option(["--year"], type=click.IntRange(2000, 2100), help="The budget year (default: this one).")

for _made in (
    _verb("budget", "Load money for the budget lines, one decision a row.", _budget, _year_option),
    _verb("providers", "Load providers with their papers and contracts.", ProviderLoader),
    _verb("groups", "Load the providers' groups with their timetables.", GroupLoader),
    _verb("guardians", "Load guardians and children, one pair a row.", FamilyLoader),
    _verb("applications", "File applications into the open round.", _applications, _round_option),
    _verb("marks", MARKS_WHAT, _marks, _missing_option),
):
    command.add_command(_made)

"""`qosymsha demo`: a city plays a whole programme year on a database of its own, is checked, and is served."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from qosymsha.demo.choosing import PUBLIC as CHOICE
from qosymsha.demo.next_year import FOLDER as NEXT
from qosymsha.demo.world import World
from qosymsha.demo.year import play
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.queries.rounds import RoundHead
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.choice.queries.public import ChoiceHead
from qosymsha.interfaces.cli.demo_report import printed
from qosymsha.interfaces.cli.serve import serve_until_stopped
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.files import published
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.places import places_of

FEWEST, MOST = 1_000, 200_000
EPILOG = """\b
Examples:
  qosymsha demo                                            5,000 children, then the first page is served
  qosymsha demo --children 20000 --seed 7 --no-serve       another city, no page
  qosymsha demo --no-serve --report year.json              the report as a file for machines

The demo drops and makes anew its own database `qosymsha_demo`; no other database is touched. All people are synthetic.
"""


@click.command(epilog=EPILOG)
@click.option("--children", type=click.IntRange(FEWEST, MOST), default=5_000, show_default=True, help="How many apply.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Same seed, same year.")
@click.option("--no-serve", is_flag=True, help="Stop after the report.")
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=8_000, show_default=True, help="Where the page is served."
)
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="JSON file."
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Where the round's files are published."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of tables.")
def command(  # noqa: PLR0913 - one parameter per option
    children: int,
    seed: int,
    no_serve: bool,
    port: int,
    report_file: Path | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Play a whole programme year: rules, intake, draw, vouchers, lessons, pay, year end. Then check everything."""
    progress = Console(stderr=True)
    if report_file is not None and not report_file.parent.is_dir():
        raise BadInput("--report", f"there is no folder {report_file.parent}; make it first")
    shutil.rmtree(places_of().state / "demo", ignore_errors=True)  # traces of the city that is dropped
    with database(fresh=True):
        collected, files = _published(children, seed, folder, progress)
        if report_file is not None:
            _write(report_file, collected)
        if as_json:
            click.echo(json.dumps(collected, ensure_ascii=False, indent=2))
        else:
            printed(collected, Console())
            click.echo(f"\nThe round's published files: {files}   check them: qosymsha verify {files}")
        if not no_serve:
            serve_until_stopped(host="127.0.0.1", port=port)
    return 0 if all(i["ok"] for i in collected["invariants"]) else 1


def _published(children: int, seed: int, folder: Path | None, console: Console) -> tuple[dict[str, Any], Path]:
    """The year's report, and where its round's files are: in the store the pages serve, and in `folder` if named."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-round-") as name:
        written = folder or Path(name)
        collected = _played(children, seed, written, console)
        heads = list(zip(reversed(admission.round_heads()), reversed(choice.choice_heads()), strict=True))
        folders = (written, written / NEXT)  # the third rounds are open
        stores = [_stored(*pair, files) for pair, files in zip(heads[: len(folders)], folders, strict=True)]
    return collected, folder or stores[0]


def _stored(of: RoundHead, places: ChoiceHead, written: Path) -> Path:
    """Put a round's files and its choice round's where the pages serve them from."""
    store = published.folder_of(of.uuid)
    with published.replacing(store) as beside:
        shutil.copytree(written, beside, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CHOICE, NEXT))
    with published.replacing(published.folder_of(places.uuid), published.CHOICE_VERIFIERS) as beside:
        shutil.copytree(written / CHOICE, beside, dirs_exist_ok=True)
    return store


def _played(children: int, seed: int, folder: Path, console: Console) -> dict[str, Any]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def say(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        world = World(
            children=children,
            seed=seed,
            registry=adapter("registry"),
            beacon=adapter("beacon"),
            treasury=adapter("treasury"),
            say=say,
        )
        return play(world, folder)


def _write(path: Path, collected: dict[str, Any]) -> None:
    """Whole or not at all: written beside its place and renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(collected, ensure_ascii=False, indent=2) + "\n", "utf-8")
    beside.replace(path)

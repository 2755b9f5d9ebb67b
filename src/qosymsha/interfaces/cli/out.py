"""How verbs talk: results on stdout (text or JSON), progress and remarks on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from qosymsha.interfaces.ui import texts

EXIT_DONE, EXIT_FINDING = 0, 1
_LANGUAGE = "en"
T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, for machines.")
as_option = click.option(
    "--as",
    "subjects",
    multiple=True,
    metavar="SUBJECT",
    help="Act as this user (the identity provider's subject); repeat it where a step needs a second person."
    " A trial installation has its own officials and needs none.",
)


def stderr() -> Console:
    """Where progress and remarks go."""
    return Console(stderr=True, highlight=False)


def remark(sentence: str) -> None:
    """A remark beside the result."""
    click.echo(sentence, err=True)


def progress() -> Progress:
    """A bar on stderr, unseen where stderr is no terminal."""
    console = stderr()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"))
    return Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)


def tracked(things: Sequence[T], description: str) -> Iterator[T]:
    """The things one by one, with a bar on stderr."""
    with progress() as bar:
        yield from bar.track(things, description=description)


def emit(result: dict[str, Any], *, as_json: bool, text: Callable[[], Iterable[str]]) -> None:
    """The result: as JSON, or as the lines of `text`."""
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, default=_plain, indent=1))
        return
    for line in text():
        click.echo(line)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table as lines of plain text; whole numbers stand right, with blanks between thousands."""
    drawn = Table(title=title, title_justify="left", box=None, pad_edge=False)
    found = [list(row) for row in rows]
    for i, column in enumerate(columns):
        is_number = bool(found) and all(type(row[i]) is int for row in found)
        drawn.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in found:
        drawn.add_row(*(texts.grouped(value) if type(value) is int else str(value) for value in row))
    console = Console(width=150, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(drawn)
    return [line.rstrip() for line in captured.get().splitlines()]


def refusal(reason: StrEnum) -> str:
    """A refusal as a sentence that says what to do; its code where no sentence is written yet."""
    try:
        return texts.refusal(_LANGUAGE, reason.value)
    except (KeyError, OSError):
        return reason.value.replace("_", " ")

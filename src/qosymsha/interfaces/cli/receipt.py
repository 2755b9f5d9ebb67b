"""`qosymsha round receipt`: a family's receipt as a paper or a file, given out by a clerk; each reading is recorded."""

from __future__ import annotations

import os
from pathlib import Path

import click
from django.conf import settings

from qosymsha.domain.admission import queries
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.out import as_option, emit, json_option
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.receipt import receipt_json, receipt_pdf
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput

_ENDINGS = (".pdf", ".json")


@click.command("receipt")
@click.argument("number", metavar="APPLICATION-NUMBER")
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), required=True, help="FILE.pdf or FILE.json."
)
@click.option(
    "--language", type=click.Choice(texts.LANGUAGES), default="kk", show_default=True, help="The paper's language."
)
@as_option
@json_option
def receipt(number: str, file: Path, language: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Write a family's receipt: its ticket, what was filed, its line, how to check. A clerk's verb.

    The ticket is the family's secret: the file is for its owner's eyes only, is never written over another, and who
    read it is recorded. PDF is a page of A4 with a QR code of the ticket; JSON is what the checking page takes.

    \b
    Examples:
      qosymsha round receipt A-000017-K --out receipt.pdf
      qosymsha round receipt A-000017-K --out receipt.json --as clerk:aigul
    """
    if file.suffix.lower() not in _ENDINGS:
        raise BadInput("--out", "name a file that ends with .pdf or .json")
    with database():
        at = clock.read()
        actor = Staff(subjects, at).actor(Role.CLERK)
        found = queries.receipt(actor=actor, application_id=queries.application_numbered(number), at=at)
    if file.suffix.lower() == ".json":
        _write(file, receipt_json(found).encode())
    else:
        _write(file, receipt_pdf(found, language, settings.PUBLIC_ADDRESS))
    told = {"application": found.number, "round": found.round_number, "file": str(file)}
    emit(told, as_json=as_json, text=lambda: [f"{file}: the receipt of {found.number}; give it to the family only"])


def _write(file: Path, content: bytes) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
    except FileExistsError:
        raise BadInput("--out", f"{file} is there already; name another file") from None
    except OSError as error:
        raise BadInput("--out", f"cannot be written to: {error.strerror}") from error

"""`qosymsha allocate …`: the engine on a file in the exchange format; needs no database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from qosymsha.domain.allocation import exchange
from qosymsha.domain.allocation.errors import InstanceError
from qosymsha.domain.allocation.explain import LANGUAGES
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, remark
from qosymsha.kernel.errors import BadInput

_PROBLEMS = {"round": exchange.ROUND, "places": exchange.PLACES}


@click.command(name="allocate")
@click.argument("problem", type=click.Choice(list(_PROBLEMS)))
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE")
@click.option("--check", "is_check", is_flag=True, help="Have the answer checked by code that shares nothing with it.")
@click.option(
    "--explain", "ident", metavar="ID", help="Say in words why this application, or child, stands where it stands."
)
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", help="Language of the explanation.")
@click.option("--json", "as_json", is_flag=True, help="The answer is JSON always; with --explain, the sentences too.")
def command(problem: str, file: Path, is_check: bool, ident: str | None, language: str, as_json: bool) -> int:  # noqa: PLR0913 - the options of a verb
    """Run the allocation engine on FILE (`-` is standard input): JSON in, JSON out, the same bytes every time.

    `round` grants vouchers in one queue per segment; `places` matches children to groups. A file holds one instance,
    or a list of them under `cases`. The answer stands alone on stdout; what was ignored is said on stderr. With
    --check an answer that the independent checker faults ends with status 1.

    \b
    Examples:
      qosymsha allocate round round.json --check > answer.json
      qosymsha allocate round round.json --explain a17 --lang kk
      qosymsha allocate places - < places.json
      qosymsha allocate places places.json --explain c3 --lang ru
    """
    text = _read(file)
    try:
        if ident is not None:
            return _explain(text, problem, ident, language, as_json)
        answered = exchange.answer(text, problem=_PROBLEMS[problem], check=is_check)
    except InstanceError as error:
        raise BadInput(error.path, error.message) from error
    click.echo(answered.text)
    for report in answered.reports:
        remark(f"ignored: {report}")
    for finding in answered.findings:
        remark(f"the checker found: {finding}")
    return EXIT_FINDING if answered.findings else EXIT_DONE


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise BadInput("FILE", f"cannot be read: {(error.strerror or 'unknown reason').lower()}") from error


def _explain(text: bytes, problem: str, ident: str, language: str, as_json: bool) -> int:
    sentences = exchange.explanation(text, problem=_PROBLEMS[problem], ident=ident, language=language)
    if sentences is None:
        raise BadInput("--explain", f"the file has no {'application' if problem == 'round' else 'child'} of this id")
    emit({"id": ident, "language": language, "sentences": sentences}, as_json=as_json, text=lambda: sentences)
    return EXIT_DONE

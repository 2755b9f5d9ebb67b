"""`qosymsha verify FOLDER`: a published round checked from its files alone, by the public's own short programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click

from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option, tracked
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.errors import EnvironmentFault

_PROGRAMS = Path(__file__).resolve().parents[4] / "verify"
_STEPS = (
    ("draw", "draw.py", "the closed list, its root, the parties' commitments, the seed, every lottery number"),
    ("grant", "grant.py", "the order, and that each voucher was granted as the terms say"),
)
_CHOICE = "qosymsha choice 1"
_CHOICE_ONLY = (
    "This is a choice round: its lines hold children's wishes, so the public sees their fingerprints only.",
    "Checked instead: the files are those that were summed; the list's fingerprints, the terms and the root belong"
    " together; the secrets are those committed to; the seed follows from them, the root and the beacon.",
    "NOT checked: who sits where. Each family can check its own line; sworn auditors judge the restricted files with"
    " verify/places.py.",
)
# What the programs' "OK" does not say by itself where nothing is shown.
_TOO_SMALL = (
    "This round is too small for the public to recompute it: all {rows} lines are withheld, since in classes of fewer"
    " than ten a child could be recognised.",
    "Checked instead: the files are those that were summed; the list's fingerprints, the terms and the root belong"
    " together; the secrets are those committed to; the seed follows from them, the root and the beacon; the places"
    " told are no more than there were.",
    "NOT checked: any lottery number, the order, who was granted. Each family can check its own line with its receipt;"
    " for the rest ask the auditors, who may see the list.",
)
_PLACES = ("instance.json", "answer.json")
_FILES = ("SHA256SUMS", "terms.json", "protocol.json", "closed.tsv", "numbers.tsv", "results.tsv")


@click.command(name="verify")
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--root", metavar="HEX", help="The root as it was published at closing, from a source you trust.")
@json_option
def command(folder: Path, root: str | None, as_json: bool) -> int:
    """Check a published round from its FOLDER alone: no database, no network, nothing but Python's own library.

    It runs verify/draw.py and verify/grant.py, 180 lines that anyone may read and run without this program; of a choice
    round only draw.py, and for auditors, on the restricted folder, places.py. Compare --root with what you saw at
    closing, in a newspaper or a message: otherwise the folder is only shown to agree with itself. Exit status 1 where
    anything differs.

    \b
    Examples:
      qosymsha verify published
      qosymsha verify published --root 257cebfee7d5…
    """
    _refuse_other(folder)
    checks = []
    is_choice = _is_choice(folder)
    steps = _steps(folder, is_choice)
    at_work = [_start(program, _arguments(name, folder, root)) for name, program, _ in steps]
    for (name, _, what), running in tracked(list(zip(steps, at_work, strict=True)), "checking"):
        checks.append({"check": name, "what": what, **_said(running)})
    is_fine = all(check["ok"] for check in checks)
    rows, withheld = _withheld(folder)
    too_small = [line.format(rows=rows) for line in _TOO_SMALL] if is_fine and rows and withheld == rows else []
    if is_choice:
        too_small = list(_CHOICE_ONLY) if is_fine and not _is_restricted(folder) else []
    told = {"folder": str(folder), "ok": is_fine, "rows": rows, "withheld": withheld, "note": " ".join(too_small)}
    emit({**told, "checks": checks}, as_json=as_json, text=lambda: [*_text(checks, root), *too_small])
    return EXIT_DONE if is_fine else EXIT_FINDING


def _steps(folder: Path, is_choice: bool) -> list[tuple[str, str, str]]:
    """What can be checked of this folder."""
    if not is_choice:
        return list(_STEPS)
    stable = ("places", "places.py", "that nobody could have had a better wish by the groups' own order")
    return [_STEPS[0], *([stable] if _is_restricted(folder) else [])]


def _is_choice(folder: Path) -> bool:
    try:
        terms = json.loads((folder / "terms.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(terms, dict) and terms.get("format") == _CHOICE


def _is_restricted(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _PLACES)


def _withheld(folder: Path) -> tuple[int, int]:
    """(rows, withheld rows) of the closed list; a withheld row shows its leaf alone. Nothing where it can't be read."""
    try:
        with (folder / "closed.tsv").open("rb") as file:
            shown = [b"\t" in row for row in file]
    except OSError:
        return 0, 0
    return len(shown), shown.count(False)


def _refuse_other(folder: Path) -> None:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if not folder.is_dir():
        raise BadInput("FOLDER", "is no folder: name the one that `qosymsha round publish` wrote")
    if len(missing) == len(_FILES):
        raise BadInput("FOLDER", f"holds no published round: {', '.join(missing)} are not there")


def _arguments(name: str, folder: Path, root: str | None) -> list[str]:
    if name == "places":
        return [str(folder / file) for file in _PLACES]
    return [str(folder), *([root] if root and name == "draw" else [])]


def _start(program: str, arguments: list[str]) -> subprocess.Popen[str]:
    """Start a program; none needs another's answer, so they run side by side."""
    path = _PROGRAMS / program
    if not path.is_file():
        raise EnvironmentFault(f"verify/{program} is not beside this program; run it from a clone of the repository.")
    command = [sys.executable, "-I", str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _said(running: subprocess.Popen[str]) -> dict[str, object]:
    said = running.communicate()[0].strip().splitlines()
    is_fine = running.returncode == 0 and any(line.startswith("OK") for line in said)  # silence is no proof
    return {"ok": is_fine, "said": said}


def _text(checks: list[dict[str, object]], root: str | None) -> list[str]:
    lines = []
    for check in checks:
        said = check["said"]
        assert isinstance(said, list)
        lines.append(f"{'right' if check['ok'] else 'WRONG'}  {check['check']}: {check['what']}")
        lines += [f"       {line}" for line in said]
    if root is None:
        lines.append("The root was not compared with the one published at closing: give it with --root.")
    return lines

"""`qosymsha audit`: check the chain of the audit beside its checkpoints, write it out for others, sign a checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from qosymsha.domain.witness import queries, store
from qosymsha.domain.witness.commands import sign_checkpoint
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option, progress
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput

_PROGRAM = Path(__file__).resolve().parents[4] / "verify" / "audit.py"
_MOST = 50  # faults said one by one


@click.group(name="audit")
def command() -> None:
    """The audit: who wrote and who read, linked so that a changed past is seen.

    \b
    Examples:
      qosymsha audit verify
      qosymsha audit export chain && python3 verify/audit.py chain
    """


@command.command()
@json_option
def verify(as_json: bool) -> int:
    """Check every link on the live database, then the checkpoints kept outside it; each fault names its place.

    Exit status 1 where anything is wrong: an edited event, a cut tail, an insertion, a deletion, a restored backup, a
    forged checkpoint.

    \b
    Examples:
      qosymsha audit verify
      qosymsha audit verify --json
    """
    with database(migrate=False), progress() as bar:
        task = bar.add_task("links", total=queries.length())
        found = list(queries.chain_faults(lambda done: bar.update(task, completed=done)))
        links, signed = queries.length(), len(queries.checkpoint_files())
    told = [{"first": one.first, "last": one.last, "what": one.what} for one in found]
    result = {"ok": not found, "links": links, "checkpoints": signed, "faults": told}
    emit(result, as_json=as_json, text=lambda: _text([one.what for one in found], links, signed))
    return EXIT_FINDING if found else EXIT_DONE


def _text(faults: list[str], links: int, signed: int) -> list[str]:
    if not faults:
        said = (
            f"{signed} checkpoints agree"
            if signed
            else "no checkpoint stands outside yet: nothing shows a restored backup"
        )
        return [f"right  {links} links, each continues the one before and holds its event; {said}"]
    more = [f"       and {len(faults) - _MOST} more"] if len(faults) > _MOST else []
    return [f"WRONG  {what}" for what in faults[:_MOST]] + more


@command.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--events", is_flag=True, help="The events themselves too (ids of people in them), not their hashes alone."
)
@json_option
def export(folder: Path, events: bool, as_json: bool) -> int:
    """Write the chain into FOLDER for verify/audit.py, which anyone may run: links, hashes, checkpoints, the key.

    Without --events nothing of an event is told but its hash and its instant.

    \b
    Examples:
      qosymsha audit export chain && python3 verify/audit.py chain
      qosymsha audit export chain --events
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput("FOLDER", "exists and is not empty: name a new one")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with database(migrate=False), progress() as bar:
        task = bar.add_task("links", total=queries.length())
        links = queries.write_links(folder, is_whole=events, progress=lambda done: bar.update(task, completed=done))
        (folder / "unlinked.tsv").write_text(
            "".join(f"{i}\t{at.isoformat()}\n" for i, at in queries.unlinked()), "ascii"
        )
        (folder / "key.txt").write_text(store.public_key().hex() + "\n", "ascii")
        (folder / "checkpoints").mkdir()
        for path in queries.checkpoint_files():
            shutil.copyfile(path, folder / "checkpoints" / path.name)
    if _PROGRAM.is_file():
        shutil.copyfile(_PROGRAM, folder / _PROGRAM.name)
    result = {"folder": str(folder), "links": links}
    emit(
        result, as_json=as_json, text=lambda: [f"{links} links in {folder}; check: python3 {folder}/audit.py {folder}"]
    )
    return EXIT_DONE


@command.command()
@json_option
def sign(as_json: bool) -> int:
    """Sign a checkpoint now, as the job does by itself; refused where the chain is not what was signed before.

    \b
    Examples:
      qosymsha audit sign
    """
    with database():
        checkpoint = sign_checkpoint(at=clock.read())
    size = checkpoint.size if checkpoint else None
    said = f"signed: {size} links" if size else "nothing to sign: no link was added since the last checkpoint"
    emit({"size": size}, as_json=as_json, text=lambda: [said])
    return EXIT_DONE

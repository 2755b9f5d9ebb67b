"""Published rounds on this server: one folder per round, written whole or not at all, its files known by name."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from json import loads
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from qosymsha.runtime.places import places_of

SUMS = "SHA256SUMS"
VERIFIERS = ("draw.py", "grant.py")
CHOICE_VERIFIERS = ("draw.py",)  # who sits where can be judged by sworn auditors only, with places.py
# What may be fetched, in the order a stranger needs it; a name in an address is looked up here, never made a path.
NAMES = (
    *("terms.json", "closed.tsv", "protocol.json", "numbers.tsv", "results.tsv", SUMS),
    *("parts.tsv", "proofs.tsv", "order.tsv", *VERIFIERS),
)
_PROGRAMS = Path(__file__).resolve().parents[4] / "verify"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a published round; `size` in bytes."""

    name: str
    path: Path
    size: int


def folder_of(round_uuid: UUID) -> Path:
    """Where a round's files stand: in the folder the settings name, else in the installation's state folder."""
    store = Path(settings.PUBLISHED) if settings.PUBLISHED else places_of().state / "published"
    return store / str(round_uuid)


@contextmanager
def replacing(folder: Path, verifiers: Sequence[str] = VERIFIERS) -> Iterator[Path]:
    """An empty folder beside `folder` to write into; with the verifiers added it takes its place at the end."""
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True, mode=0o755)
    try:
        yield beside
        for name in verifiers:
            if (_PROGRAMS / name).is_file():
                shutil.copyfile(_PROGRAMS / name, beside / name)
        beside.chmod(0o755)  # the pages may run as another user
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def published_files(round_uuid: UUID) -> list[PublishedFile]:
    """The files of a round that this server has, in the order of `NAMES`; none before it is published."""
    folder = folder_of(round_uuid)
    paths = [folder / name for name in NAMES]
    return [PublishedFile(path.name, path, path.stat().st_size) for path in paths if path.is_file()]


def published_file(round_uuid: UUID, name: str) -> Path | None:
    """One file of a round, or None for a name that is not one of `NAMES` or is not there."""
    return next((found.path for found in published_files(round_uuid) if found.name == name), None)


def version_of(round_uuid: UUID) -> str:
    """A mark that changes with the files, so that what is kept for ever is never another round's."""
    sums = published_file(round_uuid, SUMS)
    return hashlib.sha256(sums.read_bytes()).hexdigest()[:12] if sums else ""


def part_of(round_uuid: UUID, part: int) -> bytes | None:
    """The rows of one part of the closed list (`allocation.parts`), or None where there is no such part."""
    proofs, parts = (published_file(round_uuid, name) for name in ("proofs.tsv", "parts.tsv"))
    if proofs is None or parts is None:
        return None
    rows = proofs.read_text("ascii").splitlines()
    if part >= len(rows):
        return None
    offset, length = map(int, rows[part].split("\t")[2:])
    with parts.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def cutoffs_of(round_uuid: UUID) -> dict[str, Any]:
    """Segment → [iteration, tier, number] of the last line shown with an open place, None where there is none."""
    protocol = published_file(round_uuid, "protocol.json")
    return _cutoffs(protocol, protocol.stat().st_mtime_ns) if protocol else {}


@lru_cache(maxsize=64)
def _cutoffs(protocol: Path, _changed: int) -> dict[str, Any]:
    found: dict[str, Any] = loads(protocol.read_text("utf-8"))["cutoffs"]
    return found

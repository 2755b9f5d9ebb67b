"""The folder of checkpoints, outside the database: one file per checkpoint, written once, never changed or removed.

Named by the settings; best a disk of another machine, for who can change both the database and this folder hides both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from qosymsha.domain.witness import rules
from qosymsha.domain.witness.rules import Checkpoint
from qosymsha.kernel.errors import NotConfigured
from qosymsha.runtime.places import locked


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the folder; `checkpoint` is None where our key did not sign what stands in it under this name."""

    path: Path
    size: int
    checkpoint: Checkpoint | None


def folder() -> Path | None:
    """Where the checkpoints of this database stand; None where the settings name no folder.

    Outside production every new database is a chain of its own: it gets a folder by its first link.
    """
    if not settings.CHECKPOINTS:
        return None
    if settings.CHECKPOINTS_OF_ONE_CHAIN:
        return Path(settings.CHECKPOINTS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(hash, 'hex') FROM audit_link WHERE seq = 1")
        first = cursor.fetchone()
    return Path(settings.CHECKPOINTS) / (first[0][:16] if first else "empty")


def public_key() -> bytes:
    """The key by which anyone checks our checkpoints.

    Raises:
        NotConfigured: production without its own key.
    """
    return rules.public_of(private_key())


def private_key() -> bytes:
    """The signing key.

    Raises:
        NotConfigured: production without its own key.
    """
    if not settings.CHECKPOINT_KEY:
        raise NotConfigured("checkpoints need a key: set QOSYMSHA_CHECKPOINT_KEY to what `openssl rand -hex 32` says")
    return bytes(settings.CHECKPOINT_KEY)


def stored(where: Path) -> Iterator[Stored]:
    """Every checkpoint of the folder, the smallest first, each checked against our key as it is read."""
    public = public_key()
    for path in files(where):
        yield one(path, public)


def one(path: Path, public: bytes | None = None) -> Stored:
    """One file of the folder, checked against our key."""
    checkpoint = rules.read(path.read_text("utf-8", errors="replace"), public or public_key())
    size = int(path.stem)
    return Stored(path, size, checkpoint if checkpoint and checkpoint.size == size else None)


def files(where: Path) -> list[Path]:
    """The checkpoints' files, the smallest first."""
    found = where.glob("*.txt") if where.is_dir() else ()
    return sorted(path for path in found if path.stem.isascii() and path.stem.isdigit())


@contextmanager
def alone(where: Path) -> Iterator[None]:
    """Hold the folder while it is compared and added to."""
    where.mkdir(parents=True, exist_ok=True)
    with locked(where / ".lock"):
        yield


def add(where: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint: whole or not at all, and never over another.

    Raises:
        FileExistsError: one of this size stands there.
    """
    path = where / f"{checkpoint.size:012d}.txt"
    beside = where / f".{path.name}.{os.getpid()}"
    with beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(rules.signed(checkpoint, private_key()))
        file.flush()
        os.fsync(file.fileno())
    beside.chmod(0o444)
    try:
        os.link(beside, path)
    finally:
        beside.unlink()
    handle = os.open(where, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path

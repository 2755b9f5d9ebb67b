"""A treasury behind two folders: files go into `outgoing`, replies are found in `incoming` (a bank client)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from qosymsha.domain.settlement.ports import Reply, TreasuryUnavailable
from qosymsha.integrations.treasury.messages import MOST_BYTES, UnreadableMessage, read_replies

FOLDER = "QOSYMSHA_TREASURY_FOLDER"


class FileDropTreasury:
    """Works in a folder given or named by QOSYMSHA_TREASURY_FOLDER.

    A file appears in `outgoing` whole or not at all, under its hash; a copy in `done` says that it was dropped, whoever
    takes it away. A reply's file stays in `incoming` until each of its words is acknowledged, then it goes to `done`;
    one that can't be read goes to `unreadable`, for a person.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None and FOLDER not in os.environ:
            raise TreasuryUnavailable(f"set {FOLDER} to the folder that the bank's client watches")
        root = folder or Path(os.environ[FOLDER])
        self._outgoing, self._incoming = root / "outgoing", root / "incoming"
        self._done, self._unreadable = root / "done", root / "unreadable"
        self._open: dict[Path, set[str]] = {}
        for path in (self._outgoing, self._incoming, self._done, self._unreadable):
            path.mkdir(parents=True, exist_ok=True)

    def send(self, content: bytes, content_hash: bytes) -> str:
        """Drop a file, once per hash; the receipt is its name."""
        assert hashlib.sha256(content).digest() == content_hash, "the hash is the content's"
        target = self._outgoing / f"{content_hash.hex()}.xml"
        try:
            if not (self._done / target.name).exists():
                _write_whole(target, content)
                _write_whole(self._done / target.name, content)
        except OSError as error:
            raise TreasuryUnavailable(f"can't write to {self._outgoing}") from error
        return target.name

    def replies(self) -> list[Reply]:
        """Every word in `incoming`, oldest file name first."""
        found: list[Reply] = []
        try:
            for path in sorted(self._incoming.glob("*.xml")):
                found += self._read(path)
        except OSError as error:
            raise TreasuryUnavailable(f"can't read {self._incoming}") from error
        return found

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """Put away the files whose every word was stored."""
        known = {reply.reference for reply in replies}
        for path, references in list(self._open.items()):
            references -= known
            if not references:
                path.replace(self._done / path.name)
                del self._open[path]

    def _read(self, path: Path) -> list[Reply]:
        try:
            if path.stat().st_size > MOST_BYTES:
                raise UnreadableMessage("larger than any reply")
            replies = read_replies(path.read_bytes())
        except UnreadableMessage:
            path.replace(self._unreadable / path.name)
            return []
        self._open.setdefault(path, {reply.reference for reply in replies})
        return replies


def _write_whole(target: Path, content: bytes) -> None:
    """Write beside, force to the disk, then rename: a watcher never sees half a file."""
    part = target.with_suffix(".part")
    with part.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

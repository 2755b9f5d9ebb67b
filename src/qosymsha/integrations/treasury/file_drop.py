"""A treasury behind two folders: files go into `outgoing`, replies are found in `incoming` (a bank client)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from qosymsha.domain.settlement.ports import Reply, TreasuryUnavailable
from qosymsha.integrations.treasury.messages import MOST_BYTES, UnreadableMessage, read_replies, unreadable

FOLDER = "QOSYMSHA_TREASURY_FOLDER"


class FileDropTreasury:
    """Works in a folder given or named by QOSYMSHA_TREASURY_FOLDER.

    A file appears in `outgoing` whole, once: it is written in `staged`, marked in `done`, then renamed into `outgoing`
    (one step: what is staged is not dropped, what is dropped is not staged). Beside it lie its checksum and signature.
    A reply's file stays in `incoming` until each of its words is acknowledged, then it goes to `done`; one that can't
    be read is a word for a person and goes to `unreadable`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None and FOLDER not in os.environ:
            raise TreasuryUnavailable(f"set {FOLDER} to the folder that the bank's client watches")
        root = folder or Path(os.environ[FOLDER])
        self._outgoing, self._incoming, self._staged = root / "outgoing", root / "incoming", root / "staged"
        self._done, self._unreadable = root / "done", root / "unreadable"
        self._open: dict[Path, set[str]] = {}
        try:
            for path in (self._outgoing, self._incoming, self._staged, self._done, self._unreadable):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TreasuryUnavailable(f"can't make folders in {root}") from error

    def send(self, content: bytes, content_hash: bytes, signature: bytes = b"") -> str:
        """Drop a file, once per hash; the receipt is its name. Its signature is there before it, as NAME.sig."""
        assert hashlib.sha256(content).digest() == content_hash, "the hash is the content's"
        name = f"{content_hash.hex()}.xml"
        staged, mark = self._staged / name, self._done / name
        try:
            if not mark.exists():
                _write_whole(staged, content)
                _write_whole(mark, content)
            if staged.exists():
                checksum = f"{content_hash.hex()}  {name}\n".encode()
                _write_whole(self._outgoing / f"{name}.sha256", checksum)
                if signature:
                    _write_whole(self._outgoing / f"{name}.sig", signature)
                staged.replace(self._outgoing / name)
                _force(self._outgoing)
        except OSError as error:
            raise TreasuryUnavailable(f"can't write to {self._outgoing}") from error
        return name

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
            is_unreadable = any(name.startswith("unreadable:") for name in references & known)
            references -= known
            if references:
                continue
            shelf = self._unreadable if is_unreadable else self._done
            try:
                path.replace(shelf / path.name)
            except FileNotFoundError:
                pass  # another process put it away
            except OSError as error:
                raise TreasuryUnavailable(f"can't move {path.name} to {shelf}") from error
            del self._open[path]

    def _read(self, path: Path) -> list[Reply]:
        try:
            if path.stat().st_size > MOST_BYTES:
                raise UnreadableMessage("larger than any reply")
            content = path.read_bytes()
        except FileNotFoundError:
            return []  # another process put it away
        except UnreadableMessage as fault:
            return self._opened(path, [unreadable(path.name.encode(), fault)])
        try:
            return self._opened(path, read_replies(content))
        except UnreadableMessage as fault:
            return self._opened(path, [unreadable(content, fault)])

    def _opened(self, path: Path, words: list[Reply]) -> list[Reply]:
        self._open[path] = {word.reference for word in words}
        if not words:  # a statement that speaks of none of our payments
            self.acknowledge([])
        return words


def _write_whole(target: Path, content: bytes) -> None:
    """Write beside, force to the disk, then rename: a watcher never sees half a file."""
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(target)
    _force(target.parent)


def _force(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

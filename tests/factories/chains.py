"""An exported audit as `qosymsha audit export` writes it, made without the house's code, to be tampered with."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BEGAN = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
STEP = timedelta(hours=1)
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


@dataclass(frozen=True)
class Row:
    """A link with its event: `text` is the event's canonical form, "" where it is gone."""

    seq: int
    event: int
    text: str
    before: str
    own: str
    at: datetime

    @property
    def event_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest() if self.text else ""


@dataclass
class Chain:
    """Rows in order, checkpoints' files by name, events without a link."""

    rows: list[Row]
    notes: dict[str, str] = field(default_factory=dict)
    unlinked: list[tuple[int, datetime]] = field(default_factory=list)

    def write(self, folder: Path, *, is_whole: bool) -> Path:
        """The folder; `is_whole`: with the events themselves."""
        (folder / "checkpoints").mkdir(parents=True)
        lines = [[r.seq, r.event, r.event_hash, r.before, r.own, r.at.isoformat() if r.text else ""] for r in self.rows]
        (folder / "links.tsv").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), "ascii")
        if is_whole:
            escaped = (
                f"{r.event}\t{r.text.encode().decode('latin-1').encode('unicode_escape').decode()}" for r in self.rows
            )
            (folder / "events.tsv").write_text("".join(f"{line}\n" for line in escaped), "ascii")
        (folder / "unlinked.tsv").write_text("".join(f"{i}\t{at.isoformat()}\n" for i, at in self.unlinked), "ascii")
        (folder / "key.txt").write_text(public().hex() + "\n", "ascii")
        for name, note in self.notes.items():
            (folder / "checkpoints" / name).write_text(note, "utf-8")
        return folder


def public(key: bytes = KEY) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def text_of(event: int, word: str = "read") -> str:
    """An event as the database would spell it; with letters and marks that must survive the file."""
    return (
        f'{event}\x1f2026-03-02T04:00:00.000000\x1f5\x1fuser:5\x1f{word}\x1fchild\x1f[{event}]\x1f\x1f{{"a": "әі\\n"}}'
    )


def linked(rows: list[Row], first: int = 0) -> list[Row]:
    """The rows from index `first` on with numbers and hashes made anew, as who rewrites a chain must."""
    done = list(rows[:first])
    for row in rows[first:]:
        before = done[-1].own if done else ""
        own = hashlib.sha256(bytes.fromhex(before) + bytes.fromhex(row.event_hash)).hexdigest()
        done.append(replace(row, seq=len(done) + 1, before=before, own=own))
    return done


def rows(count: int, word: str = "read") -> list[Row]:
    """A chain of so many events, one an hour."""
    return linked([Row(0, 100 + i, text_of(100 + i, word), "", "", BEGAN + i * STEP) for i in range(count)])


def note(row: Row, key: bytes = KEY, at: datetime | None = None) -> str:
    """A signed checkpoint of the chain up to this row."""
    origin = "city.example/audit"
    text = f"{origin}\n{row.seq}\n{base64.b64encode(bytes.fromhex(row.own)).decode()}\n{(at or row.at).isoformat()}\n"
    mark = hashlib.sha256(f"{origin}\n\x01".encode() + public(key)).digest()[:4]
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(text.encode())
    return f"{text}\n\u2014 {origin} {base64.b64encode(mark + signature).decode()}\n"


def name_of(size: int) -> str:
    return f"{size:012d}.txt"


def chain(count: int = 48, every: int = 12) -> Chain:
    """A sound chain with a checkpoint after each so many links."""
    found = rows(count)
    return Chain(found, {name_of(r.seq): note(r) for r in found if r.seq % every == 0})

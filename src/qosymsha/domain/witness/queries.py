"""The chain as it stands, link by link, beside the checkpoints outside: what was changed, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from django.db import connection

from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.witness import store
from qosymsha.domain.witness.rules import Checkpoint
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant, month_of

CHUNK = 20_000
LATE = timedelta(days=1)  # no transaction is open so long: an event is no older than this when it is linked


class Link(NamedTuple):
    """A link, and its event as it stands now: `event_hash` and `event_at` are None where the event is gone.

    `dated` is the event's instant as the link was told it: what says whether an event that is gone had had its time.
    """

    seq: int
    event_id: int
    prev_hash: bytes
    hash: bytes
    event_hash: bytes | None
    event_at: datetime | None
    dated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with links `first`…`last` (a forged checkpoint: with its size, twice), in a sentence."""

    first: int
    last: int
    what: str


_LINKS = """
SELECT l.seq, l.event_id, l.prev_hash, l.hash, CASE WHEN e.id IS NOT NULL THEN audit_event_hash(e) END, e.at,
       l.event_at
  FROM audit_link l LEFT JOIN audit_event e ON e.id = l.event_id AND e.at = l.event_at
 WHERE l.seq > %s ORDER BY l.seq LIMIT %s"""
# Events that the sequencer has passed by, or that wait for it longer than it ever needs.
_UNLINKED = """
SELECT e.id, e.at FROM audit_event e WHERE e.txid < coalesce((SELECT max(txid) FROM audit_low), '0')
   AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id) ORDER BY e.id LIMIT 1000"""


def links(after: int = 0) -> Iterator[Link]:
    """Every link above a number, in order, a chunk in memory at a time."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LINKS, [after, CHUNK])
            found = cursor.fetchall()
        for seq, event_id, before, own, event, at, dated in found:
            now = bytes(event) if event is not None else None
            yield Link(seq, event_id, bytes(before), bytes(own), now, at, dated)
        if len(found) < CHUNK:
            return
        after = found[-1][0]


_WHOLE = """
SELECT l.event_id, CASE WHEN e.id IS NULL THEN '' ELSE concat_ws(E'\\x1f', e.id,
       to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.actor_id, e.actor_label, e.action,
       e.subject_kind, e.subject_ids::text, coalesce(e.territory_id::text, ''), e.detail::text) END
  FROM audit_link l LEFT JOIN audit_event e ON e.id = l.event_id AND e.at = l.event_at
 WHERE l.seq BETWEEN %s AND %s ORDER BY l.seq"""


def write_links(folder: Path, *, is_whole: bool, progress: Callable[[int], object]) -> int:
    """Write `links.tsv`, and with `is_whole` `events.tsv`, as verify/audit.py reads them; return how many links."""
    count, kept_from = 0, first_kept()
    with (folder / "links.tsv").open("w", encoding="ascii", newline="\n") as rows:
        for count, link in enumerate(links(), 1):
            seen = (link.event_hash or b"").hex(), link.prev_hash.hex(), link.hash.hex()
            told = link.dated if _has_left(link, kept_from) else link.event_at
            at = told.isoformat() if told else ""
            rows.write("\t".join((str(link.seq), str(link.event_id), *seen, at)) + "\n")
            if count % 1000 == 0:
                progress(count)
    if is_whole:
        with (folder / "events.tsv").open("w", encoding="ascii", newline="\n") as rows:
            for event_id, text in _whole_events():
                rows.write(f"{event_id}\t{_escaped(text)}\n")
    return count


def _whole_events() -> Iterator[tuple[int, str]]:
    for first in range(1, length() + 1, CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(_WHOLE, [first, first + CHUNK - 1])
            yield from cursor.fetchall()


def _escaped(text: str) -> str:
    """One ASCII line: the bytes of UTF-8, those beyond ASCII and the unprintable ones as Python writes them."""
    return text.encode().decode("latin-1").encode("unicode_escape").decode("ascii")


def first_kept() -> datetime:
    """The instant from which every event must be there: older months have left by their time, or may."""
    today = local_day(clock.read())
    return local_instant(month_of(terms()["audit"].before(today)))


def _has_left(link: Link, kept_from: datetime) -> bool:
    return link.event_hash is None and link.dated is not None and link.dated < kept_from


def unlinked() -> list[tuple[int, datetime]]:
    """Events (id, at) that the sequencer has passed by without a link: put in by hand under an old transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_UNLINKED)
        return list(cursor.fetchall())


def length() -> int:
    """The number of links, for a progress bar; the last one's number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM audit_link")
        return int(cursor.fetchone()[0])


def last_link() -> tuple[int, bytes] | None:
    """The last link's number and hash."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM audit_link ORDER BY seq DESC LIMIT 1")
        row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else None


def hash_at(seq: int) -> bytes | None:
    """The hash of a link, None where there is none of this number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT hash FROM audit_link WHERE seq = %s", [seq])
        row = cursor.fetchone()
    return bytes(row[0]) if row else None


def prefix_faults() -> list[str]:
    """INV-18: whether the newest checkpoint outside is ours and a prefix of the chain; quick, for every minute."""
    where = store.folder()
    newest = store.files(where)[-1:] if where else []
    return [fault.what for path in newest for fault in _beside(store.one(path), hash_at(int(path.stem)), 0, length())]


def chain_faults(progress: Callable[[int], object] = lambda _: None, until: datetime | None = None) -> Iterator[Fault]:
    """Everything: each link against its event and the one before, then the checkpoints, oldest first; INV-9 and 18.

    `until`: the database was brought back to that instant on purpose; what was signed later is not missed.
    """
    where = store.folder()
    kept = list(store.stored(where)) if where else []
    kept = [one for one in kept if until is None or one.checkpoint is None or one.checkpoint.at <= until]
    at_sizes: dict[int, bytes] = dict.fromkeys((one.size for one in kept), b"")
    signed_at = {one.size: one.checkpoint.at for one in kept if one.checkpoint}
    last, signed, kept_from = Link(0, 0, b"", b"", b"", None), None, first_kept()
    for link in links():
        yield from _link_faults(last, link, signed, kept_from)
        if link.seq in at_sizes:
            at_sizes[link.seq] = link.hash
        signed = signed_at.get(link.seq, signed)
        last = link
        if link.seq % 1000 == 0:
            progress(link.seq)
    progress(last.seq)
    for event_id, at in unlinked():
        yield Fault(last.seq, last.seq, f"event {event_id} of {at:%Y-%m-%d %H:%M:%S} has no link: put in by hand")
    yield from _checkpoint_faults(kept, at_sizes, last.seq)


def _link_faults(before: Link, link: Link, signed: datetime | None, kept_from: datetime) -> Iterator[Fault]:
    seq, has_left = link.seq, _has_left(link, kept_from)
    at = link.dated if has_left else link.event_at
    if seq != before.seq + 1:
        yield Fault(before.seq + 1, seq - 1, f"links {before.seq + 1} to {seq - 1} are gone")
    if link.prev_hash != before.hash:
        yield Fault(seq, seq, f"link {seq} does not continue link {before.seq}: something was put in or out there")
    if link.event_hash is None and not has_left:
        yield Fault(seq, seq, f"event {link.event_id} of link {seq} is gone")
    elif link.event_hash is not None and hashlib.sha256(link.prev_hash + link.event_hash).digest() != link.hash:
        yield Fault(seq, seq, f"event {link.event_id} of link {seq} was edited, or its link was")
    if signed and at and at < signed - LATE:
        yield Fault(
            seq, seq, f"event {link.event_id} of link {seq} is dated {at:%Y-%m-%d %H:%M}, before a"
            f" checkpoint of {signed:%Y-%m-%d %H:%M} that did not hold it",
        )  # fmt: skip


def _checkpoint_faults(kept: list[store.Stored], at_sizes: dict[int, bytes], end: int) -> Iterator[Fault]:
    good = 0
    for one in kept:
        faults = list(_beside(one, at_sizes[one.size] or None, good, end))
        yield from faults
        good = good if faults else one.size
    times = [one.checkpoint for one in kept if one.checkpoint]
    for earlier, later in pairwise(times):
        if later.at < earlier.at:
            yield Fault(later.size, later.size, f"checkpoint {later.size} is dated before checkpoint {earlier.size}")


def _beside(one: store.Stored, found: bytes | None, good: int, end: int) -> Iterator[Fault]:
    """A checkpoint beside the chain; `good`: the size of the last one that fits."""
    if one.checkpoint is None:
        yield Fault(one.size, one.size, f"checkpoint {one.path.name} is not signed by our key: it is forged or damaged")
    elif one.size > end:
        said = f"checkpoint of {one.checkpoint.at:%Y-%m-%d %H:%M} holds {one.size} links, the chain ends at {end}"
        yield Fault(end + 1, one.size, f"{said}: links {end + 1} to {one.size} were cut off, or a backup was restored")
    elif found != one.checkpoint.hash:
        yield Fault(
            good + 1, one.size, f"link {one.size} is not what was signed at {one.checkpoint.at:%Y-%m-%d %H:%M}: links"
            f" {good + 1} to {one.size} were written anew, or a backup was restored and went on",
        )  # fmt: skip


def checkpoint_files() -> list[Path]:
    """The published checkpoints, the smallest first."""
    where = store.folder()
    return store.files(where) if where else []


def newest() -> Checkpoint | None:
    """The newest checkpoint outside, if it is ours."""
    found = checkpoint_files()
    return store.one(found[-1]).checkpoint if found else None

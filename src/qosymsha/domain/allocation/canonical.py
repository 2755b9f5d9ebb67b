"""The canonical closed list: one line per application, and the leaves whose Merkle root is published before the draw.

A line is UTF-8, tab-separated, five fields in this order, none left out (arrived is empty when the tie is the lottery):

    line id (64 hex, lower case) | segment | tier | categories (sorted, comma-joined) | arrived

Categories are only those that a reserve of the round names: what does not decide anything is not in the list. The
list is sorted by its lines (so by line id) and each line ends with LF; the LF is no part of the leaf. Leaf =
SHA-256(00 | salt | line), salt 16 bytes.

Leaf 0 is not a line but the round's terms (`terms_text`: round, rules hash, policy, coefficients, places, reserves,
budgets, commitments, beacon), without a salt: so one changed rule changes the root as one changed row does. Line i of
the list is leaf i + 1.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from qosymsha.domain.allocation import hashing

SALT_BYTES = 16


class LineError(ValueError):
    """A field that cannot stand in the canonical list; the message names it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One application as the closed list holds it; no personal field."""

    line_id: bytes
    segment: str
    tier: int
    categories: tuple[str, ...] = ()
    arrived: int | None = None

    def text(self) -> str:
        """Return the canonical line, without its LF.

        Raises:
            LineError: a line id that is not 32 bytes, or a name with a tab, a line break or (categories) a comma.
        """
        if len(self.line_id) != 32:
            raise LineError(f"a line id is 32 bytes, not {len(self.line_id)}")
        _refuse_separators(self.segment, "\t\n\r")
        for category in self.categories:
            _refuse_separators(category, "\t\n\r,")
        categories = ",".join(sorted(set(self.categories)))
        arrived = "" if self.arrived is None else str(self.arrived)
        return f"{self.line_id.hex()}\t{self.segment}\t{self.tier}\t{categories}\t{arrived}"


def parse_line(text: str) -> Line:
    """Return the line from its canonical text, and only from that.

    Raises:
        LineError: not five fields, or a text that is not its own canonical form.
    """
    fields = text.split("\t")
    if len(fields) != 5:
        raise LineError(f"a line has five fields, this has {len(fields)}")
    ident, segment, tier, categories, arrived = fields
    try:
        line = Line(
            bytes.fromhex(ident),
            segment,
            int(tier),
            tuple(categories.split(",")) if categories else (),
            int(arrived) if arrived else None,
        )
    except ValueError as fault:
        raise LineError(f"not a line: {fault}") from None
    if line.text() != text:
        raise LineError("the line is not in its canonical form")
    return line


def leaf(salt: bytes, line: str) -> bytes:
    """Return the 32-byte leaf of a line under its 16-byte salt."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt is {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(b"\0" + salt + line.encode()).digest()


def terms_text(terms: Mapping[str, object]) -> str:
    """Return the one spelling of a round's terms: JSON with sorted keys, no spaces, whole numbers only, all letters
    as they are.
    """
    return json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def terms_leaf(text: str) -> bytes:
    """Return leaf 0 of the list: the terms' own hash."""
    return hashlib.sha256(b"\0" + text.encode()).digest()


def list_leaves(terms: str, lines: Sequence[str], salts: Iterable[bytes], *, each: hashing.Each = map) -> bytes:
    """Return all leaves of a closed list, flat: the terms', then one per line, 32 bytes each.

    Raises:
        LineError: lines that are not sorted, or one that stands twice.
        ValueError: not one salt of 16 bytes for each line.
    """
    refuse_disorder(lines)
    return terms_leaf(terms) + b"".join(each(hashing.leaves, _chunks(lines, salts)))


def _chunks(lines: Sequence[str], salts: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    given = iter(salts)
    for start in range(0, len(lines), hashing.CHUNK):
        chunk = lines[start : start + hashing.CHUNK]
        salted = list(islice(given, len(chunk)))
        if len(salted) < len(chunk) or any(len(salt) != SALT_BYTES for salt in salted):
            raise ValueError(f"each line needs a salt of {SALT_BYTES} bytes")
        yield b"".join(salted), "\n".join(chunk).encode()
    if next(given, None) is not None:
        raise ValueError("there are more salts than lines")


def refuse_disorder(lines: Sequence[str]) -> None:
    """Check that lines are sorted and that no application (line id and segment) stands twice.

    Raises:
        LineError: with the line id concerned.
    """
    for earlier, later in pairwise(lines):
        if earlier >= later or (earlier[:64] == later[:64] and _application(earlier) == _application(later)):
            raise LineError(f"the list is not sorted, or an application stands twice: {later[:64]}")


def _application(line: str) -> list[str]:
    return line.split("\t", 2)[:2]


def _refuse_separators(name: str, forbidden: str) -> None:
    if not name or any(character in name for character in forbidden):
        raise LineError(f"{name!r} is empty or has a character that separates fields")

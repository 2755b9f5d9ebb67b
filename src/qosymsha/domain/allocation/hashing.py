"""The three loops over SHA-256 in which a national round spends its time, chunk by chunk.

Each takes one chunk and returns bytes, so that chunks can be done anywhere: `draw.numbers`, `canonical.list_leaves` and
`merkle.root` take how to go through them as `each`, by default the plain `map`, here and now. `processes` gives one
that shares them out. Results are put together in the chunks' order, so that they are the same either way. This module
imports nothing heavy, because each new process imports it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

CHUNK = 1 << 16
"""Rows, or leaves, of one chunk; a power of two, so that a chunk of leaves is a whole subtree."""

Each = Callable[[Callable[[Any], bytes], Iterable[Any]], Iterable[bytes]]
"""As `map`: a function of one chunk and the chunks give the results, in the chunks' order."""


@contextmanager
def processes(count: int) -> Iterator[Each]:
    """Give an `Each` that shares chunks among so many new processes, and holds few at a time; they end with the block.

    They are spawned, not forked, because the caller may have threads and database connections. So the program's main
    module must be safe to import (`if __name__ == "__main__"`), and starting them takes some tenths of a second: worth
    it from a million rows.
    """
    with get_context("spawn").Pool(count) as pool:
        yield pool.imap


def numbers(chunk: tuple[bytes, bytes]) -> bytes:
    """Return SHA-256(seed | id) for each 32-byte id of (seed, ids), flat."""
    sha256, (seed, ids) = hashlib.sha256, chunk
    return b"".join([sha256(seed + ids[i : i + 32]).digest() for i in range(0, len(ids), 32)])


def leaves(chunk: tuple[bytes, bytes]) -> bytes:
    """Return SHA-256(00 | salt | line) for each line of (16-byte salts, lines joined by LF), flat."""
    sha256, (salts, text) = hashlib.sha256, chunk
    lines = zip(range(0, len(salts), 16), text.split(b"\n"), strict=True)
    return b"".join([sha256(b"\0" + salts[i : i + 16] + line).digest() for i, line in lines])


def subtree(level: bytes) -> bytes:
    """Return the root of flat 32-byte nodes: SHA-256(01 | left | right), an odd one at the end moves up as it is."""
    while len(level) > 32:
        level = parents(level)
    return level


def parents(level: bytes) -> bytes:
    """Return the level above flat 32-byte nodes."""
    sha256, paired = hashlib.sha256, len(level) // 64 * 64
    nodes = b"".join([sha256(b"\1" + level[i : i + 64]).digest() for i in range(0, paired, 64)])
    return nodes + level[paired:]

"""Randomness from one place: the operating system's, or in the demo a seeded stream, so a year plays again."""

from __future__ import annotations

import hashlib
import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


class _Stream(threading.local):
    """The thread's seeded stream, if the demo opened one."""

    key: bytes | None = None
    block = 0
    pool = b""
    offset = 0


_stream = _Stream()
_BLOCK_BYTES = 1 << 16


def token(size: int) -> bytes:
    """Return `size` random bytes."""
    if _stream.key is None:
        return secrets.token_bytes(size)
    if _stream.offset + size > len(_stream.pool):
        seed = _stream.key + _stream.block.to_bytes(8, "big")
        _stream.pool, _stream.offset = hashlib.shake_256(seed).digest(max(_BLOCK_BYTES, size)), 0
        _stream.block += 1
    _stream.offset += size
    return _stream.pool[_stream.offset - size : _stream.offset]


def uuid4() -> uuid.UUID:
    """Return a random UUID, version 4: says nothing about when a row was filed."""
    return uuid.UUID(bytes=token(16), version=4)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a stream that `seed` determines. Tickets would be foreseeable: refused outside the demo mode."""
    assert settings.DEMO, "a seeded stream is refused in production"
    _stream.key, _stream.block, _stream.pool, _stream.offset = f"qosymsha demo {seed}".encode(), 0, b"", 0
    try:
        yield
    finally:
        _stream.key = None

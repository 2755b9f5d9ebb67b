"""What this worker has in its hands, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_begun: dict[object, float] = {}  # one entry a running duty; single operations on a dict are atomic between threads


@contextmanager
def held() -> Iterator[None]:
    """Note that a duty runs, until it ends."""
    token = object()
    _begun[token] = time.monotonic()
    try:
        yield
    finally:
        del _begun[token]


def longest_held() -> float:
    """Seconds since the oldest duty at work began; 0 where none is."""
    return time.monotonic() - min(_begun.copy().values(), default=time.monotonic())

"""What this worker has in its hands, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_begun: dict[object, float] = {}  # one entry a running duty; single operations on a dict are atomic between threads


@contextmanager
def held(grace: float = 0) -> Iterator[None]:
    """Note that a duty runs, until it ends; `grace`: seconds that it may take beyond all others."""
    token = object()
    _begun[token] = time.monotonic() + grace
    try:
        yield
    finally:
        del _begun[token]


def longest_held() -> float:
    """Seconds since the oldest duty at work began, each with its grace taken off; 0 where none is at work."""
    return time.monotonic() - min(_begun.copy().values(), default=time.monotonic())

"""How far long work has come: said by the command that does it, heard by whoever runs it, stored by nobody here.

A command is one transaction, so what it writes itself is seen by nobody before its end; what it says here is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from qosymsha.domain.errands.states import Phase

Listener = Callable[[Phase, int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def tell(phase: Phase, done: int = 0, of: int = 0) -> None:
    """Say what is being done, and how many rows of how many; where nobody listens it costs nothing."""
    listener = _listener.get()
    if listener is not None:
        listener(phase, done, of)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Hear what the work inside says."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)

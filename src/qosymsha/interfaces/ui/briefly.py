"""Answers that a process keeps for some seconds: facts of public pages that seldom change and name no person."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings

T = TypeVar("T")
_MOST = 256  # answers of one function; a crowd asks for few things


def briefly(function: Callable[..., T]) -> Callable[..., T]:
    """Ask `function` at most once in `settings.KEPT_SECONDS` for the same (hashable) arguments; 0 keeps nothing."""
    kept: dict[tuple[Hashable, ...], tuple[float, T]] = {}

    @wraps(function)
    def asked(*args: Any) -> T:
        now, seconds = time.monotonic(), settings.KEPT_SECONDS
        known = kept.get(args)
        if known is not None and now - known[0] < seconds:
            return known[1]
        found = function(*args)
        if seconds:
            if len(kept) >= _MOST:
                kept.clear()
            kept[args] = (now, found)
        return found

    return asked

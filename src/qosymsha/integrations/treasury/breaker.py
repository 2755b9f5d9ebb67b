"""A breaker: after failures in a row the far side is left alone for a while, so that callers fail at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from qosymsha.domain.settlement.ports import TreasuryUnavailable

T = TypeVar("T")


class Breaker:
    """Opens after `failures` in a row for `rest_seconds`; then one call tries, and closes it again if it goes well."""

    def __init__(
        self, failures: int = 3, rest_seconds: float = 30, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._rest_seconds, self._clock = failures, rest_seconds, clock
        self._failed, self._open_until = 0, 0.0
        self._lock = threading.Lock()

    def call(self, ask: Callable[[], T]) -> T:
        """What `ask` gives.

        Raises:
            TreasuryUnavailable: it failed, or the breaker is open and nothing was asked.
        """
        with self._lock:
            left = self._open_until - self._clock()
            if left > 0:
                raise TreasuryUnavailable(f"left alone for {left:.0f} s more after {self._failed} failures")
            if self._failed >= self._most:  # one try: the others go on finding it open
                self._open_until = self._clock() + self._rest_seconds
        try:
            answer = ask()
        except TreasuryUnavailable:
            with self._lock:
                self._failed += 1
                if self._failed >= self._most:
                    self._open_until = self._clock() + self._rest_seconds
            raise
        with self._lock:
            self._failed, self._open_until = 0, 0.0
        return answer

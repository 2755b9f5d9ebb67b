"""Asking a machine outside over HTTP(S): bounded in time and size, no redirect followed, no half answer believed."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_CHUNK_BYTES = 64 * 1024
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_BUSY = frozenset({429, 503})


class NoAnswer(StrEnum):
    """Why there is no usable answer."""

    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    SAYS_NO = "says_no"
    UNREADABLE = "unreadable"


class Outside(Exception):
    """No usable answer; `retry_after_seconds` is what a busy machine asked for."""

    def __init__(self, fault: NoAnswer, retry_after_seconds: int | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine is, and how long and how much is waited for. `timeout_seconds` bounds the whole answer.

    `good`: the statuses whose body is an answer. Headers may hold a token, so that they are never printed.

    Raises:
        ValueError: the address is not https (plain http is for this machine only).
    """

    address: str
    timeout_seconds: float = 10
    most_bytes: int = 16 * 1024 * 1024
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    good: frozenset[int] = frozenset({200, 201})

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if parts.hostname is None or not is_safe:
            raise ValueError("give an address that begins with https://")

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """The body of a good answer.

        Raises:
            Outside: no usable answer in time.
        """
        deadline = time.monotonic() + self.timeout_seconds
        connection = self._connection()
        try:
            headers = {**self.headers, **({"Content-Type": kind} if body is not None else {})}
            connection.request(method, urlsplit(self.address).path.rstrip("/") + path, body, headers)
            answer = connection.getresponse()
            if answer.status not in self.good:
                raise _refusal(answer)
            return self._read(connection, answer, deadline)
        except TimeoutError as fault:
            raise Outside(NoAnswer.TIMED_OUT) from fault
        except http.client.HTTPException as fault:
            raise Outside(NoAnswer.UNREADABLE) from fault
        except OSError as fault:
            raise Outside(NoAnswer.UNREACHABLE) from fault
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout_seconds)

    def _read(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        """The whole body, before the deadline and not above the limit; a body cut short is no answer."""
        promised = answer.length
        parts, size = [], 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if connection.sock is not None:
                connection.sock.settimeout(left)
            part = answer.read1(_CHUNK_BYTES)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > self.most_bytes:
                raise Outside(NoAnswer.UNREADABLE)
        if promised is not None and size < promised:
            raise http.client.IncompleteRead(b"", promised - size)
        return b"".join(parts)


def _refusal(answer: http.client.HTTPResponse) -> Outside:
    if answer.status in _BUSY:
        waits = answer.getheader("Retry-After", "")
        return Outside(NoAnswer.BUSY, int(waits) if waits.isascii() and waits.isdigit() else None)
    if 400 <= answer.status < 500:
        return Outside(NoAnswer.SAYS_NO)
    return Outside(NoAnswer.UNREACHABLE if answer.status >= 500 else NoAnswer.UNREADABLE)

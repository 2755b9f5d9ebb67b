"""Asking a machine outside over HTTP(S): bounded in time and size, no redirect followed, no half answer believed."""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

_CHUNK_BYTES = 64 * 1024
_HEAD_BYTES = 64 * 1024
_MOST_DIGITS = 9  # of the seconds that a busy machine asks for
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


class TooMuch(OSError):
    """A machine goes on past what is read of anybody."""


class Bounded(io.RawIOBase):
    """What comes over a line, until a moment (of `time.monotonic`) and up to a size, however it drips or goes on.

    A socket's own timeout begins anew with each byte that comes: a greeting or a head a byte at a time holds whoever
    waits for it for as long as the far side likes.
    """

    def __init__(self, line: socket.socket, ends: float, most_bytes: int) -> None:
        super().__init__()
        self._line, self._words = line, line.makefile("rb", buffering=0)
        self._ends, self._left = ends, most_bytes

    def readable(self) -> bool:
        """It is read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As much as is there.

        Raises:
            TimeoutError: the moment has come.
            TooMuch: the size is reached.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._line.settimeout(left)
        count = self._words.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise TooMuch
        return count

    def close(self) -> None:
        """Let the line go."""
        self._words.close()
        super().close()


def bind(connection: http.client.HTTPConnection, ends: float, most_bytes: int) -> None:
    """Bound what a connection will answer: its head and its body, and whatever it says before them."""

    def answer(line: socket.socket, *more: Any, **named: Any) -> http.client.HTTPResponse:
        found = http.client.HTTPResponse(line, *more, **named)
        found.fp.close()
        found.fp = io.BufferedReader(Bounded(line, ends, most_bytes + _HEAD_BYTES))
        return found

    connection.response_class = answer  # type: ignore[assignment]


def body_of(answer: http.client.HTTPResponse) -> bytes:
    """The whole body of a bound answer.

    Raises:
        OSError: it did not come in time, or goes on.
        HTTPException: it broke off, or is no HTTP.
    """
    promised = answer.length
    parts = list(iter(lambda: answer.read1(_CHUNK_BYTES), b""))
    size = sum(map(len, parts))
    if promised is not None and size < promised:
        raise http.client.IncompleteRead(b"", promised - size)
    return b"".join(parts)


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

    def ask(  # noqa: PLR0913 - a request has these parts
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        kind: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a good answer; `headers` are of this request alone.

        Raises:
            Outside: no usable answer in time.
        """
        connection = self._connection()
        bind(connection, time.monotonic() + self.timeout_seconds, self.most_bytes)
        try:
            sent = {**self.headers, **({"Content-Type": kind} if body is not None else {}), **(headers or {})}
            connection.request(method, urlsplit(self.address).path.rstrip("/") + path, body, sent)
            answer = connection.getresponse()
            if answer.status not in self.good:
                raise _refusal(answer)
            return body_of(answer)
        except TimeoutError as fault:
            raise Outside(NoAnswer.TIMED_OUT) from fault
        except (http.client.HTTPException, TooMuch) as fault:
            raise Outside(NoAnswer.UNREADABLE) from fault
        except OSError as fault:
            raise Outside(NoAnswer.UNREACHABLE) from fault
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout_seconds)


def _refusal(answer: http.client.HTTPResponse) -> Outside:
    if answer.status in _BUSY:
        waits = answer.getheader("Retry-After", "")
        is_number = waits.isascii() and waits.isdigit() and len(waits) <= _MOST_DIGITS
        return Outside(NoAnswer.BUSY, int(waits) if is_number else None)
    if 400 <= answer.status < 500:
        return Outside(NoAnswer.SAYS_NO)
    return Outside(NoAnswer.UNREACHABLE if answer.status >= 500 else NoAnswer.UNREADABLE)

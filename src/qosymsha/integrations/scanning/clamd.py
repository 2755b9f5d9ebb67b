"""A client for clamd's INSTREAM: a file is sent in chunks, a word comes back (README.md of this folder)."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from qosymsha.domain.documents.ports import NotScanned, ScanHitch

ADDRESS = "QOSYMSHA_CLAMD"
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_CHUNK_BYTES = 64 * 1024
_MOST_ANSWER_BYTES = 1024
_LONGEST_NAME = 100
_HEAD, _CLEAN, _FOUND, _ERROR = b"stream: ", b"stream: OK", b" FOUND", b" ERROR"


class Clamd:
    """One file is one connection, the whole of it bounded in time; only a whole answer in clamd's words is believed.

    Raises:
        ValueError: the address is neither a socket's path nor host:port of this machine (clamd does not encrypt).
    """

    def __init__(self, address: str | None = None, timeout_seconds: float = 30) -> None:
        self._where = _place(address if address is not None else os.environ.get(ADDRESS, ""))
        self._timeout_seconds = timeout_seconds

    def scan(self, content: bytes) -> str:
        """As the port says.

        Raises:
            NotScanned: see the port.
        """
        deadline = time.monotonic() + self._timeout_seconds
        try:
            with self._connected() as line:
                # It may answer before it has read all ("too large") and close: then its word counts, not our error.
                with suppress(BrokenPipeError, ConnectionResetError):
                    _send(line, content, deadline)
                return _judged(_answer(line, deadline))
        except TimeoutError as fault:
            raise NotScanned(ScanHitch.TIMED_OUT) from fault
        except OSError as fault:
            raise NotScanned(ScanHitch.UNREACHABLE) from fault

    def _connected(self) -> socket.socket:
        if isinstance(self._where, tuple):
            return socket.create_connection(self._where, self._timeout_seconds)
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(self._timeout_seconds)
            line.connect(self._where)
        except OSError:
            line.close()
            raise
        return line


def _place(address: str) -> str | tuple[str, int]:
    if address.startswith("/"):
        return address
    host, _, port = address.rpartition(":")
    if host.strip("[]") not in _LOCAL or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{ADDRESS}: give the path of clamd's socket, or host:port on this machine")
    return host.strip("[]"), int(port)


def _send(line: socket.socket, content: bytes, deadline: float) -> None:
    parts = [content[at : at + _CHUNK_BYTES] for at in range(0, len(content), _CHUNK_BYTES)]
    _within(line, deadline)
    line.sendall(b"zINSTREAM\0")
    for part in parts:
        _within(line, deadline)
        line.sendall(len(part).to_bytes(4, "big") + part)
    _within(line, deadline)
    line.sendall(bytes(4))


def _answer(line: socket.socket, deadline: float) -> bytes:
    """The answer up to its closing zero."""
    said = b""
    while not said.endswith(b"\0"):
        _within(line, deadline)
        part = line.recv(_MOST_ANSWER_BYTES)
        said += part
        if not part or len(said) > _MOST_ANSWER_BYTES:
            raise NotScanned(ScanHitch.UNREADABLE)
    return said[:-1]


def _within(line: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)


def _judged(said: bytes) -> str:
    if said == _CLEAN:
        return ""
    if said.startswith(_HEAD) and said.endswith(_FOUND) and len(said) > len(_HEAD + _FOUND):
        name = said[len(_HEAD) : -len(_FOUND)].decode("ascii", "replace")
        return "".join(letter if letter.isprintable() else "?" for letter in name)[:_LONGEST_NAME]
    if said.endswith(_ERROR):
        raise NotScanned(ScanHitch.TOO_LARGE if b"size limit exceeded" in said else ScanHitch.SAYS_NO)
    raise NotScanned(ScanHitch.UNREADABLE)

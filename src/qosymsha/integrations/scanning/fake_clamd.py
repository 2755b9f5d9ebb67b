"""A clamd on this machine for tests: knows the test file, and lies in all the ways that clamd or its line can."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer, ThreadingUnixStreamServer

from qosymsha.integrations.faking import listening

_MARK = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
_DRIP_SECONDS = 0.05


class Mode(StrEnum):
    """How it answers."""

    ANSWERS = "answers"
    SILENT = "silent"
    DRIPS = "drips"
    CUT = "cut"
    HANGS_UP = "hangs up"
    GARBAGE = "garbage"
    ENDLESS = "endless"
    SMALL_LIMIT = "small limit"  # refuses in the middle, and closes
    ERROR = "error"
    BLIND = "blind"  # says OK to everything: no signatures are loaded


_WORDS = {
    Mode.CUT: b"stream: O",
    Mode.HANGS_UP: b"",
    Mode.GARBAGE: b"<html>please wait</html>\0",
    Mode.ERROR: b"stream: Can't allocate memory ERROR\0",
    Mode.BLIND: b"stream: OK\0",
}


class FakeClamd:
    """`knows`: bytes in a file → the name that is told; `scanned`: every file that came whole; `address`: where."""

    def __init__(self) -> None:
        self.mode = Mode.ANSWERS
        self.knows = {_MARK: "Eicar-Signature"}
        self.scanned: list[bytes] = []
        self.asked = 0
        self.address = ""
        self.closing = threading.Event()


class _Port(ThreadingTCPServer):
    daemon_threads = True
    clamd: FakeClamd


class _Socket(ThreadingUnixStreamServer):
    daemon_threads = True
    clamd: FakeClamd


class _Words(StreamRequestHandler):
    """One file."""

    server: _Port | _Socket

    def handle(self) -> None:
        """Read it, then answer as the mode says."""
        clamd = self.server.clamd
        clamd.asked += 1
        with suppress(OSError):
            if self.rfile.read(10) != b"zINSTREAM\0":
                self.wfile.write(b"UNKNOWN COMMAND\0")
                return
            if clamd.mode is Mode.SMALL_LIMIT:
                self.rfile.read(8)
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            content = self._content()
            clamd.scanned.append(content)
            self._lie(clamd, content)

    def _content(self) -> bytes:
        parts = []
        while size := int.from_bytes(self.rfile.read(4), "big"):
            parts.append(self.rfile.read(size))
        return b"".join(parts)

    def _lie(self, clamd: FakeClamd, content: bytes) -> None:
        if clamd.mode is Mode.SILENT:
            clamd.closing.wait(30)
        elif clamd.mode in (Mode.DRIPS, Mode.ENDLESS):
            word = b"s" if clamd.mode is Mode.DRIPS else b"s" * 4096
            while not clamd.closing.wait(_DRIP_SECONDS if clamd.mode is Mode.DRIPS else 0):
                self.wfile.write(word)
        elif clamd.mode is Mode.ANSWERS:
            found = next((name for mark, name in clamd.knows.items() if mark in content), "")
            self.wfile.write(f"stream: {found} FOUND\0".encode() if found else b"stream: OK\0")
        else:
            self.wfile.write(_WORDS[clamd.mode])


@contextmanager
def serving(path: Path | None = None) -> Iterator[FakeClamd]:
    """Run it for the length of the block: on a socket at `path`, else on a port of this machine."""
    clamd = FakeClamd()
    server: _Port | _Socket = _Port(("127.0.0.1", 0), _Words) if path is None else _Socket(str(path), _Words)
    server.clamd = clamd
    clamd.address = str(path) if path is not None else f"127.0.0.1:{server.socket.getsockname()[1]}"
    with listening(server, clamd.closing):
        yield clamd

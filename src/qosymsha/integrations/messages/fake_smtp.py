"""A mail server on 127.0.0.1 for tests: takes letters, refuses an address, is busy, drags, breaks off after taking."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer

from qosymsha.integrations.faking import listening
from qosymsha.integrations.messages.fake import Mode

_REFUSALS = {Mode.REFUSES: b"550 no such mailbox", Mode.BUSY: b"451 later", Mode.SAYS_NO: b"554 not from you"}


class FakeSmtp(ThreadingTCPServer):
    """Keeps the letters it took, as bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = Mode.ANSWERS
        self.taken: list[bytes] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


@contextmanager
def serving() -> Iterator[FakeSmtp]:
    """Run a mail server in a thread for the length of the block."""
    server = FakeSmtp()
    with listening(server, server.closing):
        yield server


class _Handler(StreamRequestHandler):
    """One conversation."""

    server: FakeSmtp

    def handle(self) -> None:
        """Greet, then answer line by line until the client leaves or the mode breaks off."""
        mode = self.server.mode
        if mode is Mode.SLOW:
            self.server.closing.wait()
            return
        self._say(b"what?" if mode is Mode.GARBAGE else b"220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            if verb == b"DATA":
                if self._took(mode):
                    return
            elif verb == b"RCPT" and mode in (Mode.REFUSES, Mode.BUSY) or verb == b"MAIL" and mode is Mode.SAYS_NO:
                self._say(_REFUSALS[mode])
            else:
                self._say(b"250 good")

    def _took(self, mode: Mode) -> bool:
        """Read a letter; True where the connection ends without a word."""
        if mode is Mode.CUT:
            return True
        self._say(b"354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        self.server.taken.append(b"".join(lines))
        if mode is Mode.TAKES_AND_FAILS:
            return True
        self._say(b"250 taken")
        return False

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")

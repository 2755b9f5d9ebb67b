"""A machine outside that lies in twelve ways, on a socket of this machine."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum


class Lie(StrEnum):
    """What is done to whoever asks."""

    CLOSED = "closed"  # nobody listens
    SILENT = "silent"  # the question is taken, nothing ever said
    DRIPS = "drips"  # a byte now and then, for ever
    HANGS_UP = "hangs up"  # the question is taken, then the line is cut
    CUT = "cut"  # half of what was promised
    BROKEN = "broken"  # 500
    BUSY = "busy"  # 503, come back later
    NO = "no"  # 403
    MOVED = "moved"  # 302 to another machine
    PAGE = "page"  # 200 and a page for people
    OTHER = "other"  # 200 and JSON about something else
    ENDLESS = "endless"  # 200 and no end


_HEAD = "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nConnection: close\r\n{}\r\n"
_WORDS = {
    Lie.CUT: _HEAD.format(200, "Content-Length: 4000\r\n") + '{"children": [',
    Lie.BROKEN: _HEAD.format(500, "Content-Length: 2\r\n") + "{}",
    Lie.BUSY: _HEAD.format(503, "Retry-After: 30\r\nContent-Length: 2\r\n") + "{}",
    Lie.NO: _HEAD.format(403, "Content-Length: 2\r\n") + "{}",
    Lie.PAGE: _HEAD.format(200, "") + "<html>please wait</html>",
    Lie.OTHER: _HEAD.format(200, "") + '["another", {"answer": true}]',
}


class Liar(socketserver.ThreadingTCPServer):
    """Answers every question with one lie; `asked`: how many questions came."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, lie: Lie) -> None:
        self.lie, self.asked, self.moved_to = lie, 0, ""
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(socketserver.BaseRequestHandler):
    server: Liar

    def handle(self) -> None:
        """One question, read as far as it came."""
        self.request.recv(65_536)
        self.server.asked += 1
        with suppress(OSError):
            self._lie(self.request, self.server.lie)

    def _lie(self, line: socket.socket, lie: Lie) -> None:
        if lie is Lie.SILENT:
            self.server.closing.wait(30)
        elif lie is Lie.DRIPS:
            line.sendall(_HEAD.format(200, "Content-Length: 100000\r\n").encode())
            while not self.server.closing.wait(0.05):
                line.sendall(b" ")
        elif lie is Lie.MOVED:
            line.sendall(_HEAD.format(302, f"Location: {self.server.moved_to}/\r\nContent-Length: 0\r\n").encode())
        elif lie is Lie.ENDLESS:
            line.sendall(_HEAD.format(200, "").encode())
            while not self.server.closing.is_set():
                line.sendall(b" " * 65_536)
        elif lie is not Lie.HANGS_UP:
            line.sendall(_WORDS[lie].encode())


@contextmanager
def lying(lie: Lie) -> Iterator[tuple[Liar, Liar]]:
    """The liar, and the machine to which it sends people on."""
    with Liar(lie) as liar, Liar(Lie.OTHER) as elsewhere:
        liar.moved_to = elsewhere.address
        for one in (liar, elsewhere):
            threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
        if lie is Lie.CLOSED:
            liar.shutdown()
            liar.socket.close()
        try:
            yield liar, elsewhere
        finally:
            for one in (liar, elsewhere):
                one.closing.set()
                if one.socket.fileno() >= 0:
                    one.shutdown()

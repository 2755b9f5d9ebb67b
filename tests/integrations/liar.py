"""A machine outside that lies in twelve ways, on a socket of this machine: over HTTP, over SMTP, and as a scanner."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
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


class Worse(StrEnum):
    """What a client of the usual kind falls over, or waits for without end."""

    SPELLS = "spells"  # the head itself a byte at a time
    GOES_ON = "goes on"  # "wait, I continue" without end
    FOREVER = "forever"  # busy, come back after a number of five thousand digits
    DEEP = "deep"  # JSON a hundred thousand deep
    VAST = "vast"  # a body is promised that no memory holds


_HEAD = "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nConnection: close\r\n{}\r\n"
_WORDS: dict[Lie | Worse, str] = {
    Lie.CUT: _HEAD.format(200, "Content-Length: 4000\r\n") + '{"children": [',
    Lie.BROKEN: _HEAD.format(500, "Content-Length: 2\r\n") + "{}",
    Lie.BUSY: _HEAD.format(503, "Retry-After: 30\r\nContent-Length: 2\r\n") + "{}",
    Lie.NO: _HEAD.format(403, "Content-Length: 2\r\n") + "{}",
    Lie.PAGE: _HEAD.format(200, "") + "<html>please wait</html>",
    Lie.OTHER: _HEAD.format(200, "") + '["another", {"answer": true}]',
    Worse.FOREVER: _HEAD.format(503, f"Retry-After: {'9' * 5_000}\r\nContent-Length: 2\r\n") + "{}",
    Worse.DEEP: _HEAD.format(200, "") + "[" * 100_000,
    Worse.VAST: _HEAD.format(200, f"Content-Length: {10**15}\r\n") + "[",
}
Heard = Callable[[bytes], object]


class Liar(socketserver.ThreadingTCPServer):
    """Answers every question with one lie; `asked`: how many questions came, `heard` is told each, whole."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, lie: Lie | Worse, heard: Heard | None = None) -> None:
        self.lie, self.asked, self.moved_to = lie, 0, ""
        self.heard = heard or (lambda _: None)
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), self.answers())

    def answers(self) -> type[socketserver.BaseRequestHandler]:
        """Who speaks on a line."""
        return _Answer

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}"


class _Answer(socketserver.StreamRequestHandler):
    server: Liar

    def handle(self) -> None:
        """One question, read whole, and its lie."""
        with suppress(OSError, ValueError):
            question = self._question()
            self.server.asked += 1
            self.server.heard(question)
            self._lie(self.request, self.server.lie)

    def _question(self) -> bytes:
        size = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return self.rfile.read(size)

    def _lie(self, line: socket.socket, lie: Lie | Worse) -> None:
        if lie is Lie.SILENT:
            self.server.closing.wait(30)
        elif lie is Lie.DRIPS:
            line.sendall(_HEAD.format(200, "Content-Length: 100000\r\n").encode())
            self._without_end(line, b" ", 0.05)
        elif lie is Worse.SPELLS:
            self._without_end(line, b"H", 0.05)
        elif lie is Worse.GOES_ON:
            self._without_end(line, b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)
        elif lie is Lie.MOVED:
            line.sendall(_HEAD.format(302, f"Location: {self.server.moved_to}/\r\nContent-Length: 0\r\n").encode())
        elif lie is Lie.ENDLESS:
            line.sendall(_HEAD.format(200, "").encode())
            self._without_end(line, b" " * 65_536)
        elif lie is not Lie.HANGS_UP:
            line.sendall(_WORDS[lie].encode())

    def _without_end(self, line: socket.socket, word: bytes, seconds: float = 0) -> None:
        while not self.server.closing.wait(seconds):
            line.sendall(word)


_SCAN_WORDS: dict[Lie | Worse, bytes] = {
    Lie.CUT: b"stream: O",
    Lie.BROKEN: b"stream: Can't allocate memory ERROR\0",
    Lie.BUSY: b"Command queue full ERROR\0",
    Lie.NO: b"INSTREAM size limit exceeded. ERROR\0",
    Lie.PAGE: b"<html>please wait</html>\0",
    Lie.OTHER: b"PONG\0",
}


class ScanLiar(Liar):
    """The same of a scanner that speaks clamd's words."""

    def answers(self) -> type[socketserver.BaseRequestHandler]:
        """Who speaks on a line."""
        return _Scan


class _Scan(_Answer):
    def _question(self) -> bytes:
        self.rfile.read(len(b"zINSTREAM\0"))
        parts = []
        while size := int.from_bytes(self.rfile.read(4), "big"):
            parts.append(self.rfile.read(size))
        return b"".join(parts)

    def _lie(self, line: socket.socket, lie: Lie | Worse) -> None:
        if lie is Lie.SILENT:
            self.server.closing.wait(30)
        elif lie in (Lie.DRIPS, Lie.ENDLESS):
            self._without_end(line, b"s" if lie is Lie.DRIPS else b"s" * 4_096, 0.05 if lie is Lie.DRIPS else 0)
        else:
            line.sendall(_SCAN_WORDS.get(lie, b""))


_SMTP_WORDS: dict[Lie | Worse, bytes] = {
    Lie.BROKEN: b"554 no service here\r\n",
    Lie.BUSY: b"421 come back later\r\n",
    Lie.NO: b"550 not from you\r\n",
    Lie.MOVED: b"551 not here: ask <b@127.0.0.1>\r\n",
    Lie.PAGE: b"HTTP/1.1 200 OK\r\n\r\n<html>please wait</html>\r\n",
    Lie.OTHER: b"334 cGxlYXNlIHdhaXQ=\r\n",
    Lie.CUT: b"22",
}
# Where in the talk a lie is told: "no" to whoever we are, "moved" of the one it is for, the rest at once.
_SMTP_AT: dict[Lie | Worse, bytes] = {Lie.NO: b"MAIL", Lie.MOVED: b"RCPT"}


class MailLiar(Liar):
    """The same of a mail server. `at`: the word that it answers with its lie ("DATA": it takes the letter first)."""

    at: bytes | None = None

    def answers(self) -> type[socketserver.BaseRequestHandler]:
        """Who speaks on a line."""
        return _Talk


class _Talk(_Answer):
    server: MailLiar

    def handle(self) -> None:
        """A conversation up to its lie, and past it where the line still stands."""
        self.server.asked += 1
        with suppress(OSError):
            if self._tells_at(b""):
                self._tell()
                return
            self._say(b"220 here\r\n")
            while line := self.rfile.readline():
                self._answer(line[:4].upper().strip())

    def _tells_at(self, verb: bytes) -> bool:
        own = _SMTP_AT.get(self.server.lie, b"")
        return verb == (own if self.server.at is None else self.server.at)

    def _answer(self, verb: bytes) -> None:
        if verb == b"DATA":
            self._say(b"354 go on\r\n")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            self.server.heard(b"".join(lines))
        if self._tells_at(verb):
            self._tell()
        else:
            self._say(b"250 good\r\n")

    def _tell(self) -> None:
        lie = self.server.lie
        if lie is Lie.SILENT:
            self.server.closing.wait(30)
        elif lie is Lie.DRIPS:
            self._without_end(self.request, b"2", 0.05)
        elif lie is Lie.ENDLESS:
            self._without_end(self.request, b"220-and so on\r\n")
        else:
            self._say(_SMTP_WORDS.get(lie, b""))
        if lie in (Lie.HANGS_UP, Lie.CUT):
            self.request.shutdown(socket.SHUT_RDWR)

    def _say(self, words: bytes) -> None:
        self.request.sendall(words)


@contextmanager
def lying(
    lie: Lie | Worse, kind: type[Liar] = Liar, heard: Heard | None = None, at: bytes | None = None
) -> Iterator[tuple[Liar, Liar]]:
    """The liar, and the machine to which it sends people on."""
    with kind(lie, heard) as liar, Liar(Lie.OTHER) as elsewhere:
        liar.moved_to = elsewhere.address
        if isinstance(liar, MailLiar):
            liar.at = at
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

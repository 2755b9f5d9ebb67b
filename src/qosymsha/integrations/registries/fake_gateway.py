"""The fake behind a real socket on 127.0.0.1: a gateway that answers, drags, babbles, breaks off or refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qosymsha.integrations.registries import wire
from qosymsha.integrations.registries.fake import RETRY_AFTER_SECONDS, FakeRegistry, Mode

DRIP_SECONDS = 0.05


class FakeGateway(ThreadingHTTPServer):
    """Serves a FakeRegistry's table in that registry's mode; remembers the lines and headers it was asked with."""

    daemon_threads = True

    def __init__(self, registry: FakeRegistry, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry, self.token = registry, token
        self.redirects_to: str | None = None
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        """The base address for a client."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(registry: FakeRegistry, token: str) -> Iterator[FakeGateway]:
    """Run a gateway in a thread for the length of the block."""
    gateway = FakeGateway(registry, token)
    thread = threading.Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.closing.set()
        gateway.shutdown()
        gateway.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One question."""

    server: FakeGateway

    def do_POST(self) -> None:
        """Answer by the gateway's mode."""
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.requestline)
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._send(401, b"{}")
        elif self.server.redirects_to is not None:
            self._send(307, b"", {"Location": self.server.redirects_to + self.path})
        else:
            self._in_mode(question)

    def _in_mode(self, question: dict[str, object]) -> None:
        match self.server.registry.mode:
            case Mode.SLOW:
                self._drip()
            case Mode.GARBAGE:
                self._send(200, b"<html>please wait</html>")
            case Mode.CUT:
                self._cut()
            case Mode.BUSY:
                self._send(429, b"{}", {"Retry-After": str(RETRY_AFTER_SECONDS)})
            case Mode.SAYS_NO:
                self._send(403, b"{}")
            case Mode.ANSWERS:
                self._send(200, self._answer(question))

    def _answer(self, question: dict[str, object]) -> bytes:
        registry = self.server.registry
        if self.path == wire.CHILDREN:
            return wire.children_answer(registry.children_of(str(question["guardian_iin"])))
        numbers = question["child_iins"]
        assert isinstance(numbers, list), "the client sends a list"
        return wire.statuses_answer(registry.statuses_of(numbers))

    def _drip(self) -> None:
        """A byte now and then, so that no single read ever times out."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while not self.server.closing.wait(DRIP_SECONDS):
                self.wfile.write(b" ")
        except OSError:
            return  # the client has gone, as it should

    def _cut(self) -> None:
        body = wire.children_answer([])
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 10))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""

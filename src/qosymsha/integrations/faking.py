"""What the fakes behind a real socket share: a server on 127.0.0.1 for the length of a block, and ways to lie."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import TypeVar

DRIP_SECONDS = 0.05
ELSEWHERE = "http://127.0.0.1:1/elsewhere"
Server = TypeVar("Server", bound="FakeServer")


class FakeServer(ThreadingHTTPServer):
    """Listens on a free port of this machine; `closing` is set when the block ends."""

    daemon_threads = True

    def __init__(self, handler: type[FakeHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        """The base address for a client."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def listening(server: BaseServer, closing: threading.Event) -> Iterator[None]:
    """Run a server of any kind in a thread for the length of the block; `closing` is set when it ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run an HTTP server in a thread for the length of the block."""
    with listening(server, server.closing):
        yield server


class FakeHandler(BaseHTTPRequestHandler):
    """One question, and how it may be answered."""

    server: FakeServer

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def is_known(self, token: str) -> bool:
        """Whether the client brings the token."""
        return self.headers.get("Authorization") == f"Bearer {token}"

    def send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def cut(self, body: bytes) -> None:
        """An answer that breaks off half-way."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])

    def drip(self) -> None:
        """A byte now and then, so that no single read ever times out."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while not self.server.closing.wait(DRIP_SECONDS):
                self.wfile.write(b" ")
        except OSError:
            return  # the client has gone, as it should

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""

"""The fake behind a real socket on 127.0.0.1: a gateway that answers, drags, babbles, breaks off or refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from qosymsha.domain.messages.ports import Sms
from qosymsha.integrations.messages import wire
from qosymsha.integrations.messages.fake import RETRY_AFTER_SECONDS, FakeSms, Mode

DRIP_SECONDS = 0.05
_SAID: dict[Mode, tuple[int, bytes, dict[str, str]]] = {
    Mode.GARBAGE: (200, b"<html>please wait</html>", {}),
    Mode.BUSY: (429, b"{}", {"Retry-After": str(RETRY_AFTER_SECONDS)}),
    Mode.SAYS_NO: (403, b"{}", {}),
    Mode.TAKES_AND_FAILS: (500, b"{}", {}),
}


class FakeGateway(ThreadingHTTPServer):
    """Serves a FakeSms in its mode; remembers the lines it was asked with."""

    daemon_threads = True

    def __init__(self, sms: FakeSms, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sms, self.token = sms, token
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        """The base address for a client."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(sms: FakeSms, token: str) -> Iterator[FakeGateway]:
    """Run a gateway in a thread for the length of the block."""
    gateway = FakeGateway(sms, token)
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
        else:
            self._in_mode(question)

    def _in_mode(self, question: dict[str, Any]) -> None:
        mode, is_message = self.server.sms.mode, self.path == wire.MESSAGES
        if mode is Mode.SLOW:
            self._drip()
        elif mode is Mode.CUT:
            self._cut()
        elif mode in _SAID:
            if mode is Mode.TAKES_AND_FAILS and is_message:
                self._taken(question)
            self._send(*_SAID[mode])
        elif mode is Mode.REFUSES and is_message:
            self._send(200, json.dumps({"key": question["key"], "refused": "number"}).encode())
        else:
            self._send(200, self._answer(question))

    def _answer(self, question: dict[str, Any]) -> bytes:
        if self.path == wire.RECEIPTS:
            return wire.receipts_answer(self.server.sms.words)
        if self.path == wire.ACKNOWLEDGE:
            told = [one for one in self.server.sms.words if one.id in question["ids"]]
            self.server.sms.acknowledge(told)
            return b"{}"
        return json.dumps({"key": question["key"], "reference": self._taken(question)}).encode()

    def _taken(self, question: dict[str, Any]) -> str:
        self.server.sms.tries += 1
        return self.server.sms.take(Sms(UUID(question["key"]), question["to"], question["text"]))

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
        body = b'{"key": "'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 40))
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

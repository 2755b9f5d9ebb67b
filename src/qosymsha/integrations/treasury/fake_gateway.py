"""A stand-in for a treasury gateway: the fake treasury over HTTP. Moods: slow, down, garbage, cut, busy, moved."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from qosymsha.integrations.treasury.fake import FakeTreasury
from qosymsha.integrations.treasury.messages import read_replies

_STATUS = {"down": 500, "busy": 429, "moved": 302}


class FakeGateway(ThreadingHTTPServer):
    """Listens on a free port of this machine; `mood` is how it behaves now, `asked` counts what reached it."""

    daemon_threads = True

    def __init__(self, bank: FakeTreasury, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bank, self.token, self.mood, self.asked = bank, token, "", 0
        self._messages: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def work(self) -> None:
        """The bank acts: what it has to say stands in messages that wait to be fetched."""
        with self._lock:
            for message in self.bank.messages():
                self._messages[hashlib.sha256(message).hexdigest()] = message
                self.bank.acknowledge(read_replies(message))

    def put(self, message: bytes) -> None:
        """A message of the tester's own."""
        self._messages[hashlib.sha256(message).hexdigest()] = message

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """What the gateway would say; ValueError is its 400."""
        with self._lock:
            if method == "PUT" and path == f"/files/{hashlib.sha256(body).hexdigest()}":
                return {"receipt": self.bank.send(body, hashlib.sha256(body).digest())}
            if method == "GET" and path == "/messages":
                held = [{"id": k, "content": base64.b64encode(m).decode()} for k, m in self._messages.items()]
                return {"messages": held}
            if method == "POST" and path == "/messages/acknowledge":
                for number in json.loads(body)["ids"]:
                    self._messages.pop(number, None)
                return {}
        raise ValueError


@contextmanager
def running(bank: FakeTreasury, token: str = "secret") -> Iterator[FakeGateway]:  # noqa: S107 - a tester's token
    """The stand-in, served by a thread until the end of the block."""
    server = FakeGateway(bank, token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeGateway

    def do_GET(self) -> None:
        """Messages."""
        self._answer()

    def do_PUT(self) -> None:
        """A file."""
        self._answer()

    def do_POST(self) -> None:
        """An acknowledgement."""
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked += 1
        mood = self.server.mood
        if mood == "slow":
            time.sleep(2)
        if mood in _STATUS:
            self._say(_STATUS[mood], b"{}")
            return
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._say(401, b"{}")
            return
        try:
            content = json.dumps(self.server.answer(self.command, self.path, body)).encode()
        except ValueError:
            self._say(400, b"{}")
            return
        self._say(200, b"<html>200 OK</html>" if mood == "garbage" else content, cut=mood == "cut")

    def _say(self, status: int, content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

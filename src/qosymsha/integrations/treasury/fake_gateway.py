"""A stand-in for a treasury gateway: the fake treasury over HTTP. Moods: slow, down, garbage, cut, busy, moved."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from qosymsha.integrations import faking
from qosymsha.integrations.faking import ELSEWHERE, FakeHandler, FakeServer
from qosymsha.integrations.treasury.fake import FakeTreasury
from qosymsha.integrations.treasury.gateway import SIGNATURE
from qosymsha.integrations.treasury.messages import read_replies

_STATUS = {"down": 500, "busy": 429, "moved": 302}


class FakeGateway(FakeServer):
    """Listens on a free port of this machine; `mood` is how it behaves now, `asked` counts what reached it.

    `signatures`: what came along with each file, by its path.
    """

    def __init__(self, bank: FakeTreasury, token: str) -> None:
        super().__init__(_Handler)
        self.bank, self.token, self.mood, self.asked = bank, token, "", 0
        self.signatures: dict[str, str] = {}
        self._messages: dict[str, bytes] = {}
        self._lock = threading.Lock()

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
    with faking.serving(FakeGateway(bank, token)) as server:
        yield server


class _Handler(FakeHandler):
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
        body = self.body()
        self.server.asked += 1
        if self.command == "PUT":
            self.server.signatures[self.path] = self.headers.get(SIGNATURE, "")
        mood = self.server.mood
        if mood == "slow":
            time.sleep(2)
        if mood in _STATUS:
            self.send(_STATUS[mood], b"{}", {"Location": ELSEWHERE} if mood == "moved" else None)
            return
        if not self.is_known(self.server.token):
            self.send(401, b"{}")
            return
        try:
            content = json.dumps(self.server.answer(self.command, self.path, body)).encode()
        except ValueError:
            self.send(400, b"{}")
            return
        if mood == "cut":
            self.cut(content)
        else:
            self.send(200, b"<html>200 OK</html>" if mood == "garbage" else content)

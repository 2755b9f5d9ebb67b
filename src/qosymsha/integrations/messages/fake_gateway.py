"""The fake behind a real socket on 127.0.0.1: a gateway that answers, drags, babbles, breaks off or refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from qosymsha.domain.messages.ports import Sms
from qosymsha.integrations import faking
from qosymsha.integrations.faking import FakeHandler, FakeServer
from qosymsha.integrations.messages import wire
from qosymsha.integrations.messages.fake import RETRY_AFTER_SECONDS, FakeSms, Mode

_WHOLE = b'{"key": "0b9a1f6e-5d1c-4f5e-9a55-0e6f6f1c7a11", "reference": "1"}'
_SAID: dict[Mode, tuple[int, bytes, dict[str, str]]] = {
    Mode.GARBAGE: (200, b"<html>please wait</html>", {}),
    Mode.BUSY: (429, b"{}", {"Retry-After": str(RETRY_AFTER_SECONDS)}),
    Mode.SAYS_NO: (403, b"{}", {}),
    Mode.TAKES_AND_FAILS: (500, b"{}", {}),
}


class FakeGateway(FakeServer):
    """Serves a FakeSms in its mode; remembers the lines it was asked with."""

    def __init__(self, sms: FakeSms, token: str) -> None:
        super().__init__(_Handler)
        self.sms, self.token = sms, token
        self.asked: list[str] = []


@contextmanager
def serving(sms: FakeSms, token: str) -> Iterator[FakeGateway]:
    """Run a gateway in a thread for the length of the block."""
    with faking.serving(FakeGateway(sms, token)) as gateway:
        yield gateway


class _Handler(FakeHandler):
    """One question."""

    server: FakeGateway

    def do_POST(self) -> None:
        """Answer by the gateway's mode."""
        question = json.loads(self.body())
        self.server.asked.append(self.requestline)
        if not self.is_known(self.server.token):
            self.send(401, b"{}")
        else:
            self._in_mode(question)

    def _in_mode(self, question: dict[str, Any]) -> None:
        mode, is_message = self.server.sms.mode, self.path == wire.MESSAGES
        if mode is Mode.SLOW:
            self.drip()
        elif mode is Mode.CUT:
            self.cut(_WHOLE)
        elif mode in _SAID:
            if mode is Mode.TAKES_AND_FAILS and is_message:
                self._taken(question)
            self.send(*_SAID[mode])
        elif mode is Mode.REFUSES and is_message:
            self.send(200, json.dumps({"key": question["key"], "refused": "number"}).encode())
        else:
            self.send(200, self._answer(question))

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

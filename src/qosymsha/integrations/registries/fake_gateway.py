"""The fake behind a real socket on 127.0.0.1: a gateway that answers, drags, babbles, breaks off or refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from qosymsha.integrations import faking
from qosymsha.integrations.faking import FakeHandler, FakeServer
from qosymsha.integrations.registries import wire
from qosymsha.integrations.registries.fake import RETRY_AFTER_SECONDS, FakeRegistry, Mode


class FakeGateway(FakeServer):
    """Serves a FakeRegistry's table in that registry's mode; remembers the lines and headers it was asked with."""

    def __init__(self, registry: FakeRegistry, token: str) -> None:
        super().__init__(_Handler)
        self.registry, self.token = registry, token
        self.redirects_to: str | None = None
        self.asked: list[str] = []


@contextmanager
def serving(registry: FakeRegistry, token: str) -> Iterator[FakeGateway]:
    """Run a gateway in a thread for the length of the block."""
    with faking.serving(FakeGateway(registry, token)) as gateway:
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
        elif self.server.redirects_to is not None:
            self.send(307, b"", {"Location": self.server.redirects_to + self.path})
        else:
            self._in_mode(question)

    def _in_mode(self, question: dict[str, object]) -> None:
        match self.server.registry.mode:
            case Mode.SLOW:
                self.drip()
            case Mode.GARBAGE:
                self.send(200, b"<html>please wait</html>")
            case Mode.CUT:
                self.cut(wire.children_answer([]))
            case Mode.BUSY:
                self.send(429, b"{}", {"Retry-After": str(RETRY_AFTER_SECONDS)})
            case Mode.SAYS_NO:
                self.send(403, b"{}")
            case Mode.ANSWERS:
                self.send(200, self._answer(question))

    def _answer(self, question: dict[str, object]) -> bytes:
        registry = self.server.registry
        if self.path == wire.CHILDREN:
            return wire.children_answer(registry.children_of(str(question["guardian_iin"])))
        numbers = question["child_iins"]
        assert isinstance(numbers, list), "the client sends a list"
        return wire.statuses_answer(registry.statuses_of(numbers))

"""T18: no machine inside the house is asked because somebody outside named it, however the name is written.

A listener on this machine is the canary: each attempt must leave it unasked; the control run asks it.
"""

from __future__ import annotations

import ast
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

import qosymsha
from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.people.ports import Identity, IdentityFault, IdentityRefused
from qosymsha.integrations import judged
from qosymsha.integrations.beacon.drand import DrandBeacon
from qosymsha.integrations.identity import openid, wire
from qosymsha.integrations.identity.openid import OpenIdConnect
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from tests.integrations import identity_provider

INSIDE = (
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[2002:7f00:1::]", "[::]", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "[fe80::1]", "[fc00::1]", "224.0.0.1", "[ff02::1]",
)  # fmt: skip
CHAIN = "52" * 32


class Canary:
    """A machine inside: counts who knocks; answers the first line it is given, where a test gives one."""

    def __init__(self, answer: bytes = b"") -> None:
        self.knocks = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, args=(answer,), daemon=True).start()

    def _listen(self, answer: bytes) -> None:
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            self.knocks += 1
            with caller:
                if answer:
                    caller.recv(4096)
                    caller.sendall(answer)


@contextmanager
def canary(answer: bytes = b"") -> Iterator[Canary]:
    """A listener that ends with the test."""
    one = Canary(answer)
    yield one
    one.listener.close()


def leads(to: str) -> bytes:
    """An answer that sends the asker on."""
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("name", INSIDE)
def test_a_name_from_outside_that_leads_inside_is_not_asked(name: str) -> None:
    with canary() as inside, pytest.raises(IdentityRefused) as refused:
        wire.ask(f"https://{name}:{inside.port}/keys", 2, own="id.example")
    assert refused.value.fault in (IdentityFault.NOT_BELIEVED, IdentityFault.UNREACHABLE)  # no such name here: as good
    assert inside.knocks == 0


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1"])
def test_control_unjudged_the_same_name_asks_the_machine_inside(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "speaks_outward", lambda connection: connection)
    with canary() as inside, pytest.raises(IdentityRefused):
        wire.ask(f"https://{name}:{inside.port}/keys", 2, own="id.example")
    assert inside.knocks == 1


def test_plain_http_is_for_the_operators_own_machine_alone() -> None:
    with canary() as inside:
        with pytest.raises(IdentityRefused):
            wire.ask(f"http://127.0.0.1:{inside.port}/keys", 2, own="id.example")
        assert inside.knocks == 0
        with pytest.raises(IdentityRefused):
            wire.ask(f"http://127.0.0.1:{inside.port}/keys", 2, own="127.0.0.1")
        assert inside.knocks == 1, "the control"


def test_a_name_that_answers_otherwise_the_second_time_is_asked_where_it_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: judged public, then bound to this machine. The control: judged, then asked by name again."""
    asked: list[str] = []

    def rebinding(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1" if len(asked) == 1 else "127.0.0.1", port))]

    spoken: list[str] = []

    def create(where: tuple[str, int], *_: Any) -> socket.socket:
        spoken.append(where[0] if where[0][0].isdigit() else socket.getaddrinfo(*where)[0][4][0])
        raise OSError("nothing is asked outside in a test")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", create)
    with pytest.raises(IdentityRefused):
        wire.ask("https://rebinds.example/keys", 2, own="id.example")
    assert (spoken, len(asked)) == (["1.1.1.1"], 1)
    asked.clear()
    right = judged.judged
    monkeypatch.setattr(judged, "judged", lambda host, port: right(host, port) and host)
    with pytest.raises(IdentityRefused):
        wire.ask("https://rebinds.example/keys", 2, own="id.example")
    assert spoken[1:] == ["127.0.0.1"], "the control"


@pytest.mark.parametrize("endpoint", ["jwks_uri", "token_endpoint"])
def test_a_providers_document_cannot_lead_inside(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer is what the operator named; what its document names is another's word."""
    with identity_provider.running() as provider, canary() as inside:
        for name, value in (
            (openid.ISSUER, provider.address), (openid.CLIENT, identity_provider.CLIENT),
            (openid.SECRET, identity_provider.SECRET),
        ):  # fmt: skip
            monkeypatch.setenv(name, value)
        for scheme in ("https", "http"):
            openid.forget()
            provider.description[endpoint] = f"{scheme}://localhost:{inside.port}/x"
            client = OpenIdConnect(2)
            with pytest.raises(IdentityRefused) as refused:
                signed_in(client, provider)
            assert refused.value.fault is IdentityFault.NOT_BELIEVED
        openid.forget()
        assert inside.knocks == 0


def signed_in(client: OpenIdConnect, provider: identity_provider.Provider) -> Identity:
    """Through both of the provider's endpoints."""
    question = client.ask("http://localhost/back/", anew=False)
    code = provider.person(question.address, "abc")["code"]
    return client.answer(question, "http://localhost/back/", code, datetime.now(UTC))


def test_no_client_follows_a_redirect_inside() -> None:
    """The beacon's relays, and the one bounded client of registries, treasury and signing; the control follows."""
    with canary() as inside:
        with canary(leads(f"http://127.0.0.1:{inside.port}/")) as outside:
            relay = f"http://127.0.0.1:{outside.port}"
            with pytest.raises(BeaconSilent, match="redirect"):
                DrandBeacon([relay]).value(f"drand:{CHAIN}:5")
            with pytest.raises(Outside, match=NoAnswer.UNREADABLE.value):
                Place(relay, 2).ask("GET", "/")
            assert (inside.knocks, outside.knocks) == (0, 2)
            with pytest.raises(OSError, match="closed|reset|BadStatus|aborted"):
                urlopen(relay, timeout=2)
        assert inside.knocks == 1, "the control"


@pytest.mark.parametrize(
    "address", ["http://id.example", "http://10.0.0.1", "ftp://x", "//x", "http://127.0.0.1.evil.example"]
)
def test_a_plain_address_of_another_machine_is_no_place(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Place(address)


SPEAKS = {"http.client", "urllib.request", "requests", "httpx", "aiohttp", "urllib3", "socket", "smtplib"}
# Who may open a connection at all, and why.
MAY = {
    "integrations/outgoing.py": "the bounded client: addresses of the operator's configuration",
    "integrations/identity/wire.py": "the identity provider: the operator's, and what it names, judged",
    "integrations/judged.py": "judges addresses",
    "integrations/messages/smtp.py": "the operator's own mail server: its address is configuration",
    "integrations/scanning/clamd.py": "the scanner: a socket, or a port, of this machine",
    "interfaces/cli/serve.py": "finds a free port",
}


def speakers(root: Path) -> set[str]:
    """Modules of the house that import something that opens connections."""
    found = set()
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        named = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        for node in (one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)):
            named |= {str(node.module), *(f"{node.module}.{a.name}" for a in node.names)}
        is_fake = "fake" in path.name or "runtime" in path.parts
        if named & SPEAKS and not is_fake:
            found.add(path.relative_to(root).as_posix())
    return found


def test_no_other_module_opens_a_connection(tmp_path: Path) -> None:
    assert speakers(Path(qosymsha.__file__).parent) == set(MAY)
    (tmp_path / "planted.py").write_text("from urllib.request import urlopen\n")
    assert speakers(tmp_path) == {"planted.py"}, "the control"

"""An OpenID Connect provider on this machine that is strict with its client, and lies where a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "qosymsha", "a secret: with / and +"


@cache
def key_of(name: str, bits: int = 3072) -> RSAKey:
    """A key, made once for all tests; each is called `one` by its provider."""
    return RSAKey.generate_key(bits, {"kid": "one"})


@dataclass
class Provider:
    """What it knows and how it lies. `claims` go into the next token over the honest ones; None leaves one out."""

    address: str = ""
    key: RSAKey = field(default_factory=lambda: key_of("its own"))
    published: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    statuses: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    drips: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    now: float | None = None

    def person(self, address: str, sub: str, **claims: Any) -> dict[str, str]:
        """What the browser comes back with after this person signed in at `address` (the client's question)."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT
        self.claims = {"sub": sub, **claims, **self.claims}
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def token(self, query: dict[str, str]) -> str:
        """A signed ID token for a question."""
        now = int(self.now or time.time())
        honest = {
            "iss": self.address, "aud": CLIENT, "nonce": query["nonce"], "iat": now, "exp": now + 300, "auth_time": now,
        }  # fmt: skip
        claims = {name: value for name, value in (honest | self.claims).items() if value is not None}
        if self.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, self.key, algorithms=[self.algorithm])


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        its = self.provider
        if self.path == "/.well-known/openid-configuration":
            endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            document = {"issuer": its.address} | {name: f"{its.address}/{path}" for name, path in endpoints.items()}
            self._say("description", document | its.description)
        else:
            self._say("jwks", {"keys": [(its.published or its.key).as_dict(private=False)]})

    def do_POST(self) -> None:
        its = self.provider
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = {name: values[0] for name, values in form.items()}
        query = its.codes.pop(given["code"], None)
        if query is None or not self._is_client() or not _fits(query, given):
            its.statuses.setdefault("token", 400)
        self._say(
            "token", {"id_token": its.token(query), "access_token": "unused"} if query else {"error": "invalid_grant"}
        )

    def _is_client(self) -> bool:
        pair = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        return pair == "qosymsha:a%20secret%3A%20with%20%2F%20and%20%2B"

    def _say(self, what: str, answer: dict[str, Any]) -> None:
        its = self.provider
        its.asked.append(what)
        time.sleep(its.seconds.get(what, 0))
        body = its.bodies.get(what, json.dumps(answer).encode())
        self.send_response(its.statuses.get(what, 200))
        self.send_header("Location", "http://localhost:1/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 1 if its.drips else len(body) or 1):
            self.wfile.write(body[at : at + (1 if its.drips else len(body))])
            time.sleep(0.05 if its.drips else 0)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""

    def handle_one_request(self) -> None:
        """A client that hung up is no news."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


def _fits(query: dict[str, str], given: dict[str, str]) -> bool:
    digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
    is_proved = base64.urlsafe_b64encode(digest).decode().rstrip("=") == query["code_challenge"]
    return is_proved and given["redirect_uri"] == query["redirect_uri"] and given["grant_type"] == "authorization_code"


@contextmanager
def running() -> Iterator[Provider]:
    """A provider while the block lasts."""
    provider = Provider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A stand-in for NCANode: speaks its `/cms/verify` and `/cms/sign` over HTTP, with the demo signer's keys behind it.

`mood` makes it misbehave: `slow`, `down`, `garbage`, `cut`, `busy`, `moved`, `revoked`, `two`.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from qosymsha.domain.settlement.ports import Certificate, SignatureFault, Writer
from qosymsha.integrations import faking
from qosymsha.integrations.faking import ELSEWHERE, FakeHandler, FakeServer
from qosymsha.integrations.signing import cms
from qosymsha.integrations.signing.demo import DemoSigning, told
from qosymsha.kernel.errors import Refused

_STATUS = {"down": 500, "busy": 429, "moved": 302}


class FakeNcaNode(FakeServer):
    """Listens on a free port of this machine. `owner` and `at` are whose key `/cms/sign` holds, and its clock."""

    def __init__(self, owner: Writer, at: datetime) -> None:
        super().__init__(_Handler)
        self.signing, self.owner, self.at, self.mood = DemoSigning(), owner, at, ""
        self.asked = 0

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the service would say; ValueError is its 400."""
        document = base64.b64decode(body.get("data") or "", validate=True)
        if path == "/cms/sign":
            signed = self.signing.sign(document, self.owner, self.at)
            return {"status": 200, "message": "OK", "cms": base64.b64encode(signed).decode()}
        return self._verdict(document, base64.b64decode(body["cms"], validate=True))

    def _verdict(self, document: bytes, signature: bytes) -> dict[str, Any]:
        try:
            certificate = told(cms.read(document, signature).certificate)
        except Refused as refused:
            if refused.reason is SignatureFault.UNREADABLE:
                raise ValueError from refused
            return {"status": 200, "message": "OK", "valid": False, "signers": []}
        is_known = certificate.issuer == self.signing.authority.subject.rfc4514_string()
        try:
            self.signing.verify(document, signature, certificate.valid_from)
        except Refused:
            is_known = False
        signers = [{"certificates": [_written(certificate, is_known, self.mood == "revoked")], "tsp": None}]
        valid = is_known and self.mood != "revoked"
        return {"status": 200, "message": "OK", "valid": valid, "signers": signers * (2 if self.mood == "two" else 1)}


@contextmanager
def running(owner: Writer, at: datetime) -> Iterator[FakeNcaNode]:
    """The stand-in, served by a thread until the end of the block."""
    with faking.serving(FakeNcaNode(owner, at)) as server:
        yield server


def _written(certificate: Certificate, is_known: bool, is_revoked: bool) -> dict[str, Any]:
    return {
        "valid": is_known and not is_revoked,
        "revocations": [{"revoked": is_revoked, "by": "OCSP"}],
        "notBefore": certificate.valid_from.isoformat(),
        "notAfter": int(certificate.valid_until.timestamp() * 1000),
        "keyUsage": "SIGN",
        "serialNumber": certificate.serial,
        "subject": {"iin": certificate.iin, "bin": certificate.bin or None},
        "issuer": {"dn": certificate.issuer},
    }


class _Handler(FakeHandler):
    server: FakeNcaNode

    def do_POST(self) -> None:
        """Answer one question, in the server's mood."""
        body = self.body()
        self.server.asked += 1
        mood = self.server.mood
        if mood == "slow":
            time.sleep(3)
        if mood in _STATUS:
            self.send(_STATUS[mood], b"{}", {"Location": ELSEWHERE} if mood == "moved" else None)
            return
        try:
            content = json.dumps(self.server.answer(self.path, json.loads(body))).encode()
        except ValueError:
            self.send(400, b'{"status":400,"message":"bad"}')
            return
        if mood == "cut":
            self.cut(content)
        else:
            self.send(200, b"<html>gateway</html>" if mood == "garbage" else content)

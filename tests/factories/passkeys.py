"""A passkey in software: answers questions as a browser and its device would, and tells lies when asked to."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256, RS256
from fido2.utils import websafe_decode, websafe_encode

UP, UV, AT = 1, 4, 64


@dataclass
class Device:
    """A device with one key. `says` overrides what the browser would say: origin, challenge, type, crossOrigin."""

    origin: str = "http://testserver"
    host: str = "testserver"
    flags: int = UP | UV
    counter: int = 0
    id: bytes = field(default_factory=lambda: sha256(b"device").digest())
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def add(self, options: dict[str, Any], **says: object) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`."""
        kind = RS256 if isinstance(self.key, rsa.RSAPrivateKey) else ES256
        public = kind.from_cryptography_key(self.key.public_key())
        credential = b"\0" * 16 + struct.pack(">H", len(self.id)) + self.id + cbor.encode(public)
        made = {"fmt": "none", "attStmt": {}, "authData": self._data(AT) + credential}
        words = self._words("webauthn.create", options, says)
        return self._answer(
            {"clientDataJSON": websafe_encode(words), "attestationObject": websafe_encode(cbor.encode(made))}
        )

    def prove(self, options: dict[str, Any], **says: object) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`; the counter goes on."""
        self.counter += 1
        words, told = self._words("webauthn.get", options, says), self._data(0)
        signed = told + sha256(words).digest()
        if isinstance(self.key, rsa.RSAPrivateKey):
            signature = self.key.sign(signed, padding.PKCS1v15(), SHA256())
        else:
            signature = self.key.sign(signed, ec.ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(words),
                "authenticatorData": websafe_encode(told),
                "signature": websafe_encode(signature),
            }
        )

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": response,
        }

    def _data(self, more: int) -> bytes:
        return sha256(self.host.encode()).digest() + struct.pack(">BI", self.flags | more, self.counter)

    def _words(self, kind: str, options: dict[str, Any], says: dict[str, object]) -> bytes:
        plain = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(plain | says).encode()


def other(challenge: str) -> str:
    """Another challenge than this one, of the same length."""
    first, *rest = websafe_decode(challenge)
    return websafe_encode(bytes([first ^ 1, *rest]))

"""A checkpoint's text and signature: a signed note as transparency logs write it (C2SP signed-note, Ed25519).

city.example/audit          the origin: whose chain
4182                        its size: the last link's number
vYk1…=                      the last link's hash, base64
2026-03-02T04:00:00+00:00   when it was signed, by the database's clock

— city.example/audit 8d1a…=
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_DASH = "\u2014"
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the chain was at an instant: `size` links, the last one's SHA-256 hash."""

    origin: str
    size: int
    hash: bytes
    at: datetime

    def text(self) -> str:
        """The signed lines."""
        return f"{self.origin}\n{self.size}\n{_base64(self.hash)}\n{self.at.isoformat()}\n"


def signed(checkpoint: Checkpoint, key: bytes) -> str:
    """The whole note. `key`: the 32 bytes of an Ed25519 private key."""
    private = Ed25519PrivateKey.from_private_bytes(key)
    mark = _mark(checkpoint.origin, public_of(key)) + private.sign(checkpoint.text().encode())
    return f"{checkpoint.text()}\n{_DASH} {checkpoint.origin} {_base64(mark)}\n"


def read(note: str, public: bytes) -> Checkpoint | None:
    """The checkpoint of a note, or None where it is malformed or this key (32 bytes) did not sign it."""
    text, blank, signature = note.partition("\n\n")
    try:
        origin, size, digest, at = text.split("\n")
        dash, name, mark = signature.removesuffix("\n").split(" ")
        found = Checkpoint(origin, int(size), base64.b64decode(digest, validate=True), datetime.fromisoformat(at))
        raw = base64.b64decode(mark, validate=True)
        is_ours = (blank, dash, name, raw[:4]) == ("\n\n", _DASH, origin, _mark(origin, public))
        is_ours = is_ours and _base64(raw) == mark  # one way to write it
        if not is_ours or found.text() != f"{text}\n":
            return None
        Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], f"{text}\n".encode())
    except (ValueError, binascii.Error, InvalidSignature):
        return None
    return found


def public_of(key: bytes) -> bytes:
    """The public key (32 bytes) of a private one."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def _mark(origin: str, public: bytes) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

"""A payment file's own signature: Ed25519 over its very bytes, so that OpenSSL or `verify/payment.py` check it."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class FileSignature:
    """A detached signature (64 bytes) and the public key (32 bytes) that it is checked with."""

    signature: bytes
    public: bytes


def signed(content: bytes, key: bytes) -> FileSignature:
    """The signature of a file; the same file and key give the same. `key`: 32 bytes, used for nothing else."""
    private = Ed25519PrivateKey.from_private_bytes(key)
    return FileSignature(private.sign(content), private.public_key().public_bytes_raw())


def is_signed(content: bytes, signature: bytes, public: bytes) -> bool:
    """True where the owner of the public key signed these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True

"""Secrets at rest: AES-256-GCM under a key id, and a keyed hash to look an identifier up without storing it.

Keys come from settings (`SECRET_KEYS`: key id → 32 bytes; the first encrypts, all decrypt), so rotation is a new first
key and a re-encryption; `LOOKUP_KEY` never rotates silently: it would orphan every look-up.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from qosymsha.kernel import entropy


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is stored: the key's id, a 12-byte nonce and the ciphertext with its tag."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


@cache
def _box(key_id: str) -> AESGCM:
    return AESGCM(settings.SECRET_KEYS[key_id])


def seal(plain: bytes, *, bound_to: bytes) -> Sealed:
    """Encrypt under the newest key; `bound_to` (the subject's id) must be given to open: rows can't be swapped."""
    key_id = next(iter(settings.SECRET_KEYS))
    nonce = entropy.token(12)
    return Sealed(key_id, nonce, _box(key_id).encrypt(nonce, plain, bound_to))


def unseal(sealed: Sealed, *, bound_to: bytes) -> bytes:
    """Decrypt.

    Raises:
        cryptography.exceptions.InvalidTag: the row was edited, moved to another subject, or the key is wrong.
    """
    return _box(sealed.key_id).decrypt(bytes(sealed.nonce), bytes(sealed.ciphertext), bound_to)


def lookup(purpose: str, value: str) -> bytes:
    """A keyed hash (HMAC-SHA256, 32 bytes) of `value`, separate for each purpose."""
    return hmac.digest(settings.LOOKUP_KEY, f"{purpose}\0{value}".encode(), hashlib.sha256)

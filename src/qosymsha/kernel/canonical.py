"""Canonical bytes of a document (RFC 8785) and their SHA-256: what rule sets, claims and bodies are hashed by."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical_json(document: Any) -> bytes:
    """The document's canonical form. Takes str, int within 2^53, float, bool, None, lists and dicts with str keys."""
    return rfc8785.dumps(document)


def digest(document: Any) -> bytes:
    """SHA-256 (32 bytes) of the canonical form."""
    return hashlib.sha256(canonical_json(document)).digest()

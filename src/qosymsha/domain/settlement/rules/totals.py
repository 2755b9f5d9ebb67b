"""The digest that a closed month holds its claims fast by. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def claims_digest(claims: Sequence[tuple[str, bytes]]) -> str:
    """SHA-256 (hex) over the claims' numbers and hashes in the order of the numbers."""
    text = "\n".join(f"{number} {hash_.hex()}" for number, hash_ in claims)
    return hashlib.sha256(text.encode()).hexdigest()

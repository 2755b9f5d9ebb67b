"""Canonical bytes of large documents of whole numbers and ASCII keys, as RFC 8785 writes them, but fast. Pure."""

from __future__ import annotations

import json
from typing import Any


def compact(document: Any) -> bytes:
    """The document's canonical JSON. Takes str, int within 2^53, bool, None, lists, dicts with ASCII keys: no floats.

    For such documents these are the bytes of `kernel.canonical.canonical_json`; a test compares them.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
    return text.encode()

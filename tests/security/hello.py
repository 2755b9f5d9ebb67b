"""A page of three words for tests of what stands before the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Says who the proxy said had come."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"hello {environ.get('HTTP_X_FORWARDED_FOR', '')}".encode()]

"""A page of three words for tests of what stands before the pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Says who the proxy said had come; tells its log what was asked."""
    came = environ.get("HTTP_X_FORWARDED_FOR", "nobody")
    sys.stderr.write(f"heard {environ['PATH_INFO']} of {came}\n")
    sys.stderr.flush()
    start("200 OK", [("Content-Type", "text/plain")])
    return [f"hello {came}".encode()]

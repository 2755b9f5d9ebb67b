"""Which build answers: `QOSYMSHA_BUILD` where whoever ships it says so, else version and a hash of the code itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from qosymsha import __version__

HEADER = "X-Qosymsha-Build"
_KINDS = {".py", ".html", ".css", ".js", ".svg", ".typ", ".json", ".sql", ".csv"}


@cache
def build_id() -> str:
    """The same on every machine that runs the same files; read once for a process."""
    given = os.environ.get("QOSYMSHA_BUILD", "")
    return given if given.isascii() and given.isprintable() and given else f"{__version__}+{_hash_of_code()}"


def stamped(answer_to: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware: every answer says which build gave it; pages, files, refusals, faults."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = answer_to(request)
        given.headers[HEADER] = build_id()
        return given

    return answer


def _hash_of_code() -> str:
    root = Path(str(files("qosymsha")))
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in _KINDS):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]

"""The journal: a JSON line for each request, each duty of the clock and whatever code logs; never a word of a person.

docs/security/logging.md is its inventory. One id goes through the line, the row of what was read, and (as a comment)
every SQL statement, so that a slow statement on the server leads back to the page that sent it.
"""

from __future__ import annotations

import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from qosymsha.interfaces.ui import meters
from qosymsha.interfaces.ui.build import build_id

DOORS = ("family", "provider", "office")
_OURS = "qosymsha"
_FRAMES = 12
_log = logging.getLogger(__name__)
_trace: ContextVar[str] = ContextVar("trace", default="")


class JsonLines(logging.Formatter):
    """A record as one line of JSON.

    Values that other libraries put into their messages are left out, and so are an exception's words: both may repeat
    what somebody typed. What is kept of a fault is its kind and the places in the code.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line; line breaks and control characters are escaped, so that nobody writes a line of their own."""
        is_ours = record.name.startswith(_OURS)
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": record.getMessage() if is_ours else str(record.msg),
            "build": build_id(),
        }
        if trace_id():
            line["trace"] = trace_id()
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"fault": record.exc_info[0].__name__, "where": _places(record.exc_info[2])}
        return json.dumps(line, ensure_ascii=True, separators=(",", ":"), default=str)


def trace_id() -> str:
    """The id of the request or duty at work here; "" between them."""
    return _trace.get()


def journaled(answer_to: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The outermost middleware: gives the request its id, counts it, writes its line. An answer 5xx bears the id."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        with tracing(), commented():
            began = time.monotonic()
            given = answer_to(request)
            seconds = time.monotonic() - began
            meters.count_request(door_of(request.path), given.status_code, seconds)
            _tell(request, given.status_code, seconds)
            if given.status_code >= 500:
                given.headers["X-Trace"] = trace_id()
            return given

    return answer


@contextmanager
def duty(name: str) -> Iterator[None]:
    """The line of one duty of the clock; a fault of it is told and goes on its way."""
    with tracing(), commented():
        began, ended = time.monotonic(), "failed"
        try:
            yield
            ended = "done"
        finally:
            fields = {"door": "jobs", "action": name, "ended": ended, "ms": round((time.monotonic() - began) * 1000)}
            meters.count_duty(ended)
            _log.log(logging.INFO if ended == "done" else logging.ERROR, "duty", extra={"fields": fields})


@contextmanager
def tracing() -> Iterator[str]:
    """A new id for what happens inside."""
    token = _trace.set(os.urandom(8).hex())
    try:
        yield trace_id()
    finally:
        _trace.reset(token)


@contextmanager
def commented() -> Iterator[None]:
    """Every statement inside bears the id as a comment, where the installation wants it (`TRACE_SQL`)."""
    if not settings.TRACE_SQL:
        yield
        return
    with connection.execute_wrapper(_commented):
        yield


def door_of(path: str) -> str:
    """The door an address belongs to, by its first words alone."""
    parts = [*path.split("/"), "", ""]
    word = parts[2] if parts[1] in dict(settings.LANGUAGES) else parts[1]
    if word in DOORS or word in ("static", "health"):
        return word
    return "signin" if word in ("sign-in", "sign-out", "step-up", "security") else "public"


def _commented(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    return execute(f"{sql} /* trace {trace_id()} */" if isinstance(sql, str) else sql, params, many, context)


def _tell(request: HttpRequest, status: int, seconds: float) -> None:
    if status < 400 and door_of(request.path) in ("static", "health"):
        return  # files and the proxy's questions would drown the rest
    _log.log(_level(status), "request", extra={"fields": _line(request, status, seconds)})


def _line(request: HttpRequest, status: int, seconds: float) -> dict[str, object]:
    """Ids and numbers; the page's name, never its address, in which somebody may have typed a name."""
    found = request.resolver_match
    actor = getattr(request, "actor", None)
    return {
        "door": door_of(request.path),
        "action": found.url_name or "" if found else "",
        "method": request.method if request.method in ("GET", "HEAD", "POST") else "OTHER",
        "status": status,
        "ms": round(seconds * 1000, 1),
        "user": actor.user_id if actor is not None else None,
    }


def _level(status: int) -> int:
    if status >= 500 and status != 503:
        return logging.ERROR
    return logging.WARNING if status in (400, 401, 403, 429, 503) else logging.INFO


def _places(found: Any) -> list[str]:
    frames = traceback.extract_tb(found)[-_FRAMES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]

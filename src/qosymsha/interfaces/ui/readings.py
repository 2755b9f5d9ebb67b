"""What a signed-in request reads: its scope, and its line in the request log, which is kept apart from the database.

The log is the outside witness of INV-19: a line that opened children's names must have its row in the audit. It holds
ids of accounts and counts; no name, no number, no address with what stood in it. docs/decisions/0038.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from qosymsha.domain.witness import reading
from qosymsha.interfaces.ui import guard, journal
from qosymsha.kernel import entropy
from qosymsha.kernel.actor import Actor

_LOOKING = ("GET", "HEAD")
_log = logging.getLogger(__name__)


class DayFile:
    """A file per day, opened for adding: lines of many processes never mix, since each is one short write."""

    def __init__(self) -> None:
        self._open: tuple[Path, int] | None = None
        self._lock = threading.Lock()

    def add(self, folder: Path, at: datetime, line: bytes) -> None:
        """Add a line to the day's file. A full disk stops no page: the server's own log says it."""
        path = folder / f"{at:%Y-%m-%d}.jsonl"
        try:
            with self._lock:
                if self._open is None or self._open[0] != path:
                    self._turn_to(path)
                assert self._open is not None
                _write_whole(self._open[1], line)
        except OSError:
            _log.exception("the request log cannot be written")

    def _turn_to(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if self._open is not None:
            os.close(self._open[1])
        self._open = path, opened


def _write_whole(file: int, line: bytes) -> None:
    """Write a line, or nothing: half of one, on a disk that fills up, could not be told from one that was edited.

    Raises:
        OSError: no room for all of it.
    """
    written = os.write(file, line)
    if written < len(line):
        end = os.lseek(file, 0, os.SEEK_CUR)
        if os.fstat(file).st_size == end:  # nobody wrote behind it
            os.ftruncate(file, end - written)
        raise OSError(errno.ENOSPC, "no room for a whole line")


_files = DayFile()


def answered(
    view: Callable[..., HttpResponseBase], request: Any, actor: Actor, at: datetime, *args: object, **kwargs: object
) -> HttpResponseBase:
    """The view's answer, once the row of what it read is committed; a page that cannot be recorded is not shown."""
    name, status = name_of(request), None
    roles = tuple(sorted({grant.role for grant in actor.grants}))
    gathered = reading.Reading(request=journal.trace_id() or entropy.token(8).hex(), door=name, roles=roles)
    try:
        with reading.request(gathered, whole=request.method in _LOOKING):
            answer = view(request, *args, **kwargs)
        guard.count(actor, gathered.children, at)
        status = answer.status_code
        return answer
    finally:
        note(request.method, status, gathered, actor, at)


def note(method: str, status: int | None, gathered: reading.Reading, actor: Actor, at: datetime) -> None:
    """One line of the request log; `status` is null where the view showed nothing of its own."""
    if not settings.REQUEST_LOG:
        return
    line = {
        "at": at.isoformat(),
        "request": gathered.request,
        "view": gathered.door,
        "user": actor.user_id,
        "method": method,
        "status": status,
        "children": len(gathered.children),
        "unsealed": gathered.unsealed,
    }
    _files.add(Path(settings.REQUEST_LOG), at, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def forget(before: date) -> int:
    """Delete the request log's files of days before; return how many."""
    folder = Path(settings.REQUEST_LOG) if settings.REQUEST_LOG else None
    old = [path for path in folder.glob("*.jsonl") if path.stem < before.isoformat()] if folder else []
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def name_of(request: HttpRequest) -> str:
    """The page's name in the table of addresses: never the address itself, which holds ids."""
    found = request.resolver_match
    return found.url_name or "" if found else ""

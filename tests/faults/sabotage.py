"""The product with one control switched off, for granian to serve in place of the product; only tests start it.

Two controls stand in the WSGI layer, named by FAULTS_CONTROL; those that stand in the database are in `controls.py`.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from django.db import Error, connection, connections, transaction

from qosymsha.config.wsgi import application as product

Environ = dict[str, Any]
Start = Callable[..., Any]
_KEY = re.compile(rb"(?<=key=)[0-9a-f-]{36}")
_KEPT = "CREATE TABLE IF NOT EXISTS kept_answer (key uuid PRIMARY KEY, status text, location text)"


def no_key(environ: Environ, start: Start) -> Iterable[bytes]:
    """Whatever key the browser sends, the product sees a new one: every sending is a first time."""
    _new_key(environ)
    return product(environ, start)


def key_outside(environ: Environ, start: Start) -> Iterable[bytes]:
    """Keys and answers in a table of their own, written after the transaction of the fact: a cache of answers."""
    key = _new_key(environ)
    if key is None:
        return product(environ, start)
    with connection.cursor() as cursor:
        cursor.execute("SELECT status, location FROM kept_answer WHERE key = %s", [key])
        kept = cursor.fetchone()
    if kept is not None:
        start(kept[0], [("Location", kept[1]), ("Content-Length", "0")])
        return []
    told: list[tuple[str, str]] = []

    def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        told.append((status, dict(headers).get("Location", "")))
        return start(status, headers, *rest)

    body = product(environ, note)
    if told[0][0][0] in "34":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO kept_answer VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", [key, *told[0]])
    return body


class _Late:
    """An answer whose transaction is committed once the answer has left."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        with suppress(Error):  # nobody is left who could be told
            transaction.commit()
        self._body.close()  # type: ignore[attr-defined]


def late_commit(environ: Environ, start: Start) -> Iterable[bytes]:
    """Acknowledged first, committed afterwards: no statement commits by itself, the end of the request does."""
    return _Late(product(environ, start))


def _new_key(environ: Environ) -> UUID | None:
    """Put a new key into the form; the one that stood there."""
    if environ["REQUEST_METHOD"] != "POST":
        return None
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    found = _KEY.search(body)
    environ["wsgi.input"] = io.BytesIO(_KEY.sub(str(uuid4()).encode(), body))
    return UUID(found[0].decode()) if found else None


_CONTROLS = {"no_key": no_key, "key_outside": key_outside, "late_commit": late_commit}
application = _CONTROLS.get(os.environ.get("FAULTS_CONTROL", ""), product)
if application is key_outside:
    with connection.cursor() as _cursor:
        _cursor.execute(_KEPT)
    connection.close()
if application is late_commit:
    connections.databases["default"]["AUTOCOMMIT"] = False

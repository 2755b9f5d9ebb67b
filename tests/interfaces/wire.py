"""What goes over the wire to the database, counted by libpq itself: statements, and waits for an answer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection
from psycopg.pq import Trace

_SENT = re.compile(r"^F\s+\d+\s+(Query|Parse|Bind|Execute|Sync)\b(.*)$", re.MULTILINE)


@dataclass
class Wire:
    """Statements as they were sent (simple ones with their text), and how many times the client waited."""

    statements: list[str] = field(default_factory=list)
    waits: int = 0

    @property
    def decisions(self) -> list[str]:
        """The statements of the verb itself: without what every page asks, and what begins or ends transactions."""
        frame = (
            "django_session",
            "rights_of",
            "subject_kind = 'guardian'",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT",
            "RELEASE",
        )
        return [one for one in self.statements if not any(word in one for word in frame)]


@contextmanager
def listening() -> Iterator[Wire]:
    """Count what this thread's connection sends meanwhile; not what Django believes it sends."""
    connection.ensure_connection()
    assert connection.connection is not None
    pgconn, wire = connection.connection.pgconn, Wire()
    with tempfile.NamedTemporaryFile() as told:
        pgconn.trace(told.fileno())
        pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield wire
        finally:
            pgconn.untrace()
            for kind, text in _SENT.findall(Path(told.name).read_text("utf-8", "replace")):
                if kind in ("Query", "Execute"):
                    wire.statements.append(text.strip())
                wire.waits += kind in ("Query", "Sync")

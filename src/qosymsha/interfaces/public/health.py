"""`/health/` and `/health/live/`: what a balancer asks before it sends anybody here. No session, nobody's data.

Live: this process answers. Ready: its database answers as this server needs it (writable; readable is enough for one
that only shows) and has every migration of this code. A schema newer than the code is fine: docs/runbooks/upgrade.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, wraps

from django.conf import settings
from django.db import DatabaseError, InterfaceError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from qosymsha.interfaces.ui.build import build_id
from qosymsha.interfaces.ui.doors import PublicAction, View

_STANDS = """
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
       (SELECT array_agg(app || '.' || name) FROM django_migrations)"""


class Database(StrEnum):
    """How the database answers."""

    WRITABLE = "writable"
    READ_ONLY = "read-only"
    GONE = "gone"


class Tables(StrEnum):
    """Whether the database has all that this code wants; `unknown` where it does not answer."""

    CURRENT = "current"
    BEHIND = "behind"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """What was found by one statement."""

    database: Database
    tables: Tables

    @property
    def is_ready(self) -> bool:
        """Whether visitors may be sent here."""
        enough = {Database.WRITABLE, Database.READ_ONLY} if settings.LOOKS_ONLY else {Database.WRITABLE}
        return self.database in enough and self.tables is Tables.CURRENT


def _asked(view: View) -> View:
    guarded = require_safe(view)

    @wraps(view)
    def shown(request: HttpRequest) -> HttpResponse:
        answer = guarded(request)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    shown.action = PublicAction.LOOK  # type: ignore[attr-defined]
    return shown


@_asked
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as anything answers at all; asks nobody."""
    return JsonResponse({"live": True, "build": build_id()})


@_asked
def ready(request: HttpRequest) -> HttpResponse:
    """200 where visitors may be sent here, else 503; says what is missing."""
    found = health()
    told = {"ready": found.is_ready, "database": found.database, "migrations": found.tables, "build": build_id()}
    return JsonResponse(told, status=200 if found.is_ready else 503)


def health() -> Health:
    """Ask the database once, now."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_STANDS)
            is_read_only, applied = cursor.fetchone()
    except ProgrammingError:  # nobody has made any table yet
        return Health(Database.WRITABLE, Tables.BEHIND)
    except (DatabaseError, InterfaceError):
        return Health(Database.GONE, Tables.UNKNOWN)
    tables = Tables.CURRENT if wanted() <= set(applied or ()) else Tables.BEHIND
    return Health(Database.READ_ONLY if is_read_only else Database.WRITABLE, tables)


@cache
def wanted() -> frozenset[str]:
    """Every migration of this code, `room.name`; read from the disk once."""
    return frozenset(f"{room}.{name}" for room, name in MigrationLoader(None).disk_migrations)

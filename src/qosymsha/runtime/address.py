"""A database address (DATABASE_URL) in the words Django wants."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

# Every connection, whoever opens it: nobody waits long for a lock, nobody holds one while idle, no statement runs for
# ever. A page's statements are short; a job may count a whole city.
_ALWAYS = {"lock_timeout": "3s", "timezone": "UTC"}
_JOB = {"statement_timeout": "30min", "idle_in_transaction_session_timeout": "60s"}
_PAGE = {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "15s"}
_POOL_PATIENCE = 5.0


def django_database(url: str, pool: int = 0) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder → an entry of Django's DATABASES.

    `pool` connections at most are shared by a page server's threads; 0: each thread keeps its own, as jobs and the
    command line do.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    timeouts = _ALWAYS | (_PAGE if pool else _JOB)
    options: dict[str, Any] = {"options": " ".join(f"-c {name}={value}" for name, value in timeouts.items())}
    if pool:
        options["pool"] = {"min_size": min(2, pool), "max_size": pool, "timeout": _POOL_PATIENCE}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "qosymsha",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [unquote(parts.hostname or "")])[0],
        "PORT": query.get("port", [str(parts.port or "")])[0],
        "CONN_MAX_AGE": 0 if pool else 600,
        "OPTIONS": options,
    }

"""A database address (DATABASE_URL) in the words Django wants."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_OPTIONS = "-c lock_timeout=3s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"


def django_database(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder → an entry of Django's DATABASES."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "qosymsha",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [unquote(parts.hostname or "")])[0],
        "PORT": query.get("port", [str(parts.port or "")])[0],
        "CONN_MAX_AGE": 600,
        "OPTIONS": {"options": _OPTIONS},
    }

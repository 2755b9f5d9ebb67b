"""A database address (DATABASE_URL) in the words Django wants."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from qosymsha.runtime.secrets import secret

# Every connection, whoever opens it: nobody waits long for a lock, nobody holds one while idle, no statement runs for
# ever. A page's statements are short; a job may count a whole city.
_ALWAYS = {"lock_timeout": "3s", "timezone": "UTC"}
_JOB = {"statement_timeout": "30min", "idle_in_transaction_session_timeout": "60s"}
_PAGE = {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "15s"}
_POOL_PATIENCE = 5.0
# A machine that vanished without a word is given up within seconds: another one leads by then.
_NETWORK = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}
_OURS = {"host", "port", "options"}


def django_database(url: str, pool: int = 0, *, is_read_only: bool = False) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?host=/socket/folder → an entry of Django's DATABASES.

    Several hosts (`?host=a,b,c&port=…&target_session_attrs=read-write`), TLS (`sslmode`, `sslrootcert`, `sslcert`,
    `sslkey`) and whatever else libpq understands are passed on. A password that the address lacks is
    QOSYMSHA_DATABASE_PASSWORD's. `pool` connections at most are shared by a page server's threads; 0: each thread keeps
    its own, as jobs and the command line do. `is_read_only`: nothing can be written through it.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = query.get("host", unquote(parts.hostname or ""))
    timeouts = _ALWAYS | (_PAGE if pool else _JOB)
    if is_read_only:
        timeouts["default_transaction_read_only"] = "on"
    options: dict[str, Any] = {} if not host or host.startswith("/") else dict(_NETWORK)
    options |= {name: value for name, value in query.items() if name not in _OURS}
    options["options"] = " ".join(f"-c {name}={value}" for name, value in timeouts.items())
    if pool:
        options["pool"] = {"min_size": min(2, pool), "max_size": pool, "timeout": _POOL_PATIENCE}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "qosymsha",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or "") or secret("QOSYMSHA_DATABASE_PASSWORD"),
        "HOST": host,
        "PORT": query.get("port", str(parts.port or "")),
        "CONN_MAX_AGE": 0 if pool else 600,
        # A standby is promoted, its lines are cut: a page that only shows looks at its line first, once a request.
        "CONN_HEALTH_CHECKS": is_read_only,
        "OPTIONS": options,
    }

"""One question to the provider over HTTPS: bounded in time and size, no redirect followed, JSON or nothing."""

from __future__ import annotations

import http.client
import time
from typing import Any
from urllib.parse import urlsplit

from qosymsha.domain.people.ports import IdentityFault, IdentityRefused
from qosymsha.integrations.judged import Inward, speaks_outward
from qosymsha.integrations.outgoing import TooMuch, bind, body_of
from qosymsha.runtime import outside

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_BYTES = 1024 * 1024


def is_safe(address: str) -> bool:
    """True for https, and for plain http on this machine only."""
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname) or (parts.scheme == "http" and parts.hostname in _LOCAL)


def host_of(address: str) -> str:
    """The host that an address names."""
    return urlsplit(address).hostname or ""


def ask(
    address: str, timeout_seconds: float, body: str | None = None, headers: dict[str, str] | None = None, *, own: str
) -> dict[str, Any]:
    """The JSON object at an address, by GET, or by POST where there is a body.

    `own`: the host that the operator named; any other was named by the provider, and must not lead inside the house.

    Raises:
        IdentityRefused: unreachable or too slow; a status or a body that is no answer; says_no for a 4xx; not_believed
            for an address inside.
    """
    is_own = host_of(address) == own
    if not is_safe(address) or (not is_own and urlsplit(address).scheme != "https"):
        raise IdentityRefused(IdentityFault.NOT_BELIEVED, "an address that is not https")
    connection = _connection(address, timeout_seconds)
    bind(connection, time.monotonic() + timeout_seconds, _MAX_BYTES)
    if not is_own:
        speaks_outward(connection)
    parts = urlsplit(address)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(
            "GET" if body is None else "POST", path, body, {"Accept": "application/json"} | (headers or {})
        )
        answer = connection.getresponse()
        return _object(answer.status, body_of(answer))
    except (http.client.HTTPException, TooMuch) as fault:
        raise IdentityRefused(IdentityFault.UNREADABLE, "no http") from fault
    except Inward as fault:
        raise IdentityRefused(IdentityFault.NOT_BELIEVED, "an address inside the house") from fault
    except OSError as fault:
        raise IdentityRefused(IdentityFault.UNREACHABLE, type(fault).__name__) from fault
    finally:
        connection.close()


def _connection(address: str, timeout_seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_seconds)


def _object(status: int, body: bytes) -> dict[str, Any]:
    if status >= 500:
        raise IdentityRefused(IdentityFault.UNREACHABLE, f"status {status}")
    if 400 <= status < 500:
        raise IdentityRefused(IdentityFault.SAYS_NO, f"status {status}")
    if status != 200:
        raise IdentityRefused(IdentityFault.UNREADABLE, f"status {status}")
    try:
        found = outside.document(body)
    except ValueError as fault:
        raise IdentityRefused(IdentityFault.UNREADABLE, "no JSON") from fault
    if not isinstance(found, dict):
        raise IdentityRefused(IdentityFault.UNREADABLE, "no object")
    return found

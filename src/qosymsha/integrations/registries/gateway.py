"""A client for a registry gateway that speaks JSON over HTTPS (README.md of this folder gives the agreement).

Numbers of people stand in bodies only; an error never repeats them. No redirect is followed; no half answer counts.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from qosymsha.domain.people.ports import ProvedChild, RegistryFault, RegistryUnavailable, StatusAnswer
from qosymsha.integrations.registries import wire

ADDRESS, TOKEN = "QOSYMSHA_REGISTRY_ADDRESS", "QOSYMSHA_REGISTRY_TOKEN"  # noqa: S105 - names of settings
_MAX_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_CHILDREN_PER_QUESTION = 1_000
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_BUSY = frozenset({429, 503})


class GatewayRegistry:
    """One question is one connection; `timeout_seconds` bounds each wait, and the whole body however slowly it drips.

    Raises:
        ValueError: the address is not https (plain http is for this machine only) or the token is empty.
    """

    def __init__(self, address: str | None = None, token: str | None = None, timeout_seconds: float = 10) -> None:
        parts = urlsplit(address if address is not None else os.environ.get(ADDRESS, ""))
        if parts.hostname is None or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        ):
            raise ValueError(f"{ADDRESS}: give the gateway's address, beginning with https://")
        self._token = token if token is not None else os.environ.get(TOKEN, "")
        if not self._token:
            raise ValueError(f"{TOKEN}: give the token the gateway knows this installation by")
        self._is_secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._timeout_seconds = timeout_seconds

    def children_of(self, guardian_iin: str) -> list[ProvedChild]:
        """As the port says.

        Raises:
            RegistryUnavailable: no usable answer in time.
        """
        return wire.children_of(self._ask(wire.CHILDREN, wire.children_question(guardian_iin)))

    def statuses_of(self, child_iins: Sequence[str]) -> list[StatusAnswer]:
        """As the port says; asked in questions of a thousand children.

        Raises:
            RegistryUnavailable: no usable answer in time to one of the questions.
        """
        answers: list[StatusAnswer] = []
        for start in range(0, len(child_iins), _CHILDREN_PER_QUESTION):
            asked = child_iins[start : start + _CHILDREN_PER_QUESTION]
            answers += wire.statuses_of(self._ask(wire.STATUSES, wire.statuses_question(asked)), asked)
        return answers

    def _ask(self, path: str, body: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        connection = self._connection()
        try:
            connection.request("POST", self._path + path, body, self._headers())
            answer = connection.getresponse()
            if answer.status != 200:
                raise _unavailable(answer)
            return _read(connection, answer, deadline)
        except TimeoutError as fault:
            raise RegistryUnavailable(RegistryFault.TIMED_OUT) from fault
        except http.client.HTTPException as fault:
            raise RegistryUnavailable(RegistryFault.UNREADABLE) from fault
        except OSError as fault:
            raise RegistryUnavailable(RegistryFault.UNREACHABLE) from fault
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout_seconds)

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    """The whole body, before the deadline and not above the limit; a body cut short is an IncompleteRead."""
    promised = answer.length
    parts, size = [], 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(_CHUNK_BYTES)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > _MAX_BYTES:
            raise RegistryUnavailable(RegistryFault.UNREADABLE)
    if promised is not None and size < promised:
        raise http.client.IncompleteRead(b"", promised - size)
    return b"".join(parts)


def _unavailable(answer: http.client.HTTPResponse) -> RegistryUnavailable:
    if answer.status in _BUSY:
        waits = answer.getheader("Retry-After", "")
        return RegistryUnavailable(RegistryFault.BUSY, int(waits) if waits.isascii() and waits.isdigit() else None)
    if 400 <= answer.status < 500:
        return RegistryUnavailable(RegistryFault.SAYS_NO)
    return RegistryUnavailable(RegistryFault.UNREACHABLE if answer.status >= 500 else RegistryFault.UNREADABLE)

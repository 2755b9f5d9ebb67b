"""Addresses that another machine names: asked for once, judged, and only the judged address is spoken to.

What an operator configures may stand inside the house. What a provider's document names may not lead there: not to
this machine, not to its neighbours, however the name is written and whatever it answers the second time.
"""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from ipaddress import IPv6Address, ip_address


class Inward(OSError):
    """A name from outside that leads inside the house."""


def judged(host: str, port: int) -> str:
    """The first address of a host, where every one of them is public.

    Raises:
        Inward: one is of this machine, of a private or a special network; mapped and embedded ones count as they lead.
        OSError: the host is not known.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for one in found:
        address = ip_address(one.partition("%")[0])
        inner = (address.ipv4_mapped or address.sixtofour) if isinstance(address, IPv6Address) else None
        if not (inner or address).is_global or address.is_multicast:
            raise Inward(f"{host} leads inside")
    return found[0]


def speaks_outward(connection: HTTPConnection) -> HTTPConnection:
    """The connection, which will speak to the judged address alone; a certificate is still asked for by name."""

    def connect(
        where: tuple[str, int], timeout: float | None = None, source: tuple[str, int] | None = None
    ) -> socket.socket:
        return socket.create_connection((judged(*where), where[1]), timeout, source)

    connection._create_connection = connect  # type: ignore[attr-defined]
    return connection

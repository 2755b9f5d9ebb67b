"""The draw: from a family's secret ticket to a lottery number that nobody could choose.

Every formula is published with its vectors in docs/reference/draw-vectors.json and repeated, without this code, in
verify/draw.py:

    line id    = SHA-256("line" 00 ticket)                     public name of an application's line
    salt       = first 16 bytes of SHA-256("salt" 00 ticket)   hides a line whose class is too small to be shown
    commitment = SHA-256("commit" 00 secret)                   published before the window opens, one per party
    seed       = SHA-256("seed" 00 round 00 root beacon secrets...)
    number     = SHA-256(seed | line id)                       all 256 bits compared, smaller is better
"""

import base64
import hashlib
import secrets as system_random
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation import hashing

TICKET_BYTES = 16
TICKET_CHARACTERS = 26
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


class TicketError(ValueError):
    """What was typed is not a ticket; the message says why, in words for a clerk."""


def _sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def draw_ticket() -> bytes:
    """Return 16 bytes from the operating system's random source: one ticket per child and round."""
    return system_random.token_bytes(TICKET_BYTES)


def ticket_text(ticket: bytes) -> str:
    """Return the ticket as 26 characters of RFC 4648 base32 (upper case, no padding)."""
    return base64.b32encode(_of_length(ticket, TICKET_BYTES, "a ticket")).decode("ascii").rstrip("=")


def parse_ticket(text: str) -> bytes:
    """Return the ticket's 16 bytes from what a person typed: lower case, spaces and hyphens are forgiven, nothing
    else is.

    Raises:
        TicketError: wrong length, a character outside A-Z and 2-7, or a last character that no ticket ends with.
    """
    typed = text.translate({ord(" "): None, ord("-"): None, ord("\u00a0"): None}).upper()
    strange = sorted(set(typed) - _ALPHABET)
    if strange:
        raise TicketError(f"a ticket has only the letters A-Z and the digits 2-7, not {strange[0]!r}")
    if len(typed) != TICKET_CHARACTERS:
        raise TicketError(f"a ticket has {TICKET_CHARACTERS} characters, this has {len(typed)}")
    ticket = base64.b32decode(typed + "=" * 6)
    if ticket_text(ticket) != typed:
        raise TicketError(f"no ticket ends with {typed[-1]!r}: the last character is mistyped")
    return ticket


def line_id(ticket: bytes) -> bytes:
    """Return the 32-byte public id of the ticket's line; the ticket cannot be found from it."""
    return _sha256(b"line\0", _of_length(ticket, TICKET_BYTES, "a ticket"))


def salt(ticket: bytes) -> bytes:
    """Return the 16-byte salt of the ticket's leaf: whoever holds the ticket can show its leaf, nobody else can
    guess it.
    """
    return _sha256(b"salt\0", _of_length(ticket, TICKET_BYTES, "a ticket"))[:16]


def commitment(secret: bytes) -> bytes:
    """Return what a party publishes before the window opens to bind itself to its 32-byte secret."""
    return _sha256(b"commit\0", _of_length(secret, 32, "a secret"))


def seed(round_id: str, root: bytes, beacon: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return the round's 32-byte seed from the closed list's root, the beacon's value and the revealed secrets, in
    the parties' order.

    Raises:
        ValueError: a root or secret that is not 32 bytes, an empty beacon value, or a zero byte in the round's id.
    """
    if not beacon or "\0" in round_id:
        raise ValueError("a seed needs a beacon value and a round id without a zero byte")
    parts = [_of_length(secret, 32, "a secret") for secret in secrets]
    return _sha256(b"seed\0", round_id.encode(), b"\0", _of_length(root, 32, "a root"), beacon, *parts)


def number(seed: bytes, line_id: bytes) -> bytes:
    """Return the 32-byte lottery number of one line."""
    return _sha256(seed, line_id)


def numbers(seed: bytes, line_ids: NDArray[np.uint8], *, each: hashing.Each = map) -> NDArray[np.uint8]:
    """Return the lottery numbers, (n, 32) uint8, of line ids, (n, 32) uint8, row by row."""
    count = len(line_ids)
    if line_ids.shape != (count, 32) or line_ids.dtype != np.uint8:
        raise ValueError("line ids are a (n, 32) array of uint8")
    starts = range(0, count, hashing.CHUNK)
    chunks = ((seed, line_ids[start : start + hashing.CHUNK].tobytes()) for start in starts)
    out = np.empty((count, 32), dtype=np.uint8)
    for start, digests in zip(starts, each(hashing.numbers, chunks), strict=True):
        out[start : start + hashing.CHUNK] = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
    return out


def _of_length(value: bytes, length: int, what: str) -> bytes:
    if len(value) != length:
        raise ValueError(f"{what} is {length} bytes, not {len(value)}")
    return value

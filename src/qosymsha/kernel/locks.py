"""Named locks inside a transaction: once per command, in one fixed order, with the connection's lock timeout."""

from __future__ import annotations

import hashlib

from django.db import connection, transaction


def exclusive(*names: str) -> None:
    """Step `lock`: hold the named advisory locks to the transaction's end; in sorted order, so nobody deadlocks."""
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    keys = sorted(int.from_bytes(hashlib.sha256(n.encode()).digest()[:8], "big", signed=True) for n in set(names))
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])

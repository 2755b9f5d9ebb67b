"""The audit chain and the outbox wait for every transaction older than theirs, those of other tests' databases too."""

from __future__ import annotations

import time

from django.db import connection, transaction

MOST_SECONDS = 400.0  # the longest another worker's module may keep a transaction open


def settled() -> None:
    """Wait until all that is committed now may be linked and read. Call it outside a transaction.

    Raises:
        TimeoutError: some transaction of this server stays open.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (ours,) = cursor.fetchone()
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", [ours])
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.05)
    raise TimeoutError("a transaction of this server stays open")

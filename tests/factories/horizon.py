"""The audit chain and the outbox wait for every transaction older than theirs, those of other tests' databases too."""

from __future__ import annotations

import time

from django.db import connection, transaction

MOST_SECONDS = 400.0  # the longest another worker's module may keep a transaction open


_BESIDE = """
SELECT count(*) = 0 FROM pg_stat_activity WHERE datname <> current_database() AND backend_xid IS NOT NULL
   AND backend_xid::text::bigint <= (SELECT coalesce(max(t.txid::text::bigint), 0)
                                       FROM (SELECT txid FROM audit_event UNION ALL SELECT txid FROM outbox) t)"""


def settled_beside() -> None:
    """Wait until nothing in other databases holds back what is told here; what runs in this one is the test's own.

    Raises:
        TimeoutError: some transaction of this server stays open.
    """
    _wait(_BESIDE, [])


def settled() -> None:
    """Wait until all that is committed now may be linked and read. Call it outside a transaction.

    Raises:
        TimeoutError: some transaction of this server stays open.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (ours,) = cursor.fetchone()
    _wait("SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", [ours])


def _wait(question: str, values: list[str]) -> None:
    until = time.monotonic() + MOST_SECONDS
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(question, values)
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.02)
    raise TimeoutError("a transaction of this server stays open")

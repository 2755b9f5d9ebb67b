"""Outbox: news committed with its fact, ids only, read by consumers at least once and in order per subject."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

_TELL = "SELECT outbox_tell(%s, %s, %s, ARRAY[i], d) FROM unnest(%s::bigint[], %s::jsonb[]) AS o (i, d)"


@dataclass(frozen=True, slots=True)
class News:
    """One outbox row as a consumer sees it."""

    id: int
    at: datetime
    topic: str
    subject_kind: str
    subject_id: int
    detail: dict[str, Any]


def tell(  # noqa: PLR0913 - the columns of a row, and what only some subjects have
    *,
    topic: StrEnum,
    subject_kind: str,
    subject_ids: Sequence[int],
    at: datetime,
    detail: Mapping[str, object] | None = None,
    each: Mapping[int, Mapping[str, object]] | None = None,
) -> None:
    """Step `tell`: a row per subject with the same `detail` (ids, numbers), and a subject's own in `each`."""
    assert transaction.get_connection().in_atomic_block, "news commits with its fact"
    details = [json.dumps({**(detail or {}), **(each or {}).get(one, {})}) for one in subject_ids]
    with connection.cursor() as cursor:
        cursor.execute(_TELL, [at, topic.value, subject_kind, list(subject_ids), details])


def unread(consumer: str, limit: int = 1_000) -> list[News]:
    """The next rows for a consumer, by id among finished transactions: a slow writer's row is never jumped over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, at, topic, subject_kind, subject_id, detail FROM outbox_unread(%s, %s)", [consumer, limit]
        )
        return [News(i, at, topic, kind, sid, json.loads(d)) for i, at, topic, kind, sid, d in cursor.fetchall()]


def read_up_to(consumer: str, last_id: int, at: datetime) -> None:
    """Remember that what `unread` gave up to `last_id` was handled; never back, nor on for a twin that comes late."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_cursor SET last_id = greatest(last_id, %s), moved_at = %s WHERE consumer = %s"
            " AND EXISTS (SELECT 1 FROM outbox WHERE id = %s AND txid >= from_txid AND txid < upto_txid)",
            [last_id, at, consumer, last_id],
        )


def forget(before: date) -> int:
    """Drop whole months that ended before a day and that every consumer has read; how many went."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT outbox_forget(%s)", [before])
        return int(cursor.fetchone()[0])

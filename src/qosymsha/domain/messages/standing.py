"""How the sending stands, and what is wrong with it: figures alone, for who runs the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection

from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.rules import NoticeRules
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class WayStands:
    """How a way out stands: what waits, since when, what failed within a day and why, when it last worked."""

    channel: str
    waiting: int
    oldest: datetime | None
    failed: dict[str, int]
    failures: int
    rests_until: datetime | None
    hitch: str
    good_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """News not yet told (how many, since when), and every way out."""

    news: int
    oldest_news: datetime | None
    ways: tuple[WayStands, ...]


# News of transactions that are over and that the consumer has not read.
_BEHIND = """
SELECT count(*), min(o.at) FROM outbox o
 WHERE o.txid >= coalesce((SELECT from_txid FROM outbox_cursor WHERE consumer = 'notices'), '0')
   AND o.txid < pg_snapshot_xmin(pg_current_snapshot())
   AND NOT EXISTS (SELECT FROM outbox_cursor c
                    WHERE c.consumer = 'notices' AND o.txid < c.upto_txid AND o.id <= c.last_id)"""
_WAITING = """
SELECT channel, count(*), min(made_at) FILTER (WHERE next_try_at <= %(at)s OR attempts > 0)
  FROM notice_delivery WHERE state = 'waiting' GROUP BY 1"""
_FAILED = """
SELECT channel, hitch, count(*) FROM notice_delivery
 WHERE state IN ('failed', 'given_up') AND ended_at > %(since)s
   AND hitch NOT IN ('no_address', 'right_ended') GROUP BY 1, 2"""
_WAYS = "SELECT channel, failures, rests_until, hitch, good_at FROM notice_way"


def standing(*, actor: Actor, at: datetime) -> Standing:
    """How the sending stands, for who runs the house: figures alone.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.SEE_WAYS, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND)
        news, oldest_news = cursor.fetchone()
        cursor.execute(_WAITING, {"at": at})
        waiting = {channel: (count, oldest) for channel, count, oldest in cursor.fetchall()}
        cursor.execute(_FAILED, {"since": at - timedelta(days=1)})
        failed: dict[str, dict[str, int]] = {}
        for channel, hitch, count in cursor.fetchall():
            failed.setdefault(channel, {})[hitch] = count
        cursor.execute(_WAYS)
        ways = {row[0]: row[1:] for row in cursor.fetchall()}
    return Standing(
        news,
        oldest_news,
        tuple(
            WayStands(one, *waiting.get(one, (0, None)), failed.get(one, {}), *ways.get(one, (0, None, "", None)))
            for one in sorted({*waiting, *failed, *ways})
        ),
    )


class Trouble(StrEnum):
    """What can be wrong with the sending; each has its words, and what to do, in the catalogues of texts."""

    NEWS_LATE = "news_late"  # news is not told: the job does not run, or a transaction never ends
    WAY_DOWN = "way_down"  # a gateway fails again and again
    WAY_LATE = "way_late"  # messages wait longer than the rules hold for usual
    GIVEN_UP = "given_up"  # messages of the last day will never go


def troubles(stands: Standing, rules: NoticeRules, at: datetime) -> list[tuple[Trouble, str]]:
    """What is wrong, each with its channel ("" for none)."""
    since = at - timedelta(minutes=rules.late_minutes)
    found = [(Trouble.NEWS_LATE, "")] if stands.oldest_news is not None and stands.oldest_news < since else []
    for way in stands.ways:
        if way.failures >= rules.breaker_failures:
            found.append((Trouble.WAY_DOWN, way.channel))
        elif way.oldest is not None and way.oldest < since:
            found.append((Trouble.WAY_LATE, way.channel))
        if way.failed:
            found.append((Trouble.GIVEN_UP, way.channel))
    return found

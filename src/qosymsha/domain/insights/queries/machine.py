"""How the machine stands: what waits, since when, what failed. For metrics, the office's page, doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db import connection

from qosymsha.domain.insights.queries import standing
from qosymsha.kernel import clock

_STANDS = """
SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()),
       (SELECT count(*) FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS (
            SELECT FROM procrastinate_events e
             WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - interval '3 minutes')),
       (SELECT count(*) FROM procrastinate_jobs j WHERE j.status = 'failed' AND EXISTS (
            SELECT FROM procrastinate_events e
             WHERE e.job_id = j.id AND e.type = 'failed' AND e.at > now() - interval '1 day')),
       (SELECT max(e.at) FROM procrastinate_events e WHERE e.type = 'started' AND e.at > now() - interval '1 day'),
       (SELECT count(*) FROM outbox o WHERE EXISTS (SELECT FROM outbox_cursor c
             WHERE o.txid >= c.upto_txid OR o.txid >= c.from_txid AND o.id > c.last_id)),
       (SELECT count(*) FROM audit_event e
         WHERE e.txid >= coalesce((SELECT max(txid) FROM audit_low), '0')
           AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)),
       (SELECT max(day) FROM money_day),
       (SELECT coalesce(sum(m.differences), 0) FROM money_day m
         WHERE m.day = (SELECT max(n.day) FROM money_day n WHERE n.programme_id = m.programme_id)),
       (SELECT count(*) FROM programme),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections')::int,
       pg_is_in_recovery(),
       (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),
       pg_database_size(current_database()),
       statement_timestamp()"""


@dataclass(frozen=True, slots=True)
class Machine:
    """Figures of this instant. Counts; `size_bytes` of the database; the jobs' last start within a day, else None."""

    jobs_waiting: int
    jobs_stuck: int
    jobs_failed: int
    jobs_at: datetime | None
    news_unread: int
    events_unlinked: int
    money_day: date | None
    money_differences: int
    programmes: int
    connections: int
    connections_most: int
    is_standby: bool
    standbys: int
    size_bytes: int
    at: datetime


class Trouble(StrEnum):
    """What can be wrong with the machine; each has its words and what to do in the catalogues of texts."""

    JOBS_SILENT = "jobs_silent"
    JOBS_LATE = "jobs_late"
    JOBS_STUCK = "jobs_stuck"
    JOBS_FAILED = "jobs_failed"
    NEWS_LATE = "news_late"
    AUDIT_LATE = "audit_late"
    MONEY_DIFFERS = "money_differs"
    MONEY_UNSEALED = "money_unsealed"
    CONNECTIONS_FEW = "connections_few"
    CHECKS_SILENT = "checks_silent"


# Above these a person should look: generous against a busy minute, tight against an hour.
SILENT = timedelta(minutes=15)
JOBS_MOST, NEWS_MOST, EVENTS_MOST, DAYS_MOST, CONNECTIONS_SHARE = 100, 100_000, 20_000, 2, 0.9


def machine() -> Machine:
    """As it stands now."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDS)
        return Machine(*cursor.fetchone())


def troubles(stands: Machine, looked_at: datetime | None = None) -> list[Trouble]:
    """What is wrong, in the order in which to look; `looked_at`: when the invariants' checker spoke last."""
    today = clock.local_day(stands.at)
    late_money = stands.programmes > 0 and (stands.money_day is None or (today - stands.money_day).days > DAYS_MOST)
    found = {
        Trouble.MONEY_DIFFERS: stands.money_differences > 0,
        Trouble.JOBS_SILENT: stands.jobs_at is None or stands.at - stands.jobs_at > SILENT,
        Trouble.JOBS_STUCK: stands.jobs_stuck > 0,
        Trouble.JOBS_FAILED: stands.jobs_failed > 0,
        Trouble.JOBS_LATE: stands.jobs_waiting > JOBS_MOST,
        Trouble.AUDIT_LATE: stands.events_unlinked > EVENTS_MOST,
        Trouble.NEWS_LATE: stands.news_unread > NEWS_MOST,
        Trouble.CHECKS_SILENT: looked_at is None or stands.at - looked_at > SILENT,
        Trouble.MONEY_UNSEALED: late_money,
        Trouble.CONNECTIONS_FEW: stands.connections > CONNECTIONS_SHARE * stands.connections_most,
    }
    return [trouble for trouble, is_so in found.items() if is_so]


def last_look() -> datetime | None:
    """When the checker of the invariants spoke last."""
    return max((look.at for one in standing.standings() for look in one.looks), default=None)

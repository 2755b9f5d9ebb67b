"""What the house forgets about itself: keys, news, failed jobs whose time is over. None needs a key: gone is gone."""

from __future__ import annotations

from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from procrastinate.manager import JobManager

from qosymsha.domain.admission.queries import keeping
from qosymsha.interfaces.jobs.app import connector
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.clock import local_day, month_of

KEYS_KEPT_DAYS = 400  # longer than a budget year with its closing, to which the other verbs belong
NEWS_KEPT_DAYS = 92
FAILED_JOBS_KEPT_HOURS = 30 * 24
AT_ONCE = 5_000
_queue = JobManager(connector)


def forget_keys(at: datetime) -> None:
    """Delete idempotency keys when the round or the budget year they belong to is over."""
    on = local_day(at)
    since = keeping.unfinished_since(month_of(on))
    before = at - timedelta(days=KEYS_KEPT_DAYS)
    while idempotency.forget(min(before, since) if since is not None else before, on, AT_ONCE) == AT_ONCE:
        pass


def forget_news(at: datetime) -> None:
    """Drop months of the outbox older than three months, once every consumer has read them."""
    outbox.forget(local_day(at) - timedelta(days=NEWS_KEPT_DAYS))


def forget_jobs(at: datetime) -> None:
    """Delete jobs that failed or were set aside a month ago."""
    async_to_sync(_queue.delete_old_jobs)(nb_hours=FAILED_JOBS_KEPT_HOURS, include_failed=True)

"""What the house forgets: keys after their round, news after everybody read it, failed jobs after a month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction

from qosymsha.domain.admission.models import Application, Round
from qosymsha.interfaces.jobs import upkeep
from qosymsha.kernel import outbox
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.models import IdempotencyKey, Outbox, OutboxCursor
from tests.factories import admission, horizon

pytestmark = pytest.mark.django_db(transaction=True)
FIRST = UUID(int=1)


def months(table: str = "outbox") -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def filed_round() -> tuple[admission.City, list[tuple[int, int]]]:
    """A round of 2026, to December, with one family's application under a known key."""
    city = admission.City(money={"sport": admission.money_for(1)})
    the_round = city.opened()
    families = city.families(1)
    (outcome,) = city.file(the_round, families, key=FIRST)
    assert outcome.reason is None
    return city, families


def test_a_key_is_kept_to_the_rounds_end_however_old_and_its_replay_answers_as_the_first_time() -> None:
    city, families = filed_round()
    IdempotencyKey.objects.filter(key=FIRST).update(at=admission.INSIDE)
    late = local_instant(date(2026, 12, 31), 23)  # the round's last month
    upkeep.forget_keys(late)
    assert IdempotencyKey.objects.filter(key=FIRST).exists()
    (again,) = city.file(Round.objects.get(), families, key=FIRST)
    assert again.reason is None
    assert Application.objects.count() == 1


@pytest.mark.parametrize(
    ("on", "kept_days", "kept"),
    [
        (date(2026, 12, 31), 10, True),  # old enough, but the round lasts
        (date(2027, 1, 20), 10, False),  # the round is over
        (date(2027, 2, 1), upkeep.KEYS_KEPT_DAYS, True),  # over, but not a year and its close ago
        (date(2027, 5, 1), upkeep.KEYS_KEPT_DAYS, False),
    ],
)
def test_a_key_goes_when_its_round_and_its_budget_year_are_over(
    on: date, kept_days: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed_round()
    monkeypatch.setattr(upkeep, "KEYS_KEPT_DAYS", kept_days)
    upkeep.forget_keys(local_instant(on, 3))
    assert IdempotencyKey.objects.filter(key=FIRST).exists() is kept


def test_a_key_with_a_day_of_its_own_is_kept_to_it() -> None:
    filed_round()
    IdempotencyKey.objects.filter(key=FIRST).update(kept_until=date(2030, 1, 1))
    upkeep.forget_keys(local_instant(date(2029, 5, 20)))
    assert IdempotencyKey.objects.filter(key=FIRST).exists()
    upkeep.forget_keys(local_instant(date(2030, 5, 20)))
    assert not IdempotencyKey.objects.filter(key=FIRST).exists()


def test_control_a_key_forgotten_too_early_would_refuse_the_family() -> None:
    city, families = filed_round()
    IdempotencyKey.objects.filter(key=FIRST).delete()
    (again,) = city.file(Round.objects.get(), families, key=FIRST)
    assert again.reason is not None, "without the key kept, the repeat is told that it was refused"


def test_keys_go_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    old = admission.OPENS - timedelta(days=900)
    keys = [IdempotencyKey(user_id=1, verb="v", key=UUID(int=n), body_hash=b"b", outcome=1, at=old) for n in range(7)]
    IdempotencyKey.objects.bulk_create(keys)
    monkeypatch.setattr(upkeep, "AT_ONCE", 3)
    upkeep.forget_keys(admission.OPENS)
    assert IdempotencyKey.objects.count() == 0


def news_of(month: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT make_months('outbox', %s, 1)", [month.date()])
        cursor.execute(
            "INSERT INTO outbox (at, topic, subject_kind, subject_id, detail) VALUES (%s, 't', 'thing', 1, '{}')",
            [month],
        )


def test_a_month_of_news_goes_when_everybody_has_read_it_and_not_before() -> None:
    month, later = datetime.fromisoformat("2021-03-15T05:00+00:00"), local_instant(date(2021, 8, 1))
    news_of(month)
    horizon.settled()
    with transaction.atomic():
        assert outbox.unread("slow")  # has looked, has not handled
    upkeep.forget_news(later)
    assert "outbox_2021_03" in months()
    assert Outbox.objects.filter(at=month).exists()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_cursor SET from_txid = upto_txid")  # its window is past it
    upkeep.forget_news(local_instant(date(2021, 6, 1)))
    assert "outbox_2021_03" in months(), "less than three months ago"
    upkeep.forget_news(later)
    assert "outbox_2021_03" not in months()
    assert OutboxCursor.objects.filter(consumer="slow").exists()


def test_jobs_that_failed_a_month_ago_go() -> None:
    with connection.cursor() as cursor:
        for days in (29, 31):
            cursor.execute(
                "INSERT INTO procrastinate_jobs (task_name, queue_name) VALUES ('x', 'default') RETURNING id"
            )
            (job,) = cursor.fetchone()
            cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [job])
            cursor.execute(
                "UPDATE procrastinate_events SET at = now() - make_interval(days => %s) WHERE job_id = %s", [days, job]
            )
        upkeep.forget_jobs(admission.OPENS)
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (1,)

"""One posting call is one statement, however many drafts, and fast enough for a city's month."""

import time

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.ledger import queries, steps
from qosymsha.kernel import schema
from tests.factories.ledger import AT, account, grant, move

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [1, 200])
def test_any_number_of_drafts_is_one_round_trip(count: int) -> None:
    steps.post([grant(1_000)], at=AT)
    drafts = [move(f"hold-{n}", 1, account("free"), account("held", subject=n)) for n in range(count)]
    with CaptureQueriesContext(
        connection,
    ) as seen:
        steps.post(drafts, at=AT)
    assert len(seen) == 1


def counted_while_empty() -> None:
    """Leave the ledger as a young installation's may be: rows that are gone, counted when nothing was there."""
    with transaction.atomic():
        steps.post([grant(20_000)], at=AT)
        steps.post([move(f"gone-{n}", 1, account("free"), account("held", subject=n)) for n in range(20_000)], at=AT)
        transaction.set_rollback(True)
    schema.count_anew()


@pytest.mark.parametrize("is_counted", [False, True], ids=["never counted", "counted while empty"])
def test_a_hundred_thousand_postings_take_seconds(is_counted: bool) -> None:
    """Whatever the planner believes of the tables: with other indexes than those of ids it was over five minutes."""
    if is_counted:
        counted_while_empty()
    count = 100_000
    steps.post([grant(count)], at=AT)
    drafts = [move(f"hold-{n}", 1, account("free"), account("held", subject=n)) for n in range(count)]
    started = time.perf_counter()
    with transaction.atomic():
        steps.post(drafts, at=AT)
        posted = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    committed = time.perf_counter()
    print(f"post {posted - started:.2f} s, zero-sum check {committed - posted:.2f} s")
    assert queries.totals() == {1: {"approp": -count, "free": 0, "held": count}}
    assert committed - started < 30

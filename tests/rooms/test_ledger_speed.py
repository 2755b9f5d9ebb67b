"""One posting call is one statement, however many drafts, and fast enough for a city's month."""

import os
from importlib import import_module
from pathlib import Path

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
    with CaptureQueriesContext(connection) as seen:
        steps.post(drafts, at=AT)
    assert len(seen) == 1


def counted_while_empty() -> None:
    """Leave the ledger as a young installation's may be: rows that are gone, counted when nothing was there."""
    with transaction.atomic():
        steps.post([grant(20_000)], at=AT)
        steps.post([move(f"gone-{n}", 1, account("free"), account("held", subject=n)) for n in range(20_000)], at=AT)
        transaction.set_rollback(True)
    schema.count_anew()


def worked() -> float:
    """Seconds of processor time of this connection's server process: what else the machine does is not in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def posted(count: int, first: int) -> float:
    """Seconds of work of so many postings in one call, with the check that each sums to nothing."""
    drafts = [move(f"hold-{n}", 1, account("free"), account("held", subject=n)) for n in range(first, first + count)]
    started = worked()
    with transaction.atomic():
        steps.post(drafts, at=AT)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return worked() - started


def slower_at_last(batch: int, between: int) -> float:
    """How many times as long a batch takes once the ledger has so many accounts more."""
    steps.post([grant(2 * batch + between)], at=AT)
    first = posted(batch, 0)
    posted(between, batch)
    last = posted(batch, batch + between)
    assert queries.totals() == {1: {"approp": -2 * batch - between, "free": 0, "held": 2 * batch + between}}
    print(f"the last batch took {last:.2f} s, the first {first:.2f} s")
    return last / max(first, 0.01)  # the clock ticks in hundredths


@pytest.mark.parametrize("is_counted", [False, True], ids=["never counted", "counted while empty"])
def test_a_posting_takes_as_long_however_many_accounts_there_are(is_counted: bool) -> None:
    """Whatever the planner believes of the tables."""
    if is_counted:
        counted_while_empty()
    assert slower_at_last(2_000, 40_000) < 5


def test_control_accounts_joined_make_each_posting_slower_than_the_one_before() -> None:
    with connection.cursor() as cursor:
        cursor.execute(import_module("qosymsha.domain.ledger.migrations.0004_by_account")._AGAIN)
    counted_while_empty()
    assert slower_at_last(1_000, 7_000) > 5

"""The last seat and the last tenge in two threads; each with its control switched off, which must go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial

import pytest
from django.db import connection, connections

from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.commands import transfers
from qosymsha.domain.vouchers.models import Enrolment, Seat
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, Move
from qosymsha.domain.vouchers.steps import Wish, moves
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Refused, RowOutcome
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    accepted,
    add_children,
    add_group,
    enrolled,
    issue,
    key,
    make_city,
    money,
)

pytestmark = pytest.mark.django_db(transaction=True)

# The control: the same function reading first and writing later what it read, without lock and condition.
_READ_THEN_WRITE = """
CREATE OR REPLACE FUNCTION take_free_seats(groups bigint[], wanted int[]) RETURNS TABLE (group_id bigint, granted int)
LANGUAGE plpgsql AS $$
DECLARE seen int; room int;
BEGIN
    SELECT s.taken, s.capacity INTO seen, room FROM seat s WHERE s.group_id = groups[1];
    PERFORM pg_sleep(0.4);
    IF seen < room THEN
        UPDATE seat s SET taken = seen + 1 WHERE s.group_id = groups[1];
        RETURN QUERY SELECT groups[1], 1;
    END IF;
END $$"""


@contextmanager
def seats_by_read_then_write() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('take_free_seats'::regproc)")
        (right,) = cursor.fetchone()
        cursor.execute(_READ_THEN_WRITE)
        try:
            yield
        finally:
            cursor.execute(right)


def at_once(*runs: Callable[[], list[RowOutcome]]) -> list[str]:
    """Run each in a thread and a connection of its own, all starting together; the first row's reason of each."""
    barrier = threading.Barrier(len(runs))

    def go(run: Callable[[], list[RowOutcome]]) -> str:
        try:
            barrier.wait(timeout=10)
            return str(run()[0].reason)
        except Refused as refused:
            return f"raised {refused.reason}"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(go, runs))


def race_for_the_last_seat() -> tuple[list[str], int, int]:
    """What two families hear who want one seat at once; how many places there are then, how many seats are taken."""
    city = make_city()
    group = add_group(city, capacity=1)
    Seat.objects.create(group_id=group, capacity=1)
    wishes = [EnrolWish(v, g, group, FIRST) for v, _, g in accepted(city, 2)]
    heard = at_once(*(partial(commands.enrol, actor=CHANNEL, wishes=[w], at=AT, key=key()) for w in wishes))
    places = Enrolment.objects.filter(group_id=group, state="active").count()
    return sorted(heard), places, Seat.objects.get(group_id=group).taken


def test_the_last_seat_goes_to_one_of_two() -> None:
    assert race_for_the_last_seat() == (["None", EnrolRefusal.GROUP_FULL], 1, 1)


def test_control_a_seat_that_is_read_and_then_written_is_sold_twice() -> None:
    with seats_by_read_then_write():
        heard, places, taken = race_for_the_last_seat()
    assert heard == ["None", "None"]
    assert (places, taken) == (2, 1)  # two children on one seat, and the counter does not even know


def race_for_the_last_tenge(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two families move at once to a line whose free money is enough for one of them."""
    city = make_city(money=2 * 4 * 96_000)
    sport, dance = add_group(city), add_group(city, "creative", weekdays=(1, 3), tariff=9_000)
    needed = 5 * 9_000 + 3 * 80_000
    issue(city, add_children(city, 1), "creative")
    assert needed <= money(city, "creative")["free"] < 2 * needed
    asked = [Move(v, g, dance, date(2026, 9, 15)) for v, g, _ in enrolled(city, sport, 2)]
    read = transfers._free_money

    def slowly(wishes: Sequence[Wish]) -> dict[int, int]:
        free = read(wishes)
        time.sleep(0.4)
        return free

    monkeypatch.setattr(transfers, "_free_money", slowly)
    at = local_instant(date(2026, 9, 14), 9)
    heard = at_once(*(partial(commands.transfer, actor=CHANNEL, moves=[m], at=at, key=key()) for m in asked))
    assert money(city, "creative")["free"] >= 0
    return sorted(heard)


def test_the_last_tenge_goes_to_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_for_the_last_tenge(monkeypatch) == ["None", EnrolRefusal.NO_FREE_MONEY]


def test_control_without_the_lock_of_commitments_the_second_is_promised_money_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moves, "lock_commitments", lambda lines: None)
    # The rule believed both were covered; only the ledger's own check behind it threw the second batch out whole.
    assert race_for_the_last_tenge(monkeypatch) == ["None", "raised not_covered"]

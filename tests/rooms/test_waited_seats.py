"""A freed seat is nobody's past the group's own list; controls: the same without the condition on the seats' row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Seat
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, Move
from tests.factories.vouchers import AT, CHANNEL, FIRST, City, accepted, add_group, enrolled, key, make_city
from tests.rooms.test_agreements import guardian
from tests.rooms.test_agreements_places import full, leave, offer
from tests.rooms.test_vouchers_hot import take, why_not
from tests.sql import altered

real = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


def freed(city: City, waiting: int = 1) -> tuple[int, list[tuple[int, int, int]]]:
    """A group of one place that has just been freed, and who waits for it: (group, waits)."""
    group, sitting, waits = full(city, waiting)
    leave(sitting)
    assert (Seat.objects.get(pk=group).taken, Seat.objects.get(pk=group).is_waited_for) == (0, True)
    return group, waits


def test_a_freed_seat_is_refused_to_whoever_comes_before_the_offer() -> None:
    city = make_city()
    group, _ = freed(city)
    (one, two), ((moving, mover, _),) = accepted(city, 2), enrolled(city, add_group(city), 1)
    assert why_not(lambda: take(one, group)) == EnrolRefusal.GROUP_FULL
    (said,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(two[0], two[2], group, FIRST)], at=AT, key=key())
    moves = [Move(moving, mover, group, FIRST + timedelta(days=1), False)]
    (told,) = commands.transfer(actor=CHANNEL, moves=moves, at=AT, key=key())
    assert [said.reason, told.reason] == [EnrolRefusal.GROUP_FULL] * 2
    assert Seat.objects.get(pk=group).taken == 0


@real
def test_the_control_without_the_condition_the_seat_is_taken_past_the_list() -> None:
    city = make_city()
    group, _ = freed(city)
    one, two = accepted(city, 2)
    with altered("take_seat", " AND NOT is_waited_for", ""):
        assert take(one, group)
    assert Seat.objects.get(pk=group).taken == 1
    city = make_city()
    group, _ = freed(city)
    ((voucher, _, guardian_id),) = accepted(city, 1)
    with altered("take_free_seats", "WHERE NOT s.is_waited_for", ""):
        wishes = [EnrolWish(voucher, guardian_id, group, FIRST)]
        (said,) = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())
    assert said.reason is None
    assert two


def test_once_the_list_is_served_what_is_left_is_anybodys() -> None:
    city = make_city()
    group, waits = freed(city)
    assert offer(city) == (0, 1)
    seat = Seat.objects.get(pk=group)
    assert (seat.taken, seat.is_waited_for) == (1, False)  # held by the offer, nobody else waits
    wait, _, guardian_id = waits[0]
    agreements.leave_waiting(actor=guardian(guardian_id), wait_id=wait, at=AT, key=key())
    ((voucher, child, other),) = accepted(city, 1)
    assert take((voucher, child, other), group)


def test_while_somebody_still_waits_the_mark_stays_and_goes_with_the_last() -> None:
    city = make_city()
    group, waits = freed(city, 3)
    offer(city)
    assert Seat.objects.get(pk=group).is_waited_for
    for n, is_waited_for in ((1, True), (2, False)):
        wait, _, guardian_id = waits[n]
        agreements.leave_waiting(actor=guardian(guardian_id), wait_id=wait, at=AT, key=key())
        assert Seat.objects.get(pk=group).is_waited_for == is_waited_for

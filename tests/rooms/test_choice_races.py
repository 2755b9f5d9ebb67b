"""Two answers to one offer at once; with its control switched off, which must go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.models import ChoiceOffer
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.steps import OpenOffer
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Seat
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish
from tests.factories import choice
from tests.factories.choice import LATER, Child, closed_for_good, queue, town
from tests.factories.vouchers import CHANNEL, add_group, key
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def offered() -> tuple[ChoiceOffer, Child, Child, int]:
    """An open offer of the one seat of a group, whose offer it is, another child, the group."""
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    return choice.open_offers()[second.voucher], second, third, group


def two_yeses() -> tuple[list[str], int]:
    """What two yeses to one offer hear, and how many places were opened."""
    offer, child, _, _ = offered()

    def say_yes(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.answer(offer.id, child.guardian, LATER).reason

    heard = at_once(say_yes, say_yes)
    return sorted(str(one) for one in heard), Enrolment.objects.filter(voucher_id=child.voucher).count()


def test_of_two_yeses_to_one_offer_one_gets_the_place() -> None:
    assert two_yeses() == (["None", ChoiceRefusal.OFFER_ANSWERED], 1)


def test_control_offers_read_once_and_believed_open_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what an offer was before anybody answered is believed; then the child is entered twice."""
    real = steps.lock_offers

    def believed(offer_ids: Sequence[int]) -> dict[int, OpenOffer]:
        found = real(offer_ids)
        time.sleep(0.2)
        return {i: OpenOffer(o.id, o.round_id, o.list_id, o.group_id, "offered", o.answer_by, o.voucher_id, 0)
                for i, o in found.items()}  # fmt: skip

    monkeypatch.setattr(steps, "lock_offers", believed)
    heard, places = two_yeses()
    assert (heard, places) != (["None", ChoiceRefusal.OFFER_ANSWERED], 1)
    assert places == 2


def test_an_offered_seat_is_not_taken_directly_meanwhile() -> None:
    """A yes and somebody who takes places directly, at once: the seat is the offer's."""
    offer, child, other, group = offered()
    wish = EnrolWish(other.voucher, other.guardian, group, LATER.date() + timedelta(days=1))

    def say_yes(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.answer(offer.id, child.guardian, LATER).reason

    def take(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())[0].reason

    assert at_once(say_yes, take) == [None, EnrolRefusal.GROUP_FULL]
    assert (
        Seat.objects.get(group_id=group).taken == Enrolment.objects.filter(group_id=group, state="active").count() == 1
    )


def test_two_looks_at_one_freed_place_make_one_offer() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, *_) = queue(city, group, 4)
    closed_for_good(first)

    def look(barrier: threading.Barrier) -> int:
        barrier.wait()
        return choice.offer(the_round, LATER).offers

    assert sorted(at_once(look, look)) == [0, 1]
    assert ChoiceOffer.objects.filter(state="offered").count() == 1

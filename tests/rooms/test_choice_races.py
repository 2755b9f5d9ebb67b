"""Offers and seats, when two reach for them at once; each with its control switched off, which must go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from qosymsha.domain.choice import commands, steps
from qosymsha.domain.choice.commands import offering, rerunning
from qosymsha.domain.choice.models import ChoiceOffer, ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.steps import OpenOffer
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers import steps as voucher_steps
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Refused
from tests.factories import choice
from tests.factories.choice import LATER, OFFICER, Child, closed_for_good, queue, town
from tests.factories.vouchers import CHANNEL, add_group, key
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db(transaction=True)


def offered() -> tuple[ChoiceOffer, Child, Child, int]:
    """An open offer of the one seat of a group, whose offer it is, another child, the group."""
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    return choice.open_offers()[second.voucher], second, third, group


def two_yeses(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """What two yeses to one offer hear, and how many places were opened."""
    offer, child, _, _ = offered()
    slowly(monkeypatch, steps, "lock_offers")

    def say_yes(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.answer(offer.id, child.guardian, LATER).reason

    heard = at_once(say_yes, say_yes)
    return sorted(str(one) for one in heard), Enrolment.objects.filter(voucher_id=child.voucher).count()


def test_of_two_yeses_to_one_offer_one_gets_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert two_yeses(monkeypatch) == (["None", ChoiceRefusal.OFFER_ANSWERED], 1)


def test_control_offers_read_once_and_believed_open_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what an offer was before anybody answered is believed; then the child is entered twice."""
    real = steps.lock_offers

    def believed(offer_ids: Sequence[int]) -> dict[int, OpenOffer]:
        found = real(offer_ids)
        return {i: OpenOffer(o.id, o.round_id, o.list_id, o.group_id, "offered", o.answer_by, o.voucher_id, 0)
                for i, o in found.items()}  # fmt: skip

    monkeypatch.setattr(steps, "lock_offers", believed)
    assert two_yeses(monkeypatch) == (["None", "None"], 2)


def yes_against_taking() -> tuple[list[Any], int]:
    """A yes and somebody who takes places directly, at once: what both heard, and how many sit on the one seat."""
    offer, child, other, group = offered()
    wish = EnrolWish(other.voucher, other.guardian, group, LATER.date() + timedelta(days=1))

    def say_yes(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.answer(offer.id, child.guardian, LATER).reason

    def take(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())[0].reason

    heard = at_once(say_yes, take)
    return heard, Enrolment.objects.filter(group_id=group, state="active").count()


def test_an_offered_seat_is_not_taken_directly_meanwhile() -> None:
    assert yes_against_taking() == ([None, EnrolRefusal.GROUP_FULL], 1)
    assert choice.seats_fit()


def test_control_an_offer_that_holds_no_seat_puts_two_children_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "vouchers", Believing(0))
    assert yes_against_taking() == ([None, None], 2)


def two_looks(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """What two looks at one freed place make at once, and how many offers stand open then."""
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, *_) = queue(city, group, 4)
    closed_for_good(first)
    slowly(monkeypatch, offering, "_next_pairs")

    def look(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.offer(the_round, LATER).offers

    made = sorted(at_once(look, look), key=str)
    return made, ChoiceOffer.objects.filter(state="offered").count()


def test_two_looks_at_one_freed_place_make_one_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert two_looks(monkeypatch) == ([0, 1], 1)
    assert choice.seats_fit()


def test_control_without_the_rounds_lock_the_second_look_moves_what_the_first_has_moved_and_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "lock_round", lambda round_id: ChoiceRound.objects.get(pk=round_id))
    (one, broken), open_offers = two_looks(monkeypatch)
    assert (one, open_offers) == (1, 1)
    assert isinstance(broken, IntegrityError), "only the history's table of transitions is left"


def late_answer(monkeypatch: pytest.MonkeyPatch, *, has_looked: bool) -> tuple[Any, list[str], bool]:
    """A yes on the offer's last day while the clock of the next day ends offers: what the yes heard, the offers.

    `has_looked`: the yes comes once the clock has seen that the offer stands open.
    """
    offer, child, _, _ = offered()
    the_round = offer.round
    after = local_instant(offer.answer_by + timedelta(days=1), 0, 5)
    look, looked = facts.open_offers, threading.Event()

    def lingering(round_id: int) -> Any:
        found = look(round_id)
        looked.set()
        time.sleep(0.4)
        return found

    monkeypatch.setattr(facts, "open_offers", lingering)

    def say_yes(barrier: threading.Barrier) -> Any:
        barrier.wait()
        assert looked.wait(20 if has_looked else 0) or not has_looked
        return choice.answer(offer.id, child.guardian, LATER).reason

    def expire(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return choice.offer(the_round, after).expired

    heard, _ = at_once(say_yes, expire)
    states = list(ChoiceOffer.objects.order_by("id").values_list("state", flat=True))
    return heard, states, choice.seats_fit()


@pytest.mark.parametrize("has_looked", [False, True])
def test_a_yes_at_the_stroke_of_its_last_day_counts_or_does_not_but_never_both(
    has_looked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, states, fits = late_answer(monkeypatch, has_looked=has_looked)
    assert fits
    assert (heard, states) in ((None, ["accepted"]), (ChoiceRefusal.OFFER_ANSWERED, ["expired", "offered"]))


def test_control_without_the_rounds_lock_a_seat_is_given_back_that_was_just_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "lock_round", lambda round_id: ChoiceRound.objects.get(pk=round_id))
    monkeypatch.setattr(steps, "share_rounds", lambda _: None)
    heard, states, fits = late_answer(monkeypatch, has_looked=True)
    assert (heard, states[0]) == (None, "accepted"), "the family has the place"
    assert not fits, "and the clock, which saw the offer open, has given its seat to the next"


def rerun_against_taking(
    switch_off: Callable[[], None] = lambda: None, reached: threading.Event | None = None
) -> tuple[list[Any], bool]:
    """A rerun gives a freed seat while somebody takes it directly: what both heard, and whether the seats fit."""
    city = town(freed="rerun")
    group = add_group(city, capacity=1)
    the_round, (first, *_) = queue(city, group, 3)
    (newcomer,) = choice.holders(city, 1)
    closed_for_good(first)
    on = LATER.date() + timedelta(days=1)
    wish = EnrolWish(newcomer.voucher, newcomer.guardian, group, on)
    switch_off()

    def rerun(barrier: threading.Barrier) -> Any:
        barrier.wait()
        try:
            done = commands.rerun_places(actor=OFFICER, round_id=the_round.id, starts_on=on, at=LATER, key=key())
        except Refused as refused:
            return refused.reason
        return done.placed

    def take(barrier: threading.Barrier) -> Any:
        barrier.wait()
        if reached is not None:
            assert reached.wait(20)
        return vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())[0].reason

    return at_once(rerun, take), choice.seats_fit()


def test_a_seat_is_given_by_the_rerun_or_taken_directly_never_both(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, fits = rerun_against_taking(lambda: slowly(monkeypatch, voucher_steps, "take_seats"))
    assert fits
    assert heard in ([1, EnrolRefusal.GROUP_FULL], [0, None], [EnrolRefusal.GROUP_FULL, None])
    assert Enrolment.objects.filter(state="active").count() == 1


def test_control_a_rerun_that_believes_in_a_free_seat_sells_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    believing = Believing(1)
    heard, fits = rerun_against_taking(lambda: monkeypatch.setattr(rerunning, "vouchers", believing), believing.reached)
    assert heard == [1, None]
    assert not fits


class Believing:
    """The steps of vouchers, but for seats: every one is believed to be free, while another takes it."""

    def __init__(self, seconds: float) -> None:
        self.reached, self.seconds = threading.Event(), seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(voucher_steps, name)

    def take_seats(self, group_ids: Sequence[int]) -> list[bool]:
        self.reached.set()
        time.sleep(self.seconds)
        return [True for _ in group_ids]

"""A choice round that cannot be drawn is ended in public, before its draw only; nobody loses a voucher by it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.choice import commands
from qosymsha.domain.choice.models import ChoiceListHistory, ChoiceRound
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories import choice
from tests.factories.choice import AFTER, CHECKER, INSIDE, LATER, OFFICER, closed_for_good, queue, town
from tests.factories.vouchers import add_group, key

pytestmark = pytest.mark.django_db
WHY = "the council lost its secret"


def cancel(the_round: ChoiceRound, actor: Actor = OFFICER, reason: str = WHY) -> commands.Cancelled:
    return commands.cancel_choice_round(actor=actor, round_id=the_round.id, reason=reason, at=AFTER, key=key())


@pytest.mark.parametrize("stage", ["open", "closed"])
def test_lists_go_back_with_their_reason_and_the_vouchers_choose_again(stage: str) -> None:
    city = town()
    group = add_group(city, capacity=2)
    children = choice.holders(city, 4)
    the_round = choice.opened(city)
    choice.file(the_round, [(c, [group]) for c in children])
    if stage == "closed":
        choice.close(the_round)
    assert cancel(the_round).returned == 4
    assert {choice.list_of(c).reason for c in children} == {ChoiceRefusal.CHOICE_ROUND_CANCELLED.value}
    assert set(Voucher.objects.values_list("state", flat=True)) == {"accepted"}
    last = ChoiceListHistory.objects.filter(choice_list=choice.list_of(children[0])).latest("seq")
    assert (last.to_state, last.cause) == ("rejected", "choice_round_cancelled")
    again = choice.opened(city)
    assert all(o.reason is None for o in choice.file(again, [(c, [group]) for c in children], at=INSIDE))


def test_a_drawn_round_is_never_cancelled_and_a_cancelled_one_never_lives_again() -> None:
    city = town()
    group = add_group(city, capacity=2)
    the_round = choice.run(city, [(c, [group]) for c in choice.holders(city, 2)])
    with pytest.raises(Refused) as refused:
        cancel(the_round)
    assert refused.value.reason is ChoiceRefusal.CHOICE_ROUND_IN_OTHER_STATE
    second = choice.opened(city)
    cancel(second)
    for verb in (lambda: choice.close(second), lambda: choice.drawn(second), lambda: cancel(second)):
        with pytest.raises(Refused):
            verb()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE choice_round SET state = 'open', cancel_reason = '', cancelled_at = NULL WHERE id = %s",
                       [second.id])  # fmt: skip


def test_only_an_officer_cancels_and_says_why() -> None:
    the_round = choice.opened(town())
    for actor in (CHECKER, Actor.system("jobs")):
        with pytest.raises(Forbidden):
            cancel(the_round, actor)
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(Refused) as refused:
            cancel(the_round, reason=reason)
        assert refused.value.reason is ChoiceRefusal.CHOICE_CANCEL_REASON


def test_freed_places_of_the_round_before_wait_for_a_round_and_go_on_when_it_is_cancelled() -> None:
    city = town()
    group = add_group(city, capacity=1)
    first_round, (first, *_) = queue(city, group, 3)
    closed_for_good(first)
    second = choice.opened(city)
    with pytest.raises(Refused):
        choice.offer(first_round, LATER)
    cancel(second)
    assert choice.offer(first_round, LATER).offers == 1

"""The clock passes freed places on: timers in working days, killed and run again to the same end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.models import ChoiceOffer, ChoiceOfferHistory
from qosymsha.interfaces.jobs import duties
from qosymsha.kernel.clock import local_instant
from tests.factories import choice
from tests.factories.choice import LATER, closed_for_good, queue, town
from tests.factories.vouchers import add_group


def offers() -> list[tuple[int, int, str]]:
    found = ChoiceOffer.objects.order_by("id").values_list("choice_list_id", "group_id", "state")
    return [(i, group, state) for i, group, state in found]


@pytest.mark.django_db
def test_a_freed_place_is_offered_and_after_its_working_days_goes_to_the_next() -> None:
    city = town(offer_working_days=2)
    group = add_group(city, capacity=1)
    _, (first, second, third) = queue(city, group, 3)
    duties.offer_places(LATER)
    assert offers() == []
    closed_for_good(first)
    duties.offer_places(LATER + timedelta(minutes=20))
    assert offers() == [(choice.list_of(second).id, group, "offered")]
    by = ChoiceOffer.objects.get().answer_by
    duties.offer_places(local_instant(by, 23, 50))
    assert offers()[0][2] == "offered", "the last day counts whole"
    duties.offer_places(local_instant(by + timedelta(days=1), 0, 10))
    assert offers() == [(choice.list_of(second).id, group, "expired"), (choice.list_of(third).id, group, "offered")]
    assert choice.seats_fit()


@pytest.mark.django_db
def test_run_twice_in_its_ten_minutes_it_does_nothing_twice() -> None:
    city = town()
    group = add_group(city, capacity=2)
    _, children = queue(city, group, 4)
    closed_for_good(children[0])
    duties.offer_places(LATER)
    closed_for_good(children[1])
    duties.offer_places(LATER + timedelta(minutes=3))
    assert len(offers()) == 1, "the same ten minutes: this is the replay of the first run"
    duties.offer_places(LATER + timedelta(minutes=10))
    assert len(offers()) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["move_lists", "make_offers", "record"])
def test_killed_anywhere_and_run_again_it_ends_as_if_never_killed(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    city = town()
    group = add_group(city, capacity=1)
    _, (first, second, _) = queue(city, group, 3)
    closed_for_good(first)
    with monkeypatch.context() as patched:

        def dies(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(steps, point, dies)
        with pytest.raises(KeyboardInterrupt):
            duties.offer_places(LATER)
    assert offers() == []
    assert choice.list_of(first).state == "placed", "not half-done: what was seen is undone with the rest"
    duties.offer_places(LATER)
    assert offers() == [(choice.list_of(second).id, group, "offered")]
    assert ChoiceOfferHistory.objects.count() == 1
    assert choice.list_of(first).state == "left"
    assert choice.seats_fit()


@pytest.mark.django_db
def test_where_the_rules_give_freed_places_by_rerun_the_clock_leaves_them() -> None:
    city = town(freed="rerun")
    group = add_group(city, capacity=1)
    _, (first, *_) = queue(city, group, 3)
    closed_for_good(first)
    duties.offer_places(LATER)
    assert offers() == []

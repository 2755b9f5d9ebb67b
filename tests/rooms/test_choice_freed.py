"""Freed places: one offer per place, to the best who waits; chain and rerun; nobody set back without a cause."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.allocation.freed import without
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.models import (
    ChoiceListHistory,
    ChoiceOffer,
    ChoiceOfferHistory,
    ChoiceRound,
    ChoiceSetback,
)
from qosymsha.domain.choice.queries.standing import standing
from qosymsha.domain.choice.rules import ChoiceRefusal, Freed, OfferAnswer
from qosymsha.domain.insights.queries import places as invariants
from qosymsha.domain.insights.queries.found import Checking
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import InForce
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden
from tests.factories import choice
from tests.factories.choice import AFTER, LATER, OFFICER, STARTS, Child, closed_for_good, queue, town
from tests.factories.refusals import refusal
from tests.factories.vouchers import CHANNEL, YEAR, City, add_group, key, money

pytestmark = pytest.mark.django_db
R = ChoiceRefusal


def states(*children: Child) -> list[str]:
    return [choice.list_of(child).state for child in children]


def test_a_place_given_up_is_offered_to_the_next_and_not_to_who_gave_it_up() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    assert [choice.place_of(c) for c in (first, second, third)] == [group, None, None]
    assert choice.offer(the_round, LATER).offers == 0
    choice.give_up(first, LATER)
    offered = choice.offer(the_round, LATER)
    assert (offered.offers, offered.moved, offered.set_back) == (1, 1, 0)
    assert set(choice.open_offers()) == {second.voucher}
    assert choice.offer(the_round, LATER).offers == 0  # one offer per place


def test_who_left_for_good_is_not_asked_and_the_place_goes_to_the_next() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    closed_for_good(first)
    assert choice.offer(the_round, LATER).offers == 1
    assert set(choice.open_offers()) == {second.voucher}
    assert states(first, second, third) == ["left", "unplaced", "unplaced"]
    assert ChoiceListHistory.objects.filter(choice_list=choice.list_of(first)).latest("id").cause == "voucher:moved"
    assert choice.seats_fit()
    wish = EnrolWish(third.voucher, third.guardian, group, LATER.date() + timedelta(days=1))
    taken = vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())
    assert taken[0].reason == EnrolRefusal.GROUP_FULL  # the offer holds the seat


def test_a_yes_gives_the_place_with_its_money_and_a_replay_gives_nothing_twice() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second) = queue(city, group, 2)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    offer, own = choice.open_offers()[second.voucher], key()
    assert choice.answer(offer.id, second.guardian, LATER, own=own).reason is None
    assert choice.answer(offer.id, second.guardian, LATER, own=own).reason is None
    assert choice.answer(offer.id, second.guardian, LATER).reason == R.OFFER_ANSWERED
    assert choice.place_of(second) == group
    assert Enrolment.objects.filter(voucher_id=second.voucher).count() == 1
    assert states(second) == ["placed"]
    assert money(city)["place"] > 0
    assert choice.seats_fit()


def test_a_no_and_silence_pass_the_place_on_and_are_not_asked_again() -> None:
    city = town(offer_working_days=2)
    group = add_group(city, capacity=1)
    the_round, (first, second, third, fourth) = queue(city, group, 4)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    offer = choice.open_offers()[second.voucher]
    assert (offer.answer_by - LATER.date()).days == 2  # Wednesday to Friday
    assert choice.answer(offer.id, second.guardian, LATER, yes=False).reason is None
    choice.offer(the_round, LATER)
    offer = choice.open_offers()[third.voucher]
    late = local_instant(offer.answer_by + timedelta(days=1), 9)
    assert choice.answer(offer.id, third.guardian, late).reason == R.OFFER_LATE
    again = choice.offer(the_round, late)
    assert (again.expired, again.offers) == (1, 1)
    assert set(choice.open_offers()) == {fourth.voucher}
    told = ChoiceOfferHistory.objects.order_by("choice_offer_id", "seq").values_list("to_state", flat=True)
    assert list(told) == ["offered", "declined", "offered", "expired", "offered"]
    assert choice.seats_fit()


def test_an_offers_days_are_working_days() -> None:
    city = town(offer_working_days=2)
    group = add_group(city, capacity=1)
    the_round, (first, second) = queue(city, group, 2)
    friday = local_instant(STARTS + timedelta(days=4), 12)
    closed_for_good(first)
    choice.offer(the_round, friday)
    assert choice.open_offers()[second.voucher].answer_by.isoweekday() == 2  # Tuesday: the weekend does not count


def test_only_the_childs_guardian_answers() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    offer = choice.open_offers()[second.voucher]
    assert choice.answer(offer.id, third.guardian, LATER).reason == R.OFFER_UNKNOWN
    assert choice.answer(10**9, second.guardian, LATER).reason == R.OFFER_UNKNOWN
    with pytest.raises(Forbidden):
        commands.answer_offers(
            actor=OFFICER, answers=[OfferAnswer(offer.id, second.guardian, False)], at=LATER, key=key()
        )


def chain(city: City) -> tuple[ChoiceRound, Child, Child, Child, int, int]:
    """`a` sits in `top`, `b` wanted it and sits in `low`, `c` wanted `low` and has nothing."""
    top, low = add_group(city, capacity=1), add_group(city, capacity=1, weekdays=(1, 3))
    for _ in range(40):
        a, b, c = choice.holders(city, 3)
        the_round = choice.run(city, [(a, [top]), (b, [top, low]), (c, [low])])
        if [choice.place_of(x) for x in (a, b, c)] == [top, low, None]:
            return the_round, a, b, c, top, low
        for group in (top, low):
            ClubGroup.objects.filter(pk=group).update(state="closed")
        top, low = add_group(city, capacity=1), add_group(city, capacity=1, weekdays=(1, 3))
    raise AssertionError("the draw never came out so")


def test_the_chain_goes_on_where_somebody_accepts() -> None:
    city = town()
    the_round, a, b, c, top, low = chain(city)
    closed_for_good(a)
    choice.offer(the_round, LATER)
    assert set(choice.open_offers()) == {b.voucher}
    assert choice.answer(choice.open_offers()[b.voucher].id, b.guardian, LATER).reason is None
    assert (choice.place_of(b), states(b)) == (top, ["placed"])
    choice.offer(the_round, LATER)
    assert {v: o.group_id for v, o in choice.open_offers().items()} == {c.voucher: low}
    assert choice.answer(choice.open_offers()[c.voucher].id, c.guardian, LATER).reason is None
    assert choice.place_of(c) == low
    assert ChoiceOffer.objects.get(group_id=top).left_group_id == low
    assert choice.seats_fit()
    assert sum(money(city).values()) == 0


def test_where_only_the_unplaced_are_asked_no_place_frees_another() -> None:
    city = town(freed="unplaced_only")
    the_round, a, b, c, _, low = chain(city)
    closed_for_good(a)
    assert choice.offer(the_round, LATER).offers == 0
    assert (choice.place_of(b), choice.place_of(c)) == (low, None)


def test_the_rerun_does_at_once_what_the_chain_does_by_steps() -> None:
    city = town(freed="rerun")
    the_round, a, b, c, top, low = chain(city)
    closed_for_good(a)
    assert refusal(lambda: choice.offer(the_round, LATER)) == R.FREED_BY_RERUN
    again: dict[str, Any] = {"actor": OFFICER, "round_id": the_round.id, "at": LATER, "key": key()}
    on = LATER.date() + timedelta(days=1)
    reruns = [commands.rerun_places(**again, starts_on=on) for _ in range(2)]
    assert reruns[0] == reruns[1]
    assert (reruns[0].placed, reruns[0].moved, reruns[0].not_taken) == (1, 1, {})
    assert (choice.place_of(b), choice.place_of(c)) == (top, low)
    causes = ChoiceListHistory.objects.filter(cause="rerun").values_list("from_state", "to_state")
    assert sorted(causes) == [("placed", "placed"), ("unplaced", "placed")]
    assert choice.seats_fit()
    assert sum(money(city).values()) == 0


def test_a_rerun_is_not_made_where_the_rules_say_chain() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, _ = queue(city, group, 2)
    assert (
        refusal(
            lambda: commands.rerun_places(actor=OFFICER, round_id=the_round.id, starts_on=STARTS, at=AFTER, key=key())
        )
        == R.FREED_BY_OFFER
    )


@pytest.mark.parametrize("seed", range(4))
def test_chain_and_rerun_end_stable_and_nobody_is_worse_off(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small city in which places free up: by either way the result is stable, and nobody has less than before."""
    luck = random.Random(seed)
    city = town()
    groups = [add_group(city, capacity=luck.randint(1, 2), weekdays=(1, 3)) for _ in range(4)]
    wishes = {c.voucher: (c, luck.sample(groups, luck.randint(1, 4))) for c in choice.holders(city, 12)}
    the_round = choice.run(city, list(wishes.values()))
    leaving = [c for c, _ in wishes.values() if choice.place_of(c)][: luck.randint(1, 3)]
    staying = [(c, w) for c, w in wishes.values() if c not in leaving]
    before = [rank(c, w) for c, w in staying]
    for child in leaving:
        closed_for_good(child)
    ends = []
    for way in (Freed.CHAIN, Freed.RERUN):
        start = transaction.savepoint()
        settle(way, the_round, monkeypatch)
        ends.append([rank(c, w) for c, w in staying])
        today = standing(the_round)
        assert findings(without(today.line.market, today.gone), today.match) == []
        transaction.savepoint_rollback(start)
    chained, rerun = ends
    assert before != rerun
    assert all(now <= was for was, now in zip(before, chained, strict=True))
    assert all(best <= worst for best, worst in zip(rerun, chained, strict=True))  # Blum, Roth and Rothblum 1997


def settle(way: Freed, the_round: ChoiceRound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give all freed places; for the rerun the same city's rule set says so."""
    if way is Freed.RERUN:
        real = programmes.rules_of

        def rules_of(rule_set_id: int) -> InForce:
            found = real(rule_set_id)
            rules = replace(found.rules, choice=replace(found.rules.choice, freed="rerun"))
            return replace(found, rules=rules)

        monkeypatch.setattr(programmes, "rules_of", rules_of)
        on = LATER.date() + timedelta(days=1)
        commands.rerun_places(actor=OFFICER, round_id=the_round.id, starts_on=on, at=LATER, key=key())
        return
    while choice.offer(the_round, LATER).offers or choice.open_offers():  # a child may have several, one is answered
        for offer in list(choice.open_offers().values()):
            if ChoiceOffer.objects.get(pk=offer.pk).state == "offered":
                assert choice.answer(offer.id, offer.choice_list.guardian_id, LATER).reason is None
            assert choice.seats_fit()


def rank(child: Child, wishes: list[int]) -> int:
    place = choice.place_of(child)
    return wishes.index(place) if place in wishes else 99


# --- positions ------------------------------------------------------------------------------------------------------


def positions(the_round: ChoiceRound, child: Child) -> dict[int, int | None]:
    found = queries.explain(actor=OFFICER, list_id=choice.list_of(child).id, at=LATER)
    return {wish.group_id: wish.position for wish in found.wishes}


def test_a_position_gets_worse_only_with_its_cause_and_the_family_sees_it() -> None:
    """Somebody of a better tier loses its place and comes back to a line: each behind it is told, with the numbers."""
    city = town()
    top, low = add_group(city, capacity=1), add_group(city, capacity=1, weekdays=(1, 3))
    first, *others = choice.holders(city, 4)
    orphan(first)
    the_round = choice.run(city, [(first, [top, low]), *((c, [low]) for c in others)])
    waiting = sorted((c for c in others if choice.place_of(c) is None), key=lambda c: positions(the_round, c)[low] or 0)
    assert [positions(the_round, c)[low] for c in waiting] == [1, 2]
    choice.give_up(first, LATER)
    assert choice.offer(the_round, LATER).set_back == 2
    told = [queries.explain(actor=OFFICER, list_id=choice.list_of(c).id, at=LATER) for c in waiting]
    assert [(s.group_id, s.was, s.became, s.cause) for e in told for s in e.setbacks] == [
        (low, 1, 2, "somebody_before_lost_a_place"),
        (low, 2, 3, "somebody_before_lost_a_place"),
    ]
    assert ChoiceSetback.objects.first().because_of == [choice.list_of(first).id]  # type: ignore[union-attr]
    lost = queries.explain(actor=OFFICER, list_id=choice.list_of(first).id, at=LATER)
    assert (lost.moves[-1].from_state, lost.moves[-1].to_state) == ("placed", "unplaced")
    assert lost.moves[-1].cause == "place_lost:family"
    assert [w.position for w in lost.wishes] == [None, 1]


def orphan(child: Child) -> None:
    """The child stands in the first tier."""
    ChildStatus.objects.create(
        child_id=child.child,
        category="orphan",
        source="registry",
        evidence="e",
        state="certified",
        valid=YEAR,
        certified_at=AFTER,
        certified_by=0,
    )


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_no_position_gets_worse_between_two_looks_without_a_row(seed: int) -> None:
    luck = random.Random(seed)
    city = town()
    groups = [add_group(city, capacity=2, weekdays=(1, 3)) for _ in range(4)]
    children = choice.holders(city, 14)
    the_round = choice.run(city, [(c, luck.sample(groups, luck.randint(2, 4))) for c in children])
    seen = {c.voucher: positions(the_round, c) for c in children}
    worse = 0
    for _ in range(8):
        happen(luck, the_round, children)
        rows_before = set(ChoiceSetback.objects.values_list("id", flat=True))
        choice.offer(the_round, LATER)
        told = {
            (s.choice_list.voucher_id, s.group_id)
            for s in ChoiceSetback.objects.exclude(pk__in=rows_before).select_related("choice_list")
        }
        for child in children:
            now = positions(the_round, child)
            for group, at in now.items():
                was = seen[child.voucher].get(group)
                if at is not None and was is not None and at > was:
                    assert (child.voucher, group) in told
                    worse += 1
            seen[child.voucher] = now
        assert choice.seats_fit()
    assert invariants.seats(Checking(LATER)).violations == 0
    assert invariants.histories(Checking(LATER)).violations == 0
    assert not [example for example in invariants.states(Checking(LATER)).examples if "choice" in example]


def happen(luck: random.Random, the_round: ChoiceRound, children: list[Child]) -> None:
    """Somebody gives its place up, leaves for good, or answers an offer."""
    offers = choice.open_offers()
    if offers and luck.random() < 0.6:
        offer = luck.choice(sorted(offers.values(), key=lambda o: o.id))
        choice.answer(offer.id, offer.choice_list.guardian_id, LATER, yes=luck.random() < 0.7)
        return
    placed = [c for c in children if choice.place_of(c)]
    if placed and luck.random() < 0.6:
        choice.give_up(luck.choice(placed), LATER)
    elif placed:
        closed_for_good(luck.choice(placed))


def test_only_the_family_and_officials_of_the_territory_see_a_list() -> None:
    city = town()
    group = add_group(city)
    _, (a, b) = queue(city, group, 2)
    stranger = Actor(9, "user:9", (Grant("guardian"),), guardian_id=b.guardian)
    family = Actor(8, "user:8", (Grant("guardian"),), guardian_id=a.guardian)
    assert queries.explain(actor=family, list_id=choice.list_of(a).id, at=LATER).group_id == group
    for read in (queries.explain, queries.receipt):
        with pytest.raises(Forbidden):
            read(actor=stranger, list_id=choice.list_of(a).id, at=LATER)


def test_where_nobody_waits_any_more_the_place_is_left_over() -> None:
    city = town(opening="choice_first")
    group = add_group(city, capacity=1)
    the_round, (first, second) = queue(city, group, 2)
    (newcomer,) = choice.holders(city, 1)
    on = LATER.date() + timedelta(days=1)
    wish = EnrolWish(newcomer.voucher, newcomer.guardian, group, on)
    closed_for_good(first)
    assert vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())[0].reason == EnrolRefusal.CHOICE_FIRST
    choice.offer(the_round, LATER)
    choice.answer(choice.open_offers()[second.voucher].id, second.guardian, LATER, yes=False)
    assert choice.offer(the_round, LATER).left_over == 1
    assert vouchers.enrol(actor=CHANNEL, wishes=[wish], at=LATER, key=key())[0].reason is None


def test_looking_for_freed_places_asks_as_often_for_many_as_for_few() -> None:
    counted = []
    for size in (6, 40):
        city = town()
        groups = [add_group(city, capacity=2) for _ in range(2)]
        children = choice.holders(city, size)
        the_round = choice.run(city, [(c, groups) for c in children])
        for child in [c for c in children if choice.place_of(c)][:2]:
            closed_for_good(child)
        with CaptureQueriesContext(connection) as seen:
            assert choice.offer(the_round, LATER).offers == 2
        counted.append(len(seen))
    assert counted[0] == counted[1]

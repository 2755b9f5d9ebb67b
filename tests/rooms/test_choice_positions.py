"""Positions on groups' lists: the database's figures are the engine's; none gets worse without a row that says why."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from qosymsha.domain.allocation.standing import positions
from qosymsha.domain.choice import commands, queries, steps
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSetback
from qosymsha.domain.choice.queries.standing import standing
from qosymsha.domain.choice.queries.waiting import positions_of
from qosymsha.domain.choice.steps import positions as stored
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.rules import Release
from tests.factories import choice
from tests.factories.choice import LATER, OFFICER, Child, town
from tests.factories.vouchers import CHANNEL, City, add_group, key

pytestmark = pytest.mark.django_db
Places = dict[tuple[int, int], int]


def city_of(freed: str) -> tuple[City, ChoiceRound, list[Child]]:
    """Sixteen children over four groups of two; most do not get what they want most."""
    city = town(freed=freed)
    luck = random.Random(11)
    groups = [add_group(city, capacity=2, weekdays=(1, 3)) for _ in range(4)]
    children = choice.holders(city, 16)
    return city, choice.run(city, [(c, luck.sample(groups, luck.randint(2, 4))) for c in children]), children


def by_engine(the_round: ChoiceRound) -> Places:
    """(list, group) → position, made anew from the whole frozen list by array work."""
    today = standing(the_round)
    found = positions(today.line, today.match, today.gone, today.out)
    market, owners = today.line.market, today.line.market.entry_children
    return {
        (today.now[owners[entry]].list_id, today.found.group_ids[market.groups[entry]]): int(at)
        for entry, at in enumerate(found.tolist())
        if at
    }


def by_statement(the_round: ChoiceRound, children: list[Child]) -> Places:
    """The same by the statement that a family's page uses."""
    lists = [choice.list_of(child).id for child in children]
    return {(i, group): at for i in lists for group, at in positions_of(the_round, i).items()}


def happen(luck: random.Random, the_round: ChoiceRound, children: list[Child], freed: str) -> None:
    """Something that a year brings: an answer, a place given up or lost, a child that leaves for good."""
    waiting = sorted(choice.open_offers().values(), key=lambda o: o.id)
    if waiting and luck.random() < 0.5:
        offer = luck.choice(waiting)
        choice.answer(offer.id, offer.choice_list.guardian_id, LATER, yes=luck.random() < 0.7)
        return
    placed = [c for c in children if choice.place_of(c)]
    if not placed:
        return
    child, what = luck.choice(placed), luck.random()
    if what < 0.4:
        choice.closed_for_good(child)
    elif what < 0.7:
        choice.give_up(child, LATER)
    else:
        lose(child)


def lose(child: Child) -> None:
    """The group no longer holds the child, by nobody's wish."""
    release = Release(child.voucher, child.guardian, LATER.date() + timedelta(days=1))
    (outcome,) = vouchers.release_vouchers(actor=CHANNEL, releases=[release], reason="provider", at=LATER, key=key())
    assert outcome.reason is None


def play(the_round: ChoiceRound, children: list[Child], freed: str, seed: int) -> tuple[int, int]:
    """Eight things happen, each followed by a look: (positions that got worse, those of them without a row)."""
    luck = random.Random(seed)
    seen, worse, silent = by_engine(the_round), 0, 0
    for turn in range(8):
        happen(luck, the_round, children, freed)
        before = set(ChoiceSetback.objects.values_list("id", flat=True))
        if freed == "rerun":
            on = LATER.date() + timedelta(days=1 + turn)
            commands.rerun_places(actor=OFFICER, round_id=the_round.id, starts_on=on, at=LATER, key=key())
        else:
            choice.offer(the_round, LATER)
        told = {(s.choice_list_id, s.group_id): s for s in ChoiceSetback.objects.exclude(pk__in=before)}
        now = by_engine(the_round)
        assert now == by_statement(the_round, children)
        for pair, at in now.items():
            if at > seen.get(pair, at):
                worse += 1
                silent += pair not in told
                assert pair not in told or (told[pair].because_of and told[pair].cause)
        seen = now
        assert choice.seats_fit()
    return worse, silent


@pytest.mark.parametrize("freed", ["chain", "unplaced_only", "rerun"])
def test_no_position_gets_worse_between_two_looks_without_its_cause(freed: str) -> None:
    worse = 0
    for seed in range(3):
        _, the_round, children = city_of(freed)
        got_worse, silent = play(the_round, children, freed, seed)
        assert silent == 0
        worse += got_worse
        ClubGroup.objects.update(state="closed")
    assert worse or freed == "rerun", "a year in which nothing gets worse would prove nothing"


def test_control_positions_that_nobody_writes_down_are_found_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "store_setbacks", lambda *_, **__: [])
    silent = 0
    for seed in range(3):
        _, the_round, children = city_of("chain")
        silent += play(the_round, children, "chain", seed)[1]
        ClubGroup.objects.update(state="closed")
    assert silent > 0


def test_who_is_put_back_sees_from_where_to_where_and_by_whom_it_was_caused() -> None:
    city = town()
    top, low = add_group(city, capacity=1), add_group(city, capacity=1, weekdays=(1, 3))
    children = choice.holders(city, 4)
    the_round = choice.run(city, [(c, [top, low]) for c in children])
    first = next(c for c in children if choice.place_of(c) == top)
    order = [next(c for c in children if choice.list_of(c).id == i) for i in choice.order_on(the_round, low)]
    assert order[0] is first
    last = order[-1]
    assert positions_of(the_round, choice.list_of(last).id)[low] == 2, "one before it waits for the lower group"
    lose(first)  # gave the higher one up: it waits for the lower one again, as the best there
    choice.offer(the_round, LATER)
    (row,) = ChoiceSetback.objects.filter(choice_list=choice.list_of(last), group_id=low)
    assert (row.was, row.became, row.because_of) == (2, 3, [choice.list_of(first).id])
    family = queries.explain(actor=OFFICER, list_id=choice.list_of(last).id, at=LATER)
    assert [(s.was, s.became, s.cause) for s in family.setbacks] == [(2, 3, stored.SOMEBODY_BEFORE)]
    assert Enrolment.objects.filter(state="active").count() == 1

"""Choice rounds: filing time matters nowhere, a closed list never changes, what is stored is stable."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.choice import commands
from qosymsha.domain.choice.commands import allocating
from qosymsha.domain.choice.models import (
    ChoiceCutoff,
    ChoiceLine,
    ChoiceList,
    ChoiceOutcome,
    ChoiceRound,
)
from qosymsha.domain.choice.queries import frozen
from qosymsha.domain.choice.queries.standing import as_match
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.rules import EnrolWish, VoucherAnswer
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent
from tests.factories import choice
from tests.factories.choice import AFTER, CLOSES, INSIDE, OFFICER, OPENS, PARTIES, STARTS, Child, town
from tests.factories.refusals import refusal
from tests.factories.vouchers import (
    CHANNEL,
    FIRST,
    City,
    add_group,
    held,
    key,
    money,
    place,
)

pytestmark = pytest.mark.django_db
R = ChoiceRefusal


def test_a_plan_that_could_not_work_is_refused() -> None:
    city = town()
    spoilt = {
        R.CHOICE_PLAN_WINDOW: {"closes_at": OPENS},
        R.CHOICE_PLAN_START: {"starts_on": CLOSES.date()},
        R.CHOICE_PLAN_BEACON: {"beacon_name": "typed: "},
        R.CHOICE_PLAN_PARTIES: {"commitments": {"akimat": b"\1" * 32}},
    }
    found = [
        refusal(
            lambda changes=changes: commands.plan_choice_round(
                actor=OFFICER, programme_id=city.programme_id, plan=choice.plan(**changes), at=OPENS, key=key()
            )
        )
        for changes in spoilt.values()
    ]
    assert found == list(spoilt)


def test_the_order_and_time_of_filing_change_nothing() -> None:
    """The same tickets and wishes filed in another order give the same root, seed and places."""
    city = town()
    groups = [add_group(city, capacity=2) for _ in range(3)]
    children = choice.holders(city, 9)
    shuffled = random.Random(7)
    wishes = [(c, shuffled.sample(groups, 3)) for c in children]
    told = []
    for order in (wishes, wishes[::-1]):
        before = transaction.savepoint()
        told.append(whole_round(city, order))
        transaction.savepoint_rollback(before)
    assert told[0] == told[1]


def whole_round(city: City, wishes: list[tuple[Child, list[int]]]) -> Any:
    with connection.cursor() as cursor:  # the same number and tickets: only the order differs
        cursor.execute("SELECT setval('choice_round_number', 77)")
    the_round = choice.opened(city)
    for n, (child, groups) in enumerate(wishes):
        choice.file(the_round, [(child, groups)], at=INSIDE + timedelta(minutes=n))
    known_tickets(the_round)
    closed = choice.close(the_round)
    choice.drawn(the_round)
    placed = choice.allocate(the_round)
    children = sorted((child for child, _ in wishes), key=lambda child: child.voucher)
    return closed.root, placed.output_hash, [choice.place_of(child) for child in children]


def known_tickets(the_round: ChoiceRound) -> None:
    """Give every list a ticket that its voucher determines."""
    for one in ChoiceList.objects.filter(round=the_round):
        ticket = bytes([one.voucher_id % 251]) * 16
        seal("choice_list", [SecretRow(one.id, ticket)])
        ChoiceList.objects.filter(pk=one.pk).update(line_id=draw.line_id(ticket))


def test_what_is_stored_is_stable_and_every_child_has_its_best_possible_wish() -> None:
    city = town()
    luck = random.Random(11)
    groups = [add_group(city, capacity=luck.randint(1, 4), weekdays=(1, 3)) for _ in range(6)]
    children = choice.holders(city, 25)
    ChildStatus.objects.bulk_create(choice.certified(c.child, "orphan") for c in children[::7])
    the_round = choice.run(city, [(c, luck.sample(groups, luck.randint(1, 5))) for c in children])
    found = frozen.frozen(the_round)
    numbers = {group: n for n, group in enumerate(found.group_ids)}
    rows = dict(ChoiceOutcome.objects.values_list("choice_list_id", "group_id"))
    match = as_match([rows[i] for i in found.closed.list_ids], numbers)
    assert findings(found.market, match) == []
    for child in children:
        outcome = ChoiceOutcome.objects.get(choice_list=choice.list_of(child))
        assert outcome.group_id == choice.place_of(child)
        assert outcome.wish is None or choice.list_of(child).wishes[outcome.wish - 1] == outcome.group_id
    assert {c.group_id: c.taken for c in ChoiceCutoff.objects.all()} == {
        g: Enrolment.objects.filter(group_id=g).count() for g in groups
    }
    assert choice.seats_fit()


def test_the_control_an_unstable_answer_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    city = town()
    group = add_group(city, capacity=1)
    a, b = choice.holders(city, 2)
    the_round = choice.opened(city)
    choice.file(the_round, [(a, [group]), (b, [group])])
    choice.close(the_round)
    choice.drawn(the_round)
    right = frozen.match_of(frozen.frozen(the_round_again(the_round)))
    monkeypatch.setattr(allocating.frozen, "match_of", lambda found: right[::-1].copy())
    with pytest.raises(AssertionError, match="independent checker"):
        choice.allocate(the_round)
    assert not ChoiceOutcome.objects.exists()


def the_round_again(the_round: ChoiceRound) -> ChoiceRound:
    return ChoiceRound.objects.get(pk=the_round.pk)


def test_the_money_of_the_first_month_goes_to_the_place() -> None:
    city = town()
    group = add_group(city)
    (a,) = choice.holders(city, 1)
    choice.run(city, [(a, [group])])
    enrolment = Enrolment.objects.get(voucher_id=a.voucher)
    assert (enrolment.starts_on, enrolment.state) == (STARTS, "active")
    lessons = [d for d in range(7, 31) if date(2026, 9, d).isoweekday() in (2, 4)]
    assert place(city, enrolment.id, FIRST) == 12_000 * len(lessons)
    assert held(city, a.voucher) == 4 * 96_000 - 12_000 * len(lessons)
    assert money(city)["place"] == 12_000 * len(lessons)


def test_a_sibling_already_enrolled_goes_first() -> None:
    """One seat, two children: whatever the draw says, the one whose brother is there gets it."""
    city = town(criteria=["tier", "sibling", "lottery"])
    group = add_group(city, capacity=2, ages=(4, 17))
    brother = choice.holders(city, 1)[0]
    vouchers.enrol(actor=CHANNEL, wishes=[EnrolWish(brother.voucher, brother.guardian, group, STARTS)],
                   at=OPENS, key=key())  # fmt: skip
    a, b, c, d = choice.holders(city, 4)
    choice.siblings(brother, c)
    choice.run(city, [(x, [group]) for x in (a, b, c, d)])
    assert [choice.place_of(x) for x in (a, b, c, d)] == [None, None, group, None]
    lines = [line.line for line in ChoiceLine.objects.all()]
    assert sum(line.endswith("+\t") for line in lines) == 1


def test_the_tier_certified_at_the_cut_off_goes_before_the_draw() -> None:
    city = town()
    group = add_group(city, capacity=1)
    children = choice.holders(city, 6)
    ChildStatus.objects.bulk_create([choice.certified(children[4].child, "orphan")])
    choice.run(city, [(c, [group]) for c in children])
    assert [choice.place_of(c) for c in children] == [None] * 4 + [group] + [None]


def test_a_voucher_closed_and_a_wish_grown_impossible_leave_the_list_with_their_reason() -> None:
    city = town()
    one, two = add_group(city), add_group(city)
    a, b, c = choice.holders(city, 3)
    the_round = choice.opened(city)
    choice.file(the_round, [(a, [one]), (b, [one, two]), (c, [two])])
    vouchers.refuse_vouchers(actor=CHANNEL, answers=[answer_of(c)], at=INSIDE, key=key())
    ClubGroup.objects.filter(pk=one).update(state="closed")
    closed = choice.close(the_round)
    assert (closed.lists, closed.rejected, closed.dropped) == (1, {"no_wishes": 1, "not_holder": 1}, {"wish_closed": 2})
    assert [choice.list_of(x).state for x in (a, b, c)] == ["rejected", "frozen", "rejected"]


def answer_of(child: Child) -> Any:
    return VoucherAnswer(child.voucher, child.guardian)


def test_a_frozen_list_and_a_drawn_round_never_change() -> None:
    city = town()
    group = add_group(city)
    (a,) = choice.holders(city, 1)
    the_round = choice.run(city, [(a, [group])])
    for statement in (
        "UPDATE choice_list SET wishes = '{1}'",
        "UPDATE choice_line SET line = ''",
        "DELETE FROM choice_outcome",
        "UPDATE choice_round SET seed = 'x'",
        "UPDATE choice_round SET root = 'x'",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert refusal(lambda: choice.drawn(the_round)) == R.CHOICE_ROUND_IN_OTHER_STATE
    assert refusal(lambda: choice.allocate(the_round)) == R.CHOICE_ROUND_IN_OTHER_STATE


def test_a_typed_value_is_what_two_different_officers_say() -> None:
    city = town()
    the_round = choice.opened(city, choice.plan(beacon_name="typed:national lottery, draw 12"))
    choice.close(the_round)

    def draw_by(second: Actor | None) -> ChoiceRound:
        return commands.draw_choice_round(
            actor=OFFICER,
            round_id=the_round.id,
            beacon_value=b"\7",
            secrets=PARTIES,
            at=AFTER,
            key=key(),
            second=second,
        )

    other = Actor(503, "user:503", OFFICER.grants)
    assert refusal(lambda: draw_by(None)) is R.CHOICE_TWO_OFFICERS_TYPE
    assert refusal(lambda: draw_by(OFFICER)) is R.CHOICE_TWO_OFFICERS_TYPE
    with pytest.raises(Forbidden):
        draw_by(choice.CHECKER)
    assert draw_by(other).state == "drawn"
    assert AuditEvent.objects.get(action="draw_choice_round").detail["typed_by"] == [OFFICER.user_id, 503]


def test_a_secret_that_was_not_committed_to_stops_the_draw() -> None:
    city = town()
    the_round = choice.opened(city)
    choice.close(the_round)
    wrong = {**PARTIES, "parents": b"\3" * 32}
    assert refusal(lambda: choice.drawn(the_round, wrong)) == R.CHOICE_SECRETS_WRONG
    assert refusal(lambda: choice.drawn(the_round, {"akimat": PARTIES["akimat"]})) == R.CHOICE_SECRETS_WRONG
    assert refusal(lambda: choice.drawn(the_round, beacon=b"")) == R.CHOICE_BEACON_WRONG
    assert choice.drawn(the_round).seed


def test_replaying_close_draw_and_run_answers_the_same() -> None:
    city = town()
    group = add_group(city)
    (a,) = choice.holders(city, 1)
    the_round = choice.opened(city)
    choice.file(the_round, [(a, [group])])
    one, two = key(), key()
    closes = [commands.close_choice_round(actor=OFFICER, round_id=the_round.id, at=CLOSES, key=one) for _ in range(2)]
    choice.drawn(the_round)
    runs = [commands.allocate_places(actor=OFFICER, round_id=the_round.id, at=AFTER, key=two) for _ in range(2)]
    assert (closes[0], runs[0]) == (closes[1], runs[1])
    assert Enrolment.objects.count() == 1


def test_a_run_asks_as_often_for_sixty_children_as_for_ten() -> None:
    counted = []
    for size in (10, 60):
        city = town()
        groups = [add_group(city, capacity=3) for _ in range(4)]
        the_round = choice.opened(city)
        choice.file(the_round, [(c, groups) for c in choice.holders(city, size)])
        with CaptureQueriesContext(connection) as seen:
            choice.close(the_round)
            choice.drawn(the_round)
            choice.allocate(the_round)
        counted.append(len(seen))
    assert counted[0] == counted[1]

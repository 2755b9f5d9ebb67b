"""Choice rounds: filing time matters nowhere, a closed list never changes, what is stored is stable."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.commands import allocating
from qosymsha.domain.choice.models import (
    ChoiceCutoff,
    ChoiceLine,
    ChoiceList,
    ChoiceListHistory,
    ChoiceOutcome,
    ChoiceRound,
)
from qosymsha.domain.choice.queries import frozen
from qosymsha.domain.choice.queries.standing import as_match
from qosymsha.domain.choice.rules import ChoiceRefusal, ListRow, is_clash
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.providers.models import Accreditation, ClubGroup
from qosymsha.domain.providers.rules import Slot
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, VoucherAnswer
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from tests.factories import choice
from tests.factories.choice import AFTER, CLOSES, INSIDE, OFFICER, OPENS, PARTIES, STARTS, Child, town
from tests.factories.vouchers import (
    CHANNEL,
    FIRST,
    YEAR,
    City,
    add_group,
    enrolled,
    held,
    issue,
    key,
    money,
    place,
)

pytestmark = pytest.mark.django_db
R = ChoiceRefusal
VERIFY = Path(__file__).resolve().parents[2] / "verify"


def refusal(call: Any) -> Any:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


def reasons(the_round: ChoiceRound, *rows: tuple[Child, list[int]]) -> list[Any]:
    return [outcome.reason for outcome in choice.file(the_round, rows)]


# --- filing ---------------------------------------------------------------------------------------------------------


def test_each_row_is_refused_for_its_own_reason() -> None:
    city = town(wishes=2)
    good, other = add_group(city), add_group(city, "creative", tariff=6_000)
    late = add_group(city, ages=(14, 17))
    dear = add_group(city, tariff=12_001)
    closed = add_group(city)
    ClubGroup.objects.filter(pk=closed).update(state="closed")
    the_round = choice.opened(city)
    a, b, c, d, e, f, g, h, i = choice.holders(city, 9)
    rows = [
        (a, [good, late]),
        (b, [other]),
        (c, [dear]),
        (d, [closed]),
        (e, [good, good]),
        (f, [good, late, dear]),
        (g, []),
        (h, [999_999]),
        (Child(i.voucher, i.child, a.guardian), [good]),
        (Child(i.voucher, i.child, i.guardian), [good]),
    ]
    outcomes = choice.file(the_round, rows)
    assert [o.reason for o in outcomes] == [
        R.WISH_WRONG_AGE, R.WISH_OTHER_KIND, R.WISH_DEARER, R.WISH_CLOSED, R.WISH_REPEATED, R.TOO_MANY_WISHES,
        R.NO_WISHES, R.WISH_UNKNOWN, R.NOT_HOLDER, R.LIST_TWICE,
    ]  # fmt: skip
    assert outcomes[0].detail == str(late)
    assert not ChoiceList.objects.exists()
    assert reasons(the_round, (i, [good])) == [None]


def test_a_group_whose_provider_lost_its_accreditation_is_not_wished() -> None:
    city = town()
    group = add_group(city)
    the_round = choice.opened(city)
    Accreditation.objects.update(state="limited")
    (a,) = choice.holders(city, 1)
    assert reasons(the_round, (a, [group])) == [R.WISH_NOT_ACCREDITED]


def test_only_accepted_vouchers_without_a_place_choose() -> None:
    city = town()
    group = add_group(city)
    ((voucher, guardian, _),) = enrolled(city, group, 1)
    the_round = choice.opened(city)
    assert reasons(the_round, (Child(voucher, 0, guardian), [group])) == [R.NOT_HOLDER]
    assert reasons(the_round, (Child(10**9, 0, guardian), [group])) == [R.NOT_HOLDER]


def test_lessons_at_the_same_time_as_a_place_the_child_has_are_not_wished() -> None:
    """Two vouchers of one child (two slots): what meets at the same hour is excluded, what does not is not."""
    city = town()
    here = add_group(city, "creative", weekdays=(2, 5), tariff=6_000)
    clashing, free = add_group(city, weekdays=(2, 4)), add_group(city, weekdays=(1, 3))
    (a,) = choice.holders(city, 1)
    Voucher.objects.filter(pk=a.voucher).update(slot="sport")
    (second,) = issue(city, [a.child], "creative")
    accept(second, a.guardian)
    wish = EnrolWish(second, a.guardian, here, STARTS)
    assert vouchers.enrol(actor=CHANNEL, wishes=[wish], at=OPENS, key=key())[0].reason is None
    the_round = choice.opened(city)
    assert reasons(the_round, (a, [clashing])) == [R.WISH_CLASHES]
    assert reasons(the_round, (a, [free])) == [None]


def accept(voucher: int, guardian: int) -> None:
    answer = VoucherAnswer(voucher, guardian)
    (outcome,) = vouchers.accept_vouchers(actor=CHANNEL, answers=[answer], at=OPENS, key=key())
    assert outcome.reason is None


def test_a_list_is_replaced_until_the_window_closes_and_keeps_its_ticket() -> None:
    city = town()
    one, two = add_group(city), add_group(city)
    the_round = choice.opened(city)
    (a,) = choice.holders(city, 1)
    choice.file(the_round, [(a, [one])])
    first = choice.list_of(a)
    choice.file(the_round, [(a, [two, one])])
    again = choice.list_of(a)
    assert (again.id, bytes(again.line_id), again.wishes) == (first.id, bytes(first.line_id), [two, one])
    told = ChoiceListHistory.objects.filter(choice_list=first).order_by("seq").values_list("cause", "wishes")
    assert list(told) == [("filed", [one]), ("replaced", [two, one])]
    assert refusal(lambda: choice.file(the_round, [(a, [one])], at=CLOSES)) == R.CHOICE_WINDOW_NOT_OPEN


def test_a_refused_row_leaves_the_earlier_list_as_it_was() -> None:
    city = town()
    one = add_group(city)
    the_round = choice.opened(city)
    (a,) = choice.holders(city, 1)
    choice.file(the_round, [(a, [one])])
    assert reasons(the_round, (a, [one, 999_999])) == [R.WISH_UNKNOWN]
    assert choice.list_of(a).wishes == [one]


def test_a_list_withdrawn_is_not_in_the_closed_list_and_may_be_filed_again() -> None:
    city = town()
    one = add_group(city)
    the_round = choice.opened(city)
    a, b = choice.holders(city, 2)
    choice.file(the_round, [(a, [one]), (b, [one])])
    mine = choice.list_of(a).id
    stranger: dict[str, Any] = {"actor": CHANNEL, "list_id": mine, "at": INSIDE}
    assert (
        refusal(lambda: commands.withdraw_list(**stranger, guardian_id=b.guardian, key=key())) == R.CHOICE_LIST_UNKNOWN
    )
    commands.withdraw_list(actor=CHANNEL, list_id=mine, guardian_id=a.guardian, at=INSIDE, key=key())
    assert choice.list_of(a).state == "withdrawn"
    choice.file(the_round, [(a, [one])])
    commands.withdraw_list(actor=CHANNEL, list_id=mine, guardian_id=a.guardian, at=INSIDE, key=key())
    assert choice.close(the_round).lists == 1


def test_one_list_is_filed_by_the_page_and_refused_with_its_reason() -> None:
    city = town()
    one = add_group(city)
    the_round = choice.opened(city)
    (a,) = choice.holders(city, 1)
    family = Actor(1, "user:1", (Grant("guardian"),), guardian_id=a.guardian)
    filed = commands.file_list(
        actor=family, round_id=the_round.id, row=ListRow(a.voucher, a.guardian, (one,)), at=INSIDE, key=key()
    )
    assert filed.wishes == [one]
    bad = ListRow(a.voucher, a.guardian, (5,))
    assert (
        refusal(lambda: commands.file_list(actor=family, round_id=the_round.id, row=bad, at=INSIDE, key=key()))
        == R.WISH_UNKNOWN
    )
    with pytest.raises(Forbidden):
        commands.file_lists(actor=OFFICER, round_id=the_round.id, rows=[bad], at=INSIDE, key=key())


def test_filing_again_under_the_same_key_files_nothing_twice() -> None:
    city = town()
    one = add_group(city)
    the_round = choice.opened(city)
    a, b = choice.holders(city, 2)
    own = key()
    first = choice.file(the_round, [(a, [one]), (b, [5])], own=own)
    again = choice.file(the_round, [(a, [one]), (b, [5])], own=own)
    assert [(o.id, o.reason) for o in first] == [(o.id, o.reason) for o in again]
    assert ChoiceListHistory.objects.count() == 1
    assert refusal(lambda: choice.file(the_round, [(a, [one])], own=own)) == KeyReason.KEY_REUSED


def test_filing_asks_as_often_for_two_hundred_lists_as_for_ten() -> None:
    city = town()
    groups = [add_group(city) for _ in range(5)]
    the_round = choice.opened(city)
    children = choice.holders(city, 210)
    counted = []
    for part in (children[:10], children[10:]):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert all(o.reason is None for o in choice.file(the_round, [(c, groups) for c in part]))
        counted.append(len(seen))
    assert counted[0] == counted[1]


# --- the round ------------------------------------------------------------------------------------------------------


def test_a_plan_that_could_not_work_is_refused() -> None:
    city = town()
    spoilt = {
        R.CHOICE_PLAN_WINDOW: {"closes_at": OPENS},
        R.CHOICE_PLAN_START: {"starts_on": CLOSES.date()},
        R.CHOICE_PLAN_BEACON: {"beacon_name": " "},
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
    ChildStatus.objects.bulk_create(status(c.child, "orphan") for c in children[::7])
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


def status(child_id: int, category: str) -> ChildStatus:
    return ChildStatus(
        child_id=child_id, category=category, source="registry", evidence="e", state="certified",
        valid=YEAR, certified_at=OPENS, certified_by=0,
    )  # fmt: skip


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
    ChildStatus.objects.bulk_create([status(children[4].child, "orphan")])
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
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert refusal(lambda: choice.drawn(the_round)) == R.CHOICE_ROUND_IN_OTHER_STATE
    assert refusal(lambda: choice.allocate(the_round)) == R.CHOICE_ROUND_IN_OTHER_STATE


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


# --- publication ----------------------------------------------------------------------------------------------------


def test_what_is_published_is_checked_by_the_verifiers_and_shows_no_child(tmp_path: Path) -> None:
    city = town()
    luck = random.Random(3)
    groups = [add_group(city, capacity=2, weekdays=(1, 3)) for _ in range(4)]
    children = choice.holders(city, 12)
    ChildStatus.objects.bulk_create([status(children[0].child, "orphan")])
    the_round = choice.run(city, [(c, luck.sample(groups, 3)) for c in children])
    for folder in ("a", "b"):
        commands.publish_choice_round(
            actor=OFFICER, round_id=the_round.id, folder=tmp_path / folder, at=AFTER, key=key()
        )
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    root = bytes(the_round.root or b"").hex()
    for part in ("public", "restricted"):
        assert "OK" in check("draw.py", tmp_path / "a" / part, root)
    restricted = tmp_path / "a" / "restricted"
    assert "OK: stable" in check("places.py", restricted / "instance.json", restricted / "answer.json")
    public = "".join(p.read_text("utf8") for p in (tmp_path / "a" / "public").iterdir() if p.name != "terms.json")
    receipt = queries.receipt(actor=OFFICER, list_id=choice.list_of(children[0]).id, at=AFTER)
    assert receipt.leaf in public
    assert receipt.line not in public


def test_a_place_moved_in_the_answer_is_found_by_the_verifier(tmp_path: Path) -> None:
    """The control of the test above."""
    city = town()
    group = add_group(city, capacity=1)
    the_round = choice.run(city, [(c, [group]) for c in choice.holders(city, 3)])
    commands.publish_choice_round(actor=OFFICER, round_id=the_round.id, folder=tmp_path, at=AFTER, key=key())
    file = tmp_path / "restricted" / "answer.json"
    answer = json.loads(file.read_text())
    holder = next(c for c, g in answer["match"].items() if g)
    other = next(c for c, g in answer["match"].items() if not g)
    answer["match"] |= {holder: None, other: answer["match"][holder]}
    file.write_text(json.dumps(answer))
    assert "prefers" in check("places.py", tmp_path / "restricted" / "instance.json", file, fails=True)


def check(script: str, *arguments: Path | str, fails: bool = False) -> str:
    ran = subprocess.run(
        [sys.executable, VERIFY / script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert bool(ran.returncode) == fails, ran.stdout + ran.stderr
    return ran.stdout


# --- direct taking --------------------------------------------------------------------------------------------------


def test_direct_taking_waits_for_the_choice_round_where_the_rules_say_so() -> None:
    city = town(opening="choice_first")
    full, spare = add_group(city, capacity=1), add_group(city, capacity=3)
    a, b, c = choice.holders(city, 3)

    def take(child: Child, group: int) -> Any:
        wish = EnrolWish(child.voucher, child.guardian, group, STARTS)
        return vouchers.enrol(actor=CHANNEL, wishes=[wish], at=AFTER, key=key())[0].reason

    assert take(c, spare) == EnrolRefusal.CHOICE_FIRST
    the_round = choice.run(city, [(a, [full]), (b, [full, spare])])
    assert {choice.place_of(a), choice.place_of(b)} in ({full, spare}, {full, None})
    winner = a if choice.place_of(a) == full else b
    assert the_round.state == "allocated"
    assert take(c, full) == EnrolRefusal.CHOICE_FIRST
    assert take(c, spare) is None
    assert Seat.objects.get(group_id=full).taken == 1
    choice.give_up(winner, AFTER)
    (d,) = choice.holders(city, 1)
    assert take(d, full) == EnrolRefusal.CHOICE_FIRST  # freed: first to those on the list


def test_by_default_a_place_is_taken_directly_as_before() -> None:
    city = town()
    group = add_group(city)
    (a,) = choice.holders(city, 1)
    wish = EnrolWish(a.voucher, a.guardian, group, STARTS)
    assert vouchers.enrol(actor=CHANNEL, wishes=[wish], at=OPENS, key=key())[0].reason is None


def test_two_groups_meet_at_the_same_hour_only_where_their_days_do() -> None:
    def slot(weekday: int, starts: int, first: date = FIRST, last: date | None = None) -> Slot:
        return Slot(1, 1, 1, weekday, time(starts), time(starts + 1), first, last)

    assert is_clash([slot(1, 15)], [slot(1, 15)])
    assert not is_clash([slot(1, 15)], [slot(1, 16)])
    assert not is_clash([slot(1, 15)], [slot(2, 15)])
    assert not is_clash([slot(1, 15, last=date(2026, 9, 30))], [slot(1, 15, first=date(2026, 10, 1))])

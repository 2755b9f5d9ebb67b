"""Lists of wishes: each refused for its own reason, replaced until the window closes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.choice import commands
from qosymsha.domain.choice.models import (
    ChoiceList,
    ChoiceListHistory,
)
from qosymsha.domain.choice.rules import ChoiceRefusal, ListRow
from qosymsha.domain.providers.models import Accreditation, ClubGroup
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.rules import EnrolWish, VoucherAnswer
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, KeyReason
from tests.factories import choice
from tests.factories.choice import CLOSES, INSIDE, OFFICER, OPENS, STARTS, Child, town
from tests.factories.refusals import refusal
from tests.factories.vouchers import (
    CHANNEL,
    add_group,
    enrolled,
    issue,
    key,
)

pytestmark = pytest.mark.django_db
R = ChoiceRefusal


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
    assert choice.reasons(the_round, (i, [good])) == [None]


def test_a_group_whose_provider_lost_its_accreditation_is_not_wished() -> None:
    city = town()
    group = add_group(city)
    the_round = choice.opened(city)
    Accreditation.objects.update(state="limited")
    (a,) = choice.holders(city, 1)
    assert choice.reasons(the_round, (a, [group])) == [R.WISH_NOT_ACCREDITED]


def test_only_accepted_vouchers_without_a_place_choose() -> None:
    city = town()
    group = add_group(city)
    ((voucher, guardian, _),) = enrolled(city, group, 1)
    the_round = choice.opened(city)
    assert choice.reasons(the_round, (Child(voucher, 0, guardian), [group])) == [R.NOT_HOLDER]
    assert choice.reasons(the_round, (Child(10**9, 0, guardian), [group])) == [R.NOT_HOLDER]


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
    assert choice.reasons(the_round, (a, [clashing])) == [R.WISH_CLASHES]
    assert choice.reasons(the_round, (a, [free])) == [None]


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
    assert choice.reasons(the_round, (a, [one, 999_999])) == [R.WISH_UNKNOWN]
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

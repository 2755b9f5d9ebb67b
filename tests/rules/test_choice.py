"""Choice, pure: the canonical line, the plan, clashes, positions and guaranteed seats against their definitions."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation.announcement import Announced
from qosymsha.domain.allocation.canonical import LineError
from qosymsha.domain.allocation.choice_list import (
    ChoiceGroup,
    ChoiceLine,
    ChoiceTerms,
    Wished,
    market_of,
    parse_line,
    parse_terms,
    terms_text,
)
from qosymsha.domain.allocation.freed import applicants
from qosymsha.domain.allocation.market import UNPLACED, Criterion, Market
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.standing import guaranteed, last_taken, positions, ranks_of_wishes
from qosymsha.domain.choice.rules import ChoiceRefusal, WishFacts, refuse_offer, refuse_shape, refuse_wish

LINE = ChoiceLine(b"\xab" * 32, 3, 9, "751110000", (Wished("g-1", True), Wished("g-2")))


def test_a_line_is_its_text_and_nothing_else() -> None:
    assert LINE.text().split("\t")[1:] == ["3", "9", "751110000", "g-1+,g-2", ""]
    assert parse_line(LINE.text()) == LINE
    for spoilt in (LINE.text() + "\t", LINE.text().replace("\t3", "\t03"), LINE.text().upper(), "", "x\t1\t1\t\tg"):
        with pytest.raises(LineError):
            parse_line(spoilt)
    with pytest.raises(LineError):
        ChoiceLine(b"\7" * 32, 1, 9, "", (Wished("a,b"),)).text()


def test_terms_are_read_as_they_were_written() -> None:
    terms = ChoiceTerms((Criterion.TIER, Criterion.SIBLING), (ChoiceGroup("g", 3, "", (7, 9)),))
    announced = Announced("W-1", "00", (b"\1" * 32,), {"name": "b"})
    assert parse_terms(terms_text(terms, announced)) == terms


FINE = WishFacts(
    is_known=True, is_kind=True, is_open=True, is_accredited=True, is_age=True, month_price_tiyn=8, month_tiyn=8
)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"is_known": False}, ChoiceRefusal.WISH_UNKNOWN),
        ({"is_kind": False}, ChoiceRefusal.WISH_OTHER_KIND),
        ({"is_open": False}, ChoiceRefusal.WISH_CLOSED),
        ({"is_accredited": False}, ChoiceRefusal.WISH_NOT_ACCREDITED),
        ({"is_age": False}, ChoiceRefusal.WISH_WRONG_AGE),
        ({"month_price_tiyn": 9}, ChoiceRefusal.WISH_DEARER),
        ({"is_clashing": True}, ChoiceRefusal.WISH_CLASHES),
    ],
)
def test_each_fact_against_a_wish_has_its_reason(fault: dict[str, int], reason: ChoiceRefusal) -> None:
    facts = {name: getattr(FINE, name) for name in WishFacts.__slots__}
    assert refuse_wish(FINE) is None
    assert refuse_wish(WishFacts(**(facts | fault))) is reason


def test_a_list_has_one_to_so_many_groups_each_once() -> None:
    found = [refuse_shape(groups, 2) for groups in ((), (1,), (1, 2), (1, 2, 3), (1, 1))]
    R = ChoiceRefusal  # noqa: N806
    assert found == [R.NO_WISHES, None, None, R.TOO_MANY_WISHES, R.WISH_REPEATED]


def test_an_offer_is_answered_up_to_its_day_and_once() -> None:
    day = date(2026, 9, 9)
    assert refuse_offer("offered", day, day) is None
    assert refuse_offer("offered", day, day + timedelta(days=1)) is ChoiceRefusal.OFFER_LATE
    assert refuse_offer("accepted", day, day) is ChoiceRefusal.OFFER_ANSWERED


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Small rounds: up to four groups, eight children."""
    groups = [ChoiceGroup(f"g{n}", draw(st.integers(0, 2)), "", (0, 99)) for n in range(draw(st.integers(1, 4)))]
    lines = []
    for n in range(draw(st.integers(1, 8))):
        names = draw(st.lists(st.sampled_from([g.id for g in groups]), unique=True, max_size=4))
        lines.append(ChoiceLine(bytes([n]) * 32, draw(st.integers(1, 2)), 9, "", tuple(Wished(name) for name in names)))
    numbers = np.frombuffer(draw(st.binary(min_size=32 * len(lines), max_size=32 * len(lines))), np.uint8)
    return market_of(ChoiceTerms((Criterion.TIER,), tuple(groups)), lines, numbers.reshape(-1, 32))


def wishes_of(market: Market, child: int) -> list[int]:
    return market.groups[market.offsets[child] : market.offsets[child + 1]].tolist()


@given(markets(), st.data())
def test_a_position_counts_those_before_who_want_the_group_more_than_what_they_have(
    market: Market, data: st.DataObject
) -> None:
    groups = market.capacities.size
    match = np.array([data.draw(st.integers(-1, groups - 1)) for _ in range(market.children)], np.int32)
    gone = np.array([data.draw(st.booleans()) for _ in range(market.children)], np.bool_)
    found = positions(applicants(market), match, gone, np.zeros(market.groups.size, np.bool_))
    key = [(int(market.tiers[c]), *market.lottery[c].tolist(), c) for c in range(market.children)]  # type: ignore[index]
    for child in range(market.children):
        for at, group in enumerate(wishes_of(market, child)):
            waiting = sorted(key[c] for c in range(market.children) if waits(market, match, gone, c, group))
            expected = waiting.index(key[child]) + 1 if waits(market, match, gone, child, group) else 0
            assert found[int(market.offsets[child]) + at] == expected


def waits(market: Market, match: np.ndarray, gone: np.ndarray, child: int, group: int) -> bool:  # type: ignore[type-arg]
    wishes = wishes_of(market, child)
    if gone[child] or group not in wishes:
        return False
    return match[child] not in wishes or wishes.index(group) < wishes.index(int(match[child]))


@given(markets(), st.data())
def test_with_guaranteed_seats_nobody_ends_with_less_whoever_came_back(market: Market, data: st.DataObject) -> None:
    """Children sit anywhere that is not overfull, as after many moves; the rerun leaves each at least there."""
    match = np.full(market.children, UNPLACED, np.int32)
    left = market.capacities.copy()
    for child in range(market.children):
        options = [g for g in wishes_of(market, child) if left[g] > 0]
        if options and data.draw(st.booleans()):
            match[child] = data.draw(st.sampled_from(options))
            left[match[child]] -= 1
    line = applicants(market)
    again = solve(guaranteed(line, match, np.zeros(market.groups.size, np.bool_))).groups
    for child in range(market.children):
        if match[child] != UNPLACED:
            wishes = wishes_of(market, child)
            assert wishes.index(int(again[child])) <= wishes.index(int(match[child]))


@given(markets())
def test_the_rank_of_a_wish_and_the_last_taken_are_what_the_matching_says(market: Market) -> None:
    match = solve(market).groups
    ranks, last = ranks_of_wishes(market, match), last_taken(applicants(market), match)
    for child, group in enumerate(match.tolist()):
        assert ranks[child] == (wishes_of(market, child).index(group) + 1 if group != UNPLACED else 0)
    for group, child in enumerate(last.tolist()):
        sitting = np.flatnonzero(match == group).tolist()
        key = [(int(market.tiers[c]), *market.lottery[c].tolist(), c) for c in sitting]  # type: ignore[index]
        assert child == (max(key)[-1] if key else UNPLACED)

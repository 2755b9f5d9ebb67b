"""No lottery number is ever cut, whatever the packing leaves out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import places_keys
from qosymsha.domain.allocation.exchange_places import answer_places, parse
from qosymsha.domain.allocation.market import Criterion, Market
from qosymsha.domain.allocation.places import solve
from tests.rules.allocation_places.instances import markets

WORDS = st.lists(st.sampled_from([0, 1, 2, 1 << 63, (1 << 64) - 1, (1 << 64) - 2]), min_size=4, max_size=4)


@given(st.lists(WORDS, min_size=1, max_size=40))
def test_rows_whose_leading_bits_are_equal_are_ordered_by_the_whole_number(rows: list[list[int]]) -> None:
    columns = list(np.array(rows, np.uint64).T)
    expected = sorted(range(len(rows)), key=lambda row: (rows[row], row))
    assert places_keys.order_rows(columns).tolist() == expected


def _last_bit_market() -> Market:
    """Two children whose 256-bit numbers differ in the last bit alone; the second one has the smaller number."""
    lottery = np.full((2, 4), (1 << 64) - 1, np.uint64)
    lottery[1, 3] -= np.uint64(1)
    return Market(np.array([0, 1, 2]), np.zeros(2, np.int32), np.array([1]), lottery)


def test_the_last_of_256_bits_decides() -> None:
    assert solve(_last_bit_market()).groups.tolist() == [-1, 0]


def test_control_a_cut_number_would_decide_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_keys, "_part_ties", lambda *_: None)
    assert solve(_last_bit_market()).groups.tolist() == [0, -1]


def test_whole_numbers_of_any_size_are_compared_whole() -> None:
    huge = 10**5000
    doc = {
        "children": [{"id": "a", "prefs": ["g"], "lottery": huge + 1}, {"id": "b", "prefs": ["g"], "lottery": huge}],
        "groups": [{"id": "g", "capacity": 1}],
    }
    assert answer_places(doc, check=True).answer == {"match": {"a": None, "b": "g"}}


@given(markets(children=10, groups=4, lists=False))
def test_both_makers_of_keys_order_every_group_alike_and_one_equals_many(doc: dict) -> None:  # type: ignore[type-arg]
    market = parse(doc).market
    if not market.groups.size:
        return
    entries, owners = np.arange(market.groups.size), market.entry_children.astype(np.int64)
    orders = []
    for keys in (places_keys.make_keys(market), places_keys._ranked_keys(market)):
        many = keys.many(owners, entries, market.groups)
        one = keys.one()
        single = [one(int(c), int(e), int(g)) for c, e, g in zip(owners, entries, market.groups, strict=True)]
        assert many.tolist() == single
        fine = many != places_keys.NEVER
        named = keys.child_of[(many[fine] & np.uint64(keys.names)).astype(np.int64)]
        assert named.tolist() == owners[fine].tolist()
        orders.append([entry for entry in np.argsort(many, kind="stable").tolist() if fine[entry]])
    assert orders[0] == orders[1]


def test_an_early_lottery_with_ties_lets_later_criteria_decide() -> None:
    criteria = (Criterion.LOTTERY, Criterion.TIER)
    lottery, tiers = np.array([7, 7, 8], np.uint64), np.array([2, 1, 0])
    market = Market(np.arange(4), np.zeros(3, np.int32), np.array([1]), lottery, criteria=criteria, tiers=tiers)
    assert solve(market).groups.tolist() == [-1, 0, -1]


def test_tiers_too_wide_to_pack_are_still_exact() -> None:
    tiers = np.array([1 << 62, -(1 << 62), (1 << 62) - 1])
    market = Market(np.arange(4), np.zeros(3, np.int32), np.array([1]), np.zeros(3, np.uint64), tiers=tiers)
    assert solve(market).groups.tolist() == [-1, 0, -1]

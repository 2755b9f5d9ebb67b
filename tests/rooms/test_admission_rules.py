"""Pure rules of admission by example: ages, places, refusals, merged counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.admission.queries.public import OTHER, merged_counts
from qosymsha.domain.admission.rules import (
    AdmissionRefusal,
    FilingFacts,
    affordable,
    age_day,
    age_on,
    months_between,
    places_for,
    refuse_filing,
    slot_of,
    terms_of,
    tier_of,
)
from qosymsha.domain.programmes.rules import parse
from tests.factories.admission import document

RULES = parse(document())
FINE = FilingFacts(is_ward=True, is_local=True, slot="main", age=9, holds_voucher=False, has_filed=False)


@pytest.mark.parametrize(
    ("born_on", "day", "age"),
    [
        (date(2016, 5, 1), date(2026, 4, 30), 9),
        (date(2016, 5, 1), date(2026, 5, 1), 10),
        (date(2016, 2, 29), date(2026, 2, 28), 9),
        (date(2016, 2, 29), date(2026, 3, 1), 10),
        (date(2016, 2, 29), date(2028, 2, 29), 12),
    ],
)
def test_an_age_is_whole_years_on_the_day(born_on: date, day: date, age: int) -> None:
    assert age_on(born_on, day) == age


@pytest.mark.parametrize(
    ("ages", "day"),
    [
        ({"counted_on": "filing", "on": None}, date(2026, 2, 5)),
        ({"counted_on": "course_start", "on": None}, date(2026, 3, 1)),
        ({"counted_on": "on", "on": "2026-09-01"}, date(2026, 9, 1)),
    ],
)
def test_the_rule_set_says_on_which_day_ages_are_counted(ages: dict[str, object], day: date) -> None:
    rules = parse(document(ages=ages))
    assert age_day(rules, filed_on=date(2026, 2, 5), first_month=date(2026, 3, 1)) == day


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"is_ward": False}, AdmissionRefusal.NOT_GUARDIAN),
        ({"is_local": False}, AdmissionRefusal.OTHER_TERRITORY),
        ({"slot": None}, AdmissionRefusal.UNKNOWN_KIND),
        ({"age": None}, AdmissionRefusal.AGE_UNKNOWN),
        ({"age": 3}, AdmissionRefusal.WRONG_AGE),
        ({"age": 4}, None),
        ({"age": 17}, None),
        ({"age": 18}, AdmissionRefusal.WRONG_AGE),
        ({"holds_voucher": True}, AdmissionRefusal.HOLDS_VOUCHER),
        ({"has_filed": True}, AdmissionRefusal.ALREADY_FILED),
    ],
)
def test_an_application_is_refused_for_its_first_reason(
    change: dict[str, object], reason: AdmissionRefusal | None
) -> None:
    assert refuse_filing(RULES, replace(FINE, **change)) == reason  # type: ignore[arg-type]


def test_a_stranger_learns_only_that_the_child_is_not_theirs() -> None:
    everything = FilingFacts(is_ward=False, is_local=False, slot=None, age=None, holds_voucher=True, has_filed=True)
    assert refuse_filing(RULES, everything) is AdmissionRefusal.NOT_GUARDIAN


@pytest.mark.parametrize(("kind", "slot"), [("sport", "main"), ("creative", "main"), ("chess", None)])
def test_a_kind_uses_its_slot(kind: str, slot: str | None) -> None:
    assert slot_of(RULES, kind) == slot


@given(free=st.integers(0, 10**13), voucher=st.integers(1, 10**8), permille=st.integers(0, 1000))
def test_places_never_cost_more_than_is_free_without_the_appeals_reserve(
    free: int, voucher: int, permille: int
) -> None:
    found = places_for(line_id=1, free_tiyn=free, voucher_tiyn=voucher, appeals_reserve_permille=permille)
    assert found.kept_tiyn * 1000 >= free * permille
    assert found.places * voucher + found.kept_tiyn <= free
    assert (found.places + 1) * voucher + found.kept_tiyn > free


@pytest.mark.parametrize(("free", "kept", "count"), [(0, 0, 0), (99, 0, 0), (100, 0, 1), (100, 1, 0), (50, 80, 0)])
def test_a_refill_leaves_the_appeals_reserve(free: int, kept: int, count: int) -> None:
    assert affordable(free, kept_tiyn=kept, voucher_tiyn=100) == count


def test_months_are_counted_with_both_ends() -> None:
    assert months_between(date(2026, 3, 1), date(2026, 12, 1)) == 10
    assert months_between(date(2026, 3, 1), date(2026, 3, 1)) == 1


def test_iterations_order_by_category_and_tiers_by_strict_tier() -> None:
    strict = parse(document(allocation={"policy": "tiers"}))
    merged = replace(strict, categories=tuple(replace(c, tier=1) for c in strict.categories))
    assert tier_of(RULES, "sen") == 3
    assert tier_of(merged, "sen") == 1


def test_the_terms_carry_policy_coefficients_and_reserves_of_the_rule_set() -> None:
    reserves = [{"segment": "sport", "category": "orphan", "permille": 155}]
    rules = parse(document(allocation={"reserves": reserves}))
    terms = terms_of(rules, {"creative": 5, "sport": 100, "educational": 0})
    assert [segment.id for segment in terms.segments] == list(rules.kinds)
    assert {s.id: s.reserves for s in terms.segments}["sport"] == (("orphan", 15),)
    assert terms.coefficients[1] == 12
    assert not terms_of(parse(document(allocation={"policy": "tiers"})), dict.fromkeys(rules.kinds, 1)).coefficients


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([("a", 5, 10), ("b", 7, 30)], {"a": 5, "b": 7}),
        ([("a", 5, 9), ("b", 7, 30), ("c", 1, 12)], {"b": 7, OTHER: 6}),
        ([("a", 5, 6), ("b", 7, 30), ("c", 1, 6)], {"b": 7, OTHER: 6}),
        ([("a", 5, 9)], {}),
        ([("a", 2, 3), ("b", 1, 10)], {OTHER: 3}),
        # two segments: the total of `a` is no small class, but its cell in the second is
        ([("a", 5, 20), ("a", 2, 4), ("b", 7, 30), ("b", 3, 8)], {"a": 5, "b": 7, OTHER: 5}),
        ([], {}),
    ],
)
def test_no_class_below_ten_can_be_read_from_the_counts(
    rows: list[tuple[str, int, int]], shown: dict[str, int]
) -> None:
    assert merged_counts(rows) == shown

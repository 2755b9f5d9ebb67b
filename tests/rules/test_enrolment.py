"""docs/rules/enrolment.md as tables: who may accept, what stands against a place, what a place costs."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.vouchers.rules import (
    EnrolRefusal,
    PlaceFacts,
    VoucherRefusal,
    month_end,
    months_from,
    outcomes_of,
    packed,
    place_tiyn,
    refuse_answer,
    refuse_day,
    refuse_place,
    repeated,
    units_between,
    unpacked,
    whole_years,
)
from qosymsha.domain.vouchers.states import ENROLMENT_TRANSITIONS, TRANSITIONS, EnrolmentState, VoucherState

GOOD = PlaceFacts(
    is_group_open=True,
    is_accredited=True,
    is_kind_allowed=True,
    age=10,
    age_min=4,
    age_max=17,
    month_price_tiyn=96_000,
    month_tiyn=96_000,
    held_tiyn=96_000,
    place_tiyn=96_000,
)
SEPTEMBER, DECEMBER = date(2026, 9, 1), date(2026, 12, 1)
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"is_group_open": False}, EnrolRefusal.GROUP_CLOSED),
        ({"is_accredited": False}, EnrolRefusal.NOT_ACCREDITED),
        ({"is_kind_allowed": False}, EnrolRefusal.WRONG_KIND),
        ({"age": None}, EnrolRefusal.WRONG_AGE),
        ({"age": 3}, EnrolRefusal.WRONG_AGE),
        ({"age": 4}, None),
        ({"age": 17}, None),
        ({"age": 18}, EnrolRefusal.WRONG_AGE),
        ({"month_price_tiyn": 96_001}, EnrolRefusal.DEARER_THAN_VOUCHER),
        ({"held_tiyn": 95_999}, EnrolRefusal.HELD_TOO_LITTLE),
        ({"is_group_open": False, "age": 3}, EnrolRefusal.GROUP_CLOSED),
    ],
)
def test_the_first_reason_against_a_place_is_given(change: dict[str, object], reason: EnrolRefusal | None) -> None:
    assert refuse_place(replace(GOOD, **change)) is reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("starts_on", "reason"),
    [
        (date(2026, 9, 9), EnrolRefusal.START_PAST),
        (date(2026, 9, 10), None),
        (date(2026, 12, 31), None),
        (date(2027, 1, 1), EnrolRefusal.OUTSIDE_VOUCHER),
        (date(9999, 12, 31), EnrolRefusal.OUTSIDE_VOUCHER),
    ],
)
def test_a_place_begins_from_today_within_the_vouchers_months(starts_on: date, reason: EnrolRefusal | None) -> None:
    assert refuse_day(starts_on, date(2026, 9, 10), SEPTEMBER, DECEMBER) is reason


def test_a_voucher_of_later_months_gives_no_place_before_them() -> None:
    assert refuse_day(date(2026, 9, 30), date(2026, 9, 10), date(2026, 10, 1), DECEMBER) is EnrolRefusal.OUTSIDE_VOUCHER


@pytest.mark.parametrize("state", [s for s in VoucherState if s is not VoucherState.ISSUED])
def test_only_an_issued_voucher_is_accepted(state: VoucherState) -> None:
    assert refuse_answer(state, SEPTEMBER, SEPTEMBER) is VoucherRefusal.WRONG_STATE


def test_the_day_of_acceptance_still_counts() -> None:
    assert refuse_answer("issued", SEPTEMBER, SEPTEMBER) is None
    assert refuse_answer("issued", SEPTEMBER, SEPTEMBER + timedelta(days=1)) is VoucherRefusal.ACCEPT_LATE


@pytest.mark.parametrize(
    ("born_on", "on", "years"),
    [
        (date(2016, 9, 15), date(2026, 9, 14), 9),
        (date(2016, 9, 15), date(2026, 9, 15), 10),
        (date(2020, 2, 29), date(2026, 2, 28), 5),
        (date(2020, 2, 29), date(2026, 3, 1), 6),
    ],
)
def test_age_is_whole_years_on_the_day(born_on: date, on: date, years: int) -> None:
    assert whole_years(born_on, on) == years


@pytest.mark.parametrize(
    ("starts_on", "cap", "tiyn"),
    [
        (SEPTEMBER, 8, 48_000),
        (SEPTEMBER, 3, 36_000),
        (date(2026, 9, 3), 8, 36_000),
        (date(2026, 9, 11), 8, 0),
        (date(2026, 10, 1), 8, 0),
    ],
)
def test_a_place_costs_its_lessons_left_up_to_the_months_units(starts_on: date, cap: int, tiyn: int) -> None:
    lessons = [date(2026, 9, d) for d in (1, 3, 8, 10)]
    assert place_tiyn(12_000, lessons, starts_on, cap) == tiyn


@given(st.lists(DAYS, unique=True).map(sorted), DAYS, DAYS, st.integers(0, 31))
def test_units_are_the_lessons_of_the_span_and_a_split_month_never_costs_more_lessons(
    lessons: list[date], one: date, other: date, cap: int
) -> None:
    first, last = sorted((one, other))
    whole = units_between(lessons, first, last, 10**6)
    assert whole == sum(first <= d <= last for d in lessons)
    assert units_between(lessons, first, last, cap) == min(cap, whole)
    parts = units_between(lessons, first, one, 10**6) + units_between(lessons, one + timedelta(days=1), last, 10**6)
    assert parts == whole


@given(DAYS)
def test_a_month_ends_on_its_last_day(day: date) -> None:
    end = month_end(day)
    assert (end.year, end.month) == (day.year, day.month)
    assert (end + timedelta(days=1)).day == 1


def test_months_are_counted_with_both_ends_and_never_below_none() -> None:
    assert months_from(SEPTEMBER, DECEMBER) == 4
    assert months_from(DECEMBER, date(2027, 1, 1)) == 2
    assert months_from(DECEMBER, SEPTEMBER) == 0


@given(st.lists(st.sampled_from([None, *EnrolRefusal, *VoucherRefusal])))
def test_outcomes_survive_being_kept(reasons: list[EnrolRefusal | VoucherRefusal | None]) -> None:
    refused = {row: r for row, r in enumerate(reasons) if r is not None}
    ids = {row: row + 100 for row, r in enumerate(reasons) if r is None}
    outcomes = outcomes_of(len(reasons), ids, refused)
    assert unpacked(packed(outcomes)) == outcomes


def test_later_mentions_are_repeats() -> None:
    assert repeated([7, 8, 7, 7, 9]) == {2, 3}


@pytest.mark.parametrize(("states", "table"), [(VoucherState, TRANSITIONS), (EnrolmentState, ENROLMENT_TRANSITIONS)])
def test_every_state_is_reached_from_birth_and_only_the_last_is_final(
    states: type[VoucherState] | type[EnrolmentState], table: frozenset[tuple[str, str]]
) -> None:
    reached, edge = set(), {""}
    while edge:
        reached |= edge
        edge = {b for a, b in table if a in reached} - reached
    assert reached == {"", *states}
    assert set(states) - {a for a, _ in table} == {list(states)[-1]}

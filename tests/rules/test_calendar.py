"""Working days: Monday to Friday but for the days somebody wrote down (docs/rules/calendar.md)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes.rules import Calendar

HOLIDAYS = Calendar({day.day: day.is_working for day in classifiers.holidays()})


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        (date(2026, 2, 2), 0, date(2026, 2, 2)),
        (date(2026, 2, 2), 2, date(2026, 2, 4)),
        (date(2026, 2, 6), 1, date(2026, 2, 9)),  # over a weekend
        (date(2026, 2, 7), 1, date(2026, 2, 9)),  # from a Saturday
        (date(2026, 3, 6), 1, date(2026, 3, 10)),  # 8 March is a Sunday, so Monday rests too
        (date(2026, 3, 20), 1, date(2026, 3, 26)),  # Nauryz with its moved days
        (date(2026, 12, 31), 4, date(2027, 1, 11)),  # New Year with its moved day, then 7 January
    ],
)
def test_the_nth_working_day_after(day: date, n: int, expected: date) -> None:
    assert HOLIDAYS.add_working_days(day, n) == expected


def test_a_working_saturday_counts() -> None:
    calendar = Calendar({date(2026, 2, 7): True})
    assert calendar.is_working(date(2026, 2, 7))
    assert calendar.add_working_days(date(2026, 2, 6), 1) == date(2026, 2, 7)


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 60))
def test_counting_back_what_was_added_gives_n(day: date, n: int) -> None:
    last = HOLIDAYS.add_working_days(day, n)
    assert HOLIDAYS.working_days_between(day, last) == n
    assert n == 0 or HOLIDAYS.is_working(last)


def test_every_holiday_stands_once_with_its_source_and_rests() -> None:
    days = classifiers.holidays()
    assert len({row.day for row in days}) == len(days)
    assert all(row.source and row.name_kk and row.name_ru and not row.is_working for row in days)
    assert {row.day.year for row in days} == {2026, 2027}


def test_a_holiday_on_a_weekend_is_followed_by_a_moved_day_of_rest() -> None:
    fixed = [row.day for row in classifiers.holidays() if row.source.startswith("law 267-II")]
    for day in (d for d in fixed if d.weekday() >= 5):
        following = [day + timedelta(days=n) for n in range(1, 5)]
        assert any(d.weekday() < 5 and not HOLIDAYS.is_working(d) for d in following), day

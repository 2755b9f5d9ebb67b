"""Pure rules of providers against plain counting, and the numbers of DOMAIN.md 4 and 5.1."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.providers.rules import (
    Paper,
    PaperKind,
    Slot,
    iban_is_right,
    is_venue_full,
    lessons_of,
    meets,
    papers_hold_until,
)

START = date(2026, 1, 1)
days = st.integers(0, 40).map(lambda n: START + timedelta(n))
last_days = st.one_of(st.none(), days)
hours = st.integers(8, 19)


@st.composite
def slots(draw, group: int = 1, weekdays: int = 7) -> Slot:
    starts = draw(hours)
    ends = draw(st.integers(starts + 1, 20))
    first = draw(days)
    last = draw(st.one_of(st.none(), st.integers(0, 30).map(lambda n: first + timedelta(n))))
    return Slot(group, 1, 1, draw(st.integers(1, weekdays)), time(starts), time(ends), first, last)


def _has_lesson(slot: Slot, day: date) -> bool:
    in_days = slot.first_day <= day and (slot.last_day is None or day <= slot.last_day)
    return in_days and day.isoweekday() == slot.weekday


@given(st.lists(slots(), max_size=3), days, days, st.frozensets(days, max_size=5))
def test_lessons_are_the_days_that_the_timetable_the_span_and_the_calendar_allow(timetable, first, last, free):
    span = [START + timedelta(n) for n in range(45)]
    expected = [
        (s.starts, d) for s in timetable for d in span if first <= d <= last and _has_lesson(s, d) and d not in free
    ]
    assert [(x.starts, x.on) for x in lessons_of(timetable, first, last, free)] == expected


@given(slots(weekdays=2), slots(weekdays=2))
def test_two_lessons_meet_where_some_day_and_hour_is_of_both(a, b):
    week = [max(a.first_day, b.first_day) + timedelta(n) for n in range(7)]
    hours_of = [set(range(s.starts.hour, s.ends.hour)) for s in (a, b)]
    shares = any(_has_lesson(a, d) and _has_lesson(b, d) for d in week) and bool(hours_of[0] & hours_of[1])
    if shares:
        assert meets(a, b)
    if meets(a, b):  # the days overlap; that they hold the weekday is not asked: a refusal too many is no harm
        assert a.weekday == b.weekday
        assert hours_of[0] & hours_of[1]


@given(st.lists(st.tuples(slots(weekdays=1), st.integers(1, 20)), max_size=4), slots(group=99, weekdays=1))
def test_a_venue_is_full_where_at_some_hour_of_some_day_too_many_would_be_there(stored, wanted):
    taken = [
        Slot(n, s.teacher_id, s.venue_id, s.weekday, s.starts, s.ends, s.first_day, s.last_day)
        for n, (s, _) in enumerate(stored)
    ]
    children = {n: size for n, (_, size) in enumerate(stored)}
    most = 0
    for n in range(80):
        day = START + timedelta(n)
        if not wanted.first_day <= day or (wanted.last_day is not None and day > wanted.last_day):
            continue
        for hour in range(wanted.starts.hour, wanted.ends.hour):
            there = [t for t in taken if t.first_day <= day and (t.last_day is None or day <= t.last_day)]
            most = max(most, sum(children[t.group_id] for t in there if t.starts.hour <= hour < t.ends.hour))
    assert is_venue_full([wanted], taken, children, 10, most + 9)
    assert not is_venue_full([wanted], taken, children, 10, most + 10)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("KZ699990000000000001", True),
        ("KZ63999TEST000000002", True),
        ("KZ699990000000000002", False),
        ("KZ69999000000000001", False),
        ("kz699990000000000001", False),
        ("DE699990000000000001", False),
        ("KZ69999000000000000１", False),
        ("", False),
    ],
)
def test_a_kazakh_iban_has_its_check_digits(text, is_right):
    assert iban_is_right(text) is is_right


def test_papers_hold_to_the_earliest_end_of_what_is_required_counting_the_latest_of_each_kind():
    def paper(kind: PaperKind, last: date | None) -> Paper:
        return Paper(kind, "1", START, last)

    end, later = date(2026, 6, 30), date(2026, 9, 30)
    full = [paper(PaperKind.PREMISES, None), paper(PaperKind.SANITARY, later), paper(PaperKind.TEACHERS, later)]
    assert papers_hold_until(full, START) == (False, None)
    assert papers_hold_until([*full, paper(PaperKind.FIRE, end)], START) == (True, end)
    assert papers_hold_until([*full, paper(PaperKind.FIRE, end), paper(PaperKind.FIRE, None)], START) == (True, later)
    assert papers_hold_until([*full, paper(PaperKind.FIRE, end)], end + timedelta(1)) == (False, None)

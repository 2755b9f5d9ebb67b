"""When a child may come on trial: each reason, in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from qosymsha.domain.programmes.agreement_rules import TrialTerms
from qosymsha.domain.trials.rules import (
    LessonNow,
    TrialFacts,
    TrialRefusal,
    refuse_cancelling,
    refuse_marking,
    refuse_trial,
)

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
TODAY = date(2026, 9, 1)
TERMS = TrialTerms(on=True, ahead_days=14, guests=2, most=3, within_days=90)
LESSON = LessonNow(date(2026, 9, 3), NOW + timedelta(days=2), True, taken=5, capacity=10, guests=0)
FACTS = TrialFacts(is_open=True, fits_age=True, has_place=False, here=0, lately=0, lesson=LESSON)


def why(facts: TrialFacts = FACTS, terms: TrialTerms = TERMS) -> TrialRefusal | None:
    return refuse_trial(terms, facts, NOW, TODAY)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"is_open": False}, TrialRefusal.GROUP_CLOSED),
        ({"fits_age": False}, TrialRefusal.WRONG_AGE),
        ({"has_place": True}, TrialRefusal.HAS_PLACE),
        ({"here": 1}, TrialRefusal.ONCE),
        ({"lately": 2}, None),
        ({"lately": 3}, TrialRefusal.TOO_MANY),
        ({"lesson": replace(LESSON, is_live=False)}, TrialRefusal.LESSON_GONE),
        ({"lesson": replace(LESSON, starts_at=NOW)}, TrialRefusal.LESSON_GONE),
        ({"lesson": replace(LESSON, on=date(2026, 9, 15))}, None),
        ({"lesson": replace(LESSON, on=date(2026, 9, 16))}, TrialRefusal.TOO_FAR),
        ({"lesson": replace(LESSON, guests=1)}, None),
        ({"lesson": replace(LESSON, guests=2)}, TrialRefusal.LESSON_FULL),
        ({"lesson": replace(LESSON, taken=9)}, None),
        ({"lesson": replace(LESSON, taken=9, guests=1)}, TrialRefusal.LESSON_FULL),
        ({"lesson": replace(LESSON, taken=10)}, TrialRefusal.LESSON_FULL),
    ],
)
def test_each_rule_has_its_reason(changes: dict[str, object], reason: TrialRefusal | None) -> None:
    assert why(replace(FACTS, **changes)) == reason


def test_where_the_rules_have_no_trials_there_are_none() -> None:
    assert why(terms=TrialTerms()) == TrialRefusal.NONE_HERE


def test_a_booking_is_cancelled_before_the_lesson_and_marked_after_its_beginning() -> None:
    before, after = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    assert refuse_cancelling("booked", NOW, before) is None
    assert refuse_cancelling("booked", NOW, NOW) == TrialRefusal.OVER
    assert refuse_cancelling("came", NOW, before) == TrialRefusal.OVER
    assert refuse_marking("booked", True, NOW, before) == TrialRefusal.NOT_BEGUN
    assert [refuse_marking(state, True, NOW, after) for state in ("booked", "came", "missed")] == [None] * 3
    assert refuse_marking("cancelled", True, NOW, after) == TrialRefusal.OVER
    assert refuse_marking("booked", False, NOW, after) == TrialRefusal.OVER

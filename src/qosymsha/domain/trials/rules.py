"""When a child may come to a lesson on trial: pure. Source: docs/rules/trials.md T-1 … T-8."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from qosymsha.domain.programmes.agreement_rules import TrialTerms
from qosymsha.domain.trials.states import TrialState


class TrialRefusal(StrEnum):
    """Why there is no trial lesson, or no word about it."""

    NONE_HERE = "no_trials_here"
    GROUP_CLOSED = "trial_group_closed"
    WRONG_AGE = "trial_wrong_age"
    HAS_PLACE = "trial_has_place"
    ONCE = "trial_once"
    TOO_MANY = "trial_too_many"
    LESSON_GONE = "trial_lesson_gone"
    TOO_FAR = "trial_too_far"
    LESSON_FULL = "trial_lesson_full"
    OVER = "trial_over"
    NOT_BEGUN = "trial_not_begun"


@dataclass(frozen=True, slots=True)
class LessonNow:
    """The lesson wished for: its day and beginning, whether it takes place; children with a place in the group or an
    offer of one, the group's places, and guests booked already.
    """

    on: date
    starts_at: datetime
    is_live: bool
    taken: int
    capacity: int
    guests: int

    def is_full(self, most: int) -> bool:
        """One more guest would be one too many, for the rules or for the group."""
        return self.guests >= most or self.taken + self.guests >= self.capacity


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """What a booking is judged by: does the group take children that day, does the child fit and have no place there,
    its trials in this group and in the rule set's days.
    """

    is_open: bool
    fits_age: bool
    has_place: bool
    here: int
    lately: int
    lesson: LessonNow


def refuse_trial(terms: TrialTerms, facts: TrialFacts, at: datetime, today: date) -> TrialRefusal | None:
    """The first reason against a booking, or None (T-1 … T-7)."""
    lesson = facts.lesson
    checks = (
        (not terms.on, TrialRefusal.NONE_HERE),
        (not facts.is_open, TrialRefusal.GROUP_CLOSED),
        (not facts.fits_age, TrialRefusal.WRONG_AGE),
        (facts.has_place, TrialRefusal.HAS_PLACE),
        (facts.here > 0, TrialRefusal.ONCE),
        (facts.lately >= terms.most, TrialRefusal.TOO_MANY),
        (not lesson.is_live or lesson.starts_at <= at, TrialRefusal.LESSON_GONE),
        (lesson.on > today + timedelta(days=terms.ahead_days), TrialRefusal.TOO_FAR),
        (lesson.is_full(terms.guests), TrialRefusal.LESSON_FULL),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def refuse_cancelling(state: str, starts_at: datetime, at: datetime) -> TrialRefusal | None:
    """A family cancels what is booked, before it begins (T-8)."""
    return TrialRefusal.OVER if state != TrialState.BOOKED or starts_at <= at else None


def refuse_marking(state: str, is_live: bool, starts_at: datetime, at: datetime) -> TrialRefusal | None:
    """A teacher says who came once a lesson that takes place has begun; the word may be put right (T-8)."""
    if state == TrialState.CANCELLED or not is_live:
        return TrialRefusal.OVER
    return TrialRefusal.NOT_BEGUN if starts_at > at else None

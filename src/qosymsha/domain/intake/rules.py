"""What may be named, in time or not, and how an officer may decide. Source: docs/rules/documents.md."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from qosymsha.domain.intake.states import UNDECIDED, CaseState, Ground
from qosymsha.domain.programmes.rules import Calendar, Category, Rules

LONGEST_WORDS = 500
DRAFT_DAYS_AFTER_CLOSE = 30


class IntakeRefusal(StrEnum):
    """Why this room says no."""

    ROUND_NOT_OPEN = "intake_round_not_open"
    NOT_YOUR_CHILD = "intake_not_your_child"
    DRAFT_UNKNOWN = "draft_unknown"
    CATEGORY_NOT_NAMEABLE = "category_not_nameable"
    CATEGORY_CERTIFIED_ALREADY = "category_certified_already"
    CATEGORY_NAMED_ALREADY = "category_named_already"
    TOO_MANY_PAPERS = "too_many_papers"
    CASE_UNKNOWN = "case_unknown"
    CASE_DECIDED = "case_decided"
    CASE_TOO_LATE = "case_too_late"
    OWN_CHILD = "case_of_own_child"
    GROUND_MISSING = "case_ground_missing"
    WORDS_MISSING = "case_words_missing"
    FAMILY_HAS_TIME = "case_family_has_time"
    DAYS_BACKWARDS = "certificate_days_backwards"
    DAYS_TOO_LONG = "certificate_days_too_long"
    DAYS_OVER = "certificate_days_over"
    PAPERS_MISSING = "case_without_papers"


def nameable(rules: Rules) -> list[Category]:
    """The categories that a family may name with papers: all but everybody's; those of no register come first."""
    own = [category for category in rules.categories if category.evidence != "none"]
    return sorted(own, key=lambda category: (category.verifier != "officer", category.order))


def refuse_naming(rules: Rules, category: str, certified: Collection[str]) -> IntakeRefusal | None:
    """The first reason against naming a category for a child with these certified ones."""
    if category not in {one.code for one in nameable(rules)}:
        return IntakeRefusal.CATEGORY_NOT_NAMEABLE
    return IntakeRefusal.CATEGORY_CERTIFIED_ALREADY if category in certified else None


def due_on(handed_on: date, filed_on: date, last: date, days: int, calendar: Calendar) -> date:
    """The officer's last day: so many working days after papers and application are there, not past the cut-off day."""
    return min(calendar.add_working_days(max(handed_on, filed_on), days), last)


def answer_by(asked_on: date, last: date, days: int, calendar: Calendar) -> date:
    """The family's last day for another paper that was asked for, not past the cut-off day."""
    return min(calendar.add_working_days(asked_on, days), last)


def is_late(state: str, closes_at: datetime, at: datetime) -> bool:
    """True for a case that nobody decided before the round's close: it does not count."""
    return state in UNDECIDED and at >= closes_at


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as a decision finds it: its state, the round's close, whether the officer is the child's guardian.

    `answer_by`: until when the family may send what was asked for; None where nothing is. `waits_for_scan`: there is a
    paper that nobody but its sender may open yet.
    """

    state: str
    closes_at: datetime
    is_own: bool
    has_papers: bool
    answer_by: date | None = None
    waits_for_scan: bool = False


def refuse_decision(case: CaseFacts, at: datetime) -> IntakeRefusal | None:
    """The first reason against deciding a case now."""
    if case.is_own:
        return IntakeRefusal.OWN_CHILD
    if CaseState(case.state) not in UNDECIDED:
        return IntakeRefusal.CASE_DECIDED
    return IntakeRefusal.CASE_TOO_LATE if is_late(case.state, case.closes_at, at) else None


def refuse_certificate(
    category: Category, first: date, last: date | None, today: date, *, has_papers: bool
) -> IntakeRefusal | None:
    """The first reason against certifying for these days: at most as long as the rule set lets a word of it hold."""
    if not has_papers:
        return IntakeRefusal.PAPERS_MISSING
    if last is not None and last < first:
        return IntakeRefusal.DAYS_BACKWARDS
    if last is not None and last < today:
        return IntakeRefusal.DAYS_OVER
    if category.valid_days is None:
        return None
    longest = max(first, today) + timedelta(days=category.valid_days)
    return IntakeRefusal.DAYS_TOO_LONG if last is None or last > longest else None


def refuse_haste(case: CaseFacts, today: date) -> IntakeRefusal | None:
    """No category is refused while the family still has days to send the paper it was asked for."""
    return IntakeRefusal.FAMILY_HAS_TIME if case.answer_by is not None and today <= case.answer_by else None


def refuse_refusal(ground: str, words: str) -> IntakeRefusal | None:
    """A refusal and a question to the family name a stated ground, and say in words what is the matter."""
    if ground not in {one.value for one in Ground}:
        return IntakeRefusal.GROUND_MISSING
    return IntakeRefusal.WORDS_MISSING if not words.strip() else None

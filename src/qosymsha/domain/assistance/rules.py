"""How long a visit counts, how many a clerk may have, and when a code is over. Source: docs/rules/assistance.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class AssistanceRefusal(StrEnum):
    """Why a clerk is not let on. None says whether a number is known here."""

    BAD_NUMBER = "assisted_bad_number"
    TOO_MANY_FAMILIES = "assisted_too_many_families"
    TOO_MANY_PAPERS = "assisted_too_many_papers"
    PAPER_NEEDED = "assisted_paper_needed"
    VISIT_UNKNOWN = "visit_unknown"
    VISIT_OVER = "visit_over"
    VISIT_NOT_PROVED = "visit_not_proved"
    CODE_WRONG = "visit_code_wrong"
    CODE_OVER = "visit_code_over"
    TOO_MANY_CODES = "visit_too_many_codes"


@dataclass(frozen=True, slots=True)
class AssistanceLimits:
    """An installation may set others (ASSISTANCE_LIMITS): ours, no law names any. RELIABILITY.md T24.

    `families_a_day`: guardians whom one account helps; `starts_a_day`: visits begun, proved or not; `papers_a_day`:
    those proved by a scanned consent alone.
    """

    families_a_day: int = 40
    starts_a_day: int = 60
    papers_a_day: int = 5
    visit_minutes: int = 30
    code_minutes: int = 5
    codes_a_visit: int = 8
    tries: int = 5


@dataclass(frozen=True, slots=True)
class Day:
    """What an account has done today."""

    families: int
    starts: int
    papers: int


def refuse_start(day: Day, way: str, limits: AssistanceLimits) -> AssistanceRefusal | None:
    """The first reason against one more visit today."""
    if day.families >= limits.families_a_day or day.starts >= limits.starts_a_day:
        return AssistanceRefusal.TOO_MANY_FAMILIES
    if way == "paper" and day.papers >= limits.papers_a_day:
        return AssistanceRefusal.TOO_MANY_PAPERS
    return None


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """A visit as a step finds it; `fits`: what was typed is the code that was sent for this very purpose."""

    proved_at: datetime | None
    ended_at: datetime | None
    code_expires_at: datetime | None
    tries: int
    fits: bool = False


def refuse_visit(visit: VisitFacts, at: datetime, limits: AssistanceLimits) -> AssistanceRefusal | None:
    """The first reason against acting in a visit now."""
    if visit.ended_at is not None:
        return AssistanceRefusal.VISIT_OVER
    if visit.proved_at is None:
        return AssistanceRefusal.VISIT_NOT_PROVED
    is_over = at - visit.proved_at > timedelta(minutes=limits.visit_minutes)
    return AssistanceRefusal.VISIT_OVER if is_over else None


def refuse_code(visit: VisitFacts, at: datetime, limits: AssistanceLimits) -> AssistanceRefusal | None:
    """The first reason against a typed code; one is over once used, late, or tried too often, fitting or not."""
    if visit.code_expires_at is None or at >= visit.code_expires_at or visit.tries >= limits.tries:
        return AssistanceRefusal.CODE_OVER
    return None if visit.fits else AssistanceRefusal.CODE_WRONG

"""Absences: what a family announces, and when a place is warned, suspended and released: pure. G6."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qosymsha.domain.attendance.states import AbsenceState, MarkValue
from qosymsha.domain.programmes.rules import Absences

_KINDS = frozenset({MarkValue.ILL, MarkValue.EXCUSED})
LIVE_CASES = frozenset({AbsenceState.WARNED, AbsenceState.SUSPENDED})
LONGEST_NOTICE = timedelta(days=92)


class AbsenceRefusal(StrEnum):
    """Why an absence, or a word in its hearing, is not taken (R-40 … R-44)."""

    UNKNOWN_PLACE = "unknown_place"
    UNKNOWN_KIND = "unknown_absence"
    WRONG_DAYS = "wrong_days"
    REASON_MISSING = "reason_missing"
    PAPER_MISSING = "paper_missing"
    NOT_GUARDIAN = "not_guardian"
    UNKNOWN_CASE = "unknown_case"
    CASE_CLOSED = "case_closed"
    ALREADY_OBJECTED = "already_objected"
    EVIDENCE_MISSING = "evidence_missing"
    NAMED_TWICE = "named_twice"


ABSENCE_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in AbsenceRefusal}


@dataclass(frozen=True, slots=True)
class Notice:
    """A guardian's announcement: a place, `ill` or `excused`, first and last day, why, the paper's number."""

    enrolment_id: int
    guardian_id: int
    kind: str
    first: date
    last: date
    reason: str
    paper: str = ""


@dataclass(frozen=True, slots=True)
class CaseDecision:
    """A checker's decision of a long absence on evidence: the place stands, or is released."""

    case_id: int
    is_kept: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A live case of a long absence; `hear_until` is the hearing's last day."""

    id: int
    enrolment_id: int
    voucher_id: int
    territory_id: int
    state: str
    hear_until: date | None
    objection: str


def refuse_notice(notice: Notice, today: date) -> AbsenceRefusal | None:
    """The first reason against an announcement, or None (R-40): three months back and ahead, and `excused` by a paper.

    An illness may be announced first and its paper brought later.
    """
    if notice.kind not in _KINDS:
        return AbsenceRefusal.UNKNOWN_KIND
    is_near = today - LONGEST_NOTICE <= notice.first <= notice.last <= today + LONGEST_NOTICE
    if not is_near:
        return AbsenceRefusal.WRONG_DAYS
    if not notice.reason.strip():
        return AbsenceRefusal.REASON_MISSING
    is_without = notice.kind == MarkValue.EXCUSED and not notice.paper.strip()
    return AbsenceRefusal.PAPER_MISSING if is_without else None


def next_step(case: CaseFacts | None, missed: int, on: date, terms: Absences) -> AbsenceState | None:
    """What the clock does next with a place whose child missed so many lessons in a row; None: nothing (R-42, R-43).

    Warned first, suspended next, released only after the hearing, and never while an objection waits for a person.
    """
    if case is None:
        return AbsenceState.WARNED if missed >= terms.warn_after else None
    if missed < terms.warn_after:
        return AbsenceState.BACK
    if case.state == AbsenceState.WARNED:
        return AbsenceState.SUSPENDED if missed >= terms.release_after else None
    is_heard = case.hear_until is not None and on > case.hear_until and not case.objection
    return AbsenceState.RELEASED if is_heard else None

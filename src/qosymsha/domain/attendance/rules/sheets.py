"""What may be confirmed, decided and approved: pure. Source: docs/rules/attendance.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qosymsha.domain.attendance.rules.lessons import AttendanceRefusal
from qosymsha.domain.attendance.states import HEARS_GUARDIANS, SheetState, WordState

_GUARDIAN_WORDS = frozenset({WordState.CONFIRMED, WordState.DISPUTED})


@dataclass(frozen=True, slots=True)
class Word:
    """A guardian's word on a row: `confirmed`, or `disputed` with a reason."""

    row_id: int
    guardian_id: int
    word: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An officer's decision of a silent or disputed row on evidence: payable or not."""

    row_id: int
    is_payable: bool
    evidence: str


def refuse_word(word: str, reason: str, said: str, sheet_state: str) -> AttendanceRefusal | None:
    """The first reason against a guardian's word, or None; a disputed row may still be confirmed (R-8 … R-10)."""
    if word not in _GUARDIAN_WORDS:
        return AttendanceRefusal.UNKNOWN_WORD
    if sheet_state not in HEARS_GUARDIANS:
        return AttendanceRefusal.SHEET_NOT_OPEN
    if said != WordState.SILENT and not (said == WordState.DISPUTED and word == WordState.CONFIRMED):
        return AttendanceRefusal.ALREADY_SPOKEN
    return AttendanceRefusal.REASON_MISSING if word == WordState.DISPUTED and not reason.strip() else None


def refuse_decision(
    evidence: str, said: str, sheet_state: str, officer_from: date, today: date
) -> AttendanceRefusal | None:
    """The first reason against an officer's decision, or None (R-11, R-12)."""
    if sheet_state not in HEARS_GUARDIANS:
        return AttendanceRefusal.SHEET_NOT_OPEN
    if said not in (WordState.SILENT, WordState.DISPUTED):
        return AttendanceRefusal.ALREADY_SPOKEN
    if today < officer_from:
        return AttendanceRefusal.TOO_EARLY
    return None if evidence.strip() else AttendanceRefusal.EVIDENCE_MISSING


def refuse_approval(
    state: str, silent_rows: int, officer_from: date, today: date, *, is_partial_allowed: bool
) -> AttendanceRefusal | None:
    """The first reason against the customer's approval, or None (R-13, R-14)."""
    if state not in (SheetState.WITH_PARENTS, SheetState.WITH_CUSTOMER):
        return AttendanceRefusal.WRONG_STATE
    if not silent_rows:
        return None
    if today < officer_from:
        return AttendanceRefusal.WITH_PARENTS
    return None if is_partial_allowed else AttendanceRefusal.ROWS_SILENT

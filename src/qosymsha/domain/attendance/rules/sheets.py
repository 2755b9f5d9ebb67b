"""What may be confirmed, decided and approved: pure. Source: docs/rules/attendance.md."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from qosymsha.domain.attendance.rules.checkins import Trace
from qosymsha.domain.attendance.rules.lessons import REASONS, AttendanceRefusal
from qosymsha.domain.attendance.states import HEARS_GUARDIANS, HEARS_OBJECTIONS, HoldState, SheetState, WordState
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way


class SheetRefusal(StrEnum):
    """Why a sheet, a row or a day of it stays as it is (R-30 … R-39)."""

    PROOF_MISSING = "proof_missing"
    PROOF_STALE = "proof_stale"
    UNKNOWN_DAY = "unknown_day"
    DISPUTED_BY_OTHER = "disputed_by_other"
    UNKNOWN_HOLD = "unknown_hold"
    HOLD_RESOLVED = "hold_resolved"
    NOT_RETURNED = "not_returned"


SHEET_REASONS: dict[str, StrEnum] = REASONS | {reason.value: reason for reason in SheetRefusal}
_WAYS = frozenset(Way)
_GUARDIAN_WORDS = frozenset({WordState.CONFIRMED, WordState.DISPUTED})


@dataclass(frozen=True, slots=True)
class Word:
    """A guardian's word on a row: `confirmed`, or `disputed` with a reason.

    With `days` (sessions of the row) only these are disputed and the rest is confirmed. A guardian who speaks for
    herself gives a fresh `proof` of who she is.
    """

    row_id: int
    guardian_id: int
    word: str
    reason: str = ""
    days: tuple[int, ...] = ()
    proof: Proof | None = None
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class RowSaid:
    """What a row has heard so far: its word, its sheet's state, days disputed that nobody has decided, as the speaker
    finds them: `is_own` word or the other guardian's, the speaker's `own` disputes, days `objected` to before.
    """

    word: str
    sheet_state: str
    disputed: Collection[int] = ()
    is_own: bool = True
    own: Collection[int] | None = None
    objected: Collection[int] = ()

    @property
    def own_disputed(self) -> Collection[int]:
        """The days that the speaker disputes."""
        return self.disputed if self.own is None else self.own


@dataclass(frozen=True, slots=True)
class HeldDay:
    """A day of a row to hold back: `kind` disputed (cause: `dispute_cause`) | flagged (cause: the flag's id)."""

    sheet_row_id: int
    session_id: int
    kind: str
    cause_id: int = 0
    reason: str = ""
    guardian_id: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """An officer's decision of a silent or disputed row on evidence: payable or not."""

    row_id: int
    is_payable: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class HoldDecision:
    """A checker's decision of a day that a guardian disputes, on evidence: payable or not."""

    hold_id: int
    is_payable: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class RowRemark:
    """Why the customer sends a row of a sheet back."""

    row_id: int
    reason: str


def refuse_word(word: Word, said: RowSaid, present: Collection[int]) -> AttendanceRefusal | SheetRefusal | None:
    """The first reason against a guardian's word, or None (R-8 … R-10, R-31); `present`: sessions with such a mark.

    A disputed row may still be confirmed, and a row confirmed but for some days confirmed as a whole. Of two guardians
    the second may still dispute what the first confirmed, and neither takes back what the other disputes (guardians
    G-10 … G-12).
    """
    if word.word not in _GUARDIAN_WORDS:
        return AttendanceRefusal.UNKNOWN_WORD
    if said.sheet_state not in HEARS_GUARDIANS:
        return AttendanceRefusal.SHEET_NOT_OPEN
    reason = _refuse_again(word, said)
    if reason is not None:
        return reason
    if (word.word == WordState.DISPUTED or word.days) and not word.reason.strip():
        return AttendanceRefusal.REASON_MISSING
    return None if set(word.days) <= set(present) else SheetRefusal.UNKNOWN_DAY


def _refuse_again(word: Word, said: RowSaid) -> AttendanceRefusal | SheetRefusal | None:
    """Why a row that has heard a word hears no other."""
    confirms = word.word == WordState.CONFIRMED and not word.days
    if said.word == WordState.SILENT:
        return None
    if objects(word, said):
        return _refuse_objection(word, said)
    if said.word == WordState.DISPUTED:
        if not said.is_own:
            return SheetRefusal.DISPUTED_BY_OTHER
        return None if word.word == WordState.CONFIRMED else AttendanceRefusal.ALREADY_SPOKEN
    if said.word == WordState.CONFIRMED and confirms and said.disputed:
        return None if said.own_disputed else SheetRefusal.DISPUTED_BY_OTHER
    return AttendanceRefusal.ALREADY_SPOKEN


def _refuse_objection(word: Word, said: RowSaid) -> AttendanceRefusal | None:
    """One's objection to a day is heard once in a version of the sheet, and before it is approved."""
    if said.sheet_state not in HEARS_OBJECTIONS:
        return AttendanceRefusal.SHEET_NOT_OPEN
    is_heard = bool(word.days) and not set(word.days) & set(said.objected)
    return None if is_heard else AttendanceRefusal.ALREADY_SPOKEN


def dispute_cause(version: int, objector: int | None = None) -> int:
    """What tells disputes of one day apart: the sheet's version; of who objects to the other's word, that one's too."""
    return version if objector is None else -(objector * 1_000 + version)


def objects(word: Word, said: RowSaid) -> bool:
    """True where a guardian disputes what the other has confirmed."""
    is_dispute = word.word == WordState.DISPUTED or bool(word.days)
    return said.word == WordState.CONFIRMED and not said.is_own and is_dispute


def refuse_proof(proof: Proof | None, at: datetime, minutes: int) -> SheetRefusal | None:
    """The reason against a guardian's second factor, or None: it is known, not of the future, and fresh (R-30)."""
    if proof is None or proof.way not in _WAYS:
        return SheetRefusal.PROOF_MISSING
    return None if timedelta(0) <= at - proof.at <= timedelta(minutes=minutes) else SheetRefusal.PROOF_STALE


def reminder(on: date, days: Sequence[int]) -> str | None:
    """What is due on a day of the month after: `remind` on the rule's days, `ask` on the day after the last, or None.

    `ask` hands the silent rows to the consultation point and the phone line (R-33).
    """
    if on.day in days:
        return "remind"
    return "ask" if days and on.day == max(days) + 1 else None


def refuse_day_decision(evidence: str, state: str | None) -> AttendanceRefusal | SheetRefusal | None:
    """The first reason against a checker's decision of a disputed day, or None (R-32)."""
    if state is None:
        return SheetRefusal.UNKNOWN_HOLD
    if state != HoldState.OPEN:
        return SheetRefusal.HOLD_RESOLVED
    return None if evidence.strip() else AttendanceRefusal.EVIDENCE_MISSING


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

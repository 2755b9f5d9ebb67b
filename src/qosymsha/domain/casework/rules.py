"""Why a row can't be taken or given, and a voucher not be ended: pure. Source: docs/rules/casework.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from qosymsha.domain.casework.states import Ending, EndingState
from qosymsha.domain.vouchers.states import CloseReason, VoucherState

LONGEST_WORDS = 500
# What an official may say of a voucher that is closed; `refused` and `expired` are not an official's to say.
GROUNDS = (CloseReason.MOVED, CloseReason.AGED_OUT, CloseReason.ABSENT, CloseReason.FRAUD, CloseReason.BUDGET)


class CaseworkRefusal(StrEnum):
    """Why this room says no."""

    ROW_UNKNOWN = "row_unknown"
    ROW_HELD = "row_held"
    ROW_NOT_HELD = "row_not_held"
    NOT_A_HOLDER = "not_a_holder"

    ENDING_UNKNOWN = "ending_unknown"
    ENDING_OPEN = "ending_open"
    ENDING_DECIDED = "ending_decided"
    ENDING_SAME_OFFICIAL = "ending_same_official"
    ENDING_OWN_CHILD = "ending_own_child"
    ENDING_WORDS_MISSING = "ending_words_missing"
    ENDING_GROUND_UNKNOWN = "ending_ground_unknown"
    ENDING_SUSPEND_FIRST = "ending_suspend_first"
    ENDING_NOTHING_TO_END = "ending_nothing_to_end"
    ENDING_HEARING_RUNS = "ending_hearing_runs"
    ENDING_ABSENCE_OPEN = "ending_absence_open"


@dataclass(frozen=True, slots=True)
class EndingDraft:
    """What one official proposes: a place released or a voucher closed, on a ground of the list (close), in words."""

    ending: Ending
    ground: str
    words: str


def refuse_ending(ending: Ending, state: str, *, has_absence: bool) -> CaseworkRefusal | None:
    """The first reason against ending a voucher in this state (R-4, R-5): who has a place is suspended first."""
    if state == VoucherState.CLOSED or (ending is Ending.RELEASE and state not in _WITH_PLACE):
        return CaseworkRefusal.ENDING_NOTHING_TO_END
    if state == VoucherState.ACTIVE:
        return CaseworkRefusal.ENDING_SUSPEND_FIRST
    return CaseworkRefusal.ENDING_ABSENCE_OPEN if has_absence else None


_WITH_PLACE = (VoucherState.ACTIVE, VoucherState.SUSPENDED)


def refuse_draft(draft: EndingDraft) -> CaseworkRefusal | None:
    """The first reason against what was said: words always, a ground of the list for a closing."""
    if draft.ending is Ending.CLOSE and draft.ground not in {ground.value for ground in GROUNDS}:
        return CaseworkRefusal.ENDING_GROUND_UNKNOWN
    return None if draft.words.strip() else CaseworkRefusal.ENDING_WORDS_MISSING


def refuse_decision(
    state: str, *, is_proposer: bool, is_carried_out: bool, hear_until: date, today: date
) -> CaseworkRefusal | None:
    """The first reason against deciding (R-6): another person, and nothing is carried out before the hearing ended."""
    if state != EndingState.PROPOSED:
        return CaseworkRefusal.ENDING_DECIDED
    if is_proposer:
        return CaseworkRefusal.ENDING_SAME_OFFICIAL
    return CaseworkRefusal.ENDING_HEARING_RUNS if is_carried_out and today <= hear_until else None

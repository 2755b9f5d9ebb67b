"""What verbs of any room do with vouchers, places and seats inside an open transaction."""

from qosymsha.domain.vouchers.steps.deeds import Deed, begin, conclude, keep, record
from qosymsha.domain.vouchers.steps.endings import close, release, returned
from qosymsha.domain.vouchers.steps.entries import (
    CHOICE_FIRST,
    enter,
    facts_of,
    judge,
    refuse_before_choice,
    refuse_wish,
)
from qosymsha.domain.vouchers.steps.lives import change_lines, issue_vouchers, lock_vouchers, move_vouchers, prolong
from qosymsha.domain.vouchers.steps.moves import Moving, carry_out, judge_moves, lock_free
from qosymsha.domain.vouchers.steps.one_place import PlaceSeen, Taking, see_place, take_place
from qosymsha.domain.vouchers.steps.partings import Said, end_partings, hear_others
from qosymsha.domain.vouchers.steps.places import (
    Leaving,
    end_enrolments,
    free_seats,
    keep_promise,
    leavings,
    lesson_days,
    lock_seats,
    mark_left_over,
    mark_waited_for,
    open_enrolments,
    remainders,
    resize_seat,
    take_seats,
)
from qosymsha.domain.vouchers.steps.terms import Terms, Wish, allowed_kinds, entering, rules_by_set, terms_of
from qosymsha.domain.vouchers.steps.unguarded import keep_answerable
from qosymsha.domain.vouchers.steps.voices import hear
from qosymsha.domain.vouchers.steps.waits import Asked, ask_transfers, end_requests

__all__ = [
    "CHOICE_FIRST",
    "Asked",
    "Deed",
    "Leaving",
    "Moving",
    "PlaceSeen",
    "Said",
    "Taking",
    "Terms",
    "Wish",
    "allowed_kinds",
    "ask_transfers",
    "begin",
    "carry_out",
    "change_lines",
    "close",
    "conclude",
    "end_enrolments",
    "end_partings",
    "end_requests",
    "enter",
    "entering",
    "facts_of",
    "free_seats",
    "hear",
    "hear_others",
    "issue_vouchers",
    "judge",
    "judge_moves",
    "keep",
    "keep_answerable",
    "keep_promise",
    "leavings",
    "lesson_days",
    "lock_free",
    "lock_seats",
    "lock_vouchers",
    "mark_left_over",
    "mark_waited_for",
    "move_vouchers",
    "open_enrolments",
    "prolong",
    "record",
    "refuse_before_choice",
    "refuse_wish",
    "release",
    "see_place",
    "remainders",
    "resize_seat",
    "returned",
    "rules_by_set",
    "take_place",
    "take_seats",
    "terms_of",
]

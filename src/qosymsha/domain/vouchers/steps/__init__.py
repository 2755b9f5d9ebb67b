"""What verbs of any room do with vouchers, places and seats inside an open transaction."""

from qosymsha.domain.vouchers.steps.deeds import Deed, begin, conclude, keep, record
from qosymsha.domain.vouchers.steps.endings import close, release, returned
from qosymsha.domain.vouchers.steps.lives import issue_vouchers, lock_vouchers, move_vouchers
from qosymsha.domain.vouchers.steps.places import (
    Leaving,
    end_enrolments,
    free_seats,
    leavings,
    lesson_days,
    lock_seats,
    open_enrolments,
    remainders,
    take_seats,
)
from qosymsha.domain.vouchers.steps.voices import hear

__all__ = [
    "Deed",
    "Leaving",
    "begin",
    "close",
    "conclude",
    "end_enrolments",
    "free_seats",
    "hear",
    "issue_vouchers",
    "keep",
    "leavings",
    "lesson_days",
    "lock_seats",
    "lock_vouchers",
    "move_vouchers",
    "open_enrolments",
    "record",
    "release",
    "remainders",
    "returned",
    "take_seats",
]

"""What verbs do with lessons, marks and sheets inside an open transaction."""

from qosymsha.domain.attendance.steps.lessons import (
    cancel_sessions,
    copy_marks,
    hold_sessions,
    lock_marks,
    open_sessions,
)
from qosymsha.domain.attendance.steps.sheets import (
    OfficerTerms,
    close_sheets,
    draw_sheets,
    lock_rows,
    lock_sheets,
    move_sheets,
    officer_terms,
    pass_spoken,
    silent_rows,
    write_decisions,
    write_words,
)

__all__ = [
    "OfficerTerms",
    "cancel_sessions",
    "close_sheets",
    "copy_marks",
    "draw_sheets",
    "hold_sessions",
    "lock_marks",
    "lock_rows",
    "lock_sheets",
    "move_sheets",
    "officer_terms",
    "open_sessions",
    "pass_spoken",
    "silent_rows",
    "write_decisions",
    "write_words",
]

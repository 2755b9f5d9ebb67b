"""The room's verbs for the doors: batches with an outcome per row; repeating a `key` does nothing twice."""

from qosymsha.domain.attendance.commands.absences import (
    Watched,
    announce_absence,
    decide_absences,
    object_to_absence,
    watch_absences,
)
from qosymsha.domain.attendance.commands.checkins import check_in, check_in_children, read_cards
from qosymsha.domain.attendance.commands.holds import decide_days
from qosymsha.domain.attendance.commands.marks import (
    Synced,
    amend_marks,
    mark_sessions,
    resolve_objections,
    sync_marks,
)
from qosymsha.domain.attendance.commands.reminders import (
    forget_traces,
    remind_guardians,
)
from qosymsha.domain.attendance.commands.returns import (
    pause_sheets,
    resend_sheet,
    resume_sheets,
    return_sheet,
    void_sheets,
)
from qosymsha.domain.attendance.commands.sessions import (
    Moved,
    cancel_session,
    cancel_sessions,
    move_session,
    move_sessions,
    plan_sessions,
    reinstate_session,
    reinstate_sessions,
    substitute_teacher,
    substitute_teachers,
)
from qosymsha.domain.attendance.commands.sheets import (
    approve_sheets,
    confirm_month,
    confirm_rows,
    decide_rows,
    send_sheets,
)

__all__ = [
    "remind_guardians",
    "forget_traces",
    "watch_absences",
    "object_to_absence",
    "decide_absences",
    "announce_absence",
    "Watched",
    "void_sheets",
    "return_sheet",
    "resume_sheets",
    "resend_sheet",
    "pause_sheets",
    "confirm_month",
    "decide_days",
    "read_cards",
    "check_in_children",
    "check_in",
    "approve_sheets",
    "cancel_sessions",
    "confirm_rows",
    "decide_rows",
    "mark_sessions",
    "plan_sessions",
    "send_sheets",
    "Synced",
    "amend_marks",
    "resolve_objections",
    "sync_marks",
    "Moved",
    "cancel_session",
    "move_session",
    "move_sessions",
    "reinstate_session",
    "reinstate_sessions",
    "substitute_teacher",
    "substitute_teachers",
]

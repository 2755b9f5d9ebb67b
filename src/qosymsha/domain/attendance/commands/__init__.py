"""The room's verbs for the doors: batches with an outcome per row; repeating a `key` does nothing twice."""

from qosymsha.domain.attendance.commands.sessions import cancel_sessions, mark_sessions, plan_sessions
from qosymsha.domain.attendance.commands.sheets import approve_sheets, confirm_rows, decide_rows, send_sheets

__all__ = [
    "approve_sheets",
    "cancel_sessions",
    "confirm_rows",
    "decide_rows",
    "mark_sessions",
    "plan_sessions",
    "send_sheets",
]

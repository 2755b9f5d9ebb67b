"""What may be marked, confirmed, decided and approved: pure. Source: docs/rules/attendance.md."""

from qosymsha.domain.attendance.rules.lessons import (
    REASONS,
    AttendanceRefusal,
    MarkRow,
    Place,
    SessionFacts,
    refuse_mark,
)
from qosymsha.domain.attendance.rules.sheets import (
    Decision,
    Word,
    refuse_approval,
    refuse_decision,
    refuse_word,
)

__all__ = [
    "AttendanceRefusal",
    "Decision",
    "MarkRow",
    "Place",
    "REASONS",
    "SessionFacts",
    "Word",
    "refuse_approval",
    "refuse_decision",
    "refuse_mark",
    "refuse_word",
]

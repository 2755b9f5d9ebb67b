"""Sessions and marks; month sheets and their rows."""

from qosymsha.domain.attendance.models.lessons import (
    Mark,
    Session,
)
from qosymsha.domain.attendance.models.sheets import (
    MonthSheet,
    MonthSheetHistory,
    SheetRow,
)

__all__ = [
    "Mark",
    "MonthSheet",
    "MonthSheetHistory",
    "Session",
    "SheetRow",
]

"""Sessions and marks; month sheets and their rows; check-ins, traces, held days; absences."""

from qosymsha.domain.attendance.models.absences import AbsenceCase, AbsenceCaseHistory, AbsenceNotice
from qosymsha.domain.attendance.models.checkins import CheckIn, CheckInRefusal, TraceRow
from qosymsha.domain.attendance.models.lessons import Session, SessionChange
from qosymsha.domain.attendance.models.marks import Mark, MarkBatch, MarkChange, MarkDevice, MarkObjection
from qosymsha.domain.attendance.models.sheets import (
    DayHold,
    MonthSheet,
    MonthSheetHistory,
    ReturnedRow,
    SheetRow,
    SheetVersion,
)

__all__ = [
    "AbsenceCase",
    "AbsenceCaseHistory",
    "AbsenceNotice",
    "CheckIn",
    "CheckInRefusal",
    "DayHold",
    "Mark",
    "MarkBatch",
    "MarkChange",
    "MarkDevice",
    "MarkObjection",
    "MonthSheet",
    "MonthSheetHistory",
    "ReturnedRow",
    "Session",
    "SessionChange",
    "SheetRow",
    "SheetVersion",
    "TraceRow",
]

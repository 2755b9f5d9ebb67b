"""Reads of lessons, sheets and rows. What shows children's presence to a person takes the actor and is audited."""

from qosymsha.domain.attendance.queries.lessons import (
    SESSION_COLUMNS,
    sessions_of,
)
from qosymsha.domain.attendance.queries.sheets import (
    ROW_COLUMNS,
    SHEET_COLUMNS,
    PayableRow,
    RowFacts,
    SheetFacts,
    lessons_by_mark,
    payable_rows,
    rows_by_word,
    rows_of_sheets,
    sent_months,
    sheet_of,
    sheets,
    sheets_by_state,
)

__all__ = [
    "PayableRow",
    "ROW_COLUMNS",
    "RowFacts",
    "SESSION_COLUMNS",
    "SHEET_COLUMNS",
    "SheetFacts",
    "lessons_by_mark",
    "payable_rows",
    "rows_by_word",
    "rows_of_sheets",
    "sent_months",
    "sessions_of",
    "sheet_of",
    "sheets",
    "sheets_by_state",
]

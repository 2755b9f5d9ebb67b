"""The lives of sessions, month sheets and the second party's word. Sources: DOMAIN.md 1.6, PRODUCT.md G4."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """The life of one lesson."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"
    MOVED = "moved"


class MarkValue(StrEnum):
    """What the provider saw: the first party's word."""

    PRESENT = "present"
    ILL = "ill"
    EXCUSED = "excused"
    ABSENT = "absent"


class SheetState(StrEnum):
    """The eight states of a month sheet, in the order of DOMAIN.md 1.6."""

    OPEN = "open"
    WITH_PARENTS = "with_parents"
    WITH_CUSTOMER = "with_customer"
    RETURNED = "returned"
    FOR_PAYMENT = "for_payment"
    PAUSED = "paused"
    VOID = "void"
    CLOSED = "closed"


class WordState(StrEnum):
    """The second party's word on a row; `decided` and `rejected` are a named officer's, on evidence."""

    SILENT = "silent"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    DECIDED = "decided"
    REJECTED = "rejected"


class Topic(StrEnum):
    """What the outbox tells about attendance."""

    PLANNED = "sessions_planned"
    CANCELLED = "session_cancelled"
    MARKED = "sessions_marked"
    SENT = "sheet_sent"
    SPOKEN = "row_spoken"
    DECIDED = "row_decided"
    APPROVED = "sheet_approved"
    RETURNED = "sheet_returned"


_S = SessionState
SESSION_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _S.PLANNED), (_S.PLANNED, _S.HELD), (_S.PLANNED, _S.CANCELLED), (_S.PLANNED, _S.MOVED), (_S.MOVED, _S.HELD)}
)

_M = SheetState
SHEET_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _M.OPEN),
        (_M.OPEN, _M.WITH_PARENTS),
        (_M.WITH_PARENTS, _M.WITH_CUSTOMER),
        (_M.WITH_CUSTOMER, _M.FOR_PAYMENT),
        (_M.WITH_CUSTOMER, _M.RETURNED),
        (_M.RETURNED, _M.WITH_PARENTS),
        (_M.WITH_PARENTS, _M.PAUSED),
        (_M.WITH_CUSTOMER, _M.PAUSED),
        (_M.PAUSED, _M.WITH_CUSTOMER),
        (_M.PAUSED, _M.VOID),
        (_M.RETURNED, _M.VOID),
        (_M.FOR_PAYMENT, _M.CLOSED),
    }
)

_W = WordState
WORD_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _W.SILENT),
        (_W.SILENT, _W.CONFIRMED),
        (_W.SILENT, _W.DISPUTED),
        (_W.SILENT, _W.DECIDED),
        (_W.SILENT, _W.REJECTED),
        (_W.DISPUTED, _W.CONFIRMED),
        (_W.DISPUTED, _W.DECIDED),
        (_W.DISPUTED, _W.REJECTED),
    }
)

HEARS_GUARDIANS = frozenset({_M.WITH_PARENTS, _M.WITH_CUSTOMER, _M.FOR_PAYMENT})

"""The lives of sessions, month sheets and the second party's word. Sources: DOMAIN.md 1.6, PRODUCT.md G4."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """The life of one lesson."""

    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"
    MOVED = "moved"


class ChangeKind(StrEnum):
    """What may be changed about a session; `made_up`: another one instead of a cancelled; `rehoused`: its hall."""

    MOVED = "moved"
    MADE_UP = "made_up"
    CANCELLED = "cancelled"
    REINSTATED = "reinstated"
    SUBSTITUTED = "substituted"
    REHOUSED = "rehoused"


class MarkValue(StrEnum):
    """What the provider saw: the first party's word."""

    PRESENT = "present"
    ILL = "ill"
    EXCUSED = "excused"
    ABSENT = "absent"


class MarkSource(StrEnum):
    """How a mark came: online, from a phone that had no network, or put right by a person."""

    PROVIDER = "provider"
    DEVICE = "device"
    CORRECTED = "corrected"


class ObjectionState(StrEnum):
    """The life of a phone's word that is not the mark itself."""

    OPEN = "open"
    AGREED = "agreed"
    SUPERSEDED = "superseded"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


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


class CheckInKind(StrEnum):
    """Who else saw the child: the family's scan is a second party's word, a late scan or a card read is evidence."""

    CODE = "code"
    LATE = "late"
    CARD = "card"


class HoldKind(StrEnum):
    """Why a day is held back: the guardian disputes it, or a red flag names it."""

    DISPUTED = "disputed"
    FLAGGED = "flagged"


class HoldState(StrEnum):
    """The life of a held day: a person clears it (payable again) or upholds it (never payable)."""

    OPEN = "open"
    CLEARED = "cleared"
    UPHELD = "upheld"


class TraceKind(StrEnum):
    """What a trace of a device was left by."""

    MARK = "mark"
    CHECK_IN = "check_in"
    WORD = "word"


class AbsenceState(StrEnum):
    """What follows when a child stays away for long.

    `kept`: a person let the place stand; `back`: the child came again; `over`: the place ended for another reason.
    """

    WARNED = "warned"
    SUSPENDED = "suspended"
    RELEASED = "released"
    KEPT = "kept"
    BACK = "back"
    OVER = "over"


class Topic(StrEnum):
    """What the outbox tells about attendance."""

    PLANNED = "sessions_planned"
    CANCELLED = "session_cancelled"
    MOVED = "session_moved"
    REINSTATED = "session_reinstated"
    SUBSTITUTED = "session_substituted"
    MARKED = "sessions_marked"
    SYNCED = "marks_synced"
    OBJECTION_RESOLVED = "mark_objection_resolved"
    MARK_CHANGED = "mark_changed"
    SENT = "sheet_sent"
    SPOKEN = "row_spoken"
    DECIDED = "row_decided"
    APPROVED = "sheet_approved"
    RETURNED = "sheet_returned"
    RESENT = "sheet_resent"
    PAUSED = "sheet_paused"
    RESUMED = "sheet_resumed"
    VOIDED = "sheet_voided"
    HELD = "day_held"
    HOLD_CLEARED = "day_hold_cleared"
    HOLD_UPHELD = "day_hold_upheld"
    REMINDED = "month_reminded"
    ASKED = "month_asked"
    ABSENCE_ANNOUNCED = "absence_announced"
    ABSENCE_WARNED = "absence_warned"
    ABSENCE_SUSPENDED = "absence_suspended"
    ABSENCE_OBJECTED = "absence_objected"
    ABSENCE_RELEASED = "absence_released"
    ABSENCE_OVER = "absence_over"


_S = SessionState
SESSION_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _S.PLANNED),
        (_S.PLANNED, _S.HELD),
        (_S.PLANNED, _S.CANCELLED),
        (_S.PLANNED, _S.MOVED),
        (_S.CANCELLED, _S.PLANNED),
    }
)

_O = ObjectionState
OBJECTION_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _O.OPEN), ("", _O.AGREED), ("", _O.SUPERSEDED)}
    | {(a, b) for a in (_O.OPEN, _O.AGREED) for b in (_O.OPEN, _O.AGREED, _O.SUPERSEDED) if a != b}
    | {(_O.OPEN, _O.UPHELD), (_O.OPEN, _O.DISMISSED)}
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
        (_M.PAUSED, _M.WITH_PARENTS),
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
        # Only in a new version of a returned sheet, where the row's marks were put right.
        (_W.CONFIRMED, _W.SILENT),
        (_W.DISPUTED, _W.SILENT),
        (_W.DECIDED, _W.SILENT),
        (_W.REJECTED, _W.SILENT),
    }
)

_H = HoldState
HOLD_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", _H.OPEN), (_H.OPEN, _H.CLEARED), (_H.OPEN, _H.UPHELD)})

_A = AbsenceState
ABSENCE_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _A.WARNED),
        (_A.WARNED, _A.SUSPENDED),
        (_A.WARNED, _A.BACK),
        (_A.WARNED, _A.KEPT),
        (_A.WARNED, _A.OVER),
        (_A.SUSPENDED, _A.OVER),
        (_A.SUSPENDED, _A.RELEASED),
        (_A.SUSPENDED, _A.BACK),
        (_A.SUSPENDED, _A.KEPT),
    }
)

HEARS_GUARDIANS = frozenset({_M.WITH_PARENTS, _M.WITH_CUSTOMER, _M.FOR_PAYMENT})
HEARS_OBJECTIONS = frozenset({_M.WITH_PARENTS, _M.WITH_CUSTOMER})  # of the other guardian; until it is approved

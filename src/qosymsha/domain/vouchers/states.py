"""The lives of vouchers and enrolments, and the news they make. Sources: DOMAIN.md 1.4, DESIGN.md 10."""

from __future__ import annotations

from enum import StrEnum


class VoucherState(StrEnum):
    """The life of a voucher; `released` means without a place and choosing again."""

    ISSUED = "issued"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RELEASED = "released"
    CLOSED = "closed"


class EnrolmentState(StrEnum):
    """The life of a place; a choice round offers one, a place taken directly is `active` from birth."""

    OFFERED = "offered"
    CONTRACTED = "contracted"
    ACTIVE = "active"
    ENDED = "ended"


class CloseReason(StrEnum):
    """Why a voucher was closed (DOMAIN.md 1.4)."""

    REFUSED = "refused"
    EXPIRED = "expired"
    ABSENT = "absent"
    AGED_OUT = "aged_out"
    MOVED = "moved"
    FRAUD = "fraud"
    BUDGET = "budget"


class TransferState(StrEnum):
    """The life of a transfer to another line that waits for that line's money."""

    WAITING = "waiting"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REFUSED = "refused"


class PartingKind(StrEnum):
    """What one of two guardians asks that cannot be undone once it is done."""

    LEAVE = "leave"  # the place is given up
    MOVE = "move"  # the place is changed for one in another group
    REFUSE = "refuse"  # the voucher is given back


class PartingState(StrEnum):
    """The life of such a word; `over`: what it spoke of has changed meanwhile, or may not be done any more."""

    WAITING = "waiting"
    DONE = "done"
    STOPPED = "stopped"
    OVER = "over"


class Topic(StrEnum):
    """What the outbox tells about vouchers."""

    ISSUED = "voucher_issued"
    ACCEPTED = "voucher_accepted"
    SUSPENDED = "voucher_suspended"
    RESUMED = "voucher_resumed"
    RELEASED = "voucher_released"
    CLOSED = "voucher_closed"
    ENROLLED = "enrolment_opened"
    TRANSFERRED = "enrolment_transferred"
    TRANSFER_WAITS = "transfer_waits"
    TRANSFER_WITHDRAWN = "transfer_withdrawn"
    TRANSFER_EXPIRED = "transfer_expired"
    TRANSFER_REFUSED = "transfer_refused"
    PARTING_ASKED = "parting_asked"
    PARTING_STOPPED = "parting_stopped"
    PARTING_OVER = "parting_over"
    PROMISED = "month_promised"
    SWEPT = "released_swept"


_V = VoucherState
TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _V.ISSUED),
        (_V.ISSUED, _V.ACCEPTED),
        (_V.ISSUED, _V.CLOSED),
        (_V.ACCEPTED, _V.ACTIVE),
        (_V.ACCEPTED, _V.CLOSED),
        (_V.ACTIVE, _V.SUSPENDED),
        (_V.ACTIVE, _V.RELEASED),
        (_V.ACTIVE, _V.CLOSED),
        (_V.SUSPENDED, _V.ACTIVE),
        (_V.SUSPENDED, _V.RELEASED),
        (_V.SUSPENDED, _V.CLOSED),
        (_V.RELEASED, _V.ACTIVE),
        (_V.RELEASED, _V.CLOSED),
    }
)

_E = EnrolmentState
ENROLMENT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _E.OFFERED),
        ("", _E.ACTIVE),
        (_E.OFFERED, _E.CONTRACTED),
        (_E.CONTRACTED, _E.ACTIVE),
        (_E.OFFERED, _E.ENDED),
        (_E.CONTRACTED, _E.ENDED),
        (_E.ACTIVE, _E.ENDED),
    }
)

_T = TransferState
TRANSFER_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _T.WAITING), (_T.WAITING, _T.DONE), (_T.WAITING, _T.WITHDRAWN), (_T.WAITING, _T.EXPIRED),
     (_T.WAITING, _T.REFUSED)}
)  # fmt: skip


_P = PartingState
PARTING_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _P.WAITING), (_P.WAITING, _P.DONE), (_P.WAITING, _P.STOPPED), (_P.WAITING, _P.OVER)}
)


def states_before(state: VoucherState) -> frozenset[str]:
    """The states from which a voucher may go to `state`."""
    return frozenset(before for before, after in TRANSITIONS if after == state)

"""The customer's other answers to a sheet: sent back row by row, put right and sent again; paused, resumed, void."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import SheetFacts
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.rules import SHEET_REASONS, AttendanceRefusal, RowRemark, SheetRefusal
from qosymsha.domain.attendance.states import SHEET_TRANSITIONS, SheetState, Topic
from qosymsha.domain.vouchers.rules import outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome


@transaction.atomic(durable=True)
def return_sheet(*, actor: Actor, sheet_id: int, remarks: Sequence[RowRemark], at: datetime, key: UUID) -> None:
    """The customer sends a sheet back to the provider with a reason for each row that must be put right.

    Raises:
        Forbidden: the actor is no official.
        Refused: `unknown_sheet`, `wrong_state`, `reason_missing` (no row, or one without a reason), `unknown_row`.
    """
    require(actor, Action.RETURN, ALLOWED)
    deed = Deed(actor, Action.RETURN, at, key)
    if begin(deed, [sheet_id, [[r.row_id, r.reason] for r in remarks]]) is not None:
        return
    sheet = _locked(deed, sheet_id)
    _refuse_move(sheet, SheetState.RETURNED)
    if not remarks or any(not remark.reason.strip() for remark in remarks):
        raise Refused(AttendanceRefusal.REASON_MISSING)
    rows = queries.row_ids(sheet_id)
    named = [remark.row_id for remark in remarks]
    if not rows.issuperset(named):
        raise Refused(AttendanceRefusal.UNKNOWN_ROW)
    if repeated(named):
        raise Refused(AttendanceRefusal.NAMED_TWICE)
    steps.write_remarks(deed, sheet, remarks)
    steps.move_sheets(deed, [sheet_id], SheetState.RETURNED)
    record(deed, Topic.RETURNED, "month_sheet", [sheet_id], sheet.territory_id, rows=len(remarks))
    keep(deed, {"done": True})


@transaction.atomic(durable=True)
def resend_sheet(*, actor: Actor, provider_id: int, sheet_id: int, at: datetime, key: UUID) -> list[int]:
    """The provider sends a returned sheet again, written anew from its marks; the ids of the rows silent again.

    What it said before is kept as a version. Rows whose marks did not change keep their word.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: `unknown_sheet`, `not_returned`.
    """
    require(actor, Action.RESEND, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.RESEND, at, key)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, sheet_id])
    if seen is not None:
        return list(seen["rows"])
    sheet = steps.lock_sheets([sheet_id]).get(sheet_id)
    if sheet is None or sheet.provider_id != provider_id:
        raise Refused(AttendanceRefusal.UNKNOWN_SHEET)
    if sheet.state != SheetState.RETURNED:
        raise Refused(SheetRefusal.NOT_RETURNED)
    changed = steps.redraw_sheet(deed, sheet)
    steps.pass_spoken(deed, list(steps.lock_sheets([sheet_id]).values()))
    record(deed, Topic.RESENT, "month_sheet", [sheet_id], sheet.territory_id, rows=len(changed))
    keep(deed, {"rows": changed})
    return changed


def pause_sheets(*, actor: Actor, sheet_ids: Sequence[int], reason: str, at: datetime, key: UUID) -> list[RowOutcome]:
    """Sheets with parents or customer stand still, with a reason; no word is heard and nothing approved. Ids: sheets.

    Raises:
        Forbidden: the actor is no official.
    """
    return _move_all(Deed(actor, Action.PAUSE, at, key), sheet_ids, reason)


def resume_sheets(*, actor: Actor, sheet_ids: Sequence[int], reason: str, at: datetime, key: UUID) -> list[RowOutcome]:
    """Paused sheets go on: back to the parents, or to the customer where everybody has spoken. Ids are sheets.

    Raises:
        Forbidden: the actor is no official.
    """
    return _move_all(Deed(actor, Action.RESUME, at, key), sheet_ids, reason)


def void_sheets(*, actor: Actor, sheet_ids: Sequence[int], reason: str, at: datetime, key: UUID) -> list[RowOutcome]:
    """Paused or returned sheets are void for good, with a reason: nothing of them is paid. Ids are sheets.

    Raises:
        Forbidden: the actor is no official.
    """
    return _move_all(Deed(actor, Action.VOID, at, key), sheet_ids, reason)


_MOVES: dict[StrEnum, tuple[SheetState, Topic]] = {
    Action.PAUSE: (SheetState.PAUSED, Topic.PAUSED),
    Action.RESUME: (SheetState.WITH_PARENTS, Topic.RESUMED),
    Action.VOID: (SheetState.VOID, Topic.VOIDED),
}


@transaction.atomic(durable=True)
def _move_all(deed: Deed, sheet_ids: Sequence[int], reason: str) -> list[RowOutcome]:
    require(deed.actor, Action(deed.action), ALLOWED)
    to_state, topic = _MOVES[deed.action]
    seen = begin(deed, [reason, list(sheet_ids)])
    if seen is not None:
        return unpacked(seen, SHEET_REASONS)
    sheets = _own(deed, sheet_ids)
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(sheet_ids), AttendanceRefusal.NAMED_TWICE)
    for row, sheet_id in enumerate(sheet_ids):
        why = _refuse(deed, sheets.get(sheet_id), to_state, reason)
        if why is not None:
            refused.setdefault(row, why)
    ids = {row: sheet_id for row, sheet_id in enumerate(sheet_ids) if row not in refused}
    steps.move_sheets(deed, list(ids.values()), to_state, reason)
    if to_state is SheetState.WITH_PARENTS:
        steps.pass_spoken(deed, list(steps.lock_sheets(list(ids.values())).values()))
    return conclude(deed, topic, "month_sheet", outcomes_of(len(sheet_ids), ids, refused))


def _own(deed: Deed, sheet_ids: Sequence[int]) -> dict[int, SheetFacts]:
    """The sheets, locked, but those that another department's line pays for."""
    others = of_others(deed.actor, ALLOWED[Action(deed.action)], "month_sheet", sheet_ids)
    return {i: sheet for i, sheet in steps.lock_sheets(sheet_ids).items() if i not in others}


def _refuse(deed: Deed, sheet: SheetFacts | None, to_state: SheetState, reason: str) -> AttendanceRefusal | None:
    action = Action(deed.action)
    if sheet is None or not deed.actor.holds(ALLOWED[action], territory_id=sheet.territory_id):
        return AttendanceRefusal.UNKNOWN_SHEET
    if not _may_move(sheet, to_state) or (action is Action.RESUME and sheet.state != SheetState.PAUSED):
        return AttendanceRefusal.WRONG_STATE
    return None if reason.strip() else AttendanceRefusal.REASON_MISSING


def _may_move(sheet: SheetFacts, to_state: SheetState) -> bool:
    return (sheet.state, to_state) in SHEET_TRANSITIONS


def _locked(deed: Deed, sheet_id: int) -> SheetFacts:
    sheet = _own(deed, [sheet_id]).get(sheet_id)
    roles = ALLOWED[Action(deed.action)]
    if sheet is None or not deed.actor.holds(roles, territory_id=sheet.territory_id):
        raise Refused(AttendanceRefusal.UNKNOWN_SHEET)
    return sheet


def _refuse_move(sheet: SheetFacts, to_state: SheetState) -> None:
    if not _may_move(sheet, to_state):
        raise Refused(AttendanceRefusal.WRONG_STATE)

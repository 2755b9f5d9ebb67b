"""Reading sheets and rows. What shows children's presence to a person takes the actor and is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """A month sheet; `hash` is the SHA-256 of its canonical document."""

    id: int
    group_id: int
    provider_id: int
    territory_id: int
    programme_id: int
    month: date
    state: str
    lessons_held: int
    sent_at: datetime | None
    version: int
    scan_is_word: bool
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One child's row of a sheet: lessons by mark, and the second party's word."""

    id: int
    sheet_id: int
    enrolment_id: int
    child_id: int
    territory_id: int
    present: int
    ill: int
    excused: int
    absent: int
    seen: int
    word: str
    sheet_state: str
    confirmed_by: int | None


@dataclass(frozen=True, slots=True)
class PayableRow:
    """A row of a sheet for payment: lessons by mark, what two parties agree on, and the terms it is paid on.

    `payable_present` counts the present lessons payable now; `waiting_present` those that may become payable (a hold
    still open, a silent day nobody scanned, a row disputed). Ill and excused lessons have a second party's word only
    where `word` is confirmed or decided.
    """

    contract_id: int
    row_id: int
    sheet_id: int
    month: date
    group_id: int
    enrolment_id: int
    voucher_id: int
    line_id: int
    word: str
    present: int
    ill: int
    excused: int
    absent: int
    seen: int
    payable_present: int
    waiting_present: int
    unit_tariff_tiyn: int
    units_per_month: int


SHEET_COLUMNS = (
    "s.id, s.group_id, s.provider_id, s.territory_id, s.programme_id, s.month,"
    " s.state, s.lessons_held, s.sent_at, s.version, s.scan_is_word, s.hash"
)
ROW_COLUMNS = (
    "r.id, r.sheet_id, r.enrolment_id, r.child_id, r.territory_id, r.present, r.ill, r.excused, r.absent,"
    " r.seen, r.word, s.state, r.confirmed_by"
)


def sheets(
    programme_id: int, month: date, states: Sequence[str] | None = None, provider_id: int | None = None
) -> list[SheetFacts]:
    """A programme's sheets of a month, in these states (None: all), of one provider or all, by id."""
    found = rows(
        f"SELECT {SHEET_COLUMNS} FROM month_sheet s WHERE s.programme_id = %s AND s.month = %s"  # noqa: S608
        " AND (%s OR s.state = ANY (%s::text[])) AND (%s::bigint IS NULL OR s.provider_id = %s) ORDER BY s.id",
        [programme_id, month.replace(day=1), states is None, list(states or ()), provider_id, provider_id],
    )
    return [sheet_of(row) for row in found]


def sheet_of(row: tuple[Any, ...]) -> SheetFacts:
    """A sheet from a row of `SHEET_COLUMNS`."""
    values: list[Any] = [*row[:-1], None if row[-1] is None else bytes(row[-1])]
    return SheetFacts(*values)


def sheets_by_state(programme_id: int) -> dict[str, int]:
    """How many sheets of a programme are in each state."""
    return dict(
        rows("SELECT state, count(*) FROM month_sheet WHERE programme_id = %s GROUP BY 1 ORDER BY 1", [programme_id])
    )


def rows_by_word(programme_id: int) -> dict[str, int]:
    """How many rows of a programme's sheets bear each word; the share decided by officers is public (G4)."""
    return dict(
        rows("SELECT word, count(*) FROM sheet_row WHERE programme_id = %s GROUP BY 1 ORDER BY 1", [programme_id])
    )


def lessons_by_mark(programme_id: int) -> dict[str, int]:
    """How many child-lessons of sent sheets bear each mark."""
    ((present, ill, excused, absent),) = rows(
        "SELECT coalesce(sum(present), 0)::bigint, coalesce(sum(ill), 0)::bigint, coalesce(sum(excused), 0)::bigint,"
        " coalesce(sum(absent), 0)::bigint FROM sheet_row WHERE programme_id = %s",
        [programme_id],
    )
    return {"present": present, "ill": ill, "excused": excused, "absent": absent}


def rows_of_sheets(
    *, actor: Actor, sheet_ids: Sequence[int], at: datetime, words: Sequence[str] | None = None
) -> list[RowFacts]:
    """The rows of some sheets that bear one of these words (None: any), by id; an audited read.

    Raises:
        Forbidden: the actor may not read attendance in one of the territories.
    """
    found = rows(
        f"SELECT {ROW_COLUMNS} FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id"  # noqa: S608
        " WHERE r.sheet_id = ANY (%s) AND (%s OR r.word = ANY (%s::text[])) ORDER BY r.id",
        [list(sheet_ids), words is None, list(words or ())],
    )
    shown = [RowFacts(*row) for row in found]
    for territory_id in sorted({r.territory_id for r in shown}):
        require(actor, Action.READ, ALLOWED, territory_id=territory_id)
        there = [r for r in shown if r.territory_id == territory_id]
        reading.saw(
            actor=actor,
            at=at,
            action=Action.READ,
            kind="sheet_row",
            ids=[r.id for r in there],
            children={r.child_id for r in there},
            territory_id=territory_id,
        )
    return shown


def row_ids(sheet_id: int) -> set[int]:
    """The ids of a sheet's rows."""
    return {row_id for (row_id,) in rows("SELECT id FROM sheet_row WHERE sheet_id = %s", [sheet_id])}


def days_of_rows(row_ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Row id → its sessions that bear the mark `present` and that nobody disputes, by time."""
    found: dict[int, tuple[int, ...]] = {}
    for row_id, sessions in rows(
        "SELECT r.id, array_agg(s.id ORDER BY s.starts_at, s.id) FROM sheet_row r"
        " JOIN month_sheet t ON t.id = r.sheet_id JOIN session s ON s.group_id = t.group_id"
        ' JOIN mark m ON m."on" = s."on" AND m.session_id = s.id AND m.enrolment_id = r.enrolment_id'
        " AND m.value = 'present'"
        ' WHERE r.id = ANY (%s) AND s."on" >= t.month AND s."on" < (t.month + interval \'1 month\')::date'
        " AND NOT EXISTS (SELECT FROM day_hold h WHERE h.sheet_row_id = r.id AND h.session_id = s.id"
        " AND h.kind = 'disputed' AND h.state = 'open') GROUP BY r.id",
        [list(row_ids)],
    ):
        found[row_id] = tuple(sessions)
    return found


def objected_days(row_ids: Sequence[int]) -> dict[int, set[tuple[int, int]]]:
    """Row id → (session, cause) of every dispute of a day so far, whatever came of it."""
    found: dict[int, set[tuple[int, int]]] = {}
    for row_id, session_id, cause_id in rows(
        "SELECT sheet_row_id, session_id, cause_id FROM day_hold WHERE sheet_row_id = ANY (%s) AND kind = 'disputed'",
        [list(row_ids)],
    ):
        found.setdefault(row_id, set()).add((session_id, cause_id))
    return found


def disputed_days(row_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """Row id → sessions that are disputed and nobody has decided → the guardian who disputes."""
    found: dict[int, dict[int, int]] = {}
    for row_id, session_id, guardian_id in rows(
        "SELECT h.sheet_row_id, h.session_id, coalesce(h.guardian_id, r.confirmed_by, 0) FROM day_hold h"
        " JOIN sheet_row r ON r.id = h.sheet_row_id"
        " WHERE h.sheet_row_id = ANY (%s) AND h.kind = 'disputed' AND h.state = 'open'",
        [list(row_ids)],
    ):
        found.setdefault(row_id, {})[session_id] = guardian_id
    return found


def present_days(days: Sequence[tuple[int, int]]) -> dict[int, set[int]]:
    """Row id → sessions, of those of the (row, session) pairs that bear the mark `present`."""
    found: dict[int, set[int]] = {}
    if not days:
        return found
    for row_id, session_id in rows(
        "SELECT r.id, s.id FROM unnest(%s::bigint[], %s::bigint[]) AS w (row_id, session_id)"
        " JOIN sheet_row r ON r.id = w.row_id JOIN month_sheet t ON t.id = r.sheet_id"
        " JOIN session s ON s.id = w.session_id AND s.group_id = t.group_id"
        ' JOIN mark m ON m."on" = s."on" AND m.session_id = s.id AND m.enrolment_id = r.enrolment_id'
        " AND m.value = 'present'",
        [[row_id for row_id, _ in days], [session_id for _, session_id in days]],
    ):
        found.setdefault(row_id, set()).add(session_id)
    return found


def holds(hold_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Hold id → (territory, state) of days that guardians dispute."""
    found = rows(
        "SELECT id, territory_id, state FROM day_hold WHERE id = ANY (%s) AND kind = 'disputed'", [list(hold_ids)]
    )
    return {hold_id: (territory_id, state) for hold_id, territory_id, state in found}


_PAYABLE = """
SELECT g.contract_id, r.id, s.id, s.month, s.group_id, r.enrolment_id, e.voucher_id, e.line_id, r.word, r.present,
       r.ill, r.excused, r.absent, r.seen, d.payable_present, d.waiting_present, e.unit_tariff_tiyn, g.units_per_month
  FROM club_group g JOIN month_sheet s ON s.group_id = g.id AND s.state = 'for_payment' AND s.month <= %s
  JOIN sheet_row r ON r.sheet_id = s.id JOIN sheet_row_due d ON d.sheet_row_id = r.id
  JOIN enrolment e ON e.id = r.enrolment_id
 WHERE g.contract_id = ANY (%s::bigint[])
   AND (d.payable_present > 0 OR d.waiting_present > 0 OR r.word IN ('confirmed', 'decided', 'rejected'))
 ORDER BY g.contract_id, s.month, r.id"""


def payable_rows(contract_ids: Sequence[int], up_to_month: date) -> list[PayableRow]:
    """The rows of the contracts' sheets for payment up to a month, by contract, month and row; claims are unknown here.

    Left out are silent and disputed rows without a lesson that is or may become payable. The same in SQL: the view
    `sheet_row_due` (sheet_row_id, payable_present, waiting_present), whose sheets may be in any state.
    """
    return [PayableRow(*row) for row in rows(_PAYABLE, [up_to_month, list(contract_ids)])]


def sent_months(group_ids: Sequence[int]) -> set[tuple[int, date]]:
    """(group, month) of every sheet that has left the provider."""
    found = rows(
        "SELECT group_id, month FROM month_sheet WHERE group_id = ANY (%s) AND state <> 'open'", [list(group_ids)]
    )
    return {(group_id, month) for group_id, month in found}

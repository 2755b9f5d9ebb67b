"""What verbs do with sheets and their rows inside an open transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from qosymsha.domain.attendance.queries import ROW_COLUMNS, SHEET_COLUMNS, RowFacts, SheetFacts, sheet_of
from qosymsha.domain.attendance.rules import Decision, RowRemark, Word
from qosymsha.domain.attendance.states import SheetState, WordState
from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.clock import local_day, local_instant, next_month
from qosymsha.kernel.entropy import token


def draw_sheets(deed: Deed, provider_id: int, group_ids: Sequence[int], month: date) -> dict[int, int]:
    """Write the sheets of the groups from their marks in one statement, hash them, give them to the parents.

    Group id → sheet id; a group without a mark gets no sheet.
    """
    drawn = dict(
        rows(
            "SELECT group_id, sheet_id FROM draw_sheets(%s, %s::bigint[], %s, %s, %s, %s, %s)",
            [
                provider_id,
                list(group_ids),
                month,
                local_instant(month),
                local_instant(next_month(month)),
                token(16),
                deed.at,
            ],
        )
    )
    run(
        "UPDATE month_sheet s SET hash = sha256(convert_to(d.document, 'UTF8')),"
        " scan_is_word = s.programme_id = ANY (%s) FROM sheet_documents(%s::bigint[]) d WHERE s.id = d.sheet_id",
        [_programmes_where_a_scan_is_a_word(group_ids, month), list(drawn.values())],
    )
    move_sheets(deed, list(drawn.values()), SheetState.WITH_PARENTS)
    return drawn


def _programmes_where_a_scan_is_a_word(group_ids: Sequence[int], month: date) -> list[int]:
    found = rows("SELECT DISTINCT programme_id FROM club_group WHERE id = ANY (%s) ORDER BY 1", [list(group_ids)])
    return [p for (p,) in found if programmes.rules_in_force(p, month).rules.presence.scan_is_word]


def redraw_sheet(deed: Deed, sheet: SheetFacts) -> list[int]:
    """Write a returned sheet anew from its marks as the next version, give it to the parents; the rows silent again.

    These are the rows whose counts changed, or a mark of which was put right since the sheet was sent.
    """
    ((changed,),) = rows(
        "SELECT redraw_sheet(%s, %s, %s, %s, %s, %s)",
        [
            sheet.id,
            local_instant(sheet.month),
            local_instant(next_month(sheet.month)),
            token(16),
            deed.at,
            deed.actor.user_id,
        ],
    )
    move_sheets(deed, [sheet.id], SheetState.WITH_PARENTS)
    return list(changed)


def move_sheets(deed: Deed, sheet_ids: Sequence[int], to_state: SheetState, reason: str = "") -> None:
    """Bring sheets to a state and write their history; a transition the table does not hold is a bug."""
    if not sheet_ids:
        return
    ((moved,),) = rows(
        "SELECT move_sheets(%s::bigint[], %s, %s, %s, %s)",
        [list(sheet_ids), to_state.value, _cause(deed, reason), deed.at, deed.actor.user_id],
    )
    assert moved == len(sheet_ids), "each sheet exists and is named once"


def _cause(deed: Deed, reason: str) -> str:
    return f"{deed.action.value}: {reason.strip()}" if reason.strip() else deed.action.value


def lock_sheets(sheet_ids: Sequence[int]) -> dict[int, SheetFacts]:
    """Lock sheets in the order of their ids, to the transaction's end; who changes a row or a sheet does it first."""
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    found = rows(
        f"SELECT {SHEET_COLUMNS} FROM month_sheet s WHERE s.id = ANY (%s) ORDER BY s.id FOR NO KEY UPDATE",  # noqa: S608
        [list(sheet_ids)],
    )
    return {row[0]: sheet_of(row) for row in found}


def lock_rows(row_ids: Sequence[int]) -> tuple[dict[int, RowFacts], dict[int, SheetFacts]]:
    """Lock the sheets of the rows, then read the rows: (rows, sheets) by id."""
    sheet_ids = rows("SELECT DISTINCT sheet_id FROM sheet_row WHERE id = ANY (%s)", [list(row_ids)])
    sheets = lock_sheets([sheet_id for (sheet_id,) in sheet_ids])
    found = rows(
        f"SELECT {ROW_COLUMNS} FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id WHERE r.id = ANY (%s)",  # noqa: S608
        [list(row_ids)],
    )
    return {row[0]: RowFacts(*row) for row in found}, sheets


def write_words(deed: Deed, words: Sequence[tuple[Word, Proof]]) -> None:
    """Store what guardians said, who said it and how she proved to be herself; disputed days leave the rest confirmed.

    Days that are disputed are held by `holds.hold_days`.
    """
    said = [WordState.CONFIRMED.value if word.days else word.word for word, _ in words]
    run(
        "UPDATE sheet_row r SET word = w.word, reason = w.reason, confirmed_by = w.guardian, confirmed_at = %s,"
        " proof_way = w.way, proof_at = w.proved FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[],"
        " %s::text[], %s::timestamptz[]) AS w (id, word, reason, guardian, way, proved) WHERE r.id = w.id",
        [
            deed.at,
            [w.row_id for w, _ in words],
            said,
            [w.reason.strip() for w, _ in words],
            [w.guardian_id for w, _ in words],
            [proof.way for _, proof in words],
            [proof.at for _, proof in words],
        ],
    )


def write_remarks(deed: Deed, sheet: SheetFacts, remarks: Sequence[RowRemark]) -> None:
    """Store why rows of a sheet's version were sent back."""
    run(
        "INSERT INTO returned_row (sheet_row_id, version, reason, at, returned_by)"
        " SELECT r.id, %s, r.reason, %s, %s FROM unnest(%s::bigint[], %s::text[]) AS r (id, reason)",
        [
            sheet.version,
            deed.at,
            deed.actor.user_id,
            [remark.row_id for remark in remarks],
            [remark.reason.strip() for remark in remarks],
        ],
    )


def write_decisions(deed: Deed, decisions: Sequence[Decision]) -> None:
    """Store what a named officer decided, and on what evidence; a guardian's dispute stays beside it."""
    words = [WordState.DECIDED.value if d.is_payable else WordState.REJECTED.value for d in decisions]
    run(
        "UPDATE sheet_row r SET word = w.word, evidence = w.evidence, decided_by = %s, decided_at = %s"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS w (id, word, evidence) WHERE r.id = w.id",
        [deed.actor.user_id, deed.at, [d.row_id for d in decisions], words, [d.evidence.strip() for d in decisions]],
    )


def silent_rows(sheet_ids: Sequence[int]) -> dict[int, int]:
    """Sheet id → rows on which nobody has spoken, for the sheets that have such."""
    return dict(
        rows(
            "SELECT sheet_id, count(*) FROM sheet_row WHERE sheet_id = ANY (%s) AND word = 'silent' GROUP BY 1",
            [list(sheet_ids)],
        )
    )


def pass_spoken(deed: Deed, sheets: Sequence[SheetFacts]) -> None:
    """Sheets on which everybody has spoken go from the parents to the customer. The sheets are locked."""
    waiting = [s.id for s in sheets if s.state == SheetState.WITH_PARENTS]
    silent = silent_rows(waiting)
    move_sheets(deed, [i for i in waiting if i not in silent], SheetState.WITH_CUSTOMER)


def close_sheets(deed: Deed, sheet_ids: Sequence[int]) -> None:
    """Close sheets whose every row was paid or rejected; the room that pays calls it."""
    move_sheets(deed, list(lock_sheets(sheet_ids)), SheetState.CLOSED)


@dataclass(frozen=True, slots=True)
class OfficerTerms:
    """From which day an officer may decide a sheet's silent rows, and the rules that say so."""

    officer_from: date
    rules: Rules


def officer_terms(sheets: Sequence[SheetFacts]) -> dict[int, OfficerTerms]:
    """Sheet id → terms, by the rules in force in the sheet's month and the territory's calendar (R-12)."""
    known: dict[tuple[int, int, date, date], OfficerTerms] = {}
    found = {}
    for sheet in sheets:
        assert sheet.sent_at is not None, "only sheets that have left have rows"
        sent_on = local_day(sheet.sent_at)
        about = (sheet.territory_id, sheet.programme_id, sheet.month, sent_on)
        if about not in known:
            known[about] = _terms(*about)
        found[sheet.id] = known[about]
    return found


def _terms(territory_id: int, programme_id: int, month: date, sent_on: date) -> OfficerTerms:
    rules = programmes.rules_in_force(programme_id, month).rules
    calendar = programmes.calendar(territory_id, sent_on, next_month(next_month(sent_on.replace(day=1))))
    days = rules.confirmation.officer_after_working_days
    return OfficerTerms(calendar.add_working_days(sent_on, days), rules)

"""Whose money a sheet, a row or a case moves: a right bound to a department reaches those of its own lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor

_LINE_OF = {
    "month_sheet": "month_sheet t JOIN club_group g ON g.id = t.group_id JOIN contract e ON e.id = g.contract_id",
    "sheet_row": "sheet_row t JOIN enrolment e ON e.id = t.enrolment_id",
    "absence_case": "absence_case t JOIN enrolment e ON e.id = t.enrolment_id",
    "mark_objection": "mark_objection t JOIN enrolment e ON e.id = t.enrolment_id",
    "day_hold": "day_hold t JOIN sheet_row r ON r.id = t.sheet_row_id JOIN enrolment e ON e.id = r.enrolment_id",
}


def of_others(actor: Actor, roles: Collection[str], kind: str, ids: Iterable[int]) -> set[int]:
    """Those ids that another department's line pays for: to this actor as unknown as nothing.

    Whose rights are bound to no department has none, and no statement is sent.
    """
    lines = programmes.own_lines(actor, roles)
    if lines is None:
        return set()
    which = f"SELECT t.id FROM {_LINE_OF[kind]} WHERE t.id = ANY (%s) AND e.line_id <> ALL (%s)"  # noqa: S608
    return {id_ for (id_,) in rows(which, [list(ids), lines])}

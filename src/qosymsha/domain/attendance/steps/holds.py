"""Days held back from payment, cleared or upheld by a person: the promise the rooms above build on."""

from __future__ import annotations

from collections.abc import Sequence

from qosymsha.domain.attendance.rules import HeldDay
from qosymsha.domain.attendance.states import HoldKind, HoldState, Topic
from qosymsha.domain.attendance.steps.sheets import lock_sheets
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed, record

_HOLD = """
INSERT INTO day_hold (territory_id, programme_id, sheet_row_id, session_id, "on", kind, cause_id, state, reason,
                      is_present, is_seen, opened_at, opened_by, guardian_id)
SELECT r.territory_id, r.programme_id, r.id, s.id, s."on", h.kind, h.cause, 'open', h.reason,
       m.value = 'present', coalesce(c.kind = 'code', false), %s, %s, h.guardian
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::bigint[])
       WITH ORDINALITY AS h (row_id, session_id, kind, cause, reason, guardian, no)
  JOIN sheet_row r ON r.id = h.row_id
  JOIN month_sheet t ON t.id = r.sheet_id
  JOIN session s ON s.id = h.session_id AND s.group_id = t.group_id
  JOIN mark m ON m."on" = s."on" AND m.session_id = s.id AND m.enrolment_id = r.enrolment_id
  LEFT JOIN check_in c ON c."on" = m."on" AND c.session_id = m.session_id AND c.enrolment_id = m.enrolment_id
 ORDER BY h.no
ON CONFLICT (sheet_row_id, session_id, kind, cause_id) DO NOTHING RETURNING id"""

_RESOLVE = """
UPDATE day_hold d SET state = %s, resolved_at = %s, resolved_by = %s, evidence = w.evidence
  FROM unnest(%s::bigint[], %s::text[]) AS w (id, evidence)
 WHERE d.id = w.id AND d.state = 'open' RETURNING d.id"""


def hold_days(deed: Deed, days: Sequence[HeldDay]) -> list[int]:
    """Hold days of drawn sheets back; the ids of the new holds. From now on these days are not payable.

    A day that is held for the same cause already stays as it is; a day without a mark in the row is left out. The
    sheets are locked first, so that nobody pays a day that is being held.
    """
    if not days:
        return []
    _lock([d.sheet_row_id for d in days])
    held = rows(
        _HOLD,
        [
            deed.at,
            deed.actor.user_id,
            [d.sheet_row_id for d in days],
            [d.session_id for d in days],
            [str(d.kind) for d in days],
            [d.cause_id for d in days],
            [d.reason.strip() for d in days],
            [d.guardian_id for d in days],
        ],
    )
    return _told(deed, Topic.HELD, held)


def clear_holds(deed: Deed, kind: HoldKind | str, cause_ids: Sequence[int], evidence: str = "") -> list[int]:
    """Open holds of these causes were unfounded: their days are payable again, unless something else holds them."""
    return _resolve(deed, HoldState.CLEARED, kind, cause_ids, evidence)


def uphold(deed: Deed, kind: HoldKind | str, cause_ids: Sequence[int], evidence: str = "") -> list[int]:
    """Open holds of these causes were founded: their days are never paid."""
    return _resolve(deed, HoldState.UPHELD, kind, cause_ids, evidence)


def decide_disputed(deed: Deed, state: HoldState, decided: Sequence[tuple[int, str]]) -> list[int]:
    """The same for days that guardians dispute: (hold, evidence) rows; `lock_holds` came first."""
    return _written(deed, state, decided)


def withdraw_disputes(deed: Deed, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """(row, guardian): the guardian takes back the own disputes that nobody has decided. The sheets are locked."""
    if not pairs:
        return []
    found = rows(
        "SELECT h.id FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id"
        " JOIN unnest(%s::bigint[], %s::bigint[]) AS p (row_id, guardian) ON p.row_id = h.sheet_row_id"
        " AND p.guardian = coalesce(h.guardian_id, r.confirmed_by)"
        " WHERE h.kind = 'disputed' AND h.state = 'open' ORDER BY h.id",
        [[row_id for row_id, _ in pairs], [guardian for _, guardian in pairs]],
    )
    return _written(deed, HoldState.CLEARED, [(hold_id, "withdrawn") for (hold_id,) in found])


def lock_holds(hold_ids: Sequence[int]) -> None:
    """Lock the sheets of these holds, to the transaction's end."""
    found = rows("SELECT DISTINCT sheet_row_id FROM day_hold WHERE id = ANY (%s)", [list(hold_ids)])
    _lock([row_id for (row_id,) in found])


def _resolve(deed: Deed, state: HoldState, kind: str, cause_ids: Sequence[int], evidence: str) -> list[int]:
    lock_holds(_open("cause_id", cause_ids, kind))
    return _written(deed, state, [(i, evidence) for i in _open("cause_id", cause_ids, kind)])


def _open(column: str, ids: Sequence[int], kind: str) -> list[int]:
    if not ids:
        return []
    found = rows(
        f"SELECT id FROM day_hold WHERE {column} = ANY (%s) AND kind = %s AND state = 'open' ORDER BY id",  # noqa: S608
        [list(ids), str(kind)],
    )
    return [hold_id for (hold_id,) in found]


def _written(deed: Deed, state: HoldState, decided: Sequence[tuple[int, str]]) -> list[int]:
    if not decided:
        return []
    done = rows(
        _RESOLVE,
        [state.value, deed.at, deed.actor.user_id, [i for i, _ in decided], [e.strip() for _, e in decided]],
    )
    return _told(deed, Topic.HOLD_CLEARED if state is HoldState.CLEARED else Topic.HOLD_UPHELD, done)


def _told(deed: Deed, topic: Topic, found: Sequence[tuple[int]]) -> list[int]:
    ids = sorted(hold_id for (hold_id,) in found)
    if ids:
        record(deed, topic, "day_hold", ids)
    return ids


def _lock(row_ids: Sequence[int]) -> None:
    if not row_ids:
        return
    found = rows("SELECT DISTINCT sheet_id FROM sheet_row WHERE id = ANY (%s)", [list(row_ids)])
    lock_sheets([sheet_id for (sheet_id,) in found])

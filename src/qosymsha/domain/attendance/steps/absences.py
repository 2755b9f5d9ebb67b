"""What verbs do with announced absences and cases of long ones inside an open transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from qosymsha.domain.attendance.queries.absences import Missing
from qosymsha.domain.attendance.rules import Notice
from qosymsha.domain.attendance.states import AbsenceState
from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.entropy import uuid4


def write_notice(deed: Deed, notice: Notice, place: tuple[int, int, int]) -> int:
    """Store an announcement for a place (child, territory, programme); its id."""
    child_id, territory_id, programme_id = place
    ((notice_id,),) = rows(
        "INSERT INTO absence_notice (uuid, territory_id, programme_id, enrolment_id, child_id, guardian_id, kind, days,"
        " reason, paper, at) VALUES (%s, %s, %s, %s, %s, %s, %s, daterange(%s, %s, '[]'), %s, %s, %s) RETURNING id",
        [
            uuid4(),
            territory_id,
            programme_id,
            notice.enrolment_id,
            child_id,
            notice.guardian_id,
            notice.kind,
            notice.first,
            notice.last,
            notice.reason.strip(),
            notice.paper.strip(),
            deed.at,
        ],
    )
    return int(notice_id)


def open_cases(deed: Deed, programme_id: int, places: Sequence[Missing]) -> list[int]:
    """Open a warned case for each place, in one statement; the ids."""
    if not places:
        return []
    found = rows(
        "WITH born AS (INSERT INTO absence_case (uuid, territory_id, programme_id, enrolment_id, voucher_id, state,"
        " missed, opened_at, objection, evidence) SELECT p.uuid, p.territory, %s, p.enrolment, p.voucher, 'warned',"
        " p.missed, %s, '', '' FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::int[])"
        " WITH ORDINALITY AS p (uuid, territory, enrolment, voucher, missed, no) ORDER BY p.no RETURNING id),"
        " told AS (INSERT INTO absence_case_history (absence_case_id, seq, from_state, to_state, cause, at, actor_id)"
        " SELECT id, 1, '', 'warned', %s, %s, %s FROM born ORDER BY id) SELECT id FROM born ORDER BY id",
        [
            programme_id,
            deed.at,
            [uuid4() for _ in places],
            [p.territory_id for p in places],
            [p.enrolment_id for p in places],
            [p.voucher_id for p in places],
            [p.missed for p in places],
            deed.action.value,
            deed.at,
            deed.actor.user_id,
        ],
    )
    return [case_id for (case_id,) in found]


def lock_cases(case_ids: Sequence[int]) -> None:
    """Lock cases in the order of their ids, to the transaction's end."""
    rows("SELECT id FROM absence_case WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE", [list(case_ids)])


def move_cases(deed: Deed, case_ids: Sequence[int], to_state: AbsenceState) -> None:
    """Bring cases to a state and write their history; a transition the table does not hold is a bug."""
    if not case_ids:
        return
    ((moved,),) = rows(
        "SELECT move_absence_cases(%s::bigint[], %s, %s, %s, %s)",
        [list(case_ids), to_state.value, deed.action.value, deed.at, deed.actor.user_id],
    )
    assert moved == len(case_ids), "each case exists and is named once"


def set_hearings(case_ids: Sequence[int], missed: Sequence[int], until: Mapping[int, date]) -> None:
    """Write until when the families of these cases are heard, and how many lessons were missed by now."""
    run(
        "UPDATE absence_case c SET hear_until = h.until, missed = h.missed"
        " FROM unnest(%s::bigint[], %s::int[], %s::date[]) AS h (id, missed, until) WHERE c.id = h.id",
        [list(case_ids), list(missed), [until[i] for i in case_ids]],
    )


def write_objection(case_id: int, guardian_id: int, reason: str) -> None:
    """Store what the family says in the hearing: the clock releases nothing any more, a person decides."""
    run(
        "UPDATE absence_case SET objection = %s, objected_by = %s WHERE id = %s", [reason.strip(), guardian_id, case_id]
    )


def write_case_evidence(decided: Sequence[tuple[int, str]]) -> None:
    """Store on what evidence a person decided cases: (case, evidence)."""
    run(
        "UPDATE absence_case c SET evidence = d.evidence FROM unnest(%s::bigint[], %s::text[]) AS d (id, evidence)"
        " WHERE c.id = d.id",
        [[i for i, _ in decided], [evidence.strip() for _, evidence in decided]],
    )

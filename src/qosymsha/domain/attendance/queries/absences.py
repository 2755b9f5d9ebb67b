"""Reading absences: lessons missed in a row, live cases, announcements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.rules import CaseFacts
from qosymsha.domain.programmes.rules import Absences
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

LOOK_BACK = timedelta(days=92)
_CASE = "c.id, c.enrolment_id, c.voucher_id, c.territory_id, c.state, c.hear_until, c.objection"

# A lesson with a valid reason neither counts nor breaks the row; a present one begins it anew.
_MISSED = """
WITH seen AS MATERIALIZED (
    SELECT m.enrolment_id, m."on", m.session_id, m.value = 'present' AS is_present,
           m.value = ANY (%s) AND (NOT %s OR EXISTS (
               SELECT FROM absence_notice n WHERE n.enrolment_id = m.enrolment_id AND n.days @> m."on")) AS is_valid
      FROM enrolment e JOIN mark m ON m.enrolment_id = e.id
     WHERE e.programme_id = %s AND e.state = 'active' AND m."on" BETWEEN %s AND %s),
latest AS (SELECT enrolment_id, max("on") FILTER (WHERE is_present) AS present_on FROM seen GROUP BY 1)
SELECT s.enrolment_id, e.voucher_id, e.territory_id, count(*)::int FROM seen s JOIN latest l USING (enrolment_id)
  JOIN enrolment e ON e.id = s.enrolment_id
 WHERE NOT s.is_present AND NOT s.is_valid AND (l.present_on IS NULL OR s."on" > l.present_on)
 GROUP BY 1, 2, 3 HAVING count(*) >= %s ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A live place whose child missed lessons in a row without a valid reason."""

    enrolment_id: int
    voucher_id: int
    territory_id: int
    missed: int


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """An announced absence, as a page shows it."""

    id: int
    enrolment_id: int
    kind: str
    first: date
    last: date
    reason: str
    paper: str
    at: datetime


def missing(programme_id: int, on: date, terms: Absences) -> list[Missing]:
    """Live places with at least `warn_after` lessons missed in a row up to a day, by place; three months back."""
    found = rows(
        _MISSED,
        [list(terms.valid_reasons), terms.needs_notice, programme_id, on - LOOK_BACK, on, terms.warn_after],
    )
    return [Missing(*row) for row in found]


def live_cases(programme_id: int) -> list[CaseFacts]:
    """The programme's cases that are warned or suspended, by place."""
    found = rows(
        f"SELECT {_CASE} FROM absence_case c WHERE c.programme_id = %s AND c.state IN ('warned', 'suspended')"  # noqa: S608
        " ORDER BY c.enrolment_id",
        [programme_id],
    )
    return [CaseFacts(*row) for row in found]


def cases(case_ids: Sequence[int]) -> dict[int, CaseFacts]:
    """Cases by id."""
    found = rows(f"SELECT {_CASE} FROM absence_case c WHERE c.id = ANY (%s)", [list(case_ids)])  # noqa: S608
    return {row[0]: CaseFacts(*row) for row in found}


def live_places(enrolment_ids: Sequence[int]) -> set[int]:
    """Those of the places that are active."""
    return {
        i for (i,) in rows("SELECT id FROM enrolment WHERE id = ANY (%s) AND state = 'active'", [list(enrolment_ids)])
    }


def child_of_place(enrolment_id: int) -> tuple[int, int, int] | None:
    """(child, territory, programme) of a place, or None."""
    found = rows("SELECT child_id, territory_id, programme_id FROM enrolment WHERE id = %s", [enrolment_id])
    return found[0] if found else None


def own_cases(*, actor: Actor, at: datetime) -> list[CaseFacts]:
    """The live cases of a guardian's own children; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.OBJECT, ALLOWED)
    found = rows(
        f"SELECT {_CASE}, e.child_id FROM absence_case c JOIN enrolment e ON e.id = c.enrolment_id"  # noqa: S608
        " JOIN guardianship g ON g.child_id = e.child_id AND g.guardian_id = %s AND g.valid @> %s::date"
        " WHERE c.state IN ('warned', 'suspended') ORDER BY c.id",
        [actor.guardian_id, local_day(at)],
    )
    _note(actor, at, "absence_case", [row[0] for row in found], {row[-1] for row in found})
    return [CaseFacts(*row[:-1]) for row in found]


def notices_of_places(  # noqa: PLR0913 (whose, which days, who asks when)
    *, actor: Actor, provider_id: int, enrolment_ids: Sequence[int], first: date, last: date, at: datetime
) -> list[NoticeShown]:
    """What families announced for places of a provider's groups and days; without the reason's words; audited.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.READ, ALLOWED, provider_id=provider_id)
    found = rows(
        "SELECT n.id, n.enrolment_id, n.kind, lower(n.days), upper(n.days) - 1, '', n.paper, n.at,"
        " n.child_id FROM absence_notice n JOIN enrolment e ON e.id = n.enrolment_id"
        " JOIN club_group g ON g.id = e.group_id"
        " WHERE n.enrolment_id = ANY (%s) AND g.provider_id = %s AND n.days && daterange(%s, %s, '[]') ORDER BY n.id",
        [list(enrolment_ids), provider_id, first, last],
    )
    _note(actor, at, "absence_notice", [row[0] for row in found], {row[-1] for row in found})
    return [NoticeShown(*row[:-1]) for row in found]


def _note(actor: Actor, at: datetime, kind: str, ids: Sequence[int], children: set[int]) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ, kind=kind, ids=ids, children=children)

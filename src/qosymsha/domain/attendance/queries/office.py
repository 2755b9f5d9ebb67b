"""What officials see of month sheets: the work that waits, the queue, one sheet's figures, a child's month by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, next_month

LOOK = ALLOWED[Action.APPROVE] | {Role.APPROVER, Role.AUDITOR}
MOST = 100  # of a queue's page
_UNDECIDED = "r.word IN ('silent', 'disputed')"


@dataclass(frozen=True, slots=True)
class SheetWork:
    """Sheets of a programme's month that left on the same day and stand in the same state, in figures.

    `silent` and `disputed` count rows; from `officer_from` on an officer may decide them (R-12).
    """

    programme_id: int
    month: date
    state: str
    sent_on: date
    sheets: int
    silent: int
    disputed: int
    disputed_days: int
    officer_from: date


class OfficeSheet(NamedTuple):
    """A sheet in the officials' queue, without children: rows by word, lessons payable now and still waiting.

    `payable_tiyn` is lessons payable now at each place's tariff, before the month's pay rule.
    """

    id: int
    uuid: UUID
    programme_id: int
    territory_id: int
    provider_id: int
    provider_number: str
    provider_name: str
    code: str
    activity: str
    month: date
    state: str
    version: int
    sent_at: datetime | None
    rows: int
    confirmed: int
    silent: int
    disputed: int
    decided: int
    held_days: int
    payable: int
    waiting: int
    payable_tiyn: int
    total: int


class PlaceDay(NamedTuple):
    """A lesson of a place: its mark and when it was made, the family's scan and when, the strongest hold on the day."""

    on: date
    starts_at: datetime
    mark: str
    marked_at: datetime
    check_in: str
    check_in_at: datetime | None
    hold: str


class PlaceFacts(NamedTuple):
    """A place as a flag's page needs it: outside id, provider, tariff of a lesson in tiyn, the month's sheet if any."""

    uuid: UUID
    provider_id: int
    territory_id: int
    unit_tariff_tiyn: int
    sheet: UUID | None


# A sheet is paid by the line of its group's contract.
_OWN = """(%(lines)s::bigint[] IS NULL OR EXISTS (SELECT FROM club_group x JOIN contract k ON k.id = x.contract_id
              WHERE x.id = s.group_id AND k.line_id = ANY (%(lines)s)))"""
_WORK = f"""
WITH sheets AS MATERIALIZED (
    SELECT s.id, s.programme_id, s.territory_id, s.month, s.state,
           (s.sent_at AT TIME ZONE 'Asia/Almaty')::date AS sent_on FROM month_sheet s
     WHERE s.programme_id = ANY (%(programmes)s) AND s.state IN ('with_parents', 'with_customer', 'for_payment')
       AND {_OWN} AND s.sent_at IS NOT NULL),
words AS (
    SELECT r.sheet_id, count(*) FILTER (WHERE r.word = 'silent') AS silent,
           count(*) FILTER (WHERE r.word = 'disputed') AS disputed FROM sheet_row r WHERE {_UNDECIDED} GROUP BY 1),
days AS (
    SELECT r.sheet_id, count(*) AS open FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id
     WHERE h.kind = 'disputed' AND h.state = 'open' GROUP BY 1)
SELECT s.programme_id, s.territory_id, s.month, s.state, s.sent_on, count(*)::int, coalesce(sum(w.silent), 0)::int,
       coalesce(sum(w.disputed), 0)::int, coalesce(sum(d.open), 0)::int
  FROM sheets s LEFT JOIN words w ON w.sheet_id = s.id LEFT JOIN days d ON d.sheet_id = s.id
 GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 5, 4"""  # noqa: S608 - statements of this file

_QUEUE = f"""
WITH found AS MATERIALIZED (
    SELECT s.*, count(*) OVER () AS total FROM month_sheet s JOIN provider p ON p.id = s.provider_id
     WHERE s.programme_id = ANY (%(programmes)s) AND s.state <> 'open'
       AND (%(uuids)s::uuid[] IS NULL OR s.uuid = ANY (%(uuids)s::uuid[]))
       AND (%(state)s = '' OR s.state = %(state)s) AND (%(month)s::date IS NULL OR s.month = %(month)s)
       AND (%(provider)s = '' OR p.number = %(provider)s OR p.bin = %(provider)s) AND {_OWN}
       AND (%(waits)s <> 'officer' OR EXISTS (SELECT FROM sheet_row r WHERE r.sheet_id = s.id AND {_UNDECIDED}))
       AND (%(waits)s <> 'days' OR EXISTS (SELECT FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id
                                            WHERE r.sheet_id = s.id AND h.state = 'open'))
     ORDER BY s.month, s.sent_at, s.id LIMIT %(most)s OFFSET %(after)s)
SELECT s.id, s.uuid, s.programme_id, s.territory_id, s.provider_id, p.number, p.name, g.code, o.activity_id, s.month,
       s.state, s.version, s.sent_at, c.rows, c.confirmed, c.silent, c.disputed, c.decided,
       (SELECT count(DISTINCT (h.sheet_row_id, h.session_id)) FROM day_hold h JOIN sheet_row x ON x.id = h.sheet_row_id
         WHERE x.sheet_id = s.id AND h.state = 'open')::int, c.payable, c.waiting, c.tiyn, s.total
  FROM found s JOIN provider p ON p.id = s.provider_id JOIN club_group g ON g.id = s.group_id
  JOIN offering o ON o.id = g.offering_id
 CROSS JOIN LATERAL (
    SELECT count(*)::int AS rows, (count(*) FILTER (WHERE r.word = 'confirmed'))::int AS confirmed,
           (count(*) FILTER (WHERE r.word = 'silent'))::int AS silent,
           (count(*) FILTER (WHERE r.word = 'disputed'))::int AS disputed,
           (count(*) FILTER (WHERE r.word IN ('decided', 'rejected')))::int AS decided,
           coalesce(sum(d.payable_present), 0)::int AS payable, coalesce(sum(d.waiting_present), 0)::int AS waiting,
           coalesce(sum(d.payable_present * e.unit_tariff_tiyn), 0)::bigint AS tiyn
      FROM sheet_row r JOIN sheet_row_due d ON d.sheet_row_id = r.id JOIN enrolment e ON e.id = r.enrolment_id
     WHERE r.sheet_id = s.id) c ORDER BY s.month, s.sent_at, s.id"""  # noqa: S608 - statements of this file

_DAYS = """
SELECT l."on", l.starts_at, m.value, m.marked_at, coalesce(c.kind, ''), c.at,
       coalesce((SELECT h.state FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id
                  WHERE r.enrolment_id = m.enrolment_id AND h.session_id = l.id
                  ORDER BY array_position(ARRAY['upheld', 'open', 'cleared'], h.state) LIMIT 1), '')
  FROM enrolment e JOIN session l ON l.group_id = e.group_id AND l."on" >= %(month)s AND l."on" < %(next)s
  JOIN mark m ON m."on" = l."on" AND m.session_id = l.id AND m.enrolment_id = e.id
  LEFT JOIN check_in c ON c."on" = l."on" AND c.session_id = l.id AND c.enrolment_id = e.id
 WHERE e.id = %(place)s ORDER BY l.starts_at"""


def office_programmes(actor: Actor) -> list[int]:
    """The programmes whose sheets the actor may look at."""
    return [p.id for p in programmes.programmes() if actor.holds(LOOK, territory_id=p.territory_id)]


def _own(actor: Actor) -> dict[str, Any]:
    return {"programmes": office_programmes(actor), "lines": programmes.own_lines(actor, LOOK)}


def sheet_work(*, actor: Actor) -> list[SheetWork]:
    """The work that waits for officials over all their programmes; figures alone."""
    found = rows(_WORK, _own(actor))
    days = officer_days({(row[0], row[1], row[2], row[4]) for row in found})
    values: list[list[Any]] = [[row[0], *row[2:], days[row[0], row[1], row[2], row[4]]] for row in found]
    return [SheetWork(*one) for one in values]


_Sent = tuple[int, int, date, date]


def officer_days(asked: set[_Sent]) -> dict[_Sent, date]:
    """(programme, territory, month, sent on) → the day from which an officer decides; few pairs, so few questions."""
    terms = {about: programmes.rules_in_force(*about).rules for about in sorted({(p, m) for p, _, m, _ in asked})}
    calendars = {
        t: programmes.calendar(
            t,
            min(sent for _, of, _, sent in asked if of == t),
            next_month(next_month(max(sent for _, of, _, sent in asked if of == t).replace(day=1))),
        )
        for t in sorted({territory for _, territory, _, _ in asked})
    }
    return {
        one: calendars[one[1]].add_working_days(one[3], terms[one[0], one[2]].confirmation.officer_after_working_days)
        for one in asked
    }


def office_sheets(  # noqa: PLR0913 - the filters of a queue
    *,
    actor: Actor,
    state: str = "",
    month: date | None = None,
    provider: str = "",
    waits: str = "",
    uuids: Sequence[UUID] | None = None,
    after: int = 0,
    most: int = MOST,
) -> list[OfficeSheet]:
    """Sheets of the actor's programmes, the oldest first, at most so many; `total` says how many there are in all.

    waits: `officer` for those with a row that no family has confirmed, `days` with a day that is held; "" any.
    after: so many are passed over.
    """
    asked = _own(actor) | {
        "state": state,
        "month": month,
        "provider": provider.strip().upper(),
        "waits": waits,
        "uuids": None if uuids is None else list(uuids),
        "after": after,
        "most": most,
    }
    return [OfficeSheet(*row) for row in rows(_QUEUE, asked)]


def officer_day(sheet: OfficeSheet) -> date | None:
    """The day from which a sheet's silent and disputed rows may be decided; None before it was sent."""
    if sheet.sent_at is None:
        return None
    about = (sheet.programme_id, sheet.territory_id, sheet.month, local_day(sheet.sent_at))
    return officer_days({about})[about]


def place_facts(enrolment_id: int, month: date) -> PlaceFacts | None:
    """A place by its id, with the month's sheet of its group."""
    found = rows(
        "SELECT e.uuid, e.provider_id, e.territory_id, e.unit_tariff_tiyn, (SELECT s.uuid FROM month_sheet s"
        " WHERE s.group_id = e.group_id AND s.month = %s AND s.state <> 'open') FROM enrolment e WHERE e.id = %s",
        [month, enrolment_id],
    )
    return PlaceFacts(*found[0]) if found else None


def place_days(*, actor: Actor, enrolment_id: int, territory_id: int, month: date, at: datetime) -> list[PlaceDay]:
    """A place's month lesson by lesson: marks, scans, holds; an audited read.

    Raises:
        Forbidden: the actor may not read attendance there.
    """
    require(actor, Action.READ, ALLOWED, territory_id=territory_id)
    found = rows(_DAYS, {"place": enrolment_id, "month": month, "next": next_month(month)})
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ,
        kind="enrolment",
        ids=[enrolment_id],
        children=[i for (i,) in rows("SELECT child_id FROM enrolment WHERE id = %s", [enrolment_id])],
        territory_id=territory_id,
        about={"month": month.isoformat()},
    )
    return [PlaceDay(*row) for row in found]

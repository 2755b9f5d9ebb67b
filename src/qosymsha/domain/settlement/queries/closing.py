"""What closing a month will do, before it is done; money paid back by bank; places that lack money."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.corrections import uncovered
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, next_month

CLOSERS = ALLOWED[Action.CLOSE_MONTH]
LOOK = CLOSERS | {Role.AUDITOR, Role.APPROVER}
REFUND_LOOK = ALLOWED[Action.RECORD_REFUND] | ALLOWED[Action.CONFIRM_REFUND] | {Role.AUDITOR, Role.PROGRAMME_OFFICER}
COVER_LOOK = ALLOWED[Action.COVER_PLACES] | {Role.AUDITOR}
MOST_ROWS = 500


class MonthToClose(NamedTuple):
    """A month with claims, closed or not: claims, their sum, those not paid, sheets that no claim has closed yet."""

    month: date
    claims: int
    amount_tiyn: int
    unpaid: int
    unpaid_tiyn: int
    open_sheets: int
    hash: str
    closed_at: datetime | None
    is_over: bool


class YearToClose(NamedTuple):
    """A budget year: from which day it may be closed, and the hash it was closed by."""

    year: int
    cut_off: date
    hash: str
    is_due: bool


class RefundShown(NamedTuple):
    """Money that came back by bank for a recovery: recorded by one person, confirmed by another."""

    id: int
    uuid: UUID
    programme_id: int
    recovery: str
    provider_name: str
    reference: str
    amount_tiyn: int
    state: str
    recorded_by: int
    recorded_at: datetime


class OpenDebt(NamedTuple):
    """A decided recovery with something left to pay back (tiyn)."""

    id: int
    uuid: UUID
    programme_id: int
    number: str
    provider_name: str
    amount_tiyn: int
    left_tiyn: int


class LackingRow(NamedTuple):
    """A confirmed month that its place's money does not cover, and by how much."""

    row_id: int
    sheet: UUID
    place: UUID
    code: str
    provider_name: str
    month: date
    kind: str
    lacks_tiyn: int


_MONTHS = """
SELECT m.month, count(c.id)::int, coalesce(sum(c.amount_tiyn), 0)::bigint,
       (count(c.id) FILTER (WHERE c.state NOT IN ('paid', 'nothing_due')))::int,
       coalesce(sum(c.amount_tiyn) FILTER (WHERE c.state NOT IN ('paid', 'nothing_due')), 0)::bigint,
       (SELECT count(*) FROM month_sheet s WHERE s.programme_id = %(programme)s AND s.month = m.month
           AND s.state NOT IN ('closed', 'void', 'open'))::int,
       coalesce(encode(k.hash, 'hex'), ''), k.closed_at
  FROM (SELECT month FROM claim WHERE programme_id = %(programme)s
        UNION SELECT month FROM month_sheet WHERE programme_id = %(programme)s AND state <> 'open'
        UNION SELECT month FROM closed_month WHERE programme_id = %(programme)s) m
  LEFT JOIN claim c ON c.programme_id = %(programme)s AND c.month = m.month AND c.state <> 'reversed'
  LEFT JOIN closed_month k ON k.programme_id = %(programme)s AND k.month = m.month
 GROUP BY m.month, k.hash, k.closed_at ORDER BY m.month DESC LIMIT 24"""

_REFUNDS = """
SELECT b.id, b.uuid, o.programme_id, o.number, p.name, b.reference, b.amount_tiyn, b.state, b.recorded_by,
       b.recorded_at
  FROM refund b JOIN recovery o ON o.id = b.recovery_id JOIN provider p ON p.id = o.provider_id
 WHERE o.programme_id = ANY (%s) AND (%s::uuid IS NULL OR b.uuid = %s)
 ORDER BY b.state = 'recorded' DESC, b.id DESC LIMIT 100"""

_OPEN_DEBTS = """
SELECT * FROM (
    SELECT o.id, o.uuid, o.programme_id, o.number, p.name, o.amount_tiyn, (o.amount_tiyn
           - coalesce((SELECT sum(f.amount_tiyn) FROM claim_offset f WHERE f.recovery_id = o.id AND f.live), 0)
           - coalesce((SELECT sum(b.amount_tiyn) FROM refund b WHERE b.recovery_id = o.id), 0))::bigint AS left_tiyn
      FROM recovery o JOIN provider p ON p.id = o.provider_id
     WHERE o.state = 'decided' AND o.programme_id = ANY (%s) AND (%s::uuid IS NULL OR o.uuid = %s)) d
 WHERE d.left_tiyn > 0 ORDER BY d.id LIMIT 100"""

_UNCLAIMED = """
SELECT r.id, s.uuid, e.uuid, g.code, p.name, s.month, g.kind FROM month_sheet s JOIN sheet_row r ON r.sheet_id = s.id
  JOIN enrolment e ON e.id = r.enrolment_id JOIN club_group g ON g.id = s.group_id
  JOIN provider p ON p.id = s.provider_id
 WHERE s.programme_id = %s AND s.state = 'for_payment' AND r.word IN ('confirmed', 'decided') AND r.present > 0
   AND NOT EXISTS (SELECT FROM claim_row c WHERE c.sheet_row_id = r.id AND c.live)
 ORDER BY s.month, r.id LIMIT %s"""


def closing_programmes(actor: Actor, roles: frozenset[str] = LOOK) -> list[ProgrammeFacts]:
    """The programmes that the actor may look at here."""
    return [p for p in programmes.programmes() if actor.holds(roles, territory_id=p.territory_id)]


def months_to_close(programme_id: int, at: datetime) -> list[MonthToClose]:
    """A programme's months, the latest first, with what closing one says; figures alone."""
    today = local_day(at)
    return [
        MonthToClose._make((*row, today >= next_month(row[0]))) for row in rows(_MONTHS, {"programme": programme_id})
    ]


def year_to_close(programme_id: int, year: int, at: datetime) -> YearToClose | None:
    """A budget year as closing it would find it, None where it has no line or no rules; figures alone."""
    standing = programmes.standing_on(programme_id, date(year, 12, 31))
    if standing is None or not programmes.lines(programme_id, year):
        return None
    end = programmes.rules_of(standing.id).rules.year_end
    found = rows(
        "SELECT encode(hash, 'hex') FROM closed_year WHERE programme_id = %s AND year = %s", [programme_id, year]
    )
    cut_off = date(year, end.cut_off_month, end.cut_off_day)
    return YearToClose(year, cut_off, found[0][0] if found else "", local_day(at) >= cut_off)


def refunds(*, actor: Actor, uuid: UUID | None = None) -> list[RefundShown]:
    """Refunds of the actor's programmes, those to be confirmed first."""
    mine = [p.id for p in closing_programmes(actor, REFUND_LOOK)]
    found = [RefundShown(*row) for row in rows(_REFUNDS, [mine, uuid, uuid])]
    own = set(of_department(actor, REFUND_LOOK, "refund", [one.id for one in found]))
    return [one for one in found if one.id in own]


def open_debts(*, actor: Actor, uuid: UUID | None = None) -> list[OpenDebt]:
    """Decided recoveries of the actor's programmes with something left to pay back."""
    mine = [p.id for p in closing_programmes(actor, REFUND_LOOK)]
    found = [OpenDebt(*row) for row in rows(_OPEN_DEBTS, [mine, uuid, uuid])]
    own = set(of_department(actor, REFUND_LOOK, "recovery", [one.id for one in found]))
    return [one for one in found if one.id in own]


def lacking_rows(programme_id: int) -> list[LackingRow]:
    """Confirmed rows not claimed because their places hold too little, the oldest month first; no child is named."""
    found = {row[0]: row for row in rows(_UNCLAIMED, [programme_id, MOST_ROWS])}
    lacking = uncovered(programme_id, sorted(found))
    return [LackingRow._make((*found[row_id], one.lacks_tiyn)) for row_id, one in lacking.items()]

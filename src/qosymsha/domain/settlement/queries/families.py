"""Where the money of a family's own vouchers is: by the ledger and by claims, voucher by voucher, month by month."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

_MINE = """
mine AS MATERIALIZED (
    SELECT v.id, v.uuid, v.number, v.child_id, v.kind, v.state, v.line_id FROM voucher v
     WHERE v.child_id IN (SELECT g.child_id FROM guardianship g WHERE g.guardian_id = %(guardian)s
                             AND g.valid @> %(today)s::date))"""
_VOUCHERS = f"""
WITH {_MINE}
SELECT m.id, m.uuid, m.number, m.child_id, m.kind, m.state,
       coalesce((SELECT sum(a.balance_tiyn)
                   FROM ledger_account a LEFT JOIN carried_line n ON n.line_id = m.line_id
                  WHERE a.kind = 'held' AND a.line_id IN (m.line_id, n.next_line_id)
                    AND a.subject_id = m.id), 0)::bigint
  FROM mine m ORDER BY m.id DESC"""  # noqa: S608 - statements of this file
_MONTHS = f"""
WITH {_MINE},
placed AS MATERIALIZED (SELECT e.id, e.voucher_id, e.line_id FROM mine m JOIN enrolment e ON e.voucher_id = m.id),
kept AS (
    SELECT p.voucher_id, a.month, 0 AS units, sum(a.balance_tiyn) AS kept, 0 AS due, 0 AS paid
      FROM placed p LEFT JOIN carried_line n ON n.line_id = p.line_id
      JOIN ledger_account a ON a.kind = 'place' AND a.line_id IN (p.line_id, n.next_line_id) AND a.subject_id = p.id
     GROUP BY 1, 2),
claimed AS (
    SELECT p.voucher_id, s.month, sum(c.units), 0,
           sum(CASE WHEN k.state = 'paid' THEN 0 ELSE c.amount_tiyn END),
           sum(CASE WHEN k.state = 'paid' THEN c.amount_tiyn ELSE 0 END)
      FROM placed p JOIN claim_row c ON c.enrolment_id = p.id AND c.live JOIN claim k ON k.id = c.claim_id
      JOIN sheet_row r ON r.id = c.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id
     GROUP BY 1, 2)
SELECT voucher_id, month, sum(units)::int, sum(kept)::bigint, sum(due)::bigint, sum(paid)::bigint
  FROM (SELECT * FROM kept UNION ALL SELECT * FROM claimed) x GROUP BY 1, 2
HAVING sum(kept) + sum(due) + sum(paid) > 0 ORDER BY 1, 2 DESC"""  # noqa: S608 - statements of this file


class MonthMoney(NamedTuple):
    """A month of a voucher, in tiyn: set aside for its lessons, owed to clubs for lessons held, paid to them."""

    month: date
    units: int
    kept_tiyn: int
    due_tiyn: int
    paid_tiyn: int


class OwnMoney(NamedTuple):
    """A voucher of one's child: what it still holds for months to come, and its months, newest first."""

    uuid: UUID
    number: str
    child_id: int
    kind: str
    state: str
    held_tiyn: int
    months: tuple[MonthMoney, ...]

    @property
    def paid_tiyn(self) -> int:
        """What clubs were paid in all."""
        return sum(month.paid_tiyn for month in self.months)


def own_money(*, actor: Actor, at: datetime) -> list[OwnMoney]:
    """The money of the guardian's children's vouchers, newest voucher first; an audited read, two statements.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_OWN_MONEY, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN_MONEY)
    asked = {"guardian": actor.guardian_id, "today": local_day(at)}
    vouchers = rows(_VOUCHERS, asked)
    months: defaultdict[int, list[MonthMoney]] = defaultdict(list)
    for voucher_id, *month in rows(_MONTHS, asked):
        months[voucher_id].append(MonthMoney._make(month))
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_OWN_MONEY,
        kind="voucher",
        ids=[row[0] for row in vouchers],
        children={row[3] for row in vouchers},
    )
    return [OwnMoney._make((*row[1:], tuple(months[row[0]]))) for row in vouchers]

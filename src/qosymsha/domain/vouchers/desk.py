"""What officials see of moves across departments' lines: who waits for which line's money, how a month was split."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require

LOOK = frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER, Role.AUDITOR})


class LineQueue(NamedTuple):
    """A line that transfers wait for: its department, kind and year, how many wait, what they need, what is free."""

    line_id: int
    programme_id: int
    department_kk: str
    department_ru: str
    department_en: str
    kind: str
    year: int
    waiting: int
    needed_tiyn: int
    free_tiyn: int
    first_asked_at: datetime
    next_until: date


class WaitingMove(NamedTuple):
    """A transfer in a line's queue: the voucher, from where to where, since when, up to when, in its turn."""

    line_id: int
    voucher: str
    from_kind: str
    to_code: str
    to_provider: str
    needed_tiyn: int
    asked_at: datetime
    until: date
    turn: int


class SplitMonth(NamedTuple):
    """A move across lines that was made: what stayed with the old place, went back to the old line, came from the new.

    `earned_tiyn` is what the old place had earned in that month by its sheet, None while the sheet is not sent.
    """

    voucher: str
    moved_on: date
    from_code: str
    from_kind: str
    to_code: str
    to_kind: str
    back_tiyn: int
    taken_tiyn: int
    attended: int | None


_QUEUES = """
SELECT t.line_id, l.programme_id, d.name_kk, d.name_ru, d.name_en, l.kind, l.fiscal_year, count(*)::int,
       sum(t.needed_tiyn)::bigint, coalesce((SELECT a.balance_tiyn FROM ledger_account a
          WHERE a.kind = 'free' AND a.line_id = t.line_id), 0), min(t.asked_at), min(t.until)
  FROM transfer_request t JOIN budget_line l ON l.id = t.line_id JOIN department d ON d.id = l.department_id
 WHERE t.state = 'waiting' AND t.programme_id = ANY (%(programmes)s)
   AND (%(lines)s::bigint[] IS NULL OR t.line_id = ANY (%(lines)s)) GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 11"""

_WAITING = """
SELECT t.line_id, v.number, v.kind, g.code, p.name, t.needed_tiyn, t.asked_at, t.until,
       (row_number() OVER (PARTITION BY t.line_id ORDER BY t.id))::int, t.id, v.child_id
  FROM transfer_request t JOIN voucher v ON v.id = t.voucher_id JOIN club_group g ON g.id = t.group_id
  JOIN provider p ON p.id = g.provider_id
 WHERE t.state = 'waiting' AND t.programme_id = ANY (%(programmes)s)
   AND (%(lines)s::bigint[] IS NULL OR t.line_id = ANY (%(lines)s)) ORDER BY t.line_id, t.id LIMIT 200"""

# The new place's posting `transfer_in` names the move; what went back stands in `transfer_out` of the same key.
_SPLIT = """
SELECT v.number, n.starts_on, og.code, ol.kind, ng.code, nl.kind,
       coalesce((SELECT -min(x.amount_tiyn) FROM ledger_posting o JOIN ledger_entry x ON x.posting_id = o.id
          AND x.at = o.at WHERE o.cause_kind = 'transfer_out' AND o.cause_key = p.cause_key), 0)::bigint,
       (SELECT max(x.amount_tiyn) FROM ledger_entry x WHERE x.posting_id = p.id AND x.at = p.at)::bigint,
       (SELECT r.present FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id
         WHERE r.enrolment_id = e.id AND s.month = date_trunc('month', n.starts_on)::date),
       n.id, v.child_id
  FROM ledger_posting p JOIN enrolment n ON n.id = p.cause_key::bigint JOIN voucher v ON v.id = n.voucher_id
  JOIN budget_line nl ON nl.id = n.line_id JOIN club_group ng ON ng.id = n.group_id
  JOIN LATERAL (SELECT * FROM enrolment b WHERE b.voucher_id = n.voucher_id AND b.id < n.id ORDER BY b.id DESC LIMIT 1)
       e ON true
  JOIN club_group og ON og.id = e.group_id JOIN budget_line ol ON ol.id = e.line_id
 WHERE p.cause_kind = 'transfer_in' AND n.programme_id = ANY (%(programmes)s)
   AND (%(lines)s::bigint[] IS NULL OR n.line_id = ANY (%(lines)s) OR e.line_id = ANY (%(lines)s))
 ORDER BY p.id DESC LIMIT 50"""


def _mine(actor: Actor) -> dict[str, Any]:
    """The programmes that the actor looks at, and the lines of the actor's departments (None: all)."""
    found = [p.id for p in programmes.programmes() if actor.holds(LOOK, territory_id=p.territory_id)]
    return {"programmes": found, "lines": programmes.own_lines(actor, LOOK)}


def line_queues(*, actor: Actor) -> list[LineQueue]:
    """The lines that transfers wait for, the longest wait first; figures alone, one statement."""
    return [LineQueue(*row) for row in rows(_QUEUES, _mine(actor))]


def waiting_moves(*, actor: Actor, at: datetime) -> list[WaitingMove]:
    """The transfers in these queues, in their turns; an audited read.

    Raises:
        Forbidden: the actor may not read vouchers.
    """
    require(actor, Action.READ, ALLOWED)
    found = rows(_WAITING, _mine(actor))
    _note(actor, at, "transfer_request", found)
    return [WaitingMove(*row[:-2]) for row in found]


def split_months(*, actor: Actor, at: datetime) -> list[SplitMonth]:
    """The latest moves across lines with how their money was split; an audited read.

    Raises:
        Forbidden: the actor may not read vouchers.
    """
    require(actor, Action.READ, ALLOWED)
    found = rows(_SPLIT, _mine(actor))
    _note(actor, at, "enrolment", found)
    return [SplitMonth(*row[:-2]) for row in found]


def _note(actor: Actor, at: datetime, kind: str, found: list[tuple[object, ...]]) -> None:
    ids, children = [int(str(row[-2])) for row in found], {int(str(row[-1])) for row in found}
    reading.saw(actor=actor, at=at, action=Action.READ, kind=kind, ids=ids, children=children)

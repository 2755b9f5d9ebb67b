"""What the public page of openness shows: money by line and month, roots of rounds, whom the absence rules hit.

Totals only. A cell that fewer than ten children stand behind is merged with others or not told (PRODUCT.md, duties).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.vouchers.states import CloseReason

FEWEST = 10


@dataclass(frozen=True, slots=True)
class LineMoney:
    """A budget line's money now, in tiyn: planned, free, promised (held, placed), due (payable, in transit), paid."""

    kind: str
    code: str
    fiscal_year: int
    planned: int
    free: int
    promised: int
    due: int
    paid: int


@dataclass(frozen=True, slots=True)
class MonthMoney:
    """What was claimed and paid for a month's lessons of a kind, in tiyn; `month` None: small months together."""

    month: date | None
    kind: str
    lessons: int
    claimed: int
    paid: int


@dataclass(frozen=True, slots=True)
class Root:
    """A closed list's root: `kind` is round or choice."""

    kind: str
    uuid: UUID
    number: str
    root: str


@dataclass(frozen=True, slots=True)
class Share:
    """Of the children of a group of families, how many lost a voucher for absence; None where fewer than ten did."""

    group: str
    children: int
    lost: int | None

    @property
    def percent(self) -> str:
        """The share in percent with one decimal, as Kazakh and Russian write it."""
        return f"{100 * (self.lost or 0) / self.children:.1f}".replace(".", ",") + "\u00a0%"


_GROUPS = (
    "all",
    *(f"language.{code}" for code in ("kk", "ru", "en")),
    *(f"{group}.{value}" for group in ("special", "many") for value in ("true", "false")),
)

_LINES = "SELECT id, kind, code, fiscal_year FROM budget_line ORDER BY fiscal_year DESC, kind, code, id"

_MONTHS = """
SELECT m.month, m.kind, m.units, m.claimed, m.paid,
       (SELECT count(*) FROM (SELECT 1 FROM claim c JOIN budget_line l ON l.id = c.line_id
          JOIN claim_row r ON r.claim_id = c.id
         WHERE c.month = m.month AND l.kind = m.kind AND c.state <> 'reversed' LIMIT %s) n) AS rows
  FROM (SELECT c.month, l.kind, sum(c.units) AS units, sum(c.amount_tiyn) AS claimed,
               sum(CASE WHEN c.state = 'paid' THEN c.amount_tiyn ELSE 0 END) AS paid
          FROM claim c JOIN budget_line l ON l.id = c.line_id WHERE c.state <> 'reversed' GROUP BY 1, 2) m
 ORDER BY m.month DESC, m.kind"""

_ROOTS = """
SELECT 'round', uuid, number, encode(root, 'hex'), closes_at FROM admission_round WHERE root IS NOT NULL
 UNION ALL SELECT 'choice', uuid, number, encode(root, 'hex'), closes_at FROM choice_round WHERE root IS NOT NULL
 ORDER BY 5 DESC"""

_ABSENCES = """
WITH had AS (
    SELECT v.child_id, bool_or(v.state = 'closed' AND v.reason = %(absent)s) AS lost, max(g.language) AS language
      FROM voucher v JOIN enrolment e ON e.voucher_id = v.id JOIN club_group g ON g.id = e.group_id GROUP BY 1
), said AS (
    SELECT h.lost, h.language,
           EXISTS (SELECT 1 FROM child_status s WHERE s.child_id = h.child_id
                      AND s.category IN ('disability', 'sen')) AS special,
           (SELECT count(DISTINCT other.child_id) FROM guardianship own JOIN guardianship other
               ON other.guardian_id = own.guardian_id WHERE own.child_id = h.child_id) >= 4 AS many
      FROM had h
)
SELECT 'all', count(*), count(*) FILTER (WHERE lost) FROM said
 UNION ALL SELECT 'language.' || language, count(*), count(*) FILTER (WHERE lost) FROM said GROUP BY language
 UNION ALL SELECT 'special.' || special, count(*), count(*) FILTER (WHERE lost) FROM said GROUP BY special
 UNION ALL SELECT 'many.' || many, count(*), count(*) FILTER (WHERE lost) FROM said GROUP BY many"""


def lines() -> list[LineMoney]:
    """Every budget line, the latest year first."""
    totals = ledger.totals()
    found = []
    for line_id, kind, code, year in _rows(_LINES, []):
        sums = totals.get(line_id, {})
        promised, due = (sum(sums.get(k, 0) for k in kinds) for kinds in (("held", "place"), ("payable", "transit")))
        planned, free, paid = -sums.get("approp", 0), sums.get("free", 0), sums.get("paid", 0)
        found.append(LineMoney(kind, code, year, planned, free, promised, due, paid))
    return found


def months() -> list[MonthMoney]:
    """Money by month and kind, the latest first; months of fewer than ten children together, if these are ten."""
    shown, small = [], dict[str, list[tuple[int, int, int, int]]]()
    for month, kind, units, claimed, paid, rows in _rows(_MONTHS, [FEWEST]):
        if rows < FEWEST:
            small.setdefault(kind, []).append((rows, int(units), int(claimed), int(paid)))
        else:
            shown.append(MonthMoney(month, kind, int(units), int(claimed), int(paid)))
    for kind, cells in sorted(small.items()):
        rows, *sums = (sum(column) for column in zip(*cells, strict=True))
        if rows >= FEWEST:
            shown.append(MonthMoney(None, kind, *sums))
    return shown


def roots() -> list[Root]:
    """The roots of all closed lists, the latest first."""
    return [Root(kind, uuid, number, root) for kind, uuid, number, root, _ in _rows(_ROOTS, [])]


def absences() -> list[Share]:
    """Who loses a voucher for absence: all, by language of lessons, special needs, family size; none below ten."""
    found = {group: (children, lost) for group, children, lost in _rows(_ABSENCES, {"absent": CloseReason.ABSENT})}
    return [
        Share(group, children, lost if lost == 0 or lost >= FEWEST else None)
        for group in _GROUPS
        for children, lost in [found.get(group, (0, 0))]
        if children >= FEWEST
    ]


def _rows(statement: str, arguments: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())

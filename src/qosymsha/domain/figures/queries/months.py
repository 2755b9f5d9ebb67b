"""Counting who spoke for the days that are paid, and the open page's money. For commands alone."""

from __future__ import annotations

from datetime import date
from typing import Any

from qosymsha.domain.figures.queries.asked import records, rows
from qosymsha.domain.figures.queries.categories import equity
from qosymsha.domain.figures.queries.demand import year_of
from qosymsha.domain.figures.rules.telling import FEWEST
from qosymsha.domain.ledger import queries as ledger

Content = dict[str, Any]
_SPOKEN = """
SELECT g.kind, to_char(s.month, 'YYYY-MM-DD') AS month, count(*) AS rows,
       count(*) FILTER (WHERE r.word = 'confirmed') AS family,
       count(*) FILTER (WHERE r.word IN ('decided', 'rejected')) AS officer,
       count(*) FILTER (WHERE r.word = 'disputed') AS disputed, count(*) FILTER (WHERE r.word = 'silent') AS silent
  FROM month_sheet s JOIN sheet_row r ON r.sheet_id = s.id JOIN club_group g ON g.id = s.group_id
 WHERE s.programme_id = %(programme)s AND s.month >= %(first)s AND s.month < %(end)s
   AND s.state NOT IN ('open', 'void') GROUP BY 1, 2 ORDER BY 2, 1"""


def spoken(programme_id: int, year: int, today: date) -> Content:
    """Rows of month sheets by month and kind: confirmed by the family, decided by a named officer, open still."""
    return {"rows": records(_SPOKEN, year_of(programme_id, year))}


_LINES = "SELECT id, kind, code, fiscal_year FROM budget_line ORDER BY fiscal_year DESC, kind, code, id"
_MONTHS = """
SELECT c.month, l.kind, sum(c.units)::bigint, sum(c.amount_tiyn)::bigint,
       sum(CASE WHEN c.state = 'paid' THEN c.amount_tiyn ELSE 0 END)::bigint, sum(n.rows)::bigint
  FROM claim c JOIN budget_line l ON l.id = c.line_id
  CROSS JOIN LATERAL (SELECT count(*) AS rows FROM claim_row r WHERE r.claim_id = c.id) n
 WHERE c.state <> 'reversed' GROUP BY 1, 2 ORDER BY 1 DESC, 2"""
_VOUCHERS = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM enrolment e WHERE e.voucher_id = v.id)),
       count(*) FILTER (WHERE v.state <> 'closed') FROM voucher v WHERE v.first_month >= %s AND v.first_month < %s"""
_WORDS = """
SELECT count(*), count(*) FILTER (WHERE r.word = 'confirmed'),
       count(*) FILTER (WHERE r.word IN ('decided', 'rejected'))
  FROM month_sheet s JOIN sheet_row r ON r.sheet_id = s.id
 WHERE s.month >= %s AND s.month < %s AND s.state NOT IN ('open', 'void')"""


def openness(year: int) -> Content:
    """What everybody may see of the whole house: money by line and month, vouchers, words, whom the rules hit."""
    first, end = date(year, 1, 1), date(year + 1, 1, 1)
    issued, used, live = rows(_VOUCHERS, [first, end])[0]
    said, family, officer = rows(_WORDS, [first, end])[0]
    return {
        "year": year,
        "lines": _lines(),
        "months": merged_months(rows(_MONTHS)),
        "vouchers": {"issued": issued, "used": used, "live": live},
        "words": {"rows": said, "family": family, "officer": officer},
        "equity": equity(first, end),
    }


def _lines() -> list[dict[str, Any]]:
    totals = ledger.totals()
    found = []
    for line_id, kind, code, year in rows(_LINES):
        sums = totals.get(line_id, {})
        promised, due = (sum(sums.get(k, 0) for k in kinds) for kinds in (("held", "place"), ("payable", "transit")))
        planned, free, paid = -sums.get("approp", 0), sums.get("free", 0), sums.get("paid", 0)
        found.append({
            "kind": kind, "code": code, "year": year, "planned": planned, "free": free, "promised": promised,
            "due": due, "paid": paid, "back": planned - free - promised - due - paid,
        })  # fmt: skip
    return found


def merged_months(counted: list[tuple[Any, ...]], fewest: int = FEWEST) -> list[dict[str, Any]]:
    """(month, kind, lessons, claimed, paid, rows) as they may be told: small months of a kind together, `month` null.

    A kind's small months join its smallest other until ten rows stand behind them, so that the kind's total gives no
    small month away; a kind of fewer than ten rows in all is not told.
    """
    found = []
    for kind in sorted({row[1] for row in counted}):
        own = sorted((row for row in counted if row[1] == kind), key=lambda row: (row[5], row[0]))
        small = [row for row in own if row[5] < fewest]
        rest = own[len(small) :]
        while small and rest and sum(row[5] for row in small) < fewest:
            small.append(rest.pop(0))
        cells = [(row[0].isoformat(), *row[2:]) for row in rest]
        if small and sum(row[5] for row in small) >= fewest:
            cells.append((None, *(sum(column) for column in zip(*(row[2:] for row in small), strict=True))))
        found += [
            {"month": month, "kind": kind, "lessons": lessons, "claimed": claimed, "paid": paid}
            for month, lessons, claimed, paid, _ in cells
        ]
    return sorted(found, key=lambda row: (row["month"] or "", row["kind"]), reverse=True)

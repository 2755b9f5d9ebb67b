"""Counting money by month and line out of the ledger, and what providers earned. For commands alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from qosymsha.domain.figures.queries.asked import rows
from qosymsha.domain.figures.rules.burn import burn
from qosymsha.kernel.clock import month_of

Content = dict[str, Any]
_LINES = """
SELECT id, kind, code, department_id FROM budget_line WHERE programme_id = %s AND fiscal_year = %s
 ORDER BY kind, code, id"""
_MOVED = """
SELECT e.line_id, date_trunc('month', e.at AT TIME ZONE 'Asia/Almaty')::date, a.kind, sum(e.amount_tiyn)::bigint
  FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id WHERE e.line_id = ANY (%s) GROUP BY 1, 2, 3"""
_EARNED = """
SELECT line_id, month, sum(amount_tiyn)::bigint FROM claim
 WHERE line_id = ANY (%s) AND state <> 'reversed' GROUP BY 1, 2 ORDER BY 1, 2"""
# What a page calls the parts; approp is the budget with its sign turned.
_PARTS = {
    "free": ("free",), "held": ("held", "place"), "payable": ("payable", "transit"), "paid": ("paid",),
    "back": ("released", "lapsed", "refunds", "receivable", "suspense"),
}  # fmt: skip


def money(programme_id: int, year: int, today: date) -> Content:
    """Each line month by month as it stood at the month's end, in tiyn: planned, and the parts that add up to it.

    `earned` is what claims say of each month's lessons; `burn` what follows from it. `back` is money that returned:
    released, lapsed, refunded, owed.
    """
    lines = rows(_LINES, [programme_id, year])
    ids = [line[0] for line in lines]
    moved: dict[tuple[int, date], dict[str, int]] = {}
    for line_id, month, kind, tiyn in rows(_MOVED, [ids]):
        moved.setdefault((line_id, month), {})[kind] = tiyn
    earned: dict[int, list[tuple[date, int]]] = {}
    for line_id, month, tiyn in rows(_EARNED, [ids]):
        earned.setdefault(line_id, []).append((month, tiyn))
    last = max([month for _, month in moved] + [min(month_of(today), date(year, 12, 1))], default=date(year, 1, 1))
    return {
        "rows": [
            _line(line, [dict(moved.get((line[0], m), {}), month=m) for m in _months(date(year, 1, 1), last)],
                  earned.get(line[0], []), year, today)
            for line in lines
        ]
    }  # fmt: skip


def _line(
    line: tuple[Any, ...], moved: list[dict[str, Any]], earned: list[tuple[date, int]], year: int, today: date
) -> Content:
    _, kind, code, department = line
    stood: dict[str, int] = {}
    months = []
    for one in moved:
        for name, tiyn in one.items():
            if name != "month":
                stood[name] = stood.get(name, 0) + tiyn
        parts = {part: sum(stood.get(name, 0) for name in names) for part, names in _PARTS.items()}
        months.append({"month": one["month"].isoformat(), "planned": -stood.get("approp", 0), **parts})
    return {
        "kind": kind, "code": code, "department": department, "months": months,
        "earned": [[month.isoformat(), tiyn] for month, tiyn in earned],
        "burn": _burn(earned, stood, year, today),
    }  # fmt: skip


def _burn(earned: list[tuple[date, int]], stood: dict[str, int], year: int, today: date) -> Content | None:
    """The forecast as stored; None once the year is over or every month of it is earned."""
    if not earned or today.year > year or earned[-1][0].month == 12:
        return None
    left = sum(stood.get(name, 0) for name in ("free", "held", "place", "released"))
    found = burn([tiyn for _, tiyn in earned], left, date(year, earned[-1][0].month + 1, 1))
    assert found is not None, "a month is known"
    ends = found.ends.isoformat() if found.ends else None
    return {
        "months": found.months, "speed": found.speed_tiyn, "left": found.left_tiyn, "months_left": found.months_left,
        "rest": found.rest_tiyn, "ends": ends,
    }  # fmt: skip


def _months(first: date, last: date) -> Iterator[date]:
    month = first
    while month <= last:
        yield month
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)

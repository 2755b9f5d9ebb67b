"""Counting who waits, by category, and whom the rules hit, by kind of family; merged. For commands alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from qosymsha.domain.figures.queries.asked import rows
from qosymsha.domain.figures.queries.demand import year_of
from qosymsha.domain.figures.rules.telling import Cell, told, told_shares
from qosymsha.domain.vouchers.states import CloseReason

Content = dict[str, Any]
Counted = tuple[str, str, int, int]  # category, kind, days, children

# The category a child competes in; before the draw it has none yet.
_WAITING = """
SELECT coalesce(nullif(a.category, ''), 'general'), a.kind,
       greatest(0, %(today)s - (a.submitted_at AT TIME ZONE 'Asia/Almaty')::date), count(*)
  FROM application a JOIN admission_round r ON r.id = a.round_id
 WHERE r.programme_id = %(programme)s AND r.first_month >= %(first)s AND r.first_month < %(end)s
   AND a.state = 'waiting' GROUP BY 1, 2, 3"""
_GRANTED = """
SELECT coalesce(nullif(a.category, ''), 'general'), a.kind,
       greatest(0, extract(day FROM v.issued_at - a.submitted_at)::int), count(*)
  FROM application a JOIN admission_round r ON r.id = a.round_id JOIN voucher v ON v.application_id = a.id
 WHERE r.programme_id = %(programme)s AND r.first_month >= %(first)s AND r.first_month < %(end)s GROUP BY 1, 2, 3"""


def waiting(programme_id: int, year: int, today: date) -> Content:
    """Children who wait, and who were granted a voucher, by category and kind, with the middle of their days.

    Each row: `part` (waiting, granted), `kinds`, `categories`, `children`, `days` (null of nobody). Cells are merged:
    each holds nobody or at least ten.
    """
    asked = year_of(programme_id, year, today=min(today, date(year + 1, 1, 1)))
    found = []
    for part, statement in (("waiting", _WAITING), ("granted", _GRANTED)):
        counted: list[Counted] = rows(statement, asked)
        for cell in told(by_category(counted)):
            found.append({
                "part": part, "kinds": list(cell.column), "categories": list(cell.row), "children": cell.children,
                "days": _middle(counted, cell),
            })  # fmt: skip
    return {"rows": found}


def by_category(counted: Iterable[Counted]) -> dict[str, dict[str, int]]:
    """Category → kind → children, categories and kinds in their alphabets' order."""
    table: dict[str, dict[str, int]] = {}
    for category, kind, _, children in sorted(counted):
        columns = table.setdefault(category, {})
        columns[kind] = columns.get(kind, 0) + children
    return table


def _middle(counted: Iterable[Counted], cell: Cell) -> int | None:
    """The lower median of the days of a merged cell."""
    days = sorted((d, n) for category, kind, d, n in counted if category in cell.row and kind in cell.column)
    passed = 0
    for day, children in days:
        passed += children
        if 2 * passed >= cell.children:
            return day
    return None


# Whoever had a place. The absence rule hits whom it suspends or releases, a flag whom it is raised against.
# Rural by the third digit of the home's KATO code outside the three big cities: an assumption, docs/rules/figures.md.
_FAMILIES = """
WITH had AS (
    SELECT e.child_id, max(g.language) AS language,
           EXISTS (SELECT FROM voucher v WHERE v.child_id = e.child_id AND v.reason = %(absent)s)
           OR EXISTS (SELECT FROM absence_case c JOIN enrolment o ON o.id = c.enrolment_id
                       JOIN absence_case_history h ON h.absence_case_id = c.id
                      WHERE o.child_id = e.child_id AND h.to_state IN ('suspended', 'released')) AS absent,
           EXISTS (SELECT FROM red_flag f WHERE f.child_id = e.child_id) AS flagged
      FROM enrolment e JOIN club_group g ON g.id = e.group_id
     WHERE e.starts_on < %(end)s AND coalesce(e.ends_on, %(end)s) >= %(first)s GROUP BY 1
), said AS (
    SELECT h.absent, h.flagged, h.language, t.id AS home,
           CASE WHEN t.kato IS NOT NULL
                THEN left(t.kato, 2) NOT IN ('71', '75', '79') AND substr(t.kato, 3, 1) >= '3' END AS rural,
           EXISTS (SELECT FROM child_status s WHERE s.child_id = h.child_id
                      AND s.category IN ('disability', 'sen')) AS special,
           (SELECT count(DISTINCT other.child_id) FROM guardianship own JOIN guardianship other
               ON other.guardian_id = own.guardian_id WHERE own.child_id = h.child_id) >= 4 AS many
      FROM had h JOIN child c ON c.id = h.child_id LEFT JOIN territory t ON t.id = c.home_id
)
SELECT d.dimension, d.value, count(*), count(*) FILTER (WHERE absent), count(*) FILTER (WHERE flagged)
  FROM said, LATERAL (VALUES ('all', ''), ('language', language), ('special', special::text), ('many', many::text),
                             ('rural', rural::text), ('home', home::text)) AS d (dimension, value)
 WHERE d.value IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"""

_HOMES = "SELECT name_kk, name_ru, name_en FROM territory WHERE id = ANY (%s) ORDER BY sort_kk, id"
DIMENSIONS = ("all", "special", "rural", "many", "language", "home")


RULES = ("absent", "flagged")


def equity(first: date, end: date) -> list[dict[str, Any]]:
    """Whom the absence rule and the red flags hit: rows of `dimension`, `groups`, `children`, and hits by rule.

    A rule's hits are null where fewer than ten children were hit in all. Of a dimension all groups are told or merged
    with others; one that is left with a single block tells nothing new and is left out. All children are the dimension
    `all`.
    """
    counted: dict[str, dict[str, tuple[int, dict[str, int]]]] = {}
    asked = {"first": first, "end": end, "absent": CloseReason.ABSENT.value}
    for dimension, value, children, *hits in rows(_FAMILIES, asked):
        counted.setdefault(dimension, {})[value] = (children, dict(zip(RULES, hits, strict=True)))
    if not counted:
        return []
    everybody = counted["all"]
    rules = [rule for rule in RULES if told_shares(_only(everybody, [rule]))]
    found = []
    for dimension in DIMENSIONS:
        shares = told_shares(_only(counted.get(dimension, {}), rules))
        if dimension == "all" or len(shares) > 1:
            found += [
                {"dimension": dimension, "groups": list(one.groups), "children": one.children}
                | {rule: one.hit.get(rule) for rule in RULES}
                | ({"names": _names(one.groups)} if dimension == "home" else {})
                for one in shares
            ]
    return found


def _names(homes: Sequence[str]) -> dict[str, str]:
    """Language → the names of districts, joined."""
    found = rows(_HOMES, [[int(home) for home in homes]])
    return {code: ", ".join(row[n] or row[1] for row in found) for n, code in enumerate(("kk", "ru", "en"))}


def _only(
    counted: dict[str, tuple[int, dict[str, int]]], rules: Sequence[str]
) -> dict[str, tuple[int, dict[str, int]]]:
    return {group: (children, {rule: hits[rule] for rule in rules}) for group, (children, hits) in counted.items()}

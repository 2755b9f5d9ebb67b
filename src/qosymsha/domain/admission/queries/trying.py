"""Drafted rules tried on the real queue: the latest run's children and numbers, the same money, by the same engine.

Figures alone leave here: by category, and where a category has fewer than ten children in the queue, none of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries.frozen import places_of
from qosymsha.domain.admission.rules import months_between, places_for, terms_of, tier_of
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_terms import RoundArrays, Tie
from qosymsha.domain.allocation.small_classes import FEWEST
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules

MOST = 100_000  # lines that a page tries while somebody waits
_QUEUE = """
SELECT a.kind, a.category, a.claims, a.age, o.number,
       (extract(epoch FROM a.submitted_at) * 1000000)::bigint
  FROM frozen_line f JOIN application a ON a.id = f.application_id JOIN outcome o ON o.application_id = a.id
 WHERE f.round_id = %s ORDER BY f.position"""
_WAITING = """
SELECT kind, age, count(*) FROM application
 WHERE programme_id = %s AND state IN ('submitted', 'checked', 'waiting') GROUP BY kind, age"""


@dataclass(frozen=True, slots=True)
class CategoryTried:
    """Children of a category in the queue, and how many get a voucher under each set of rules; None: too few to say."""

    category: str
    children: int | None
    granted_before: int | None
    granted_after: int | None


@dataclass(frozen=True, slots=True)
class Tried:
    """What the rules would change. `number`: the round whose queue was used, "" where none was run yet.

    out_of_age, out_of_kind: live applications that the rules would no longer take.   moved_in, moved_out: children who
    would get a voucher, or get none, where it is the other way round under the rules in force.   places_*: by kind.
    is_too_long: the queue is longer than a page tries.
    """

    live: int
    out_of_age: int
    out_of_kind: int
    number: str = ""
    lines: int = 0
    moved_in: int = 0
    moved_out: int = 0
    places_before: Mapping[str, int] | None = None
    places_after: Mapping[str, int] | None = None
    categories: tuple[CategoryTried, ...] = ()
    is_too_long: bool = False


def tried(programme_id: int, rules: Rules) -> Tried:
    """What these rules would do to who applies and waits now, and to the latest run with its own numbers and money."""
    live = out_of_age = out_of_kind = 0
    for kind, age, count in _rows(_WAITING, [programme_id]):
        live += count
        out_of_kind += count if kind not in rules.kinds else 0
        out_of_age += count if not rules.ages.minimum <= age <= rules.ages.maximum else 0
    last = Round.objects.filter(programme_id=programme_id, output_hash__isnull=False).order_by("-opens_at").first()
    if last is None:
        return Tried(live, out_of_age, out_of_kind)
    rows = _rows(_QUEUE + " LIMIT %s", [last.id, MOST + 1])
    if len(rows) > MOST:
        return Tried(live, out_of_age, out_of_kind, last.number, is_too_long=True)
    return _compared(last, rules, rows, (live, out_of_age, out_of_kind))


def _compared(last: Round, rules: Rules, rows: list[Any], counted: tuple[int, int, int]) -> Tried:
    old_rules = programmes.rules_of(last.rule_set_id).rules
    before_places = {kind: found.places for kind, found in places_of(last).items()}
    after_places = _places(last, rules)
    before, after = _granted(old_rules, before_places, rows), _granted(rules, after_places, rows)
    categories = [row[1] for row in rows]
    return Tried(
        *counted,
        number=last.number,
        lines=len(rows),
        moved_in=int((after & ~before).sum()),
        moved_out=int((before & ~after).sum()),
        places_before=before_places,
        places_after=after_places,
        categories=_by_category(old_rules, categories, before, after),
    )


def _places(last: Round, rules: Rules) -> dict[str, int]:
    """The same money as at that round's close, turned into places by these rules; kinds it did not have get none."""
    months, fixed = months_between(last.first_month, last.last_month), places_of(last)
    return {
        kind: places_for(
            line_id=fixed[kind].line_id,
            free_tiyn=fixed[kind].free_tiyn,
            voucher_tiyn=rules.planning_tariff[kind] * months,
            appeals_reserve_permille=rules.appeals_reserve_permille,
        ).places
        if kind in fixed
        else 0
        for kind in rules.kinds
    }


def _granted(rules: Rules, places: Mapping[str, int], rows: list[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows get a voucher; those of another age or kind, or of no category these rules know, get none."""
    terms = terms_of(rules, places)
    kinds, known = list(rules.kinds), {one.code: tier_of(rules, one.code) for one in rules.categories}
    last = max(rules.categories, key=lambda one: one.order).code
    fits = np.array([row[0] in kinds and rules.ages.minimum <= row[3] <= rules.ages.maximum for row in rows], bool)
    claims = np.array([[category in row[2] for row in rows] for category in terms.categories()], bool)
    numbers = np.frombuffer(b"".join(bytes(row[4]) for row in rows), np.uint8).reshape(-1, 32)
    arrays = RoundArrays(
        segment=np.array([kinds.index(row[0]) if fit else -1 for row, fit in zip(rows, fits, strict=True)], np.int16),
        tier=np.array([known.get(row[1], known[last]) for row in rows], np.int16),
        number=numbers if terms.tie is Tie.LOTTERY else np.array([row[5] for row in rows], np.int64),
        claims=claims if len(claims) else None,
    )
    return np.asarray(solve(terms, arrays).outcomes() == 0)


def _by_category(rules: Rules, categories: list[str], before: Any, after: Any) -> tuple[CategoryTried, ...]:
    counts, was, now = Counter(categories), Counter[str](), Counter[str]()
    for category, old, new in zip(categories, before.tolist(), after.tolist(), strict=True):
        was[category] += old
        now[category] += new
    return tuple(
        CategoryTried(one.code, counts[one.code], was[one.code], now[one.code])
        if counts[one.code] >= FEWEST
        else CategoryTried(one.code, None, None, None)
        for one in rules.categories
    )


def _rows(statement: str, arguments: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())

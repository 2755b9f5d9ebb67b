"""Periods of retention: what an installation may set, and the floors below which it may not go. Pure.

Sources: DOMAIN.md 6 (accounting papers five years at least, recalled; audits of 2026 look back to 2021), LEDGER.md.
Every period is an assumption until an akimat's lawyer and its archive rules have confirmed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

SCHEMA = "retention-1"
_NUMBERS = {1: "one", 3: "three", 5: "five", 10: "ten"}
Moment = TypeVar("Moment", date, datetime)


class Way(StrEnum):
    """What becomes of a table's rows when their time is over."""

    ROWS = "rows"  # deleted
    MONTHS = "months"  # whole months dropped
    SECRETS = "secrets"  # the person's secrets are destroyed; the row is an id of nobody
    WORDS = "words"  # what people wrote is blanked when the child is erased; the row is ids of nobody
    IDS = "ids"  # nothing but ids, which are nobody's once the person is erased
    EVER = "ever"  # no person stands in it
    ANEW = "anew"  # replaced by every count


@dataclass(frozen=True, slots=True)
class Term:
    """A period: whole years, or days."""

    years: int = 0
    days: int = 0

    def before(self, moment: Moment) -> Moment:
        """The moment this long ago; 29 February becomes the 28th where the year has none."""
        year = moment.year - self.years
        is_leap_day = (moment.month, moment.day) == (2, 29)
        is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        same_day = moment.replace(year=year, day=28 if is_leap_day and not is_leap_year else moment.day)
        return same_day - timedelta(days=self.days)

    @property
    def words(self) -> str:
        """In English, as the tables' notes say it."""
        count, unit = (self.years, "year") if self.years else (self.days, "day")
        return f"{_NUMBERS.get(count, count)} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a period may be, and what asks for it."""

    term: Term
    why: str


_MONEY = "accounting papers are kept for five years, and a payment must be shown to be a real child's"
_AUDIT = "audits look back five years: who did what must be found by then"
FLOORS: Mapping[str, Floor] = {
    "person": Floor(Term(years=5), _MONEY),
    "account": Floor(Term(days=30), "a family that signs in must find its children"),
    "user": Floor(Term(years=5), _AUDIT),
    "teacher": Floor(Term(years=5), _MONEY),
    "trader": Floor(Term(years=5), _MONEY),
    "signature": Floor(Term(years=5), _MONEY),
    "consent": Floor(Term(years=3), "the house must show that it was allowed to ask while a claim may be brought"),
    "mark": Floor(Term(years=5), _MONEY),
    "audit": Floor(Term(years=5), _AUDIT),
    "outside_mark": Floor(Term(days=92), "a screening is answered within its quarter"),
}


def read(product: str, own: str = "") -> dict[str, Term]:
    """The periods of the product's file (JSON text), with those that the installation's own file sets in their stead.

    Raises:
        ValueError: an unreadable file, an unknown name, a period that is none or lies below its floor.
    """
    found = dict(_terms(product))
    missing = FLOORS.keys() - found.keys()
    if missing:
        raise ValueError(f"no period for {', '.join(sorted(missing))}")
    for name, term in _terms(own) if own else ():
        if name not in found:
            raise ValueError(f"{name}: no such period; there are {', '.join(sorted(found))}")
        found[name] = term
    return found


def _terms(text: str) -> Iterator[tuple[str, Term]]:
    document: Any = json.loads(text)
    if (
        not isinstance(document, dict)
        or document.get("schema") != SCHEMA
        or not isinstance(document.get("terms"), dict)
    ):
        raise ValueError(f"not a document of {SCHEMA} with `terms`")
    for name, told in document["terms"].items():
        yield name, _term(name, told)


def _term(name: str, told: Any) -> Term:
    counted = {unit: told[unit] for unit in ("years", "days") if unit in told} if isinstance(told, dict) else {}
    if len(counted) != 1 or not all(type(n) is int and 0 < n <= 36_525 for n in counted.values()):
        raise ValueError(f"{name}: say `years` or `days`, a whole number above zero")
    term, floor = Term(**counted), FLOORS.get(name)
    probe = date(2024, 1, 1)
    if floor is not None and term.before(probe) > floor.term.before(probe):
        raise ValueError(f"{name}: {term.words} is less than the {floor.term.words} it must be: {floor.why}")
    return term

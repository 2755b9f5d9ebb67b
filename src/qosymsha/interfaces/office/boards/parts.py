"""What a dashboard is made of, and the words its parts share: directions, districts, categories, months, money."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from qosymsha.domain.figures.queries.stored import Scope, Stored
from qosymsha.domain.people.queries import TerritoryName
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.files.exports import Value
from qosymsha.interfaces.office import lists
from qosymsha.interfaces.office.boards.charts import Chart
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import bare_district
from qosymsha.kernel.money import TIYN_PER_TENGE, Money

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks for: a programme's year, narrowed to a kind, a district, a language; grouped `by`."""

    scope: Scope
    year: int
    language: str
    districts: Mapping[int, TerritoryName]
    kind: str = ""
    district: int | None = None
    teaching: str = ""
    by: str = "activity"

    def has(self, row: Row) -> bool:
        """True where a row is not narrowed away; a filter the row does not know leaves it."""
        return (
            (not self.kind or self.kind in row.get("kinds", [row.get("kind", self.kind)]))
            and (self.district is None or row.get("district", self.district) == self.district)
            and (not self.teaching or row.get("language", self.teaching) == self.teaching)
        )

    def say(self, key: str, **values: object) -> str:
        """A sentence in the page's language."""
        return texts.say(self.language, key, **values)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its caption, its columns' keys, rows of typed values; numbers stand to the right.

    A `Money` is an amount, shown with its sign; the download writes tenge as a number.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value | Money, ...], ...]

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """Each column with whether its cells are numbers."""
        first = self.rows[0] if self.rows else ()
        return [(column, is_number(cell)) for column, cell in zip(self.columns, first, strict=False)]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: the instant it is of, plain sentences on top, charts, tables; which filters narrow it."""

    name: str
    at: datetime
    says: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    filters: tuple[str, ...] = ("kind",)
    notes: tuple[str, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        """True where there is nothing to draw and no table to read."""
        return not any(one.bars for one in self.charts) and not any(one.rows for one in self.tables)


Build = Callable[[Chosen, Mapping[str, Stored]], Board]


def is_number(cell: Value | Money) -> bool:
    """True of what stands to the right: numbers, amounts, shares, and the dash where there is none."""
    return not isinstance(cell, str) or cell == "—" or cell.endswith("%")


def kind_name(chosen: Chosen, kind: str) -> str:
    """A kind in words."""
    return chosen.say(f"kind.{kind}")


def kinds_name(chosen: Chosen, kinds: Iterable[str]) -> str:
    """Merged kinds in words."""
    return ", ".join(kind_name(chosen, kind) for kind in kinds)


def activity_name(chosen: Chosen, code: str) -> str:
    """A direction in words."""
    return lists.title(code, chosen.language)


def named(row: object, language: str) -> str:
    """A translated row's name: the page's language, then Russian."""
    return str(getattr(row, f"name_{language}", "") or getattr(row, "name_ru", ""))


def district_name(chosen: Chosen, district: int) -> str:
    """A district's name without the word for district, or its number where it is none of the programme's."""
    found = chosen.districts.get(district)
    return bare_district(named(found, chosen.language)) if found else f"{district}"


@cache
def _categories() -> Mapping[str, classifiers.CategoryRow]:
    return {row.code: row for row in classifiers.categories()}


def category_order(code: str) -> int:
    """Where a category stands in the classifier; unknown ones stand last."""
    known = _categories()
    return known[code].order if code in known else len(known) + 1


def categories_name(chosen: Chosen, codes: Sequence[str]) -> str:
    """Merged categories in words, in the classifier's order."""
    known = _categories()
    ordered = sorted(codes, key=category_order)
    return ", ".join(named(known[code], chosen.language) if code in known else code for code in ordered)


def month_name(month: str) -> str:
    """`2026-03-01` → `03.2026`."""
    return f"{month[5:7]}.{month[:4]}"


def month_of(month: str) -> date:
    """A stored month as a date."""
    return date.fromisoformat(month)


def tenge(tiyn: int) -> str:
    """An amount in words, whole tenge: a chart needs no tiyn, its table has them."""
    return str(Money.tenge(tiyn // TIYN_PER_TENGE))


def as_written(value: Value | Money) -> Value:
    """A cell for a spreadsheet: an amount as a number of tenge."""
    return Decimal(value.tiyn) / TIYN_PER_TENGE if isinstance(value, Money) else value


def percent(part: int, whole: int, language: str) -> str:
    """A share in percent with one decimal, a dash of nothing."""
    if not whole:
        return "—"
    text = f"{100 * part / whole:.1f}"
    return f"{text if language == 'en' else text.replace('.', ',')}\u00a0%"


def added(rows: Iterable[Row], key: Callable[[Row], Any], *names: str) -> dict[Any, Row]:
    """Rows summed by a key, each name's sum; keys in the order they come."""
    found: dict[Any, Row] = {}
    for row in rows:
        sums = found.setdefault(key(row), dict.fromkeys(names, 0))
        for name in names:
            sums[name] += row[name]
    return found

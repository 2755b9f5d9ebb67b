"""The product's own data files: directions, categories, holidays and the default rule set, each row with its source."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """A day that differs from Monday-to-Friday, with the paper that says so."""

    day: date
    is_working: bool
    name_kk: str
    name_ru: str
    source: str


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A direction of lessons as activities.csv has it."""

    code: str
    kind: str
    name_kk: str
    name_ru: str
    name_en: str
    source: str


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A social category as categories.csv has it; all twelve are an assumption (DOMAIN.md 3.4)."""

    code: str
    order: int
    name_kk: str
    name_ru: str
    name_en: str
    coefficient: int
    evidence: str
    sensitivity: str
    note: str


def activities() -> list[ActivityRow]:
    """Every direction of activities.csv."""
    return [ActivityRow(**row) for row in _rows("activities.csv")]


def categories() -> list[CategoryRow]:
    """The twelve categories in their order."""
    return [
        CategoryRow(**{**row, "order": int(row["order"]), "coefficient": int(row["coefficient"])})
        for row in _rows("categories.csv")
    ]


def holidays() -> list[CalendarDraft]:
    """Kazakhstan's holidays and moved days of 2026 and 2027; each row names its source, most are to be confirmed."""
    return [
        CalendarDraft(date.fromisoformat(r["day"]), r["is_working"] == "true", r["name_kk"], r["name_ru"], r["source"])
        for r in _rows("holidays.csv")
    ]


def default_rule_set() -> dict[str, Any]:
    """The default document for Astana; sections with `status: assumption` are to be confirmed by the akimat."""
    loaded: dict[str, Any] = json.loads(_text("default-rule-set.json"))
    return loaded


def _rows(name: str) -> Iterator[dict[str, Any]]:
    yield from csv.DictReader(_text(name).splitlines())


def _text(name: str) -> str:
    return files("qosymsha.domain.programmes").joinpath("data", name).read_text("utf-8")

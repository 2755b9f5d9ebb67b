"""A rule set in words: what its sections, fields and values are called in three languages (data/rule-words.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.changes import Change, changes
from qosymsha.kernel.money import Money

ABOUT = ("status", "source")  # of a section: where it comes from, not what it says
_KINDS = ("kind", "segment", "kinds", "codes")
Words = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A list of a section: its name, its columns, its rows in words."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A section in words and figures; `status` is found or assumption, `basis` the same in words."""

    code: str
    name: str
    status: str
    basis: str
    source: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]


@cache
def _loaded() -> dict[str, Any]:
    text = files("qosymsha.domain.programmes").joinpath("data", "rule-words.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def sections() -> list[str]:
    """The sections of a rule set that say a rule, in the schema's order."""
    return [name for name in documents.schema()["properties"] if name not in ("schema", "name")]


def section_name(section: str, language: str) -> str:
    """What a section is called; its code where nobody gave it a name yet."""
    return _said("sections", (section,), language) or section


def field_name(section: str, field: str, language: str) -> str:
    """What a field is called within its section: the section's own word for it, else the general one, else its code."""
    last = field.rpartition(".")[2]
    return _said("fields", (f"{section}.{field}", f"{section}.{last}", field, last), language) or last


def fault(message: str, language: str) -> str:
    """A fault between fields in the reader's language; in English where no sentence is ready."""
    for one in _loaded()["faults"]:
        if re.fullmatch(one["pattern"], message):
            return re.sub(one["pattern"], str(one[language]), message)
    return message


def _said(family: str, keys: tuple[str, ...], language: str) -> str:
    words: Words = _loaded()[family]
    return next((words[key][language] for key in keys if key in words), "")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says values of one document in one language."""

    document: documents.Document
    language: str

    def value(self, section: str, field: str, value: Any) -> str:
        """A value in words: money in tenge, shares in percent, codes by their names."""
        name = field.rpartition(".")[2]
        if value is None:
            return _said("values", (f"none.{name}", "none"), self.language)
        if isinstance(value, bool):
            return _said("values", ("yes" if value else "no",), self.language)
        if isinstance(value, list):
            return ", ".join(self.value(section, field, one) for one in value) or _said(
                "values", ("none",), self.language
            )
        if isinstance(value, Mapping):
            return self._map(section, value)
        if isinstance(value, int):
            return self._number(name, value)
        return _day(self._code(section, name, str(value)))

    def _map(self, section: str, value: Mapping[str, Any]) -> str:
        if "ru" in value and "kk" in value:
            return str(value.get(self.language) or value["ru"])
        return "; ".join(f"{self.key(section, key)}: {self.value(section, key, one)}" for key, one in value.items())

    def key(self, section: str, key: str) -> str:
        """What a key of a map is called: a kind, or a field."""
        kind = _said("values", (f"kind.{key}",), self.language)
        return kind or self.label(section, key)

    def _number(self, name: str, value: int) -> str:
        if name == "tiyn" or name.endswith("_tiyn"):
            return str(Money(value))
        if name == "permille" or name.endswith("_permille"):
            return percent(value, self.language)
        return str(value)

    def _code(self, section: str, name: str, value: str) -> str:
        if name in _KINDS:
            return _said("values", (f"kind.{value}",), self.language) or value
        if name == "category":
            return self.category(value)
        if name == "activity":
            return _activity(value, self.language)
        if section == "flags" and name == "code":
            return _flag(value, self.language)
        keys = (f"{section}.{name}.{value}", f"{name}.{value}")
        return _said("values", keys, self.language) or value

    def category(self, code: str) -> str:
        """A category by its name in this document."""
        found = next((c for c in self.document["categories"]["list"] if c["code"] == code), None)
        return self._map("categories", found["name"]) if found else code

    def shown(self, section: str) -> Shown:
        """A section in words and figures."""
        content = self.document.get(section, {})
        facts, tables = list(self._facts(section, "", content)), list(self._tables(section, "", content))
        status = str(content.get("status", ""))
        return Shown(
            section,
            section_name(section, self.language),
            status,
            self._code(section, "status", status),
            str(content.get("source", "")),
            tuple(facts),
            tuple(tables),
        )

    def label(self, section: str, name: str) -> str:
        """A field's name beside a value in words, which says the percent itself."""
        return field_name(section, name, self.language).removesuffix(", %")

    def _facts(self, section: str, before: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in _in_order(section, content):
            if name in ABOUT or _is_rows(value):
                continue
            label = self.label(section, name)
            if isinstance(value, Mapping):
                yield from ((f"{label}: {one}", said) for one, said in self._facts_of_map(section, value))
            else:
                yield before + label, self.value(section, name, value)

    def _facts_of_map(self, section: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in content.items():
            if not _is_rows(value):
                # A map from kinds to money has its unit in the map's own name, which stands with the tiyn.
                is_money = section == "planning_tariff"
                yield self.key(section, name), str(Money(value)) if is_money else self.value(section, name, value)

    def _tables(self, section: str, before: str, content: Mapping[str, Any]) -> Iterator[Table]:
        for name, value in _in_order(section, content):
            if isinstance(value, Mapping):
                label = field_name(section, name, self.language)
                yield from self._tables(section, f"{label}: ", value)
            elif _is_rows(value):
                yield self._table(section, before + field_name(section, name, self.language), value)

    def _table(self, section: str, name: str, rows: list[Mapping[str, Any]]) -> Table:
        ranks = _ranks(section)
        by_schema = sorted(rows[0], key=lambda column: ranks.get(column, len(ranks))) if rows else []
        columns = sorted(by_schema, key=lambda column: column not in ("name", "code"))
        if "name" in columns:
            columns = ["name", *(c for c in columns if c not in ("name", "code"))]
        return Table(
            name,
            tuple(self.label(section, column) for column in columns),
            tuple(tuple(self.value(section, column, row[column]) for column in columns) for row in rows),
        )


def _day(text: str) -> str:
    """A date of a document as it is written on the pages: `2026-09-01` → `01.09.2026`."""
    return ".".join(reversed(text.split("-"))) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text


def percent(permille: int, language: str) -> str:
    """847 → `84,7 %`, in English `84.7 %`."""
    text = f"{permille // 10}" if permille % 10 == 0 else f"{permille / 10:.1f}"
    return f"{text if language == 'en' else text.replace('.', ',')}\u00a0%"


@cache
def _ranks(section: str) -> dict[str, int]:
    """Names of a section's fields, of its rows' too, in the order in which the schema has them."""
    found: dict[str, int] = {}

    def walk(node: Mapping[str, Any]) -> None:
        for name, below in node.get("properties", {}).items():
            found.setdefault(name, len(found))
            walk(below)
        for below in (node.get("items"), node.get("additionalProperties")):
            if isinstance(below, Mapping):
                walk(below)

    walk(documents.schema()["properties"].get(section, {}))
    return found


def _in_order(section: str, content: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A section's fields in the schema's order; a database keeps them in an order of its own."""
    ranks = _ranks(section)
    return sorted(content.items(), key=lambda one: ranks.get(one[0], len(ranks)))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


@cache
def _activities() -> dict[str, classifiers.ActivityRow]:
    return {row.code: row for row in classifiers.activities()}


def _activity(code: str, language: str) -> str:
    row = _activities().get(code)
    return str(getattr(row, f"name_{language}", "") or code)


def _flag(code: str, language: str) -> str:
    return _said("values", (f"flags.code.{code}",), language) or code


@dataclass(frozen=True, slots=True)
class ChangeSaid:
    """A change in words: the section's name, the row (empty where there is none) and field, what was and what shall be.

    A whole row that is new or gone has no field; it is said in one line. `sort` is changed, added or gone; `by` says
    how much a number differs (`+2`, `+500 ₸ (+10 %)`) and which members a list gets and loses, blank elsewhere.
    """

    section: str
    row: str
    field: str
    before: str
    after: str
    sort: str = "changed"
    by: str = ""


def said_changes(before: documents.Document | None, after: documents.Document, language: str) -> list[ChangeSaid]:
    """What a document changes against the one before it, in words and figures; without one before, nothing."""
    if before is None:
        return []
    speakers = Speaker(before, language), Speaker(after, language)
    return [_change_said(change, *speakers) for change in sorted(changes(before, after), key=_rank)]


def _rank(change: Change) -> tuple[int, int]:
    """Sections and their fields in the schema's order, rows of lists after the fields."""
    names, ranks = list(documents.schema()["properties"]), _ranks(change.section)
    section = names.index(change.section) if change.section in names else len(names)
    return section, len(ranks) if change.row else ranks.get(change.field.partition(".")[0], len(ranks))


def _change_said(change: Change, before: Speaker, after: Speaker) -> ChangeSaid:
    section, language = change.section, after.language
    speaker = before if change.is_gone else after
    row = ", ".join(_row_key(speaker, section, key, value) for key, value in change.row)
    is_whole = change.is_added or change.is_gone
    label = "" if is_whole else " · ".join(speaker.label(section, step) for step in _steps(change.field))
    was = "—" if change.is_added else _side(before, change, change.before)
    now = "—" if change.is_gone else _side(after, change, change.after)
    sort = "added" if change.is_added else "gone" if change.is_gone else "changed"
    by = "" if is_whole else _by(after, change)
    return ChangeSaid(section_name(section, language), row, label, was, now, sort, by)


def _by(speaker: Speaker, change: Change) -> str:
    """How much a number differs, or what a list of words gets and loses."""
    before, after, name = change.before, change.after, change.field.rpartition(".")[2]
    if isinstance(before, list) and isinstance(after, list):
        return _members(speaker, change)
    if not all(isinstance(side, int) and not isinstance(side, bool) for side in (before, after)):
        return ""
    sign, size = "+" if after > before else "\u2212", abs(after - before)
    if name.endswith("tiyn") or change.section == "planning_tariff":
        part = f" ({sign}{percent(round(1000 * size / before), speaker.language)})" if before else ""
        return f"{sign}{Money(size)}{part}"
    if name.endswith("permille"):
        return sign + percent(size, speaker.language).replace("%", _said("values", ("points",), speaker.language))
    return f"{sign}{size}"


def _members(speaker: Speaker, change: Change) -> str:
    """`+ ill; − other`: a list of plain values, in the order of the rule sets."""
    if any(isinstance(one, Mapping) for one in [*change.before, *change.after]):
        return ""
    more = [one for one in change.after if one not in change.before]
    less = [one for one in change.before if one not in change.after]
    said = [
        (sign, speaker.value(change.section, change.field, some))
        for sign, some in (("+", more), ("\u2212", less))
        if some
    ]
    return "; ".join(f"{sign} {some}" for sign, some in said)


def _steps(path: str) -> list[str]:
    """The names that say where a field stands: `contract.mode` has two; a name in a language is one."""
    return [path] if path.startswith("name.") else path.split(".")


def _row_key(speaker: Speaker, section: str, key: str, value: Any) -> str:
    if section == "categories" and key == "code":
        return speaker.category(str(value))
    return speaker.value(section, key, value)


def _side(speaker: Speaker, change: Change, value: Any) -> str:
    if change.is_added or change.is_gone:
        shown = {k: v for k, v in value.items() if k not in dict(change.row) and k != "name"}
        return "; ".join(
            f"{speaker.label(change.section, k)}: {speaker.value(change.section, k, v)}" for k, v in shown.items()
        )
    if change.section == "planning_tariff" and isinstance(value, int):
        return str(Money(value))
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "; ".join(speaker.value(change.section, change.field, one) for one in value)
    return speaker.value(change.section, change.field, value)

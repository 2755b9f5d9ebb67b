"""A form for a section of a rule set, made from the JSON Schema: money in tenge, shares in percent, lists row by row.

Names of fields are paths within the section (`list.0.coefficient`); a list has one empty row to add to it, and each of
its rows a box to take it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.http import QueryDict

from qosymsha.domain.programmes import classifiers, wording
from qosymsha.domain.programmes import document as documents
from qosymsha.interfaces.ui.forms import Form

Node = Mapping[str, Any]
GONE, EMPTY = "gone", "new"
_COMPUTED = {("tariffs", "unit_tiyn")}  # follows from the multiple
_KEYS = ("code", "kind", "segment", "up_to_tiyn")  # a row is there where its first such field says something
_FREE_CODES = {"valid_reasons": ("ill", "excused")}
_KIND_FIELDS = {"kind", "segment"}
_MAPS_OF_KINDS = {"tiyn", "papers_of_kind"}
_TENGE, _PERCENT = Decimal(100), Decimal(10)


@dataclass(slots=True)
class Row:
    """A row of a list: its fields, the box that takes it out (None: the empty row), what it is called."""

    title: str
    fields: list[forms.BoundField] = field(default_factory=list)
    gone: forms.BoundField | None = None
    is_open: bool = False


@dataclass(slots=True)
class Part:
    """What the page shows in turn: plain fields, or the rows of a list under its name."""

    name: str
    fields: list[forms.BoundField] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A field of the form and how to read it back. `kind`: plain, tenge, percent, days, list, order, date."""

    path: str
    kind: str
    widget: forms.Field


class SectionForm(Form):
    """A section's fields; `content` gives the section back as it was written."""

    section: str
    leaves: Mapping[str, _Leaf]
    before: Mapping[str, Any]
    document: documents.Document
    rows: Mapping[str, int]
    words: wording.Speaker

    def content(self) -> dict[str, Any]:
        """The section as the schema has it, of cleaned data. Rows that are taken out or empty are left away."""
        return cast(dict[str, Any], self._read(_section_node(self.section), "", self.before))

    def parts(self) -> list[Part]:
        """Fields in the schema's order, lists row by row."""
        found: list[Part] = [Part("")]
        _arranged(self, _section_node(self.section), "", found, "")
        about = [one for one in found[0].fields if one.name in wording.ABOUT]
        found[0].fields = [one for one in found[0].fields if one.name not in wording.ABOUT]
        return [part for part in [*found, Part("", about)] if part.fields or part.rows]

    def mark(self, path: str, sentence: str) -> None:
        """Say what is wrong at the field of a place in the document (`/ages/maximum`), else above the form."""
        name = ".".join(path.strip("/").split("/")[1:])
        self.add_error(name if name in self.fields else None, sentence)

    def _read(self, node: Node, path: str, before: Any) -> Any:
        shape = _resolved(node)
        if path in self.leaves:
            return _back(self.leaves[path], self.cleaned_data.get(path))
        if path in self.rows:
            return self._read_rows(shape, path, before or [])
        if "properties" in shape:
            was = before if isinstance(before, Mapping) else {}
            return {
                name: self._read(below, _join(path, name), was.get(name))
                for name, below in shape["properties"].items()
                if not _is_absent_name(name, self.cleaned_data.get(_join(path, name)))
            }
        if _is_map(shape):
            return self._read_map(shape, path)
        return 1 if before is None and _general(path) == "unit_tiyn" else before  # resolved when it is stored

    def _read_map(self, shape: Node, path: str) -> dict[str, Any]:
        read = {name: self._read(below, _join(path, name), None) for name, below in _below(self, shape, path)}
        return {name: value for name, value in read.items() if value not in (None, [])}

    def _read_rows(self, shape: Node, path: str, before: list[Any]) -> list[Any]:
        kept = []
        for index in range(self.rows[path] + 1):
            place = f"{path}.{index}"
            is_empty = index == self.rows[path]
            if self.cleaned_data.get(f"{place}.{GONE}") or (is_empty and not self._says_something(place)):
                continue
            kept.append(self._read(shape["items"], place, before[index] if index < len(before) else None))
        return kept

    def _says_something(self, place: str) -> bool:
        for key in _KEYS:
            if f"{place}.{key}" in self.leaves:
                return bool(self.cleaned_data.get(f"{place}.{key}"))
        return False


def section_form(
    section: str, document: documents.Document, language: str, typed: QueryDict | None, *, is_policy_chosen: bool = True
) -> SectionForm:
    """The form of a section, filled with what stands in the document, bound to what was typed."""
    content = document.get(section, {})
    maker = _Maker(section, document, language)
    maker.walk(_section_node(section), "", content)
    kind = type("OneSection", (SectionForm,), {leaf.path: leaf.widget for leaf in maker.leaves.values()})
    initial = {leaf.path: maker.initial[leaf.path] for leaf in maker.leaves.values()}
    if section == "allocation" and not is_policy_chosen:
        initial["policy"] = None
    form = kind(typed, initial=initial)
    form.section, form.leaves, form.before, form.document = section, maker.leaves, content, document
    form.rows, form.words = maker.rows, maker.words
    return cast(SectionForm, form)


def _section_node(section: str) -> Node:
    return cast(Node, documents.schema()["properties"][section])


def _resolved(node: Node) -> Node:
    if "$ref" in node:
        return cast(Node, documents.schema()["$defs"][node["$ref"].rpartition("/")[2]])
    return node


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_map(shape: Node) -> bool:
    return isinstance(shape.get("additionalProperties"), Mapping)


def _is_absent_name(name: str, value: Any) -> bool:
    """An English name may be missing altogether."""
    return name == "en" and value == ""


class _Maker:
    """Walks the schema with a section's content and makes the form's fields."""

    def __init__(self, section: str, document: documents.Document, language: str) -> None:
        self.section, self.document = section, document
        self.words = wording.Speaker(document, language)
        self.language = language
        self.leaves: dict[str, _Leaf] = {}
        self.initial: dict[str, Any] = {}
        self.rows: dict[str, int] = {}

    def walk(self, node: Node, path: str, value: Any, required: bool = True) -> None:
        shape, name = _resolved(node), path.rpartition(".")[2]
        if (self.section, name) in _COMPUTED or "const" in shape:
            return
        if "properties" in shape:
            for one, below in shape["properties"].items():
                self.walk(below, _join(path, one), (value or {}).get(one), required and one != "en")
        elif _is_map(shape):
            for one in self._keys(path, value or {}):
                self.walk(shape["additionalProperties"], _join(path, one), (value or {}).get(one))
        elif shape.get("type") == "array" and "properties" in _resolved(shape["items"]):
            self._walk_rows(shape["items"], path, value or [])
        elif "const" not in _resolved(shape.get("items", {})) and shape.get("items") != {"const": "kind"}:
            self._leaf(shape, path, name, value, required)

    def _keys(self, path: str, value: Mapping[str, Any]) -> list[str]:
        """The keys of a map: where they are kinds of lessons, each of them."""
        kinds = self.document["kinds"]["codes"] if path in _MAPS_OF_KINDS else []
        return list(dict.fromkeys([*kinds, *value]))

    def _walk_rows(self, items: Node, path: str, rows: list[Any]) -> None:
        self.rows[path] = len(rows)
        for index, row in enumerate([*rows, None]):
            place = f"{path}.{index}"
            self.walk(items, place, row, row is not None)
            if row is not None:
                self._put(f"{place}.{GONE}", "plain", forms.BooleanField(required=False), False)

    def _put(self, path: str, kind: str, one: forms.Field, initial: Any) -> None:
        name = _general(path)
        is_kind = name in self.document["kinds"]["codes"]
        one.label = self.words.key("", name) if is_kind else wording.field_name(self.section, name, self.language)
        self.leaves[path], self.initial[path] = _Leaf(path, kind, one), initial

    def _leaf(self, shape: Node, path: str, name: str, value: Any, required: bool) -> None:
        types = shape.get("type", "")
        types = types if isinstance(types, list) else [types]
        required = required and "null" not in types and "anyOf" not in shape
        if "boolean" in types:
            self._put(path, "plain", forms.BooleanField(required=False), bool(value))
        elif "integer" in types:
            self._number(shape, path, name, value, required)
        elif "array" in types:
            self._many(shape, path, name, value or [])
        elif "enum" in shape:
            self._choice(path, name, list(shape["enum"]), value, required)
        else:
            self._text(shape, path, name, value, required)

    def _number(self, shape: Node, path: str, name: str, value: Any, required: bool) -> None:
        low, high = shape.get("minimum"), shape.get("maximum")
        unit = self._unit(path, name)
        if unit is None:
            self._put(path, "plain", forms.IntegerField(min_value=low, max_value=high, required=required), value)
            return
        kind, factor, places = unit
        one = forms.DecimalField(
            min_value=None if low is None else Decimal(low) / factor,
            max_value=None if high is None else min(Decimal(high) / factor, Decimal(10) ** 12),
            decimal_places=places,
            required=required,
            localize=False,
        )
        self._put(path, kind, one, None if value is None else _plain_number(Decimal(value) / factor))

    def _unit(self, path: str, name: str) -> tuple[str, Decimal, int] | None:
        if name.endswith("tiyn") or self.section == "planning_tariff":
            return "tenge", _TENGE, 2
        if name.endswith("permille"):
            return "percent", _PERCENT, 1
        return None

    def _choice(self, path: str, name: str, codes: list[str], value: Any, required: bool) -> None:
        named = [(code, self.words.value(self.section, name, code)) for code in codes]
        if not required:
            named = [("", "—"), *named]
        few = len(codes) <= 4 and required
        widget = forms.RadioSelect() if few else forms.Select()
        self._put(path, "plain", forms.ChoiceField(choices=named, required=required, widget=widget), value)

    def _many(self, shape: Node, path: str, name: str, value: list[Any]) -> None:
        items = _resolved(shape["items"])
        if items.get("type") == "integer":
            self._put(path, "days", forms.CharField(max_length=100), ", ".join(map(str, value)))
            return
        if name == "codes":
            self._put(path, "list", forms.CharField(max_length=300), ", ".join(value))
            return
        codes = list(items.get("enum", _FREE_CODES.get(name, self.document["kinds"]["codes"])))
        if name == "criteria":
            self._put(path, "list", forms.CharField(max_length=100), ", ".join(value))
            self.leaves[path].widget.help_text = "; ".join(
                f"{code} — {self.words.value(self.section, name, code)}" for code in codes
            )
            return
        word = "papers" if path.partition(".")[0] == "papers_of_kind" else name
        named = [(code, self.words.value(self.section, word, code)) for code in codes]
        is_needed = bool(shape.get("minItems")) and path.partition(".")[0] not in _MAPS_OF_KINDS
        is_empty_row = path.partition(".")[2].partition(".")[0] == str(self.rows.get(path.partition(".")[0]))
        one = forms.MultipleChoiceField(
            choices=named, required=is_needed and not is_empty_row, widget=forms.CheckboxSelectMultiple
        )
        self._put(path, "many", one, value)

    def _text(self, shape: Node, path: str, name: str, value: Any, required: bool) -> None:
        if name in _KIND_FIELDS:
            self._choice(path, name, list(self.document["kinds"]["codes"]), value, required)
        elif name == "category":
            self._choice(path, name, [c["code"] for c in self.document["categories"]["list"]], value, required)
        elif name == "activity":
            codes = [(row.code, getattr(row, f"name_{self.language}")) for row in classifiers.activities()]
            any_one = (("", self.words.value(self.section, "activity", None)),)
            choices: list[tuple[str, str]] = [*any_one, *codes]
            self._put(path, "null", forms.ChoiceField(choices=choices, required=False), value or "")
        elif "null" in shape.get("type", ""):
            widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
            self._put(path, "date", forms.DateField(required=False, widget=widget), value)
        else:
            self._written(shape, path, name, value, required)

    def _written(self, shape: Node, path: str, name: str, value: Any, required: bool) -> None:
        if name == "source":
            widget = forms.Textarea({"rows": 2})
            self._put(path, "plain", forms.CharField(max_length=1000, required=required, widget=widget), value)
        elif "pattern" in shape:
            one = forms.RegexField(str(shape["pattern"]), max_length=100, required=required)
            self._put(path, "plain", one, value)
        else:
            self._put(path, "plain", forms.CharField(max_length=200, required=required), value)


def _general(path: str) -> str:
    """A path without the numbers of rows: what the words are kept under."""
    steps = [step for step in path.split(".") if not step.isdecimal()]
    return ".".join(steps[-2:]) if len(steps) > 1 and steps[-2] == "name" else steps[-1]


def _plain_number(value: Decimal) -> Decimal:
    """Without needless zeros: 15570, not 15570.00."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def _back(leaf: _Leaf, value: Any) -> Any:
    """What was typed as the document has it."""
    if leaf.kind in ("tenge", "percent"):
        factor = _TENGE if leaf.kind == "tenge" else _PERCENT
        return None if value is None else int(value * factor)
    if leaf.kind == "days":
        return [int(text) if text.isdecimal() else text for text in _split(value)]
    if leaf.kind == "list":
        return _split(value)
    if leaf.kind == "date":
        return value.isoformat() if isinstance(value, date) else None
    if leaf.kind == "null":
        return value or None
    return value


def _split(value: Any) -> list[str]:
    return [text.strip() for text in str(value or "").split(",") if text.strip()]


def _arranged(form: SectionForm, node: Node, path: str, parts: list[Part], name: str) -> None:
    """Put the form's fields into parts, in the schema's order."""
    shape = _resolved(node)
    if path in form.leaves:
        parts[-1].fields.append(form[path])
    elif path in form.rows:
        _arrange_rows(form, shape, path, parts)
    elif "properties" in shape or _is_map(shape):
        if path:
            parts.append(Part(wording.field_name(form.section, _general(path), form.words.language)))
        for one, below in _below(form, shape, path):
            _arranged(form, below, _join(path, one), parts, one)


def _below(form: SectionForm, shape: Node, path: str) -> Iterator[tuple[str, Node]]:
    if "properties" in shape:
        yield from shape["properties"].items()
    else:
        names = [leaf.removeprefix(f"{path}.") for leaf in form.leaves if leaf.startswith(f"{path}.")]
        yield from ((name, shape["additionalProperties"]) for name in dict.fromkeys(n.partition(".")[0] for n in names))


def _arrange_rows(form: SectionForm, shape: Node, path: str, parts: list[Part]) -> None:
    part = Part(wording.field_name(form.section, _general(path), form.words.language))
    before = _at(form.before, path)
    for index in range(form.rows[path] + 1):
        place = f"{path}.{index}"
        names = [leaf for leaf in form.leaves if leaf.startswith(f"{place}.") and leaf != f"{place}.{GONE}"]
        row = Row(_title(form, before[index]) if index < len(before) else "")
        row.fields = [form[name] for name in names]
        row.gone = form[f"{place}.{GONE}"] if index < form.rows[path] else None
        row.is_open = any(one.errors for one in row.fields)
        part.rows.append(row)
    parts.append(part)
    parts.append(Part(""))


def _title(form: SectionForm, row: Mapping[str, Any]) -> str:
    """What a row is called, with the figures one looks for first."""
    if "name" in row:
        order = row.get("order", "")
        return f"{order}. {form.words.value(form.section, 'name', row['name'])} · {row.get('coefficient', '')}"
    said = [form.words.value(form.section, name, row[name]) for name in (*_KEYS, "category", "activity") if name in row]
    return ", ".join(said)


def _at(content: Mapping[str, Any], path: str) -> list[Any]:
    found: Any = content
    for step in path.split("."):
        found = found.get(step, []) if isinstance(found, Mapping) else []
    return cast(list[Any], found)

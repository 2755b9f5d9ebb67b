"""The rule set's document before it is rules: its JSON Schema, what that can't say, and how two documents differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from qosymsha.kernel.canonical import canonical_json
from qosymsha.kernel.money import rounded

SCHEMA = "rule-set-1"
Document = dict[str, Any]
Fault = tuple[str, str]


class RuleSetFault(ValueError):
    """A document that is no rule set: `path` names the field (`/mrp/tiyn`), `message` says what to do."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


@cache
def schema() -> Document:
    """The JSON Schema of this version."""
    text = files("qosymsha.domain.programmes").joinpath("schema", f"{SCHEMA}.json").read_text("utf-8")
    loaded: Document = json.loads(text)
    return loaded


def read(document: Any) -> Document:
    """The document as its canonical form gives it back: whole numbers, plain lists and dictionaries.

    Raises:
        RuleSetFault: the first fault found.
    """
    found = _canonical(document)
    for path, message in faults(found):
        raise RuleSetFault(path, message)
    return found


def plain(document: Any) -> Document:
    """The document in its canonical form, where it fits the schema; fields may still contradict each other.

    Raises:
        RuleSetFault: the first place that breaks the schema.
    """
    found = _canonical(document)
    for error in schema_errors(found):
        raise RuleSetFault(_path(error), error.message)
    return found


def resolved(document: Document) -> Document:
    """The document with each tariff's tenge made anew from its multiple of the MRP."""
    mrp = document["mrp"]["tiyn"]
    tariffs = [
        {**tariff, "unit_tiyn": rounded(Fraction(tariff["unit_mrp"]) * mrp)} for tariff in document["tariffs"]["list"]
    ]
    return {**document, "tariffs": {**document["tariffs"], "list": tariffs}}


def _canonical(document: Any) -> Document:
    try:
        canonical = canonical_json(document)
    except (ValueError, RecursionError) as no_json:
        raise RuleSetFault("/", f"is no JSON document: {no_json}") from no_json
    if b"\\u0000" in canonical:
        raise RuleSetFault("/", "holds the character U+0000, which no database text may")
    found: Document = json.loads(canonical)
    return found


def faults(document: Any) -> list[Fault]:
    """All faults as (path, message): the schema's, or where it fits, those between fields. Empty means a rule set."""
    found = schema_errors(document)
    if found:
        return [(_path(error), error.message) for error in found]
    return [fault for judge in _JUDGES for fault in judge(document)]


def schema_errors(document: Any) -> list[ValidationError]:
    """Where the document breaks the JSON Schema, by place; empty where it fits."""
    errors = Draft202012Validator(schema()).iter_errors(document)
    return sorted(errors, key=lambda error: [str(step) for step in error.absolute_path])


def _path(error: ValidationError) -> str:
    return "/" + "/".join(map(str, error.absolute_path))


def differences(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Every leaf that differs, as (path, before, after) in path order; None stands for what is not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        steps: list[Any] = sorted({*before, *after})
        return [d for s in steps for d in differences(before.get(s), after.get(s), f"{path}/{s}")]
    if isinstance(before, list) and isinstance(after, list):
        pairs = [(_at(before, i), _at(after, i)) for i in range(max(len(before), len(after)))]
        return [d for i, (one, other) in enumerate(pairs) for d in differences(one, other, f"{path}/{i}")]
    return [] if before == after and type(before) is type(after) else [(path, before, after)]


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _ages(document: Document) -> Iterator[Fault]:
    ages = document["ages"]
    if ages["minimum"] > ages["maximum"]:
        yield "/ages/maximum", "must not be below the minimum"
    if (ages["counted_on"] == "on") != (ages["on"] is not None):
        yield "/ages/on", "give a day where ages are counted on a day, and null otherwise"
    elif ages["on"] is not None and not _is_date(ages["on"]):
        yield "/ages/on", "is no day of the calendar"


def _categories(document: Document) -> Iterator[Fault]:
    categories = document["categories"]["list"]
    yield from _repeated("/categories/list", [c["code"] for c in categories])
    if sorted(c["order"] for c in categories) != list(range(1, len(categories) + 1)):
        yield "/categories/list", "orders must be 1, 2, 3, ... without gaps"
    last = max(categories, key=lambda c: c["order"])
    if [c["code"] for c in categories if c["evidence"] == "none"] != [last["code"]]:
        yield "/categories/list", "exactly the last category needs no evidence: it is everybody's"


def _slots(document: Document) -> Iterator[Fault]:
    kinds, slots = set(document["kinds"]["codes"]), document["slots"]["list"]
    yield from _repeated("/slots/list", [s["code"] for s in slots])
    for index, slot in enumerate(slots):
        if not kinds.issuperset(slot["kinds"]):
            yield f"/slots/list/{index}/kinds", "names a kind that the rule set does not have"
    for kind in sorted(kinds.difference(*(s["kinds"] for s in slots))):
        yield "/slots/list", f"no slot takes a voucher of kind {kind}"


def _tariffs(document: Document) -> Iterator[Fault]:
    kinds, tariffs = document["kinds"]["codes"], document["tariffs"]["list"]
    yield from _repeated("/tariffs/list", [f"{t['kind']} {t['activity'] or ''}".strip() for t in tariffs])
    for index, tariff in enumerate(tariffs):
        exact = rounded(Fraction(tariff["unit_mrp"]) * document["mrp"]["tiyn"])
        if tariff["kind"] not in kinds:
            yield f"/tariffs/list/{index}/kind", "is a kind that the rule set does not have"
        if exact != tariff["unit_tiyn"]:
            yield f"/tariffs/list/{index}/unit_tiyn", f"must be {exact}: unit_mrp times the MRP, rounded half up"
    general = {t["kind"]: t["unit_tiyn"] * t["units_per_month"] for t in tariffs if t["activity"] is None}
    yield from _planning(document, general)


def _planning(document: Document, general: dict[str, int]) -> Iterator[Fault]:
    planning = document["planning_tariff"]["tiyn"]
    if set(planning) != set(document["kinds"]["codes"]):
        yield "/planning_tariff/tiyn", "must name every kind of the rule set and no other"
    for kind in document["kinds"]["codes"]:
        if kind not in general:
            yield "/tariffs/list", f"kind {kind} needs a tariff for any activity (activity null)"
        elif planning.get(kind, general[kind]) < general[kind]:
            yield f"/planning_tariff/tiyn/{kind}", f"must cover a month at the kind's tariff: {general[kind]} or more"


def _reserves(document: Document) -> Iterator[Fault]:
    codes = {c["code"] for c in document["categories"]["list"]}
    kept: Counter[str] = Counter()
    for index, reserve in enumerate(document["allocation"]["reserves"]):
        kept[reserve["segment"]] += reserve["permille"]
        if reserve["category"] not in codes:
            yield f"/allocation/reserves/{index}/category", "is a category that the rule set does not have"
        if reserve["segment"] not in document["kinds"]["codes"]:
            yield f"/allocation/reserves/{index}/segment", "is a segment that the rule set does not have"
    for segment, permille in kept.items():
        if permille > 1000:
            yield "/allocation/reserves", f"segment {segment} keeps more places than it has"


def _choice(document: Document) -> Iterator[Fault]:
    choice, kept = document["choice"], Counter[str]()
    codes = {c["code"] for c in document["categories"]["list"]}
    for index, reserve in enumerate(choice["reserves"]):
        kept[reserve["kind"]] += reserve["permille"]
        if reserve["category"] not in codes:
            yield f"/choice/reserves/{index}/category", "is a category that the rule set does not have"
        if reserve["kind"] not in document["kinds"]["codes"]:
            yield f"/choice/reserves/{index}/kind", "is a kind that the rule set does not have"
    yield from _repeated("/choice/reserves", [f"{r['kind']} {r['category']}" for r in choice["reserves"]])
    if any(permille > 500 for permille in kept.values()):
        yield "/choice/reserves", "may keep at most half of a group: a provider must not be able to tell who sits there"
    if choice["reserves"] and choice["freed"] == "rerun":
        yield "/choice/freed", "a rerun lets everyone keep the place it has, which reserves could claim: offer instead"


def _money_and_days(document: Document) -> Iterator[Fault]:
    bands, end, absences = document["approvals"]["bands"], document["year_end"], document["absences"]
    bounds = [band["up_to_tiyn"] for band in bands]
    if bounds[-1] is not None or None in bounds[:-1] or any(one >= other for one, other in pairwise(bounds[:-1])):
        yield "/approvals/bands", "bounds must rise, and only the last band has none (null)"
    if any(one["approvals"] > other["approvals"] for one, other in pairwise(bands)):
        yield "/approvals/bands", "more money must not need fewer approvals"
    if not _is_date(f"2027-{end['cut_off_month']:02d}-{end['cut_off_day']:02d}"):
        yield "/year_end/cut_off_day", "is no day of that month in every year"
    if absences["warn_after"] >= absences["release_after"]:
        yield "/absences/release_after", "a warning must come before the release"
    if sorted(document["confirmation"]["reminder_days"]) != document["confirmation"]["reminder_days"]:
        yield "/confirmation/reminder_days", "must rise"


def _flags(document: Document) -> Iterator[Fault]:
    yield from _repeated("/flags/list", [rule["code"] for rule in document["flags"]["list"]])
    for index, rule in enumerate(document["flags"]["list"]):
        names = _thresholds()[rule["code"]]
        if set(rule["thresholds"]) != names:
            listed = ", ".join(sorted(names)) or "none"
            yield f"/flags/list/{index}/thresholds", f"must name these and no other: {listed}"


def _agreements(document: Document) -> Iterator[Fault]:
    section, kinds = document["agreements"], set(document["kinds"]["codes"])
    yield from _repeated("/agreements/refusal/grounds", [g["code"] for g in section["refusal"]["grounds"]])
    yield from _repeated("/agreements/papers", [p["code"] for p in section["papers"]])
    for index, paper in enumerate(section["papers"]):
        if not kinds.issuperset(paper["kinds"]):
            yield f"/agreements/papers/{index}/kinds", "names a kind that the rule set does not have"
    if section["charge"]["allowed"] != (section["charge"]["ceiling_tiyn"] > 0):
        yield "/agreements/charge/ceiling_tiyn", "give the most it may be where a charge is allowed, and 0 otherwise"


@cache
def _thresholds() -> dict[str, frozenset[str]]:
    """Rule of red flags → the names of its thresholds, as the default rule set has them."""
    text = files("qosymsha.domain.programmes").joinpath("data", "default-rule-set.json").read_text("utf-8")
    return {rule["code"]: frozenset(rule["thresholds"]) for rule in json.loads(text)["flags"]["list"]}


_JUDGES = (_agreements, _flags, _ages, _categories, _slots, _tariffs, _reserves, _choice, _money_and_days)


def _repeated(path: str, codes: list[str]) -> Iterator[Fault]:
    for code, times in Counter(codes).items():
        if times > 1:
            yield path, f"{code} stands there {times} times"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True

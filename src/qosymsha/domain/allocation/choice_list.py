"""The closed list of a choice round: one canonical line per child, the terms before them, and the market they make.

A line is UTF-8, tab-separated, six fields, none left out (an unknown district and no claims are empty):

    line id (64 hex) | tier | age in whole years | district | wishes, the most wanted first, comma-joined | claims

Claims are the categories with reserves that the child has certified, sorted and comma-joined.
A wish is the group's id; a `+` after it says that a sibling is enrolled there. The list is sorted by line id. Leaf 0 is
the terms' text, the others are `canonical.leaf` under the family's salt: the shape is that of a voucher round, so
`verify/draw.py` checks both. A line tells a tier and wishes, so in public only its leaf stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.announcement import Announced
from qosymsha.domain.allocation.canonical import LineError
from qosymsha.domain.allocation.canonical import terms_text as spelled
from qosymsha.domain.allocation.market import UNKNOWN, UNPLACED, Criterion, Market, Reserves
from qosymsha.domain.allocation.round_terms import ReserveRule

FORMAT = "qosymsha choice 1"
_SIBLING = "+"


@dataclass(frozen=True, slots=True)
class Wished:
    """A group that a child wishes, and whether a sibling is enrolled in it."""

    group: str
    has_sibling: bool = False


@dataclass(frozen=True, slots=True)
class ChoiceLine:
    """One child's list as the closed list holds it; no personal field. `wishes`: the most wanted first.

    `claims`: the categories it may claim reserves of, sorted.
    """

    line_id: bytes
    tier: int
    age: int
    district: str
    wishes: tuple[Wished, ...]
    claims: tuple[str, ...] = ()

    def text(self) -> str:
        """The canonical line, without its LF.

        Raises:
            LineError: a line id that is not 32 bytes, or a name with a separator in it.
        """
        if len(self.line_id) != 32:
            raise LineError(f"a line id is 32 bytes, not {len(self.line_id)}")
        for name in (self.district, *self.claims, *(wish.group for wish in self.wishes)):
            if any(separator in name for separator in "\t\n\r,+"):
                raise LineError(f"{name!r} has a character that separates fields")
        wishes = ",".join(wish.group + _SIBLING * wish.has_sibling for wish in self.wishes)
        claims = ",".join(sorted(self.claims))
        return f"{self.line_id.hex()}\t{self.tier}\t{self.age}\t{self.district}\t{wishes}\t{claims}"


def parse_line(text: str) -> ChoiceLine:
    """The line from its canonical text, and only from that.

    Raises:
        LineError: not six fields, or a text that is not its own canonical form.
    """
    fields = text.split("\t")
    if len(fields) != 6:
        raise LineError(f"a line has six fields, this has {len(fields)}")
    ident, tier, age, district, wishes, claims = fields
    try:
        named = wishes.split(",") if wishes else []
        wished = tuple(Wished(name.removesuffix(_SIBLING), name.endswith(_SIBLING)) for name in named)
        claimed = tuple(claims.split(",")) if claims else ()
        line = ChoiceLine(bytes.fromhex(ident), int(tier), int(age), district, wished, claimed)
    except ValueError as fault:
        raise LineError(f"not a line: {fault}") from None
    if line.text() != text:
        raise LineError("the line is not in its canonical form")
    return line


@dataclass(frozen=True, slots=True)
class ChoiceGroup:
    """A group of a choice round: its public id, free places at close, district ("" unknown), ages (both inclusive).

    `reserves`: (category, places) kept among the free places, in the order listed.
    """

    id: str
    capacity: int
    district: str
    ages: tuple[int, int]
    reserves: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ChoiceTerms:
    """What decides a choice round apart from its lines."""

    criteria: tuple[Criterion, ...]
    groups: tuple[ChoiceGroup, ...]
    rule: ReserveRule = ReserveRule.SOFT_FIRST

    def categories(self) -> list[str]:
        """The categories that any group keeps places for, sorted: the columns of claims."""
        return sorted({category for group in self.groups for category, _ in group.reserves})

    def numbers(self) -> dict[str, int]:
        """Group id → its number in the market."""
        return {group.id: number for number, group in enumerate(self.groups)}


def terms_text(terms: ChoiceTerms, announced: Announced) -> str:
    """Leaf 0 of the closed list: the draw as announced, the criteria and every group with its places."""
    groups = [
        {"id": g.id, "capacity": g.capacity, "district": g.district, "ages": list(g.ages)}
        | ({"reserves": [list(reserve) for reserve in g.reserves]} if g.reserves else {})
        for g in terms.groups
    ]
    return spelled(
        {
            "format": FORMAT,
            "round": announced.round_id,
            "rules_hash": announced.rules_hash,
            "commitments": [commitment.hex() for commitment in announced.commitments],
            "beacon": dict(announced.beacon),
            "criteria": [criterion.value for criterion in terms.criteria],
            "rule": terms.rule.value,
            "groups": groups,
        }
    )


def parse_terms(text: str) -> ChoiceTerms:
    """The terms from their text."""
    document: Mapping[str, Any] = json.loads(text)
    groups = tuple(
        ChoiceGroup(
            g["id"],
            g["capacity"],
            g["district"],
            (g["ages"][0], g["ages"][1]),
            tuple((category, places) for category, places in g.get("reserves", [])),
        )
        for g in document["groups"]
    )
    criteria = tuple(Criterion(name) for name in document["criteria"])
    return ChoiceTerms(criteria, groups, ReserveRule(document["rule"]))


def market_of(terms: ChoiceTerms, lines: Sequence[ChoiceLine], numbers: NDArray[np.uint8]) -> Market:
    """The engine's input; children are numbered in the order of the closed list, so of their line ids.

    Args:
        terms: criteria and groups.
        lines: n lines in the order of the closed list.
        numbers: (n, 32) uint8, the lottery number of each line.
    """
    ids = terms.numbers()
    districts = {name: n for n, name in enumerate(sorted({g.district for g in terms.groups if g.district}))}
    entries = [wish for line in lines for wish in line.wishes]
    return Market(
        offsets=np.cumsum([0, *(len(line.wishes) for line in lines)], dtype=np.int64),
        groups=np.array([ids[wish.group] for wish in entries], np.int32),
        capacities=np.array([group.capacity for group in terms.groups], np.int64),
        lottery=np.ascontiguousarray(numbers).view(">u8").astype(np.uint64),
        criteria=terms.criteria,
        tiers=np.array([line.tier for line in lines], np.int64),
        siblings=np.array([wish.has_sibling for wish in entries], np.bool_),
        child_districts=np.array([districts.get(line.district, UNKNOWN) for line in lines], np.int32),
        group_districts=np.array([districts.get(group.district, UNKNOWN) for group in terms.groups], np.int32),
        child_ages=np.array([line.age for line in lines], np.int32),
        group_ages=np.array([group.ages for group in terms.groups], np.int32).reshape(-1, 2),
        reserves=_reserves(terms, lines),
    )


def _reserves(terms: ChoiceTerms, lines: Sequence[ChoiceLine]) -> Reserves | None:
    columns = {category: n for n, category in enumerate(terms.categories())}
    if not columns:
        return None
    rows = [reserve for group in terms.groups for reserve in group.reserves]
    claims = np.zeros((len(lines), len(columns)), np.bool_)
    for row, line in enumerate(lines):
        for category in line.claims:
            claims[row, columns[category]] = True
    return Reserves(
        rule=terms.rule,
        offsets=np.cumsum([0, *(len(group.reserves) for group in terms.groups)], dtype=np.int64),
        categories=np.array([columns[category] for category, _ in rows], np.int32),
        places=np.array([places for _, places in rows], np.int64),
        claims=claims,
    )


def instance_of(terms: ChoiceTerms, lines: Sequence[ChoiceLine], numbers: NDArray[np.uint8]) -> dict[str, object]:
    """The round in the exchange format: what `verify/places.py` and `qosymsha allocate places` read."""
    return {
        "problem": "matching",
        "priority": [criterion.value for criterion in terms.criteria],
        "rule": terms.rule.value,
        "children": [
            _child(line, int.from_bytes(number.tobytes(), "big")) for line, number in zip(lines, numbers, strict=True)
        ],
        "groups": [
            {"id": g.id, "capacity": g.capacity, "age": list(g.ages)}
            | ({"district": g.district} if g.district else {})
            | ({"reserves": [list(reserve) for reserve in g.reserves]} if g.reserves else {})
            for g in terms.groups
        ],
    }


def _child(line: ChoiceLine, number: int) -> dict[str, object]:
    district = {"district": line.district} if line.district else {}
    return (
        {
            "id": line.line_id.hex(),
            "prefs": [wish.group for wish in line.wishes],
            "tier": line.tier,
            "lottery": number,
            "age": line.age,
            "sibling_at": [wish.group for wish in line.wishes if wish.has_sibling],
        }
        | district
        | ({"categories": list(line.claims)} if line.claims else {})
    )


def answer_of(terms: ChoiceTerms, lines: Sequence[ChoiceLine], match: NDArray[np.int32]) -> dict[str, object]:
    """Who goes where in the exchange format."""
    names = [None if group == UNPLACED else terms.groups[group].id for group in match.tolist()]
    return {"match": {line.line_id.hex(): name for line, name in zip(lines, names, strict=True)}}

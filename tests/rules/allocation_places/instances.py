"""Small random instances of the exchange format."""

from typing import Any

from hypothesis import strategies as st

CRITERIA = ["tier", "sibling", "district", "lottery"]
RULES = ["soft_first", "soft_last", "hard", "max"]
CATEGORIES = ["a", "b", "c"]

Draw = Any


@st.composite
def markets(
    draw: Draw, children: int = 6, groups: int = 3, reserves: bool = True, lists: bool = True
) -> dict[str, Any]:
    """A market of every feature at once; numbers are few, so that ties are common."""
    ids = [f"g{n}" for n in range(draw(st.integers(1, groups)))]
    people = [f"c{n}" for n in range(draw(st.integers(0, children)))]
    doc: dict[str, Any] = {"problem": "matching", "groups": [], "children": []}
    lists = lists and draw(st.booleans())
    if draw(st.booleans()):
        doc["priority"] = draw(st.lists(st.sampled_from(CRITERIA), unique=True, max_size=4))
    if reserves:
        doc["rule"] = draw(st.sampled_from(RULES))
    for ident in ids:
        doc["groups"].append(draw(_group(ident, people, reserves, lists)))
    number = st.one_of(st.integers(0, 2), st.integers(1 << 255, (1 << 255) + 1), st.integers(-2, -1))
    per_group = st.fixed_dictionaries(dict.fromkeys(ids, number))
    lottery = draw(st.sampled_from([number, per_group, st.one_of(number, per_group)]))
    for ident in people:
        doc["children"].append(draw(_child(ident, ids)) | {"lottery": draw(lottery)})
    return doc


@st.composite
def _group(draw: Draw, ident: str, people: list[str], reserves: bool, lists: bool) -> dict[str, Any]:
    group: dict[str, Any] = {"id": ident, "capacity": draw(st.integers(0, 3))}
    if draw(st.booleans()):
        group["district"] = draw(st.sampled_from(["n", "s"]))
    if draw(st.integers(0, 3)) == 0:
        group["age"] = sorted(draw(st.tuples(st.integers(6, 9), st.integers(6, 9))))
    if reserves and draw(st.booleans()):
        row = st.tuples(st.sampled_from(CATEGORIES), st.integers(0, 2)).map(list)
        group["reserves"] = draw(st.lists(row, max_size=3))
    if lists and people and draw(st.integers(0, 3)) == 0:
        group["priority_list"] = draw(st.lists(st.sampled_from(people), unique=True))
    return group


@st.composite
def _child(draw: Draw, ident: str, groups: list[str]) -> dict[str, Any]:
    child: dict[str, Any] = {"id": ident}
    child["prefs"] = draw(st.lists(st.sampled_from([*groups, "gone"]), max_size=4))
    child["categories"] = draw(st.lists(st.sampled_from(CATEGORIES), unique=True))
    child["sibling_at"] = draw(st.lists(st.sampled_from(groups), max_size=1))
    if draw(st.booleans()):
        child["tier"] = draw(st.integers(-1, 1))
    if draw(st.booleans()):
        child["district"] = draw(st.sampled_from(["n", "s"]))
    if draw(st.booleans()):
        child["age"] = draw(st.integers(5, 10))
    return child

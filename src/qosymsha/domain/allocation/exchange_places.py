"""Problem B in the exchange format: JSON values in, JSON values out, every fault with its place.

What the format leaves open is fixed here: a missing `tier` is 0; a missing `age` is accepted everywhere; ids are texts,
compared by code point; unknown keys are ignored. A lottery may be one number or an object with one per group, child by
child. Ignored and reported, because real lists have them: unknown groups in `prefs` and `sibling_at`, repeated
preferences, unknown or repeated children in a `priority_list`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qosymsha.domain.allocation import exchange_values as values
from qosymsha.domain.allocation.errors import InstanceError
from qosymsha.domain.allocation.explain_places import sentences, trace
from qosymsha.domain.allocation.market import NO_LIST, NOT_LISTED, UNKNOWN, UNPLACED, Criterion, Market, Reserves
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.allocation.round_terms import ReserveRule
from qosymsha.domain.allocation.stability import Finding, findings

_LONGEST = 1 << 63
_OLDEST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class PlacesAnswer:
    """The answer to one instance: its JSON value, what was ignored, and what the independent checker found."""

    answer: dict[str, dict[str, str | None]]
    reports: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlacesInstance:
    """One instance as read: the solver's input, the ids behind its numbers, each group's places, what was ignored."""

    market: Market
    child_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    places: tuple[int, ...]
    reports: tuple[str, ...]


def answer_places(document: object, *, check: bool) -> PlacesAnswer:
    """Return who goes where; with `check`, also what the independent checker finds wrong (nothing, unless a bug).

    Raises:
        InstanceError: the instance is malformed; says where.
    """
    instance = parse(document)
    match = solve(instance.market).groups
    names = [None if group == UNPLACED else instance.group_ids[group] for group in match.tolist()]
    found = findings(instance.market, match) if check else []
    spoken = tuple(_spoken(finding, instance) for finding in found)
    return PlacesAnswer({"match": dict(zip(instance.child_ids, names, strict=True))}, instance.reports, spoken)


def explanation(document: object, *, ident: str, language: str) -> list[str] | None:
    """Return in words (kk, ru or en) why the child `ident` sits where it sits; None where there is no such child.

    Raises:
        InstanceError: the instance is malformed; says where.
    """
    instance = parse(document)
    if ident not in instance.child_ids:
        return None
    found = trace(instance.market, solve(instance.market).groups, instance.child_ids.index(ident))
    return sentences(found, instance.group_ids, instance.places, language)


def parse(document: object) -> PlacesInstance:
    """Return the instance as a market; children are numbered by their ids, so the order of rows is lost on purpose.

    Raises:
        InstanceError: the first fault met, with its path.
    """
    instance = values.as_object(document, "")
    groups = [_group(item, path) for item, path in values.items(instance, "groups")]
    values.refuse_repeats([group.id for group in groups], "groups")
    numbers = {group.id: number for number, group in enumerate(groups)}
    reports: list[str] = []
    children = [_child(item, path, numbers, reports) for item, path in values.items(instance, "children")]
    values.refuse_repeats([child.id for child in children], "children")
    children.sort(key=lambda child: child.id)
    positions = _positions(groups, {child.id for child in children}, reports)
    rule = values.choice(instance, "rule", ReserveRule.SOFT_FIRST)
    market = _market(children, groups, _criteria(instance), positions, rule)
    places = tuple(group.capacity for group in groups)
    return PlacesInstance(market, tuple(c.id for c in children), tuple(numbers), places, tuple(reports))


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Group:
    id: str
    path: str
    capacity: int
    district: str | None
    ages: tuple[int, int] | None
    reserves: list[tuple[str, int]]
    listed: list[tuple[str, str]] | None


@dataclass(frozen=True, slots=True)
class _Child:
    id: str
    path: str
    wishes: list[int]
    tier: int
    lottery: int | dict[int, int] | None
    district: str | None
    age: int
    siblings: set[int]
    categories: set[str]


def _criteria(instance: dict[str, object]) -> tuple[Criterion, ...]:
    if "priority" not in instance:
        return (Criterion.TIER, Criterion.LOTTERY)
    allowed = [criterion.value for criterion in Criterion]
    found: list[Criterion] = []
    for value, path in values.items(instance, "priority"):
        if value not in allowed:
            raise InstanceError(path, f"must be one of {', '.join(allowed)}")
        found.append(Criterion(value))
    return tuple(dict.fromkeys(found))


def _group(value: object, path: str) -> _Group:
    item = values.as_object(value, path)
    return _Group(
        id=values.text(item, "id", path),
        path=path,
        capacity=values.whole(item, "capacity", path, least=0),
        district=values.text(item, "district", path) if "district" in item else None,
        ages=_ages(item, path) if "age" in item else None,
        reserves=[_reserve(entry, at) for entry, at in values.items(item, "reserves", path, required=False)],
        listed=_texts(item, "priority_list", path) if "priority_list" in item else None,
    )


def _ages(item: dict[str, object], path: str) -> tuple[int, int]:
    bounds = [values.as_whole(value, at, least=0, most=_OLDEST) for value, at in values.items(item, "age", path)]
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise InstanceError(values.below(path, "age"), "must be [youngest, oldest], the smaller one first")
    return bounds[0], bounds[1]


def _reserve(value: object, path: str) -> tuple[str, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise InstanceError(path, "must be a list of a category and a number of places")
    return values.as_text(value[0], f"{path}[0]"), values.as_whole(value[1], f"{path}[1]", least=0)


def _child(value: object, path: str, numbers: dict[str, int], reports: list[str]) -> _Child:
    item = values.as_object(value, path)
    return _Child(
        id=values.text(item, "id", path),
        path=path,
        wishes=_wishes(item, path, numbers, reports),
        tier=values.whole(item, "tier", path, least=-_LONGEST, most=_LONGEST - 1, default=0),
        lottery=_lottery(item, path, numbers),
        district=values.text(item, "district", path) if "district" in item else None,
        age=values.whole(item, "age", path, least=0, most=_OLDEST) if "age" in item else UNKNOWN,
        siblings=set(_known(_texts(item, "sibling_at", path), numbers, reports)),
        categories={category for category, _ in _texts(item, "categories", path)},
    )


def _wishes(item: dict[str, object], path: str, numbers: dict[str, int], reports: list[str]) -> list[int]:
    wishes: dict[int, None] = {}
    named = values.items(item, "prefs", path)
    for group, (ident, at) in _known_with_paths([(values.as_text(v, at), at) for v, at in named], numbers, reports):
        if group in wishes:
            reports.append(f"{at}: {ident} is named twice; ignored the second time")
        wishes[group] = None
    return list(wishes)


def _lottery(item: dict[str, object], path: str, numbers: dict[str, int]) -> int | dict[int, int] | None:
    at = values.below(path, "lottery")
    if "lottery" not in item:
        return None
    if not isinstance(item["lottery"], dict):
        return values.as_whole(item["lottery"], at)
    named = {ident: values.as_whole(number, f"{at}.{ident}") for ident, number in item["lottery"].items()}
    return {numbers[ident]: number for ident, number in named.items() if ident in numbers}


def _texts(item: dict[str, object], key: str, path: str) -> list[tuple[str, str]]:
    """Return the texts of a list that may be missing, each with its path."""
    return [(values.as_text(value, at), at) for value, at in values.items(item, key, path, required=False)]


def _known(named: Iterable[tuple[str, str]], numbers: dict[str, int], reports: list[str]) -> list[int]:
    return [group for group, _ in _known_with_paths(named, numbers, reports)]


def _known_with_paths(
    named: Iterable[tuple[str, str]], numbers: dict[str, int], reports: list[str]
) -> list[tuple[int, tuple[str, str]]]:
    """Return the numbers of known groups; report the others."""
    found = []
    for ident, at in named:
        if ident in numbers:
            found.append((numbers[ident], (ident, at)))
        else:
            reports.append(f"{at}: there is no group {ident}; ignored")
    return found


def _positions(groups: Sequence[_Group], known: set[str], reports: list[str]) -> dict[int, dict[str, int]]:
    """Return, for each group with a priority list, the position of each child on it."""
    positions: dict[int, dict[str, int]] = {}
    for number, group in enumerate(groups):
        if group.listed is None:
            continue
        positions[number] = {}
        for ident, at in group.listed:
            if ident not in known or ident in positions[number]:
                reports.append(f"{at}: {ident} is {'named twice' if ident in known else 'no child here'}; ignored")
            else:
                positions[number][ident] = len(positions[number])
    return positions


# --- as arrays ------------------------------------------------------------------------------------------------------


def _market(
    children: Sequence[_Child],
    groups: Sequence[_Group],
    criteria: tuple[Criterion, ...],
    positions: dict[int, dict[str, int]],
    rule: ReserveRule,
) -> Market:
    wishes = [(child, group) for child in children for group in child.wishes]
    kept = [_kept_places(group, len(children)) for group in groups]
    districts = {name: n for n, name in enumerate(sorted({g.district for g in groups if g.district is not None}))}
    per_entry = any(isinstance(child.lottery, dict) for child in children)
    return Market(
        offsets=np.cumsum([0, *(len(child.wishes) for child in children)], dtype=np.int64),
        groups=np.array([group for _, group in wishes], np.int32),
        capacities=np.array([open_places + sum(reserved) for open_places, reserved in kept], np.int64),
        lottery=_dense(_numbers(children, positions, per_entry=per_entry)),
        lottery_per_entry=per_entry,
        criteria=criteria,
        tiers=np.array([child.tier for child in children], np.int64),
        siblings=np.array([group in child.siblings for child, group in wishes], np.bool_),
        child_districts=np.array([districts.get(child.district or "", UNKNOWN) for child in children], np.int32),
        group_districts=np.array([districts.get(group.district or "", UNKNOWN) for group in groups], np.int32),
        child_ages=np.array([child.age for child in children], np.int32),
        group_ages=np.array([group.ages or (0, _OLDEST) for group in groups], np.int32).reshape(-1, 2),
        listed=_listed(wishes, positions),
        reserves=_reserves(children, groups, [reserved for _, reserved in kept], rule),
    )


def _numbers(children: Sequence[_Child], positions: dict[int, dict[str, int]], *, per_entry: bool) -> list[int]:
    """Return the lottery numbers, one per child or one per entry; where a group's own list decides, 0 will do."""
    numbers = []
    for child in children:
        own = [_number(child, group, group in positions) for group in child.wishes]
        whole = child.lottery if isinstance(child.lottery, int) else 0
        numbers += own if per_entry else [whole]
    return numbers


def _number(child: _Child, group: int, is_listed: bool) -> int:
    found = child.lottery.get(group) if isinstance(child.lottery, dict) else child.lottery
    if found is None and not is_listed:
        raise InstanceError(values.below(child.path, "lottery"), "is missing for a group without a priority_list")
    return found or 0


def _dense(numbers: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return numbers of any size as their dense ranks, which compare as the whole numbers do."""
    ranks = {number: rank for rank, number in enumerate(sorted(set(numbers)))}
    return np.array([ranks[number] for number in numbers], np.uint64)


def _listed(
    wishes: Sequence[tuple[_Child, int]], positions: dict[int, dict[str, int]]
) -> np.ndarray[tuple[int], np.dtype[np.int32]] | None:
    if not positions:
        return None
    found = (positions[group].get(child.id, NOT_LISTED) if group in positions else NO_LIST for child, group in wishes)
    return np.fromiter(found, np.int32, len(wishes))


def _kept_places(group: _Group, children: int) -> tuple[int, list[int]]:
    """Return the open and the reserved places: reserves cut in the order listed, and none larger than all children."""
    left, reserved = group.capacity, []
    for _, places in group.reserves:
        reserved.append(min(places, left))
        left -= reserved[-1]
    return min(left, children), [min(places, children) for places in reserved]


def _reserves(
    children: Sequence[_Child], groups: Sequence[_Group], kept: Sequence[Sequence[int]], rule: ReserveRule
) -> Reserves | None:
    names = sorted({category for group in groups for category, _ in group.reserves})
    if not names:
        return None
    columns = {name: column for column, name in enumerate(names)}
    claims = np.zeros((len(children), len(names)), np.bool_)
    for number, child in enumerate(children):
        claims[number, [columns[name] for name in child.categories & columns.keys()]] = True
    return Reserves(
        rule=rule,
        offsets=np.cumsum([0, *(len(group.reserves) for group in groups)], dtype=np.int64),
        categories=np.array([columns[category] for group in groups for category, _ in group.reserves], np.int32),
        places=np.array([places for reserved in kept for places in reserved], np.int64),
        claims=claims,
    )


def _spoken(finding: Finding, instance: PlacesInstance) -> str:
    child = "" if finding.child is None else instance.child_ids[finding.child]
    group = "" if finding.group is None else instance.group_ids[finding.group]
    return f"{finding.kind.value}: child {child or '-'}, group {group or '-'}"

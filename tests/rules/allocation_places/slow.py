"""A slow, plain reading of the exchange format, by definition and brute force. It shares nothing with the engine."""

from __future__ import annotations

from itertools import combinations, permutations, product
from typing import Any

Doc = dict[str, Any]
Match = dict[str, str | None]


def is_acceptable(doc: Doc, child: Doc, group: Doc) -> bool:
    if "priority_list" in group and child["id"] not in group["priority_list"]:
        return False
    return "age" not in group or "age" not in child or group["age"][0] <= child["age"] <= group["age"][1]


def standing(doc: Doc, child: Doc, group: Doc) -> tuple[Any, ...]:
    if "priority_list" in group:
        return (group["priority_list"].index(child["id"]),)
    lottery = child["lottery"]
    number = lottery[group["id"]] if isinstance(lottery, dict) else lottery
    fields = {
        "tier": child.get("tier", 0),
        "sibling": group["id"] not in child.get("sibling_at", []),
        "district": not ("district" in child and child["district"] == group.get("district")),
        "lottery": number,
    }
    return (*(fields[name] for name in doc.get("priority", ["tier", "lottery"])), number, child["id"])


def wishes(doc: Doc, child: Doc) -> list[str]:
    known = {group["id"] for group in doc["groups"]}
    return [g for g in dict.fromkeys(child["prefs"]) if g in known]


def choose(doc: Doc, group: Doc, candidates: list[Doc]) -> set[str]:
    """Return the ids that the group takes of these candidates."""
    line = sorted((c for c in candidates if is_acceptable(doc, c, group)), key=lambda c: standing(doc, c, group))
    left, reserves = group["capacity"], []
    for category, places in group.get("reserves", []):
        reserves.append((category, min(places, left)))
        left -= reserves[-1][1]
    rule, outside, taken = doc.get("rule", "soft_first"), left, []

    def take(places: int, category: str | None = None) -> None:
        fit = [c for c in line if c not in taken and (category is None or category in c.get("categories", []))]
        taken.extend(fit[: max(0, places)])

    if rule == "soft_last":
        take(outside)
    if rule == "max":
        taken.extend(best_reserved(line, reserves))
    else:
        for category, places in reserves:
            take(places, category)
    take(outside if rule == "hard" else group["capacity"] - len(taken))
    return {c["id"] for c in taken}


def best_reserved(line: list[Doc], reserves: list[tuple[str, int]]) -> list[Doc]:
    """Return, of the largest sets that can hold reserved places together, the first in the line's order."""
    seats = [category for category, places in reserves for _ in range(min(places, len(line)))]
    for size in range(min(len(seats), len(line)), 0, -1):
        for chosen in combinations(line, size):  # combinations come in the line's order: the first is the best
            for order in permutations(seats, size):
                if all(seat in child.get("categories", []) for seat, child in zip(order, chosen, strict=True)):
                    return list(chosen)
    return []


def is_stable(doc: Doc, match: Match) -> bool:
    children = {child["id"]: child for child in doc["children"]}
    for group in doc["groups"]:
        held = [children[c] for c, g in match.items() if g == group["id"]]
        if choose(doc, group, held) != {c["id"] for c in held}:
            return False
        for child in doc["children"]:
            mine = wishes(doc, child)
            if group["id"] not in mine or match[child["id"]] == group["id"]:
                continue
            at = mine.index(match[child["id"]]) if match[child["id"]] is not None else len(mine)
            if mine.index(group["id"]) < at and child["id"] in choose(doc, group, [*held, child]):
                return False
    return True


def all_stable(doc: Doc) -> list[Match]:
    ids = [child["id"] for child in doc["children"]]
    options = [[*wishes(doc, child), None] for child in doc["children"]]
    return [match for pick in product(*options) if is_stable(doc, match := dict(zip(ids, pick, strict=True)))]


def deferred_acceptance(doc: Doc) -> Match:
    """One child at a time, each group choosing anew by definition."""
    children = {child["id"]: child for child in doc["children"]}
    groups = {group["id"]: group for group in doc["groups"]}
    lists = {ident: wishes(doc, child) for ident, child in children.items()}
    held: dict[str, set[str]] = {ident: set() for ident in groups}
    free = sorted(children)
    while free:
        child = free.pop()
        if not lists[child]:
            continue
        group = lists[child].pop(0)
        kept = choose(doc, groups[group], [children[c] for c in held[group] | {child}])
        free += sorted((held[group] | {child}) - kept)
        held[group] = kept
    match: Match = dict.fromkeys(children)
    return match | {child: group for group, sitting in held.items() for child in sitting}


def rank(doc: Doc, child: Doc, group: str | None) -> int:
    mine = wishes(doc, child)
    return len(mine) if group is None else mine.index(group)

"""Problem A once more, slowly: the exchange format's definition in plain Python, sharing nothing with the engine.

It keeps people, not counts; under `max` it lists seats and matches them anew for each candidate.
"""

from typing import Any

Json = dict[str, Any]
PASSES = {"soft_first": "ro", "hard": "ru", "soft_last": "uro", "max": "mo"}


def solve(instance: Json) -> Json:  # noqa: C901 - the definition read from top to bottom
    """Return the answer to an instance that is known to be well formed."""
    segments = {segment["id"]: segment for segment in instance["segments"]}
    line, rejected = _line(instance, segments)
    cuts = {name: _cut(segment) for name, segment in segments.items()}
    taken: dict[str, list[tuple[Json, object]]] = {name: [] for name in segments}
    used = {budget["id"]: 0 for budget in instance.get("budgets", [])}
    granted: dict[str, object] = {}
    closed: set[str] = set()
    for which in PASSES[instance.get("rule", "soft_first")]:
        for application in line:
            name = application["segment"]
            if application["id"] in granted or name in closed:
                continue
            place = _place(which, application, segments[name], cuts[name], taken[name])
            if place is None:
                continue
            cost = segments[name].get("cost", 1)
            over = [budget for budget in instance.get("budgets", []) if name in budget["segments"]]
            broken = [budget for budget in over if used[budget["id"]] + cost > budget["limit"]]
            if broken and instance.get("on_short") == "stop":
                closed.update(*(budget["segments"] for budget in broken))
            if broken:
                continue
            for budget in over:
                used[budget["id"]] += cost
            taken[name].append((application, place))
            granted[application["id"]] = [name, "open" if place == "open" else cuts[name][0][place][0]]
    if instance.get("rule") == "max":
        for name in segments:
            granted |= _settled(name, [a for a in line if (a, 0) in taken[name]], cuts[name][0])
    waiting = {name: [a["id"] for a in line if a["segment"] == name and a["id"] not in granted] for name in segments}
    return {"granted": granted, "waiting": waiting, "rejected": rejected}


def _line(instance: Json, segments: Json) -> tuple[list[Json], dict[str, str]]:
    """Return the valid applications in the one order of the whole round, and the rejected ones."""
    by = "arrived" if instance.get("tie") == "arrived" else "lottery"

    def standing(a: Json) -> tuple[int, int, str]:
        return a.get("tier", 0), a[by], a["id"]

    rejected, best = {}, {}
    for application in sorted(instance["applications"], key=standing):
        if application["segment"] not in segments:
            rejected[application["id"]] = "unknown_segment"
        elif best.setdefault(application.get("child", application["id"]), application) is not application:
            rejected[application["id"]] = "duplicate_child"
    count: dict[tuple[str, int], int] = {}
    keyed = []
    for application in best.values():
        queue = application["segment"], application.get("tier", 0)
        count[queue] = count.get(queue, 0) + 1
        weight = instance["coefficients"][str(queue[1])] if instance.get("policy") == "iterations" else None
        iteration = (count[queue] + weight - 1) // weight if weight else 0
        keyed.append((iteration, standing(application), application))
    return [a for _, _, a in sorted(keyed, key=lambda entry: entry[:2])], rejected


def _cut(segment: Json) -> tuple[list[tuple[str, int]], int]:
    left, cut = segment["places"], []
    for category, wanted in segment.get("reserves", []):
        cut.append((category, min(wanted, left)))
        left -= cut[-1][1]
    return cut, left


def _place(which: str, a: Json, segment: Json, cut: Any, taken: list[tuple[Json, object]]) -> object:
    """Return "open", the index of a reserve, or None. Passes: r reserved, m meritorious, u unreserved, o all open."""
    reserves, unreserved = cut
    claims = a.get("categories", [])
    kinds = [kind for _, kind in taken]
    if which == "o":
        return "open" if len(taken) < segment["places"] else None
    if which == "u":
        return "open" if kinds.count("open") < unreserved else None
    if which == "r":
        free = (i for i, (name, places) in enumerate(reserves) if name in claims and kinds.count(i) < places)
        return next(free, None)
    people = [_wishes(other, reserves) for other, kind in taken if kind == 0] + [_wishes(a, reserves)]
    return 0 if people[-1] and _all_seated(people, [places for _, places in reserves]) else None


def _wishes(a: Json, reserves: list[tuple[str, int]]) -> list[int]:
    return [i for i, (name, _) in enumerate(reserves) if name in a.get("categories", [])]


def _all_seated(people: list[list[int]], places: list[int]) -> bool:
    seats = [i for i, count in enumerate(places) for _ in range(min(count, len(people)))]
    owner: dict[int, int] = {}

    def seat(person: int, seen: set[int]) -> bool:
        for at, reserve in enumerate(seats):
            if reserve in people[person] and at not in seen:
                seen.add(at)
                if at not in owner or seat(owner[at], seen):
                    owner[at] = person
                    return True
        return False

    return all(seat(person, set()) for person in range(len(people)))


def _settled(name: str, members: list[Json], reserves: list[tuple[str, int]]) -> dict[str, object]:
    """In order, each member gets the first listed reserve that leaves all later ones a seat."""
    left, found = [places for _, places in reserves], {}
    for at, member in enumerate(members):
        later = [_wishes(other, reserves) for other in members[at + 1 :]]
        for i in _wishes(member, reserves):
            rest = [count - (j == i) for j, count in enumerate(left)]
            if min(rest) >= 0 and _all_seated(later, rest):
                left, found[member["id"]] = rest, [name, reserves[i][0]]
                break
    return found

"""Is a choice round stable? python3 places.py INSTANCE.json ANSWER.json (exchange format); standard library only.
Stable: each group would keep all whom it holds, and would take no child who prefers it to the place the child has. The
instance holds the claims of real children, so this is for sworn auditors. Exit status 1 names what is wrong.
"""

import json, sys

sys.setrecursionlimit(100_000)
fits = lambda c, g: "age" not in c or "age" not in g or g["age"][0] <= c["age"] <= g["age"][1]
may_meet = lambda c, g: c["id"] in g.get("priority_list", [c["id"]]) and fits(c, g)


def _standing(case, c, g):  # smaller stands before
    if "priority_list" in g:
        return [g["priority_list"].index(c["id"])]
    field = {"tier": c.get("tier", 0), "sibling": g["id"] not in c.get("sibling_at", [])}
    field["district"] = "district" not in c or c["district"] != g.get("district")
    field["lottery"] = c["lottery"][g["id"]] if isinstance(c["lottery"], dict) else c["lottery"]
    return [*(field[name] for name in [*case.get("priority", ["tier"]), "lottery"]), c["id"]]


def _choose(case, group, candidates):  # the ids that the group takes of these
    line, seats, left = sorted(candidates, key=lambda c: _standing(case, c, group)), [], group["capacity"]
    for category, places in group.get("reserves", []):  # cut to the capacity in the order listed
        seats, left = seats + [category] * min(places, left, len(line)), left - min(places, left)
    rule, held = case.get("rule", "soft_first"), {}

    def sits(child, tried):  # on a reserved seat; under `max` those who sit move over where that makes room
        for seat, category in enumerate(seats):
            if seat not in tried and category in child.get("categories", []):
                tried.add(seat)
                if seat not in held or (rule == "max" and sits(held[seat], tried)):
                    return held.update({seat: child}) or True
        return False

    taken = [c["id"] for c in (line[:left] if rule == "soft_last" else [])]
    taken += [c["id"] for c in line if c["id"] not in taken and sits(c, set())]
    room = left if rule == "hard" else group["capacity"] - len(taken)
    return {*taken, *[c["id"] for c in line if c["id"] not in taken][:room]}


def _faults(case, match):
    groups, children = {g["id"]: g for g in case["groups"]}, {c["id"]: c for c in case["children"]}
    wishes = {c: [g for g in x["prefs"] if g in groups and may_meet(x, groups[g])] for c, x in children.items()}
    yield from (f"{c} is in only one of the files" for c in match.keys() ^ children.keys())
    yield from (f"{c} may not sit where it does" for c, g in match.items() if g not in (None, *wishes.get(c, [])))
    held = {g: [children[c] for c in match if match[c] == g and g in wishes.get(c, [])] for g in groups}
    for g, sitting in held.items():
        yield from (f"{g} would not keep {c}" for c in {c["id"] for c in sitting} - _choose(case, groups[g], sitting))
    for c, mine in wishes.items():
        for g in mine[: mine.index(match[c]) if match.get(c) in mine else None]:
            if c in _choose(case, groups[g], [*held[g], children[c]]):
                yield f"{c} prefers {g}, which would take it"


given, answer = (json.loads(open(name, "rb").read()) for name in sys.argv[1:3])  # noqa: SIM115
pairs = list(zip(given["cases"], answer, strict=True)) if "cases" in given else [(given, answer)]
found = [f"case {n}: {fault}" for n, (case, out) in enumerate(pairs) for fault in _faults(case, out["match"])]
print("\n".join(found) or "OK: stable")
sys.exit(bool(found))

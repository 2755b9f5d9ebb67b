"""Is a choice round's matching stable? python3 places.py INSTANCE.json ANSWER.json; standard library only.

Stable: each group would keep all whom it holds, and would take no child who prefers it to the place the child has. The
instance holds claims of real children, so this is for sworn auditors. Both files are in the published exchange format.
"""
import json, sys  # noqa: E401


def standing(case, child, group):
    if "priority_list" in group:
        return [group["priority_list"].index(child["id"])]
    number = child["lottery"][group["id"]] if isinstance(child["lottery"], dict) else child["lottery"]
    field = {"tier": child.get("tier", 0), "lottery": number, "sibling": group["id"] not in child.get("sibling_at", [])}
    field["district"] = "district" not in child or child["district"] != group.get("district")
    return [*(field[name] for name in case.get("priority", ["tier", "lottery"])), number, child["id"]]

def may_meet(child, group):
    ages = group["age"] if "age" in child and "age" in group else [child.get("age", 0)] * 2
    return ages[0] <= child.get("age", 0) <= ages[1] and child["id"] in group.get("priority_list", [child["id"]])

def choose(case, group, candidates):
    line, seats, left = sorted(candidates, key=lambda c: standing(case, c, group)), [], group["capacity"]
    for category, places in group.get("reserves", []):  # cut to the capacity in the order listed
        seats += [category] * min(places, left, len(line))
        left -= min(places, left)
    rule, held = case.get("rule", "soft_first"), {}
    def sit(child, tried):  # under `max` those who sit move over where that makes room
        for seat, category in enumerate(seats):
            if seat not in tried and category in child.get("categories", []):
                tried.add(seat)
                if seat not in held or (rule == "max" and sit(held[seat], tried)):
                    held[seat] = child
                    return True
        return False
    taken = [c["id"] for c in (line[:left] if rule == "soft_last" else [])]
    taken += [c["id"] for c in line if c["id"] not in taken and sit(c, set())]
    room = left if rule == "hard" else group["capacity"] - len(taken)
    return {*taken, *[c["id"] for c in line if c["id"] not in taken][:room]}

def faults(case, match):
    groups, children = {g["id"]: g for g in case["groups"]}, {c["id"]: c for c in case["children"]}
    yield from (f"{ident} is in only one of the files" for ident in match.keys() ^ children.keys())
    yield from (f"{c} sits where it may not" for c, ident in match.items() if ident is not None and not (
        ident in groups and c in children and ident in children[c]["prefs"] and may_meet(children[c], groups[ident])))
    wishes = {c: [g for g in children[c]["prefs"] if g in groups and may_meet(children[c], groups[g])] for c in children}
    holds = {ident: [children[c] for c in children if match.get(c) == ident and ident in wishes[c]] for ident in groups}
    for ident, held in holds.items():
        yield from (f"{ident} would not keep {c['id']}" for c in held if c["id"] not in choose(case, groups[ident], held))
    for c, mine in wishes.items():
        for ident in mine[: mine.index(match[c]) if match.get(c) in mine else None]:
            if c in choose(case, groups[ident], [*holds[ident], children[c]]):
                yield f"{c} prefers {ident}, which would take it"

sys.setrecursionlimit(100_000)
instance, answer = (json.load(open(name, encoding="utf-8")) for name in sys.argv[1:3])
pairs = zip(instance["cases"], answer, strict=True) if "cases" in instance else [(instance, answer)]
found = [f"case {n}: {fault}" for n, (case, given) in enumerate(pairs) for fault in faults(case, given["match"])]
print("\n".join(found) or "OK: stable")
sys.exit(bool(found))

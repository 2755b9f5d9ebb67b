"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library.

It draws the numbers again, puts all applications in their order and goes through them as the terms say. Withheld lines
(small classes) stand in as the places and the money they are said to have taken; all other outcomes are recomputed.
"""

import hashlib, json, pathlib, sys
from collections import Counter, defaultdict

folder, faults = pathlib.Path(sys.argv[1]), []
lines = lambda name: (text := (folder / name).read_bytes().decode()) and text.removesuffix("\n").split("\n") or []
say = lambda fine, fault: fine or faults.append(fault)


def read_list(terms, seed):
    """Yield the lines shown: (line id, segment, tier, mask of the reserves claimed, number, place in the list)."""
    reserves = {s["id"]: [name for name, _ in s["reserves"]] for s in terms["segments"]}
    for at, row in enumerate(lines("closed.tsv")):
        if "\t" in row:
            _, ident, segment, tier, claims, arrived = row.split("\t")
            mask = sum(1 << i for i, name in enumerate(reserves.get(segment, [])) if name in claims.split(","))
            number = hashlib.sha256(seed + bytes.fromhex(ident)).hexdigest()
            yield ident, segment, int(tier), mask, int(arrived) if terms["tie"] == "arrived" else number, at


def in_order(terms, shown, hidden):
    """Return the queue, sorted (iteration, tier, number, place in the list, k, line), and the rejected rows."""
    known, best, rejected, k, queue = {s["id"] for s in terms["segments"]}, {}, {}, Counter(), []
    # A ghost is withheld but counts in k: its number is told, not whose it is.
    ghosts = [(at, s, int(t), None, n, at) for s in hidden for t, told in hidden[s]["ghosts"].items() for n, at in told]
    for line in sorted(shown + ghosts, key=lambda a: (a[2], a[4], a[5])):
        if line[1] not in known:
            rejected[line[5]] = f"\t{line[0]}\t\t\tunknown_segment"
        elif best.setdefault(line[0], line) is not line:
            rejected[line[5]] = f"{line[1]}\t{line[0]}\t\t\tduplicate_child"
    for line in best.values():
        k[line[1:3]] += 1
        weight = terms["coefficients"][str(line[2])] if terms["policy"] == "iterations" else 0
        iteration = -(-k[line[1:3]] // weight) if weight else 0
        queue += [(iteration, line[2], line[4], line[5], k[line[1:3]], line)] if line[3] is not None else []
    return sorted(queue), [rejected[at] for at in sorted(rejected)]


class Segment:
    """What a segment has left, once the withheld lines have what they are said to have taken."""

    def __init__(self, terms, segment, taken):
        left, self.cost, self.closed, self.free = segment["places"], segment["cost"], False, []
        self.held, self.asked, self.hopeless, rule = [], Counter(), set(), terms["rule"]
        for _, wanted in segment["reserves"]:  # reserves above the places are cut in the order listed
            self.free.append(min(wanted, left))
            left -= self.free[-1]
        taken = taken or [0] * (len(self.free) + 1 + (rule == "soft_last"))
        self.total, self.granted_unseen = segment["places"] - sum(taken), sum(taken)
        self.free = [n - t for n, t in zip(self.free, taken[rule == "soft_last" :])]
        self.beside = left - {"soft_last": taken[0], "hard": taken[-1]}.get(rule, 0)
        say(min(self.total, self.beside, *self.free, *taken) >= 0, f"{segment['id']}: withheld places there are not")

    def fit(self):
        """Can all claims asked for be held together? (Hall: no set of reserves is all that too many can have.)"""
        most = [sum(n for i, n in enumerate(self.free) if some >> i & 1) for some in range(1 << len(self.free))]
        return all(sum(n for m, n in self.asked.items() if not m & ~some) <= room for some, room in enumerate(most))

    def reserve(self, rule, mask):
        """Return a reserve that has a place for these claims now, or None; `settle` names it in the end under `max`."""
        if rule != "max":
            return next((i for i, n in enumerate(self.free) if n and mask >> i & 1), None)
        if mask and mask not in self.hopeless:
            self.asked[mask] += 1
            self.hopeless |= set() if self.fit() else {mask}
            self.asked[mask] -= 1
        return None if not mask or mask in self.hopeless else 0

    def settle(self, outcome, names):
        """Under `max`, in order, each holder gets the first listed reserve that leaves later ones a place."""
        for _, _, _, mask, _, at in self.held:
            self.asked[mask] -= 1
            for i in (i for i, n in enumerate(self.free) if n and mask >> i & 1):
                self.free[i] -= 1
                if self.fit():
                    outcome[at] = f"reserve:{names[i][0]}"
                    break
                self.free[i] += 1


def grant(terms, segments, money, queue):
    """Return the outcome of each granted line shown, by its place in the list."""
    outcome, rule, reserves = {}, terms["rule"], {s["id"]: s["reserves"] for s in terms["segments"]}
    over = {name: [b for b in terms["budgets"] if name in b["segments"]] for name in segments}
    passes = {"soft_last": ["beside", "reserved", "open"], "hard": ["reserved", "beside"]}
    for which in passes.get(rule, ["reserved", "open"]):
        for *_, line in queue:
            name, mask, at = line[1], line[3], line[5]
            seg = segments[name]
            if at in outcome or seg.closed or seg.total < 1 or (which == "beside" and seg.beside < 1):
                continue
            reserve = seg.reserve(rule, mask) if which == "reserved" else -1
            broken = [b for b in over[name] if money[b["id"]] < seg.cost] if reserve is not None else []
            for other in {other for b in broken for other in b["segments"] if terms["on_short"] == "stop"}:
                segments[other].closed = True
            if reserve is None or broken:
                continue
            outcome[at] = "open" if reserve < 0 else f"reserve:{reserves[name][reserve][0]}"
            if reserve >= 0 and rule == "max":
                seg.held.append(line)
                seg.asked[mask] += 1
            elif reserve >= 0:
                seg.free[reserve] -= 1
            seg.total, seg.beside = seg.total - 1, seg.beside - (which == "beside")
            money.update((b["id"], money[b["id"]] - seg.cost) for b in over[name])
    for name, seg in segments.items():
        seg.settle(outcome, reserves[name])
    return outcome


def check(terms, protocol):
    """Compare all that is published with what is due; faults are collected, the summary is returned."""
    shown, hidden = list(read_list(terms, bytes.fromhex(protocol["seed"]))), protocol["withheld"]
    unseen, merged = len(lines("closed.tsv")) - len(shown), hidden["merged"]
    say(len(shown) + unseen == protocol["rows"], "the number of rows is not that of the closed list")
    rest = unseen - sum(s["rows"] for s in hidden["segments"].values())
    say(rest == merged["rows"], "withheld lines do not add up")
    for s in hidden["segments"].values():
        say(sum(s["taken"]) <= s["rows"] >= sum(map(len, s["ghosts"].values())), "more places or ghosts than lines")
    segments = {s["id"]: Segment(terms, s, hidden["segments"].get(s["id"], {}).get("taken")) for s in terms["segments"]}
    money = {b["id"]: b["limit"] - hidden["budgets"][b["id"]] for b in terms["budgets"]}
    for b in ({**b, "segments": set(b["segments"])} for b in terms["budgets"]):
        said = hidden["budgets"][b["id"]] == sum(segments[s].cost * segments[s].granted_unseen for s in b["segments"])
        say(money[b["id"]] >= 0 and (said or b["segments"] & set(merged["segments"])), f"{b['id']}: wrong withheld sum")
    queue, rejected = in_order(terms, shown, hidden["segments"])
    outcome, due, cutoffs = grant(terms, segments, money, queue), defaultdict(list), dict.fromkeys(segments)
    for iteration, tier, number, at, k, line in queue:
        place = f"{iteration}\t{k}" if terms["policy"] == "iterations" else "\t"
        due[line[1]].append(f"{line[1]}\t{line[0]}\t{place}\t{outcome.get(at, 'waiting')}")
        cutoffs[line[1]] = [iteration, tier, number] if outcome.get(at) == "open" else cutoffs[line[1]]
    costs = [len({segments[name].cost for name in b["segments"]}) for b in terms["budgets"]]
    if unseen and terms["on_short"] == "stop" and max(costs, default=0) > 1:
        return "NOT RECOMPUTED: under `stop` with unequal costs withheld lines may have closed a budget; ask auditors"
    due, said = [row for name in segments for row in due[name]] + rejected, lines("results.tsv")
    wrong = [f"results.tsv says {b!r}, due is {a!r}" for a, b in zip(due, said) if a != b]
    faults.extend(wrong[:10] + [f"{len(wrong)} rows differ; there are {len(said)}, due are {len(due)}"] * (due != said))
    say(cutoffs == protocol["cutoffs"], "the cut-offs are not those of the results")
    return f"OK: {len(outcome)} of {len(shown)} lines shown are granted as the terms say; {unseen} lines withheld"


try:
    summary = check(*(json.loads((folder / name).read_bytes()) for name in ("terms.json", "protocol.json")))
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or summary) or len(faults) > 0)

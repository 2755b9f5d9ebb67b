"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library.

It draws the numbers again, puts all applications in their order and goes through them as the terms say. Withheld lines
(small classes) stand in as the places and the money they are said to have taken; all other outcomes are recomputed.
"""

import functools, gc, hashlib, json, pathlib, sys
from binascii import unhexlify
from collections import defaultdict

folder, faults = pathlib.Path(sys.argv[1]), []
lines = lambda name: (folder / name).open(encoding="utf8", newline="\n")
say = lambda fine, fault: fine or faults.append(fault)


class Segment:
    """A segment's lines, and what it has left once the withheld ones have what they are said to have taken."""

    def __init__(self, terms, segment, hidden):
        self.id, self.cost, left, rule = segment["id"], segment["cost"], segment["places"], terms["rule"]
        self.names, self.free, self.held = [f"reserve:{name}" for name, _ in segment["reserves"]], [], []
        for _, wanted in segment["reserves"]:  # reserves above the places are cut in the order listed
            self.free.append(min(wanted, left))
            left -= self.free[-1]
        taken = hidden.get("taken") or [0] * (len(self.free) + 1 + (rule == "soft_last"))
        self.total, self.granted_unseen, self.closed = segment["places"] - sum(taken), sum(taken), False
        self.free = [n - t for n, t in zip(self.free, taken[rule == "soft_last" :])]
        self.beside = left - {"soft_last": taken[0], "hard": taken[-1]}.get(rule, 0)
        say(min(self.total, self.beside, *self.free, *taken) >= 0, f"{self.id}: withheld places there are not")
        # Under `max`: the places of each set of reserves, less the holders who claim nothing else (Hall's condition).
        self.sets = range(1 << len(self.free) if rule == "max" else 0)
        self.room = [sum(n for i, n in enumerate(self.free) if some >> i & 1) for some in self.sets]
        self.tiers = defaultdict(list)  # tier: [(number, place in the list, line, mask of the reserves claimed)]
        for tier, told in hidden.get("ghosts", {}).items():  # withheld, but it counts in k: only its number is told
            self.tiers[int(tier)] += [(number, at, None, 0) for number, at in told]

    def queue(self, weights):
        """Return (iteration, tier, number, place in the list, k, line, mask, segment) of the lines shown, in order."""
        found = []
        for tier, waiting in sorted(self.tiers.items()):
            weight = weights and weights[str(tier)]
            for k, (number, at, line, mask) in enumerate(sorted(waiting), 1):
                if line:
                    found.append((weight and -(-k // weight), tier, number, at, k, line, mask, self))
        return sorted(found)

    def reserve(self, rule, mask):
        """Return a reserve that has a place for these claims now, or None; `settle` names it in the end under `max`."""
        if rule != "max":
            return next((i for i, n in enumerate(self.free) if n and mask >> i & 1), None)
        return 0 if all(self.room[some] for some in self.sets if not mask & ~some) else None

    def take(self, reserve, at, mask):
        """Book a place: an open one (reserve -1), or one of a reserve."""
        self.total -= 1
        self.beside -= reserve < 0
        if reserve >= 0 and not self.sets:
            self.free[reserve] -= 1
        elif reserve >= 0:
            self.held.append((at, mask))
            self.room = [n - (not mask & ~some) for some, n in enumerate(self.room)]

    def settle(self, outcome):
        """Under `max`, in order, each holder gets the first listed reserve that leaves later ones a place."""
        for at, mask in self.held:
            for i in (i for i in range(len(self.free)) if mask >> i & 1):
                room = [n + (not mask & ~some) - (some >> i & 1) for some, n in enumerate(self.room)]
                if min(room) >= 0:
                    self.room, outcome[at] = room, self.names[i]
                    break


def line_up(terms, segments, seed):
    """Put the lines shown into their segments' tiers; return how many, of how many, and the rejected ones' rows."""

    @functools.cache
    def read(fields):
        segment, tier, claims = fields.split("\t")
        known, claims = segments.get(segment), [f"reserve:{name}" for name in claims.split(",")]
        mask = sum(1 << i for i, name in enumerate(known.names) if name in claims) if known else 0
        return segment, known and known.tiers[int(tier)], int(tier), mask

    sha256, by_arrival, rejected, best, shown, at = hashlib.sha256, terms["tie"] == "arrived", {}, ("",), 0, -1
    for at, row in enumerate(lines("closed.tsv")):
        if row[32] != "\t":  # withheld: only its leaf stands here
            continue
        line, (fields, _, arrived) = row[33:97], row[98:-1].rpartition("\t")
        number = int(arrived) if by_arrival else sha256(seed + unhexlify(line)).hexdigest()
        (segment, waiting, tier, mask), shown = read(fields), shown + 1
        if waiting is None:
            rejected[at] = f"\t{line}\t\t\tunknown_segment\n"
            continue
        this, again = (line, tier, number, at, segment, waiting), line <= best[0]
        if again:  # the same child's: only the best counts
            say(line == best[0], "closed.tsv is not sorted by line id")
            worse = max(this, best)
            rejected[worse[3]] = f"{worse[4]}\t{line}\t\t\tduplicate_child\n"
            if worse is best:
                worse[5].pop()
        if not again or worse is best:
            waiting.append((number, at, line, mask))
            best = this
    return shown, at + 1, [rejected[at] for at in sorted(rejected)]


def grant(terms, segments, money, queue, outcome):
    """Go through a queue, pass by pass, and note the outcome of each line granted, by its place in the list."""
    rule, over = terms["rule"], {name: [b for b in terms["budgets"] if name in b["segments"]] for name in segments}
    passes = {"soft_last": ["beside", "reserved", "open"], "hard": ["reserved", "beside"]}
    for which in passes.get(rule, ["reserved", "open"]):
        reserved, beside = which == "reserved", which == "beside"
        for *_, at, _, _, mask, seg in queue:
            if seg.total < 1 or seg.closed or at in outcome or (reserved and not mask) or (beside and seg.beside < 1):
                continue
            reserve = seg.reserve(rule, mask) if reserved else -1
            broken = [b for b in over[seg.id] if money[b["id"]] < seg.cost] if reserve is not None else []
            for other in {other for b in broken for other in b["segments"] if terms["on_short"] == "stop"}:
                segments[other].closed = True
            if reserve is not None and not broken:
                outcome[at] = seg.names[reserve] if reserved else "open"
                seg.take(reserve, at, mask)
                money.update((b["id"], money[b["id"]] - seg.cost) for b in over[seg.id])


def check(terms, protocol):
    """Compare all that is published with what is due; faults are collected, the summary is returned."""
    hidden, dealt = protocol["withheld"], terms["policy"] == "iterations"
    segments = {s["id"]: Segment(terms, s, hidden["segments"].get(s["id"], {})) for s in terms["segments"]}
    shown, rows, rejected = line_up(terms, segments, unhexlify(protocol["seed"]))
    merged, unseen = hidden["merged"], rows - shown
    say(rows == protocol["rows"], "the number of rows is not that of the closed list")
    say(unseen - sum(s["rows"] for s in hidden["segments"].values()) == merged["rows"], "withheld lines do not add up")
    for s in hidden["segments"].values():
        say(sum(s["taken"]) <= s["rows"] >= sum(map(len, s["ghosts"].values())), "more places or ghosts than lines")
    money = {b["id"]: b["limit"] - hidden["budgets"][b["id"]] for b in terms["budgets"]}
    for b in ({**b, "segments": set(b["segments"])} for b in terms["budgets"]):
        said = hidden["budgets"][b["id"]] == sum(segments[s].cost * segments[s].granted_unseen for s in b["segments"])
        say(money[b["id"]] >= 0 and (said or b["segments"] & set(merged["segments"])), f"{b['id']}: wrong withheld sum")
    queues = {name: segment.queue(dealt and terms["coefficients"]) for name, segment in segments.items()}
    outcome, due, cutoffs = {}, [], dict.fromkeys(segments)
    for queue in [sorted(sum(queues.values(), []))] if money else queues.values():  # no budget: each segment for itself
        grant(terms, segments, money, queue, outcome)
    for name, queue in queues.items():
        segments[name].settle(outcome)
        for iteration, tier, number, at, k, line, _, _ in queue:
            place, how = f"{iteration}\t{k}" if dealt else "\t", outcome.get(at, "waiting")
            due.append(f"{name}\t{line}\t{place}\t{how}\n")
            if how == "open":
                cutoffs[name] = [int(iteration), tier, number]
    costs = [len({segments[name].cost for name in b["segments"]}) for b in terms["budgets"]]
    if unseen and terms["on_short"] == "stop" and max(costs, default=0) > 1:
        return "NOT RECOMPUTED: under `stop` with unequal costs withheld lines may have closed a budget; ask auditors"
    due, said = due + rejected, list(lines("results.tsv"))
    wrong = [f"results.tsv says {b!r}, due is {a!r}" for a, b in zip(due, said) if a != b]
    faults.extend(wrong[:10] + [f"{len(wrong)} rows differ; there are {len(said)}, due are {len(due)}"] * (due != said))
    say(cutoffs == protocol["cutoffs"], "the cut-offs are not those of the results")
    return f"OK: {len(outcome)} of {shown} lines shown are granted as the terms say; {unseen} lines withheld"


try:
    gc.disable()  # nothing here goes round in circles, and looking for that costs a third of the time
    summary = check(*(json.loads((folder / name).read_bytes()) for name in ("terms.json", "protocol.json")))
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or summary) or len(faults) > 0)

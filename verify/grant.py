"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library.

It draws the numbers again, puts all applications in their order and goes through them as the terms say. Withheld lines
(small classes) stand in as the places and the money they are said to have taken; all other outcomes are recomputed.
"""

import binascii, collections, gc, hashlib, itertools, json, pathlib, sys

folder, faults = pathlib.Path(sys.argv[1]), []
lines = lambda name: (folder / name).open(encoding="utf8", newline="\n")
say = lambda fine, fault: fine or faults.append(fault)


class Segment:
    """What a segment has left, once the withheld lines have what they are said to have taken."""

    def __init__(self, terms, segment, hidden):
        self.id, self.cost, left, rule = segment["id"], segment["cost"], segment["places"], terms["rule"]
        self.names, self.free, self.held = [f"reserve:{name}" for name, _ in segment["reserves"]], [], []
        for _, wanted in segment["reserves"]:  # reserves above the places are cut in the order listed
            self.free.append(min(wanted, left))
            left -= self.free[-1]
        taken = hidden.get("taken") or [0] * (len(self.free) + 1 + (rule == "soft_last"))
        self.total, self.unseen, self.closed = segment["places"] - sum(taken), sum(taken), False
        self.free = [n - t for n, t in zip(self.free, taken[rule == "soft_last" :])]
        self.beside = left - {"soft_last": taken[0], "hard": taken[-1]}.get(rule, 0)
        say(min(self.total, self.beside, *self.free, *taken) >= 0, f"{self.id}: withheld places there are not")
        # Under `max`: the places of each set of reserves, less the holders who claim nothing else (Hall's condition).
        self.room = [sum(n for i, n in enumerate(self.free) if some >> i & 1) for some in range(1 << len(self.free))]
        self.over = [b["id"] for b in terms["budgets"] if self.id in b["segments"]]
        self.tiers = collections.defaultdict(list)  # tier: [(number, row in the list, line, its class)]
        for tier, told in hidden.get("ghosts", {}).items():  # withheld lines that count in k: their numbers are told
            self.tiers[int(tier)] += [(number, row, "", (0, self, int(tier))) for number, row in told]


def line_up(terms, segments, seed):
    """Put the lines shown into their segments' tiers; return how many are not, of how many, and the rejected rows."""
    sha256, by_arrival, classes, rejected = hashlib.sha256, terms["tie"] == "arrived", {}, {}
    last, best, unseen, at = "", [], 0, -1
    for at, row in enumerate(lines("closed.tsv")):
        if row[32] != "\t":  # withheld: only its leaf stands here
            unseen += 1
            continue
        line, (fields, _, arrived) = row[33:97], row[98:-1].rpartition("\t")
        number = int(arrived) if by_arrival else sha256(seed + binascii.unhexlify(line)).hexdigest()
        if fields not in classes:  # what lines with these fields have in common
            name, tier, claims = fields.split("\t")
            segment, claims = segments.get(name), [f"reserve:{claim}" for claim in claims.split(",")]
            mask = sum(1 << i for i, claim in enumerate(segment.names) if claim in claims) if segment else 0
            classes[fields] = (mask, segment, int(tier)), segment and segment.tiers[int(tier)]
        kind, waiting = classes[fields]
        if waiting is None:
            rejected[at] = f"\t{line}\t\t\tunknown_segment\n"
            continue
        if line <= last:  # another line of the same child: only its best one counts
            say(line == last, "closed.tsv is not sorted by line id")
            worse = best.pop() if (kind[2], number) < (best[-1][3][2], best[-1][0]) else (number, at, line, kind)
            rejected[worse[1]] = f"{worse[3][1].id}\t{line}\t\t\tduplicate_child\n"
            if worse[1] == at:
                continue
        waiting.append((number, at, line, kind))
        last, best = line, waiting
    return unseen, at + 1, [rejected[at] for at in sorted(rejected)]


def grant(terms, segments, money, together, weights):
    """Go through the lines of the segments that go `together`; yield each, with its outcome, in the round's order."""
    turns, rule, stop = collections.defaultdict(list), terms["rule"], terms["on_short"] == "stop"
    for tier, waiting in (pair for segment in together for pair in segment.tiers.items()):  # a turn of each iteration
        step = weights[str(tier)] if weights else len(waiting)
        waiting.sort()
        for first in range(0, len(waiting), step or 1):
            turns[weights and first // step, tier] += waiting[first : first + step]
    queue = [line for turn in sorted(turns) for line in sorted(turns[turn])]
    outcome, kinds = [line and "waiting" for _, _, line, _ in queue], [kind for _, _, _, kind in queue]
    passes = {"soft_last": ["beside", "reserved", "open"], "hard": ["reserved", "beside"]}
    for which in passes.get(rule, ["reserved", "open"]):
        reserved, beside, reserve = which == "reserved", which == "beside", -1
        for at, (mask, seg, _) in enumerate(kinds):
            if seg.total < 1 or (reserved and not mask) or outcome[at] != "waiting" or (beside and seg.beside < 1):
                continue
            if reserved:
                fits = rule != "max" or all(n for some, n in enumerate(seg.room) if not mask & ~some)
                reserve = next((i for i, n in enumerate(seg.free) if fits and n and mask >> i & 1), None)
            if reserve is None or seg.closed:
                continue
            if broken := seg.over and [b for b in seg.over if money[b] < seg.cost]:
                for other in {s for b in terms["budgets"] if b["id"] in broken and stop for s in b["segments"]}:
                    segments[other].closed = True
                continue
            outcome[at], seg.total = seg.names[reserve] if reserved else "open", seg.total - 1
            seg.beside -= not reserved
            if reserved and rule == "max":
                seg.held.append((at, mask))
                seg.room = [n - (not mask & ~some) for some, n in enumerate(seg.room)]
            elif reserved:
                seg.free[reserve] -= 1
            for b in seg.over:
                money[b] -= seg.cost
    for seg in together:  # under `max`, in order, each gets the first listed reserve that leaves later ones a place
        for at, mask in seg.held:
            for i in (i for i in range(len(seg.free)) if mask >> i & 1):
                room = [n + (not mask & ~some) - (some >> i & 1) for some, n in enumerate(seg.room)]
                if min(room) >= 0:
                    seg.room, outcome[at] = room, seg.names[i]
                    break
    return zip(queue, outcome)


def check(terms, protocol):
    """Compare all that is published with what is due; faults are collected, the summary is returned."""
    hidden, weights = protocol["withheld"], terms["coefficients"] if terms["policy"] == "iterations" else 0
    segments = {s["id"]: Segment(terms, s, hidden["segments"].get(s["id"], {})) for s in terms["segments"]}
    unseen, rows, rejected = line_up(terms, segments, binascii.unhexlify(protocol["seed"]))
    merged, money = hidden["merged"], {b["id"]: b["limit"] - hidden["budgets"][b["id"]] for b in terms["budgets"]}
    say(rows == protocol["rows"], "the number of rows is not that of the closed list")
    say(unseen - sum(s["rows"] for s in hidden["segments"].values()) == merged["rows"], "withheld lines do not add up")
    for s in hidden["segments"].values():
        say(sum(s["taken"]) <= s["rows"] >= sum(map(len, s["ghosts"].values())), "more places or ghosts than lines")
    for name, told, inside in ((b["id"], hidden["budgets"][b["id"]], {*b["segments"]}) for b in terms["budgets"]):
        said = told == sum(segments[s].cost * segments[s].unseen for s in inside) or inside & {*merged["segments"]}
        say(money[name] >= 0 and said, f"{name}: wrong withheld sum")
    due, cutoffs, iteration, k = {name: [] for name in segments}, dict.fromkeys(segments), 0, collections.Counter()
    place = "\t"
    for together in [segments.values()] if money else [[segment] for segment in segments.values()]:
        for (number, _, line, (_, seg, tier)), how in grant(terms, segments, money, together, weights):
            if weights:
                k[seg, tier] += 1
                iteration = -(-k[seg, tier] // weights[str(tier)])
                place = f"{iteration}\t{k[seg, tier]}"
            if line:
                due[seg.id].append(f"{seg.id}\t{line}\t{place}\t{how}\n")
            if how == "open":
                cutoffs[seg.id] = [iteration, tier, number]
    mixed = any(len({segments[name].cost for name in b["segments"]}) > 1 for b in terms["budgets"])
    if unseen and mixed and terms["on_short"] == "stop":
        return "NOT RECOMPUTED: under `stop` with unequal costs withheld lines may have closed a budget; ask auditors"
    both = itertools.zip_longest(itertools.chain(*due.values(), rejected), lines("results.tsv"))
    wrong = [f"results.tsv says {said!r}, due is {row!r}" for row, said in both if row != said]
    faults.extend(wrong[:10] + [f"{len(wrong)} rows of results.tsv are not the due ones"] * bool(wrong))
    say(cutoffs == protocol["cutoffs"], "the cut-offs are not those of the results")
    return f"OK: {rows - unseen} lines shown have the outcome that the terms say; {unseen} lines withheld"


try:
    gc.disable()  # nothing here goes round in circles, and looking for that costs a third of the time
    summary = check(*(json.loads((folder / name).read_bytes()) for name in ("terms.json", "protocol.json")))
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or summary) or len(faults) > 0)

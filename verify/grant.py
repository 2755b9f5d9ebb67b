"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library."""

# All numbers are drawn and all outcomes found again; withheld lines take the places and the money that are told.
import binascii, collections, gc, hashlib, itertools, json, pathlib, sys

folder, faults, kinds = pathlib.Path(sys.argv[1]), [], []  # a kind: what lines claim as bits, their segment, their tier
lines = lambda name: (folder / name).open(encoding="utf8", newline="\n")
say = lambda fine, fault: fine or faults.append(fault)
when = lambda arrived, at: f"{int(arrived) + 10**31}{at:032}"  # of one width, texts stand in the order of numbers


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
        self.tiers = collections.defaultdict(list)  # tier: its lines as texts, 64 of number, 64 of line id, the kind
        for tier, told in hidden.get("ghosts", {}).items():  # withheld lines that count in k: their numbers are told
            self.tiers[int(tier)] = [f"{when(*p) if terms['tie'] == 'arrived' else p[0]:128}{len(kinds)}" for p in told]
            kinds.append((-1, self, int(tier)))


def line_up(segments, seed):
    """Put the lines shown into their segments' tiers; return how many are not, of how many, and the rejected rows."""
    sha256, raw, classes, rejected, last, best, unseen, at = hashlib.sha256, binascii.unhexlify, {}, {}, "", None, 0, -1
    for at, row in enumerate(lines("closed.tsv")):
        if row[32] != "\t":  # withheld: only its leaf stands here
            unseen += 1
            continue
        line, (fields, _, arrived) = row[33:97], row[98:-1].rpartition("\t")
        number = sha256(seed + raw(line)).hexdigest() if seed else when(arrived, at)
        if fields not in classes:  # what lines with these fields have in common
            name, tier, claims = fields.split("\t")
            seg, claims = segments.get(name), claims.split(",")
            mask = sum(1 << i for i, own in enumerate(seg.names) if own[8:] in claims) if seg else 0
            classes[fields] = int(tier), seg and seg.tiers[int(tier)], name, len(kinds)
            kinds.append((mask, seg, int(tier)))
        tier, waiting, name, kind = classes[fields]
        if waiting is None:
            rejected[at] = f"\t{line}\t\t\tunknown_segment\n"
            continue
        this = tier, number, at, name, waiting
        if line <= last:  # another line of the same child: only its best one counts
            say(line == last, "closed.tsv is not sorted by line id")
            worse, this = max(this, best), min(this, best)
            rejected[worse[2]] = f"{worse[3]}\t{line}\t\t\tduplicate_child\n"
            if worse[2] == at:
                continue
            worse[4].pop()
        waiting.append(f"{number}{line}{kind}")
        last, best = line, this
    return unseen, at + 1, [rejected[at] for at in sorted(rejected)]


def grant(terms, segments, money, together, weights):
    """Go through the lines of the segments that go `together`; return each, its kind and outcome, in their order."""
    turns, rule, stop = collections.defaultdict(list), terms["rule"], terms["on_short"] == "stop"
    for tier, waiting in (pair for segment in together for pair in segment.tiers.items()):  # a turn of each iteration
        waiting, step = sorted(waiting), weights[str(tier)] if weights else len(waiting) or 1
        for first in range(0, len(waiting), step):
            turns[weights and first // step, tier] += waiting[first : first + step]
    queue = [line for turn in sorted(turns) for line in sorted(turns[turn])]
    outcome, of = ["waiting"] * len(queue), [kinds[int(line[128:])] for line in queue]
    for which in {"soft_last": "beside reserved open", "hard": "reserved beside"}.get(rule, "reserved open").split():
        reserved, beside, reserve = which == "reserved", which == "beside", -1
        for at, (mask, seg, _) in enumerate(of):  # a withheld line's mask is -1
            if mask < reserved or seg.closed or not seg.total or beside and seg.beside < 1 or outcome[at] != "waiting":
                continue
            if reserved:
                fits = rule != "max" or all(n for some, n in enumerate(seg.room) if not mask & ~some)
                reserve = next((i for i, n in enumerate(seg.free) if fits and n and mask >> i & 1), None)
            if reserve is None:
                continue
            if broken := seg.over and [b for b in seg.over if money[b] < seg.cost]:
                seg.closed = True  # under `skip` too: each place here costs the same, and money never grows
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
            money |= {b: money[b] - seg.cost for b in seg.over}
    for seg in together:  # under `max`, in order, each gets the first listed reserve that leaves later ones a place
        for at, mask in seg.held:
            room = [n + (not mask & ~some) for some, n in enumerate(seg.room)]
            rooms = [[n - (some >> i & 1) for some, n in enumerate(room)] for i in range(len(seg.free))]
            i = next(i for i, room in enumerate(rooms) if mask >> i & 1 and min(room) >= 0)
            seg.room, outcome[at] = rooms[i], seg.names[i]
    return zip(queue, of, outcome)


def check(terms, protocol):
    """Compare all that is published with what is due; faults are collected, the summary is returned."""
    hidden, weights = protocol["withheld"], terms["coefficients"] if terms["policy"] == "iterations" else 0
    segments = {s["id"]: Segment(terms, s, hidden["segments"].get(s["id"], {})) for s in terms["segments"]}
    unseen, rows, rejected = line_up(segments, terms["tie"] == "lottery" and binascii.unhexlify(protocol["seed"]))
    merged, money = hidden["merged"], {b["id"]: b["limit"] - hidden["budgets"][b["id"]] for b in terms["budgets"]}
    say(rows == protocol["rows"], "the number of rows is not that of the closed list")
    say(unseen - sum(s["rows"] for s in hidden["segments"].values()) == merged["rows"], "withheld lines do not add up")
    for s in hidden["segments"].values():
        say(sum(s["taken"]) <= s["rows"] >= sum(map(len, s["ghosts"].values())), "more places or ghosts than lines")
    for name, told, inside in ((b["id"], hidden["budgets"][b["id"]], {*b["segments"]}) for b in terms["budgets"]):
        said = told == sum(segments[s].cost * segments[s].unseen for s in inside) or inside & {*merged["segments"]}
        say(money[name] >= 0 and said, f"{name}: wrong withheld sum")
    due, cutoffs, place, k = {name: [] for name in segments}, dict.fromkeys(segments), "\t", collections.Counter()
    for together in [segments.values()] if money else [[segment] for segment in segments.values()]:
        for line, (mask, seg, tier), how in grant(terms, segments, money, together, weights):
            if weights:
                k[seg, tier] += 1
                place = f"{-(-k[seg, tier] // weights[str(tier)])}\t{k[seg, tier]}"
            if mask >= 0:
                due[seg.id].append(f"{seg.id}\t{line[64:128]}\t{place}\t{how}\n")
            if how == "open":
                cutoffs[seg.id] = place, tier, line
    mixed = any(len({segments[name].cost for name in b["segments"]}) > 1 for b in terms["budgets"])
    if unseen and mixed and terms["on_short"] == "stop":
        return "NOT RECOMPUTED: under `stop` with unequal costs withheld lines may have closed a budget; ask auditors"
    text, said = "".join([*itertools.chain(*due.values()), *rejected]), lines("results.tsv").read()
    pairs = itertools.zip_longest(text.split("\n"), said.split("\n")) if text != said else []
    wrong = [f"results.tsv says {told!r}, due is {row!r}" for row, told in pairs if row != told]
    faults.extend(wrong[:10] + [f"{len(wrong)} rows of results.tsv are not the due ones"] * bool(wrong))
    for name, (place, tier, line) in ((name, last) for name, last in cutoffs.items() if last):
        number = line[:64] if terms["tie"] == "lottery" else int(line[:32]) - 10**31
        cutoffs[name] = [int(place.split("\t")[0] or 0), tier, number]
    say(cutoffs == protocol["cutoffs"], "the cut-offs are not those of the results")
    return f"OK: {rows - unseen} lines shown have the outcome that the terms say; {unseen} lines withheld"


try:
    gc.disable()  # nothing here goes round in circles, and looking for that costs a third of the time
    summary = check(*(json.loads((folder / name).read_bytes()) for name in ("terms.json", "protocol.json")))
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError, StopIteration) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or summary) or len(faults) > 0)

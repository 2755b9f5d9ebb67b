"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library."""

# All numbers are drawn and all outcomes found again; withheld lines take the places and the money that are told.
# Where segments share no money two processes take half of them each; a fault either sees is then looked for by one.
import binascii, collections, gc, hashlib, itertools, json, os, pathlib, sys

folder, faults, raw = pathlib.Path(sys.argv[1]), [], binascii.unhexlify
lines = lambda name: (folder / name).open("rb")
say = lambda fine, fault: fine or faults.append(fault)
weights_of = lambda terms: terms["coefficients"] if terms["policy"] == "iterations" else 0
when = lambda arrived, at: b"%d%032d" % (int(arrived) + 10**31, at)  # of one width, they stand in the order of numbers


class Segment:
    """What a segment has left, once the withheld lines have what they are said to have taken."""

    def __init__(self, terms, segment, hidden, kinds):
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
        self.tiers = collections.defaultdict(list)  # tier: its lines, number, 64 bytes of line id, the kind
        for tier, told in hidden.get("ghosts", {}).items():  # withheld lines that count in k: their numbers are told
            kind, kinds[b"%d" % len(kinds)] = b"%d" % len(kinds), (-1, self, int(tier))
            given = (when(*p) if terms["tie"] == "arrived" else raw(p[0]) for p in told)
            self.tiers[int(tier)] = [number + b" " * 64 + kind for number in given]


def line_up(segments, seed, mine, kinds):
    """Put the lines shown of `mine` into their tiers; return how many are not shown, of how many, the rejected rows."""
    sha256, classes, rejected, last, held, unseen, at = hashlib.sha256, {}, {}, b"", None, 0, -1
    for at, row in enumerate(lines("closed.tsv")):
        if row[32] != 9:  # withheld: only its leaf stands here
            unseen += 1
            continue
        line, (fields, _, arrived) = row[33:97], row[98:-1].rpartition(b"\t")
        alike = classes.get(fields)
        if alike is None:  # what lines with these fields have in common
            name, tier, claims = fields.decode().split("\t")
            seg, claims = segments.get(name), claims.split(",")
            mask = sum(1 << i for i, own in enumerate(seg.names) if own[8:] in claims) if seg else 0
            kind, kinds[b"%d" % len(kinds)] = b"%d" % len(kinds), (mask, seg, int(tier))
            waiting = (seg.tiers[int(tier)] if seg in mine else False) if seg else None
            alike = classes[fields] = int(tier), waiting, kind, name
        _, waiting, kind, name = alike
        if waiting is None:
            rejected[at] = f"\t{line.decode()}\t\t\tunknown_segment\n".encode()
            continue
        if line <= last:  # another line of the same child: only its best one counts; both have one number
            say(line == last, "closed.tsv is not sorted by line id")
            this, best = ((one[0], not seed and when(came, i), i, one) for one, came, i in ((alike, arrived, at), held))
            worse = max(this, best)
            rejected[worse[2]] = f"{worse[3][3]}\t{line.decode()}\t\t\tduplicate_child\n".encode()
            if worse is this:
                continue
            worse[3][1] and worse[3][1].pop()
        if waiting is not False:
            waiting.append((sha256(seed + raw(line)).digest() if seed else when(arrived, at)) + line + kind)
        last, held = line, (alike, arrived, at)
    return unseen, at + 1, [rejected[at] for at in sorted(rejected)]


def grant(terms, together, money, kinds, wide):
    """Go through the lines of the segments that go `together`; return them with kinds and outcomes, in their order."""
    turns, rule, stop = collections.defaultdict(list), terms["rule"], terms["on_short"] == "stop"
    weights = weights_of(terms)
    for tier, waiting in (pair for segment in together for pair in segment.tiers.items()):  # a turn of each iteration
        waiting, step = sorted(waiting), weights[str(tier)] if weights else len(waiting) or 1
        for first in range(0, len(waiting), step):
            turns[weights and first // step, tier] += waiting[first : first + step]
    queue = [line for turn in sorted(turns) for line in sorted(turns[turn])]
    outcome, of = ["waiting"] * len(queue), [kinds[line[wide + 64 :]] for line in queue]
    claimants, alone = [at for at, kind in enumerate(of) if kind[0] > 0], len(together) == 1
    for which in {"soft_last": "beside reserved open", "hard": "reserved beside"}.get(rule, "reserved open").split():
        reserved, beside, reserve = which == "reserved", which == "beside", -1
        for at in claimants if reserved else range(len(queue)):
            mask, seg, _ = of[at]  # a withheld line's mask is -1
            if mask < 0 or seg.closed or not seg.total or beside and seg.beside < 1 or outcome[at] != "waiting":
                if alone and (seg.closed or not seg.total or beside and seg.beside < 1):
                    break  # there is no other segment whose places could still be given
                continue
            if reserved:
                fits = rule != "max" or all(n for some, n in enumerate(seg.room) if not mask & ~some)
                reserve = next((i for i, n in enumerate(seg.free) if fits and n and mask >> i & 1), None)
            if reserve is None:
                continue
            if broken := seg.over and [b for b in seg.over if money[b] < seg.cost]:
                seg.closed = True  # under `skip` too: each place here costs the same, and money never grows
                for other in {s for b in terms["budgets"] if b["id"] in broken and stop for s in b["segments"]}:
                    next(s for s in together if s.id == other).closed = True
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
    return queue, of, outcome


def told(terms, together, granted, wide):
    """The rows of results.tsv that are due for these segments, and the cut-off of each that gave an open place."""
    (queue, of, outcome), k, due, cutoffs = granted, collections.Counter(), collections.defaultdict(list), {}
    weights, ends = weights_of(terms), {how: f"\t\t\t{how}\n".encode() for how in {*outcome}}
    heads = {seg: f"{seg.id}\t".encode() for seg in together}
    if not weights:
        for line, (mask, seg, _), how in zip(queue, of, outcome):
            if mask >= 0:
                due[seg].append(heads[seg] + line[wide : wide + 64] + ends[how])
        last = {of[at][1]: at for at, how in enumerate(outcome) if how == "open"}
        return due, {seg.id: (0, of[at][2], queue[at]) for seg, at in last.items()}
    weights, ends = {int(tier): weight for tier, weight in weights.items()}, {how: f"{how}\n".encode() for how in ends}
    for line, kind, how in zip(queue, of, outcome):
        mask, seg, tier = kind
        place = k[kind[1:]] = k[kind[1:]] + 1
        turn = (place - 1) // weights[tier] + 1
        if mask >= 0:
            due[seg].append(b"%b%b\t%d\t%d\t%b" % (heads[seg], line[wide : wide + 64], turn, place, ends[how]))
        if how == "open":
            cutoffs[seg.id] = turn, tier, line
    return due, cutoffs


def check(terms, protocol, share=slice(None), whole=True):
    """Compare all that is published with what is due in a share of the segments; faults are collected."""
    hidden, kinds = protocol["withheld"], {}  # a kind: what lines claim as bits, their segment, their tier
    every = [Segment(terms, s, hidden["segments"].get(s["id"], {}), kinds) for s in terms["segments"]]
    segments, mine, lottery = {s.id: s for s in every}, every[share], terms["tie"] == "lottery"
    unseen, rows, rejected = line_up(segments, lottery and raw(protocol["seed"]), {*mine}, kinds)
    merged, money = hidden["merged"], {b["id"]: b["limit"] - hidden["budgets"][b["id"]] for b in terms["budgets"]}
    say(rows == protocol["rows"], "the number of rows is not that of the closed list")
    say(unseen - sum(s["rows"] for s in hidden["segments"].values()) == merged["rows"], "withheld lines do not add up")
    for s in hidden["segments"].values():
        say(sum(s["taken"]) <= s["rows"] >= sum(map(len, s["ghosts"].values())), "more places or ghosts than lines")
    for name, sum_told, inside in ((b["id"], hidden["budgets"][b["id"]], {*b["segments"]}) for b in terms["budgets"]):
        fits = sum_told == sum(segments[s].cost * segments[s].unseen for s in inside)
        say(money[name] >= 0 and (fits or inside & {*merged["segments"]}), f"{name}: wrong withheld sum")
    due, cutoffs, wide = {}, dict.fromkeys(s.id for s in mine), 32 if lottery else 64
    for together in [mine] if money else [[segment] for segment in mine]:
        more, last = told(terms, together, grant(terms, together, money, kinds, wide), wide)
        due |= more
        for name, (turn, tier, line) in last.items():
            cutoffs[name] = [turn, tier, line[:32].hex() if lottery else int(line[:32]) - 10**31]
    mixed = any(len({segments[name].cost for name in b["segments"]}) > 1 for b in terms["budgets"])
    if unseen and mixed and terms["on_short"] == "stop":
        return "NOT RECOMPUTED: under `stop` with unequal costs withheld lines may have closed a budget; ask auditors"
    text = b"".join(itertools.chain(*(due.get(s, ()) for s in mine), rejected if share.stop is None else ()))
    compare(text, lines("results.tsv").read(), rows - unseen, share, whole)
    say(all(protocol["cutoffs"][n] == c for n, c in cutoffs.items()), "the cut-offs are not those of the results")
    say(protocol["cutoffs"].keys() == segments.keys(), "the cut-offs are not those of the results")
    return f"OK: {rows - unseen} lines shown have the outcome that the terms say; {unseen} lines withheld"


def compare(text, said, shown, share, whole):
    """Is this share of the results as due? Each line shown has one row, so that two shares that fit leave no gap."""
    if not whole:  # the first share begins the file, the second ends it, at the beginning of a row
        cut = len(text) if share.start is None else len(said) - len(text)
        fits = text == (said[:cut] if share.start is None else said[cut:]) and said[cut - 1 : cut] in (b"", b"\n")
        return say(fits and said.count(b"\n") == shown, "results.tsv")
    pairs = itertools.zip_longest(*(t.decode().split("\n") for t in (text, said))) if text != said else []
    wrong = [f"results.tsv says {row!r}, due is {right!r}" for right, row in pairs if right != row]
    return faults.extend(wrong[:10] + [f"{len(wrong)} rows of results.tsv are not the due ones"] * bool(wrong))


def in_two(terms, protocol):
    """Check each half of the segments in a process of its own; whatever goes wrong is looked for again by one."""
    half = len(terms["segments"]) // 2
    if terms["budgets"] or not half or not hasattr(os, "fork") or (folder / "closed.tsv").stat().st_size < 1 << 20:
        return check(terms, protocol)
    child = os.fork()
    try:
        summary = check(terms, protocol, slice(None, half) if child else slice(half, None), whole=False)
    except Exception:
        faults.append("found again below")
    if not child:
        os._exit(len(faults) > 0)
    if os.waitpid(child, 0)[1] or faults:
        faults.clear()
        summary = check(terms, protocol)
    return summary


try:
    gc.disable()  # nothing here goes round in circles, and looking for that costs a third of the time
    summary = in_two(*(json.loads((folder / name).read_bytes()) for name in ("terms.json", "protocol.json")))
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError, StopIteration) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or summary) or len(faults) > 0)

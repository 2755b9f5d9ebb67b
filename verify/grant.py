"""Were the vouchers of this round granted as its terms say? python3 grant.py FOLDER, after draw.py; no library.

It draws the numbers again, puts all applications in their order and goes through them as the terms say. Withheld lines
(small classes) stand in as the places and the money they are said to have taken; all other outcomes are recomputed.
"""

import functools, gc, hashlib, itertools, json, pathlib, sys
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
        self.room = [sum(n for i, n in enumerate(self.free) if some >> i & 1) for some in range(1 << len(self.free))]
        self.tiers = defaultdict(list)  # tier: [(number, row in the list, line, mask of the reserves claimed, self)]
        for tier, told in hidden.get("ghosts", {}).items():  # withheld lines that count in k: their numbers are told
            self.tiers[int(tier)] += [(number, row, "", 0, self) for number, row in told]

    def blocks(self, weights):
        """Yield (iteration, tier, k of the first, lines in order): all of a tier, or what one iteration takes of it."""
        for tier, waiting in self.tiers.items():
            step = weights[str(tier)] if weights else len(waiting)
            waiting.sort()
            for first in range(0, len(waiting), step):
                yield weights and first // step + 1, tier, first + 1, waiting[first : first + step]

    def reserve(self, rule, line, mask):
        """Take a place of a reserve for these claims, if there is one; `settle` names it in the end under `max`."""
        if rule != "max":
            return next((i for i, n in enumerate(self.free) if n and mask >> i & 1), None)
        return 0 if all(n for some, n in enumerate(self.room) if not mask & ~some) else None

    def take(self, rule, reserve, line, mask):
        """Book a place, an open one where `reserve` is -1."""
        self.total, self.beside = self.total - 1, self.beside - (reserve < 0)
        if reserve >= 0 and rule == "max":
            self.held.append((line, mask))
            self.room = [n - (not mask & ~some) for some, n in enumerate(self.room)]
        elif reserve >= 0:
            self.free[reserve] -= 1

    def settle(self, outcome):
        """Under `max`, in order, each holder gets the first listed reserve that leaves later ones a place."""
        for line, mask in self.held:
            for i in (i for i in range(len(self.free)) if mask >> i & 1):
                room = [n + (not mask & ~some) - (some >> i & 1) for some, n in enumerate(self.room)]
                if min(room) >= 0:
                    self.room, outcome[line] = room, self.names[i]
                    break


def line_up(terms, segments, seed):
    """Put the lines shown into their segments' tiers; return how many are not, of how many, and the rejected rows."""

    @functools.cache
    def read(fields):
        name, tier, claims = fields.split("\t")
        segment, claims = segments.get(name), [f"reserve:{claim}" for claim in claims.split(",")]
        mask = sum(1 << i for i, claim in enumerate(segment.names) if claim in claims) if segment else 0
        return name, int(tier), mask, segment, segment and segment.tiers[int(tier)]

    sha256, by_arrival, rejected, last, unseen, at = hashlib.sha256, terms["tie"] == "arrived", {}, "", 0, -1
    for at, row in enumerate(lines("closed.tsv")):
        if row[32] != "\t":  # withheld: only its leaf stands here
            unseen += 1
            continue
        line, (fields, _, arrived) = row[33:97], row[98:-1].rpartition("\t")
        number = int(arrived) if by_arrival else sha256(seed + unhexlify(line)).hexdigest()
        name, tier, mask, segment, waiting = read(fields)
        if segment is None:
            rejected[at] = f"\t{line}\t\t\tunknown_segment\n"
        elif line > last:
            waiting.append((number, at, line, mask, segment))
            last, best = line, fields
        else:  # another line of the same child: only its best one counts
            say(line == last, "closed.tsv is not sorted by line id")
            worse, (best_name, best_tier, _, _, held) = (at, name), read(best)
            if (tier, number) < (best_tier, held[-1][0]):
                worse, best = (held.pop()[1], best_name), fields
                waiting.append((number, at, line, mask, segment))
            rejected[worse[0]] = f"{worse[1]}\t{line}\t\t\tduplicate_child\n"
    return unseen, at + 1, "".join(rejected[at] for at in sorted(rejected))


def grant(terms, segments, money, queue):
    """Go through a queue, pass by pass; return the outcome of each line that is granted."""
    outcome, rule, stop = {}, terms["rule"], terms["on_short"] == "stop"
    over = {name: [b for b in terms["budgets"] if name in b["segments"]] for name in segments}
    passes = {"soft_last": ["beside", "reserved", "open"], "hard": ["reserved", "beside"]}
    for which in passes.get(rule, ["reserved", "open"]):
        for _, _, line, mask, seg in [a for a in queue if a[3]] if which == "reserved" else queue:
            if seg.total < 1 or seg.closed or (which == "beside" and seg.beside < 1) or line in outcome:
                continue
            reserve = seg.reserve(rule, mask) if which == "reserved" else -1
            broken = reserve is not None and [b for b in over[seg.id] if money[b["id"]] < seg.cost]
            for other in {other for b in broken or () for other in b["segments"] if stop}:
                segments[other].closed = True
            if reserve is not None and not broken:
                outcome[line] = seg.names[reserve] if reserve >= 0 else "open"
                seg.take(rule, reserve, line, mask)
                for b in over[seg.id]:
                    money[b["id"]] -= seg.cost
    return outcome

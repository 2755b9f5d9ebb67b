"""Was this control's sample drawn as promised? python3 sample.py campaign.json; no library. docs/rules/controls.md"""

import collections, hashlib, json, sys

told = json.load(open(sys.argv[1], encoding="utf-8"))
sha256, raw, faults = lambda *parts: hashlib.sha256(b"".join(parts)).digest(), bytes.fromhex, []
terms, frame, number = told["terms"], told["frame"], told["number"]
root, beacon, secret = raw(told["root"]), raw(told["beacon_value"]), raw(told["secret"])


def say(fine, fault):
    if not fine:
        faults.append(fault)


def shares(counts, size):
    """One place for each part, the others by size: whole shares, then the largest rests, equal ones by name."""
    left, others = size - len(counts), sum(counts.values()) - len(counts)
    split = {part: divmod(left * (n - 1), others or 1) for part, n in counts.items()}
    places = {part: 1 + whole for part, (whole, _) in split.items()}
    for part in sorted(counts, key=lambda part: (-split[part][1], part))[: size - sum(places.values())]:
        places[part] += 1
    return places


spelled = json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
listed = "".join(line + "\n" for line in frame)
say(terms["number"] == number, "the terms are another campaign's")
say(frame == sorted(set(frame)), "the list is not sorted, or a unit stands twice")
say(sha256(b"control\0", spelled.encode(), b"\n", listed.encode()) == root, "terms and list do not have this root")
say(sha256(b"commit\0", secret).hex() == terms["commitment"], "the secret is not the one committed to")
if terms["beacon"].startswith("fake") or terms["beacon"].startswith("trial"):
    print("note: a trial's beacon; its value follows from its name")
seed = sha256(b"seed\0", number.encode(), b"\0", root, beacon, secret)
say(seed.hex() == told["seed"], "the seed does not follow from root, beacon and secret")
units = [line.split("\t") for line in frame]
numbers = {unit: sha256(seed, sha256(b"unit\0", unit.encode())) for unit, _ in units}
places, drawn = shares(collections.Counter(part for _, part in units), terms["size"]), []
for part, n in places.items():
    drawn += sorted((unit for unit, own in units if own == part), key=numbers.get)[:n]
say(sorted(drawn, key=numbers.get) == told["sample"], "another sample follows from this seed")
print(f"{number}: {len(frame)} units, {len(drawn)} drawn, root {told['root'][:16]}…, beacon “{terms['beacon']}”")
print("\n".join(f"WRONG: {fault}" for fault in faults) or "as promised: whoever draws again gets this sample")
sys.exit(bool(faults))

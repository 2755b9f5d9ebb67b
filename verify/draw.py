"""Was this round's draw honest? python3 draw.py FOLDER [ROOT as it was published at closing]; standard library only."""

import hashlib, json, pathlib, sys

H = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
faults, folder = [], pathlib.Path(sys.argv[1])
say = lambda fine, fault: fine or faults.append(fault)
lines = lambda name: (t := (folder / name).read_bytes().decode()) and t.removesuffix("\n").split("\n") or []
try:
    for digest, name in (line.split("  ") for line in lines("SHA256SUMS")):
        say(H((folder / name).read_bytes()).hex() == digest, f"{name} is not the file that was summed")
    say(len(lines("SHA256SUMS")) == 5, "SHA256SUMS does not name five files")
    T, P = ((folder / name).read_bytes() for name in ("terms.json", "protocol.json"))
    terms, P, closed = json.loads(T), json.loads(P), [row.partition("\t") for row in lines("closed.tsv")]
    secrets = [bytes.fromhex(secret) for secret in P["secrets"]]
    say([H(b"commit\0", s).hex() for s in secrets] == terms["commitments"], "a secret is not the one committed to")
    level = [H(b"\0", T)] + [H(b"\0", bytes.fromhex(s), li.encode()) if li else bytes.fromhex(s) for s, _, li in closed]
    while len(level) > 1:  # two by two up to the root; an odd one at the end moves up as it is
        level = [H(b"\1", *level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    whole = level[0].hex() == P["root"] and {len(s) << bool(li) for s, _, li in closed} <= {64}
    say(whole, "the closed list or the terms are not those of the root")
    say(P["root"] in (sys.argv[2:] or [P["root"]]), "the root is not the one published at closing")
    seed = H(b"seed\0", terms["round"].encode(), b"\0", bytes.fromhex(P["root"]), bytes.fromhex(P["beacon"]), *secrets)
    say(seed.hex() == P["seed"], "the seed does not follow from root, beacon and secrets")
    ids, said = [li.split("\t")[0] for _, _, li in closed if li], lines("numbers.tsv")
    due = sorted(f"{H(seed, bytes.fromhex(ident)).hex()}\t{ident}" for ident in ids)
    say(due == said, f"numbers.tsv: {next((b for a, b in zip(due, said) if a != b), 'its length')} is wrong")
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or f"OK: root, commitments, seed and {len(due)} numbers") or len(faults) > 0)

"""Was this round's draw honest? python3 draw.py FOLDER [ROOT as it was published at closing]; standard library only."""

import binascii, hashlib, json, os, pathlib, sys

sha, unhex, faults, folder = hashlib.sha256, binascii.unhexlify, [], pathlib.Path(sys.argv[1])
lines = lambda name: (folder / name).open(encoding="utf8", newline="\n")  # closed.tsv: salt TAB line, or only the leaf
say = lambda fine, fault: fine or faults.append(fault)
try:
    T, P = ((folder / name).read_bytes() for name in ("terms.json", "protocol.json"))
    terms, P, long = json.loads(T), json.loads(P), (folder / "closed.tsv").stat().st_size > 1 << 20
    child = os.fork() if long and hasattr(os, "fork") else -1  # a long list: its root in a process of its own
    if child < 1:
        rows = (folder / "closed.tsv").open("rb")
        level = [sha(b"\0" + unhex(r[:32]) + r[33:-1]).digest() if r[32] == 9 else unhex(r[:-1]) for r in rows]
        level = [sha(b"\0" + T).digest()] + level * ({*map(len, level)} <= {32})
        while len(level) > 1:  # two by two up to the root; an odd one at the end moves up as it is
            level = [sha(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2])] + level[len(level) & ~1 :]
        child or os._exit(level[0].hex() != P["root"])
    for digest, name in (line[:-1].split("  ") for line in lines("SHA256SUMS")):
        say(sha((folder / name).read_bytes()).hexdigest() == digest, f"{name} is not the file that was summed")
    say(len(list(lines("SHA256SUMS"))) == 5, "SHA256SUMS does not name five files")
    secrets = [unhex(secret) for secret in P["secrets"]]
    say([sha(b"commit\0" + s).hexdigest() for s in secrets] == terms["commitments"], "a secret is not the one committed to")
    say(P["root"] in (sys.argv[2:] or [P["root"]]), "the root is not the one published at closing")
    parts = b"seed\0", terms["round"].encode(), b"\0", unhex(P["root"]), unhex(P["beacon"]), *secrets
    say(sha(b"".join(parts)).hexdigest() == P["seed"], "the seed does not follow from root, beacon and secrets")
    seed, said = unhex(P["seed"]), list(lines("numbers.tsv"))
    due = sorted([sha(seed + unhex(r[33:97])).hexdigest() + r[32:97] + "\n" for r in lines("closed.tsv") if r[32] == "\t"])
    say(due == said, f"numbers.tsv: {next((b for a, b in zip(due, said) if a != b), 'its length')!r} is wrong")
    whole = os.waitpid(child, 0)[1] == 0 if child > 0 else level[0].hex() == P["root"]
    say(whole, "the closed list or the terms are not those of the root")
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or f"OK: root, commitments, seed and {len(due)} numbers") or len(faults) > 0)

"""Was this round's draw honest? python3 draw.py FOLDER [ROOT as it was published at closing]; standard library only."""

import binascii, hashlib, itertools, json, os, pathlib, sys

sha, raw, faults, folder = hashlib.sha256, binascii.unhexlify, [], pathlib.Path(sys.argv[1])
rows, say = lambda name: (folder / name).open("rb"), lambda fine, fault: fine or faults.append(fault)
try:
    T, P = rows("terms.json").read(), json.loads(rows("protocol.json").read())
    if (child := os.fork() if hasattr(os, "fork") and (folder / "closed.tsv").stat().st_size > 1 << 20 else -1) < 1:
        for name in ("terms.json", "closed.tsv", "protocol.json", "numbers.tsv", "results.tsv"):  # one process's share
            due = f"{hashlib.file_digest(rows(name), 'sha256').hexdigest()}  {name}\n"
            say(due in [*(folder / "SHA256SUMS").open(newline="\n")], f"{name} is not the file that was summed")
        leaf = lambda r: sha(b"\0" + raw(r[:32]) + r[33:-1] * (r[32] == 9)).digest() if len(r) > 65 else raw(r[:-1])
        level = [sha(b"\0" + T).digest(), *map(leaf, rows("closed.tsv"))]  # a row: salt TAB line, or only the leaf
        while len(level) > 1:  # two by two up to the root; an odd one at the end moves up as it is
            level = [sha(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2])] + level[len(level) & ~1 :]
        say(level[0].hex() == P["root"], "the closed list or the terms are not those of the root")
        child or sys.exit("\n".join(faults) or 0)
    seed, *secrets = map(raw, (P["seed"], *P["secrets"]))
    say([sha(b"commit\0" + s).hexdigest() for s in secrets] == json.loads(T)["commitments"], "a secret is another one")
    say(P["root"] in (sys.argv[2:] or [P["root"]]), "the root is not the one published at closing")
    parts = b"seed\0", json.loads(T)["round"].encode(), b"\0", raw(P["root"]), raw(P["beacon"]), *secrets
    say(sha(b"".join(parts)).digest() == seed, "the seed does not follow from root, beacon and secrets")
    due = sorted([sha(seed + raw(r[33:97])).hexdigest() + r[32:97].decode() for r in rows("closed.tsv") if r[32] == 9])
    wrong = [b for a, b in itertools.zip_longest(due, (folder / "numbers.tsv").open(newline="\n")) if f"{a}\n" != b]
    say(not wrong, f"numbers.tsv: {len(wrong)} lines are not the due ones, the first says {wrong[:1]}")
    say(child < 1 or os.waitpid(child, 0)[1] == 0, "the sums or the root are wrong (the other process says which)")
except (ValueError, KeyError, OSError, TypeError, IndexError, AttributeError) as fault:
    faults.append(f"a file cannot be read: {fault!r}")
sys.exit(print("\n".join(faults) or f"OK: root, commitments, seed and {len(due)} numbers") or len(faults) > 0)

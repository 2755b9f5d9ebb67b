"""Was this round's draw honest? python3 draw.py FOLDER [ROOT as it was published at closing]; standard library only."""

import hashlib, json, multiprocessing, pathlib, sys
from binascii import hexlify, unhexlify as unhex

sha256, folder, faults = hashlib.sha256, pathlib.Path(sys.argv[1]), []
say = lambda fine, fault: fine or faults.append(fault)


def check_sums(_):  # of the five files
    sums = [line.split("  ") for line in (folder / "SHA256SUMS").read_text("utf8").removesuffix("\n").split("\n")]
    wrong = [name for digest, name in sums if sha256((folder / name).read_bytes()).hexdigest() != digest]
    return [f"{name} is not the file that was summed" for name in wrong] + ["not five files are summed"] * (len(sums) != 5)


def check_root(root):
    level = [sha256(b"\0" + (folder / "terms.json").read_bytes()).digest()]
    with open(folder / "closed.tsv", "rb") as closed:  # salt TAB line, or only the leaf
        level += [sha256(b"\0" + unhex(r[:32]) + r[33:-1]).digest() if r[32] == 9 else unhex(r[:-1]) for r in closed]
    whole = {len(leaf) for leaf in level} == {32}
    while len(level) > 1:  # two by two up to the root; an odd one at the end moves up as it is
        level = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2])] + level[len(level) // 2 * 2 :]
    return ["the closed list or the terms are not those of the root"] * (not whole or level[0].hex() != root)


def check_numbers(seed):
    with open(folder / "closed.tsv", "rb") as closed, open(folder / "numbers.tsv", "rb") as numbers:
        due = sorted([hexlify(sha256(seed + unhex(r[33:97])).digest()) + r[32:97] + b"\n" for r in closed if r[32] == 9])
        said = list(numbers)
    wrong = next((b for a, b in zip(due, said) if a != b), b"its length").decode()
    return [f"numbers.tsv: {wrong} is wrong"] * (due != said)

if __name__ == "__main__":
    P = json.loads((folder / "protocol.json").read_bytes())
    import time
    for c, a in (check_sums, 0), (check_root, P["root"]), (check_numbers, unhex(P["seed"])):
        t=time.process_time(); print(c(a), time.process_time()-t)

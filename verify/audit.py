"""Is this audit the one that was signed? python3 audit.py FOLDER [--checkpoints OTHER] [--key HEX]; no library.

FOLDER is what `qosymsha audit export` wrote. OTHER: checkpoints that you kept yourself, which nobody could change.
Each fault names its place. Exit status 1 where anything is wrong.
"""

import argparse, base64, binascii, datetime, functools, hashlib, itertools, pathlib, sys

KEPT = datetime.timedelta(days=5 * 365 + 2)  # events leave by whole months after five years at the earliest
LATE = datetime.timedelta(days=1)  # no transaction is open so long: an event is no older than this when it is linked

# --- Ed25519 (RFC 8032, section 6), to verify alone: nothing here is secret, so nothing need be quick or even.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def x_of(y, sign):
    """The x of a point with this y and sign, or None where there is none."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def added(a, b):
    """The sum of two points in extended coordinates."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, d - c, d + c, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def times(n, point):
    """A point, n times."""
    total = (0, 1, 1, 0)
    while n:
        total = added(total, point) if n & 1 else total
        point, n = added(point, point), n >> 1
    return total


def point_of(raw):
    """A point from its 32 bytes, or None."""
    number = int.from_bytes(raw, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (x_of(BASE_Y, 0), BASE_Y, 1, x_of(BASE_Y, 0) * BASE_Y % P)


@functools.cache
def is_signed(public, message, signature):
    """True where `public` (32 bytes) signed the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = times(s, BASE), added(r, times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# --- What is given


def checkpoint(path, public):
    """(size, hash, signed at) of a checkpoint's file, or None where it is malformed or another key signed it."""
    try:
        text, signature = path.read_text("utf-8").split("\n\n")
        origin, size, digest, at = text.split("\n")
        dash, name, mark = signature.removesuffix("\n").split(" ")
        raw = base64.b64decode(mark, validate=True)
        known = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
        whole = (dash, name, raw[:4], int(size)) == ("\u2014", origin, known, int(path.stem))
        whole = whole and base64.b64encode(raw).decode() == mark  # one way to write it
        if whole and is_signed(public, text.encode() + b"\n", raw[4:]):
            return int(size), base64.b64decode(digest, validate=True), datetime.datetime.fromisoformat(at)
    except (ValueError, binascii.Error, OSError):
        pass
    return None


def links(folder):
    """(number, event, the event's hash now, the hash before, its own hash, the event's instant) of each row."""
    events = folder / "events.tsv"
    texts = events.open(encoding="utf-8", newline="\n") if events.is_file() else None
    with (folder / "links.tsv").open(encoding="ascii", newline="\n") as rows:
        for row in rows:
            seq, event, now, before, own, at = row.rstrip("\n").split("\t")
            if texts is not None:  # the events themselves are here: their hashes are found, not believed
                name, _, text = next(texts, "\t").rstrip("\n").partition("\t")
                plain = text.encode().decode("unicode_escape").encode("latin-1").decode("utf-8") if text else ""
                now = hashlib.sha256(plain.encode()).hexdigest() if name == event and text else ""
            yield int(seq), int(event), now, before, own, datetime.datetime.fromisoformat(at) if at else None


def files(folder):
    """The checkpoints' files of a folder, the smallest first."""
    return sorted((p for p in folder.glob("*.txt") if p.stem.isdigit()), key=lambda p: (int(p.stem), p.name))


# --- What is wrong: (first link, last link, a sentence)


def chain(rows, signed_at, at_sizes):
    """Each link against its event and the link before it; hashes at the checkpoints' sizes go into `at_sizes`."""
    last, hash_before, signed, seen = 0, "", None, set()
    kept_from = datetime.datetime.now(datetime.timezone.utc) - KEPT  # noqa: UP017 - older Pythons run it too
    for seq, event, now, before, own, at in rows:
        if seq <= last:
            yield seq, seq, f"link {seq} stands after link {last}: it was put in"
        elif seq != last + 1:
            yield last + 1, seq - 1, f"links {last + 1} to {seq - 1} are gone"
        if before != hash_before:
            yield seq, seq, f"link {seq} does not continue link {last}: something was put in or out there"
        if event in seen:
            yield seq, seq, f"event {event} of link {seq} is linked twice"
        if not now and at and at < kept_from:
            at_sizes["left"] = at_sizes.get("left", 0) + 1  # by its time; its link stays, and the chain goes on over it
        elif not now:
            yield seq, seq, f"event {event} of link {seq} is gone"
        elif hashlib.sha256(bytes.fromhex(before) + bytes.fromhex(now)).hexdigest() != own:
            yield seq, seq, f"event {event} of link {seq} was edited, or its link was"
        if signed and at and at < signed - LATE:
            yield seq, seq, f"event {event} of link {seq} is dated {at}, before a checkpoint of {signed} without it"
        if seq in at_sizes:
            at_sizes[seq] = own
        seen.add(event)
        signed, last, hash_before = signed_at.get(seq, signed), seq, own
    at_sizes["end"] = last


def outside(kept, at_sizes):
    """The checkpoints beside the chain, the smallest first; the last that fits bounds what may have been changed."""
    good, end = 0, at_sizes["end"]
    for size, name, note in kept:
        if note is None:
            yield size, size, f"checkpoint {name} is not signed by this key: it is forged or damaged"
            continue
        _, digest, at = note
        if size > end:
            said = f"the checkpoint of {at} holds {size} links, the chain ends at {end}"
            yield end + 1, size, f"{said}: links {end + 1} to {size} were cut off, or a backup was restored"
        elif at_sizes[size] != digest.hex():
            said = f"links {good + 1} to {size} were written anew, or a backup was restored and went on"
            yield good + 1, size, f"link {size} is not what was signed at {at}: {said}"
        else:
            good = size
    notes = [note for _, _, note in kept if note]
    for earlier, later in itertools.pairwise(notes):
        if later[2] < earlier[2]:
            yield later[0], later[0], f"checkpoint {later[0]} is dated before checkpoint {earlier[0]}"


def faults(folder, public, folders=()):
    """Everything wrong with an exported audit: its own checkpoints and those of other folders count alike."""
    found = [path for place in (folder / "checkpoints", *folders) for path in files(place)]
    kept = sorted({(int(p.stem), p.name, checkpoint(p, public)) for p in found}, key=lambda one: (one[0], str(one[2])))
    at_sizes = {size: "" for size, _, _ in kept}
    yield from chain(links(folder), {size: note[2] for size, _, note in kept if note}, at_sizes)
    for row in (folder / "unlinked.tsv").read_text("ascii").splitlines():
        event, at = row.split("\t")
        yield at_sizes["end"], at_sizes["end"], f"event {event} of {at} has no link: put in by hand"
    yield from outside(kept, at_sizes)


def main():
    """Say what is wrong, or that nothing is."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("folder", type=pathlib.Path)
    ask.add_argument("--checkpoints", type=pathlib.Path, action="append", default=[], help="your own copies")
    ask.add_argument("--key", help="the public key, 64 hex digits, from a source you trust; else FOLDER/key.txt")
    given = ask.parse_args()
    key = given.key or (given.folder / "key.txt").read_text("ascii").strip()
    wrong = list(faults(given.folder, bytes.fromhex(key), given.checkpoints))
    for _, _, sentence in wrong:
        print(f"WRONG  {sentence}")
    if wrong:
        sys.exit(1)
    size = sum(1 for _ in (given.folder / "links.tsv").open("rb"))
    signed = sum(len(files(place)) for place in (given.folder / "checkpoints", *given.checkpoints))
    left = sum(row.split("\t")[2] == "" for row in (given.folder / "links.tsv").open(encoding="ascii"))
    gone = f" ({left} events have left by their time)" if left else ""
    print(f"OK  {size} links, each continues the one before and holds its event{gone}; {signed} checkpoints agree.")
    if not given.key:
        print("The key came with the folder: compare it with the published one, or give it with --key.")


if __name__ == "__main__":
    main()

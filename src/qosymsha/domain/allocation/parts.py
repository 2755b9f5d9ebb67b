"""The closed list cut into parts, so that a phone checks one line without fetching the list or saying which line it is.

Three files beside those of `protocol`, made from them alone, so that anyone can make them again:

    parts.tsv     the rows of closed.tsv; a row that is shown ends with TAB place TAB outcome: its place, from 1, among
                  the rows of its segment in results.tsv, and its outcome there
    order.tsv     who stands before whom, by class: rows "class TAB sign TAB segment TAB tier TAB claims", then rows
                  "order TAB segment TAB signs TAB marks": of each place one sign of its class and one mark, g granted,
                  w waiting, x other
    proofs.tsv    per part "root TAB first line id shown TAB offset TAB length": offset and length in bytes of parts.tsv

A part is `LEAVES` leaves of the tree, the last one fewer; leaf 0 is terms.json, so part 0 has one row fewer. LEAVES is
a power of two: a part is a whole subtree, and the root over the parts' roots is the root of the list. So no line needs
a sum: a wrong one leads to another root. Place and outcome are copies from results.tsv, which `verify/grant.py` checks.
"""

import hashlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from qosymsha.domain.allocation import canonical, merkle

LEAVES = 1024
FILES = ("parts.tsv", "proofs.tsv", "order.tsv")
FIRST_SIGN = 0x21
_MARKS = {"open": "g", "waiting": "w"}


def write(folder: Path) -> None:
    """Write both files from the folder's terms, closed list and results; the places of all rows are held in memory."""
    places = _places(folder / "results.tsv")
    leaf = canonical.terms_leaf((folder / "terms.json").read_text("utf-8"))
    offset = 0
    with (
        (folder / "closed.tsv").open(encoding="utf-8") as closed,
        (folder / "parts.tsv").open("wb") as parts,
        (folder / "proofs.tsv").open("wb") as proofs,
    ):
        for rows in _cut(closed):
            leaves = leaf + b"".join(map(_leaf, rows))
            told = "".join(_row(row, places) for row in rows).encode()
            first = next((row.split("\t")[1] for row in rows if "\t" in row), "")
            parts.write(told)
            proofs.write(f"{merkle.root(leaves).hex()}\t{first}\t{offset}\t{len(told)}\n".encode())
            offset, leaf = offset + len(told), b""
    _write_order(folder)


def _write_order(folder: Path) -> None:
    """Classes are those of the rows shown in closed.tsv, numbered as they are met there: in the order of line ids."""
    signs: dict[str, str] = {}
    classes: dict[bytes, str] = {}
    with (folder / "closed.tsv").open(encoding="utf-8") as closed:
        for row in closed:
            _, _, line = row.rstrip("\n").partition("\t")
            if line:
                ident, segment, tier, claims = line.split("\t")[:4]
                name = f"{segment}\t{tier}\t{claims}"
                classes[_key(segment, ident)] = signs.setdefault(name, chr(FIRST_SIGN + len(signs)))
    orders: dict[str, tuple[list[str], list[str]]] = {}
    with (folder / "results.tsv").open(encoding="utf-8") as rows:
        for row in rows:
            segment, ident, _, _, outcome = row.rstrip("\n").split("\t")
            order = orders.setdefault(segment, ([], []))
            order[0].append(classes[_key(segment, ident)])
            order[1].append("g" if outcome.startswith("reserve:") else _MARKS.get(outcome, "x"))
    told = [f"class\t{sign}\t{name}\n" for name, sign in signs.items()]
    told += [f"order\t{segment}\t{''.join(s)}\t{''.join(m)}\n" for segment, (s, m) in orders.items()]
    (folder / "order.tsv").write_bytes("".join(told).encode())


def _cut(rows: Iterator[str]) -> Iterator[list[str]]:
    """The rows part by part, without LF; the first part is there even for an empty list."""
    stripped = (row.rstrip("\n") for row in rows)
    yield list(islice(stripped, LEAVES - 1))
    for row in stripped:
        yield list(chain([row], islice(stripped, LEAVES - 1)))


def _leaf(row: str) -> bytes:
    salt, _, line = row.partition("\t")
    return canonical.leaf(bytes.fromhex(salt), line) if line else bytes.fromhex(salt)


def _row(row: str, places: dict[bytes, tuple[int, str]]) -> str:
    _, _, line = row.partition("\t")
    if not line:
        return f"{row}\n"
    place, outcome = places[_key(*line.split("\t")[1::-1])]
    return f"{row}\t{place}\t{outcome}\n"


def _places(results: Path) -> dict[bytes, tuple[int, str]]:
    """Application → its place in its segment and its outcome; outcomes are few, so they are one object each."""
    found: dict[bytes, tuple[int, str]] = {}
    counts: dict[str, int] = {}
    outcomes: dict[str, str] = {}
    with results.open(encoding="utf-8") as rows:
        for row in rows:
            segment, ident, _, _, outcome = row.rstrip("\n").split("\t")
            counts[segment] = counts.get(segment, 0) + 1
            found[_key(segment, ident)] = (counts[segment], outcomes.setdefault(outcome, outcome))
    return found


def _key(segment: str, ident: str) -> bytes:
    return hashlib.blake2b(f"{segment}\t{ident}".encode(), digest_size=16).digest()

"""The published folder of a choice round, in two parts.

`public/` shows no tier, no wish and no group of any child; what is said of a group are counts:

    terms.json     criteria, groups and their places: byte for byte leaf 0 of the closed list
    closed.tsv     the salted leaf of each line, in the list's order
    protocol.json  root, beacon value, secrets, seed; per group places, taken and how many wished it (both null where
                   fewer than ten wished it);
                   how many got their first, second, … wish; SHA-256 of each restricted file
    numbers.tsv    empty: a family computes its own number from seed and line id
    results.tsv    "line id TAB rank of the wish it got" (empty: none)
    SHA256SUMS     the other files' hashes, as the program sha256sum reads them

`restricted/` is for sworn auditors. The same files with "salt TAB line" in closed.tsv, every number, and the group in
results.tsv; cutoffs.tsv ("group TAB places TAB taken TAB line id of the last taken"); and the round in the exchange
format, instance.json and answer.json, which `verify/places.py` judges. `verify/draw.py` reads either part.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.choice_list import ChoiceLine, ChoiceTerms, answer_of, instance_of
from qosymsha.domain.allocation.freed import applicants
from qosymsha.domain.allocation.market import UNPLACED, Market
from qosymsha.domain.allocation.protocol import FILES, Drawn
from qosymsha.domain.allocation.small_classes import FEWEST
from qosymsha.domain.allocation.standing import last_taken, ranks_of_wishes

PUBLIC, RESTRICTED = "public", "restricted"
LEAF_BYTES = 32


@dataclass(frozen=True, slots=True)
class ChoicePublication:
    """An allocated choice round; row i of each column is line i of the closed list.

    leaves: 32 bytes a line.   salts: 16 bytes, or none where a family's ticket is erased.   numbers: (n, 32) uint8.
    """

    drawn: Drawn
    terms: ChoiceTerms
    lines: Sequence[ChoiceLine]
    leaves: bytes | bytearray
    salts: Sequence[bytes]
    numbers: NDArray[np.uint8]
    market: Market
    match: NDArray[np.int32]


def write(folder: Path, publication: ChoicePublication) -> None:
    """Write both parts; an existing folder is written over. The same publication gives the same bytes."""
    restricted = _restricted(publication)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(restricted.items())}
    _write(folder / RESTRICTED, restricted)
    _write(folder / PUBLIC, _public(publication, digests))


def _write(folder: Path, contents: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode())
    sums = (f"{hashlib.sha256(contents[name].encode()).hexdigest()}  {name}\n" for name in FILES)
    (folder / "SHA256SUMS").write_bytes("".join(sums).encode())


def _public(found: ChoicePublication, digests: Mapping[str, str]) -> dict[str, str]:
    leaves = bytes(found.leaves)
    return {
        "terms.json": found.drawn.terms_text,
        "closed.tsv": "".join(f"{leaves[at : at + LEAF_BYTES].hex()}\n" for at in range(0, len(leaves), LEAF_BYTES)),
        "protocol.json": _spelled(_protocol(found) | {"restricted": dict(digests)}),
        "numbers.tsv": "",
        "results.tsv": "".join(f"{line}\t{rank or ''}\n" for line, rank in _ranks(found)),
    }


def _restricted(found: ChoicePublication) -> dict[str, str]:
    return {
        "terms.json": found.drawn.terms_text,
        "closed.tsv": "".join(_closed(found)),
        "protocol.json": _spelled(_protocol(found)),
        "numbers.tsv": "".join(_numbers(found)),
        "results.tsv": "".join(_results(found)),
        "cutoffs.tsv": "".join(_cutoffs(found)),
        "instance.json": _spelled(instance_of(found.terms, found.lines, found.numbers)),
        "answer.json": _spelled(answer_of(found.terms, found.lines, found.match)),
    }


def _spelled(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _protocol(found: ChoicePublication) -> dict[str, object]:
    by_wish = Counter(str(rank) if rank else "none" for _, rank in _ranks(found))
    groups = len(found.terms.groups)
    wished = np.bincount(found.market.groups, minlength=groups).tolist()
    taken = np.bincount(found.match[found.match != UNPLACED], minlength=groups).tolist()
    return {
        "root": found.drawn.root.hex(),
        "beacon": found.drawn.beacon.hex(),
        "secrets": [secret.hex() for secret in found.drawn.secrets],
        "seed": found.drawn.seed.hex(),
        "rows": len(found.lines),
        "by_wish": dict(by_wish),
        "groups": {
            group.id: {
                "places": group.capacity,
                "taken": taken[number] if wished[number] >= FEWEST else None,
                "wished": wished[number] if wished[number] >= FEWEST else None,
            }
            for number, group in enumerate(found.terms.groups)
        },
    }


def _ranks(found: ChoicePublication) -> Iterator[tuple[str, int]]:
    ranks = ranks_of_wishes(found.market, found.match).tolist()
    return ((line.line_id.hex(), rank) for line, rank in zip(found.lines, ranks, strict=True))


def _closed(found: ChoicePublication) -> Iterator[str]:
    leaves = bytes(found.leaves)
    for row, (line, salt) in enumerate(zip(found.lines, found.salts, strict=True)):
        leaf = leaves[row * LEAF_BYTES : (row + 1) * LEAF_BYTES].hex()
        yield f"{salt.hex()}\t{line.text()}\n" if salt else f"{leaf}\n"


def _numbers(found: ChoicePublication) -> Iterator[str]:
    rows = zip(found.numbers, found.lines, found.salts, strict=True)
    shown = sorted((number.tobytes(), line.line_id) for number, line, salt in rows if salt)
    return (f"{number.hex()}\t{line_id.hex()}\n" for number, line_id in shown)


def _results(found: ChoicePublication) -> Iterator[str]:
    for (line, rank), group in zip(_ranks(found), found.match.tolist(), strict=True):
        name = "" if group == UNPLACED else found.terms.groups[group].id
        yield f"{line}\t{name}\t{rank or ''}\n"


def _cutoffs(found: ChoicePublication) -> Iterator[str]:
    taken = np.bincount(found.match[found.match != UNPLACED], minlength=len(found.terms.groups)).tolist()
    last = last_taken(applicants(found.market), found.match).tolist()
    for number, group in enumerate(found.terms.groups):
        line = "" if last[number] == UNPLACED else found.lines[last[number]].line_id.hex()
        yield f"{group.id}\t{group.capacity}\t{taken[number]}\t{line}\n"

"""The published folder of a round: everything by which a stranger checks the draw and the grants with `verify/`.

    terms.json     what was fixed before the draw, byte for byte leaf 0 of the closed list (`announcement.terms_text`)
    closed.tsv     "salt TAB canonical line" in the list's order; only the leaf where a line is withheld
    protocol.json  root, beacon value, revealed secrets, seed; merged counts of what is withheld; cut-offs
    numbers.tsv    "number TAB line id" of the lines shown, smallest number first
    results.tsv    "segment TAB line id TAB iteration TAB k TAB outcome", segment by segment in the order of the round,
                   rejected ones last; outcome is open, reserve:CATEGORY, waiting, duplicate_child or unknown_segment;
                   iteration and k stand there only under `iterations`
    SHA256SUMS     the other files' hashes, as the program sha256sum reads them

Withheld lines (`small_classes`) are counted, never shown: per segment how many lines, and how many places they took in
each pool, so that the grants of all others can still be recomputed exactly. Pools are the segment's reserves as
listed, then the open places; under `soft_last` the first open places stand before them too. Segments of which nothing
is shown are counted together, their grants only when they are ten lines or more. Under `iterations` a withheld line of
a tier that is shown otherwise counts in k: its number and its place in the list are told (a "ghost"), not whose it is.
The same folder written with nothing withheld is what sworn auditors get.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation import canonical
from qosymsha.domain.allocation.round_answer import RoundAnswer, kind_name
from qosymsha.domain.allocation.round_reserves import OPEN, WAITING
from qosymsha.domain.allocation.round_terms import Bools, Ints, Outcome, Policy, ReserveRule, RoundArrays
from qosymsha.domain.allocation.small_classes import FEWEST

FILES = ("terms.json", "closed.tsv", "protocol.json", "numbers.tsv", "results.tsv")


@dataclass(frozen=True, slots=True)
class Drawn:
    """The draw as it is revealed: 32-byte root and seed, the beacon's value, the parties' secrets in order."""

    terms_text: str
    root: bytes
    beacon: bytes
    secrets: tuple[bytes, ...]
    seed: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """An allocated round; row i of each column is line i of the canonical list.

    lines, salts: canonical texts without LF, and their 16-byte salts; any iterable, read once.
    line_ids, numbers: (n, 32) uint8.   withheld: (n,) bool, from `small_classes.withheld_rows`, or all False for
        auditors.
    """

    drawn: Drawn
    lines: Iterable[str]
    salts: Iterable[bytes]
    line_ids: NDArray[np.uint8]
    numbers: NDArray[np.uint8]
    arrays: RoundArrays
    answer: RoundAnswer
    withheld: Bools


def write(folder: Path, publication: Publication) -> None:
    """Write the folder's files; an existing folder is written over. The same publication gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    protocol = json.dumps(_protocol(publication), indent=1, sort_keys=True, ensure_ascii=False)
    contents: dict[str, Iterable[str]] = {
        "terms.json": [publication.drawn.terms_text],
        "closed.tsv": _closed(publication),
        "protocol.json": [protocol, "\n"],
        "numbers.tsv": _numbers(publication),
        "results.tsv": _results(publication),
    }
    sums = [f"{_written(folder / name, contents[name])}  {name}\n" for name in FILES]
    _written(folder / "SHA256SUMS", sums)


def _written(path: Path, parts: Iterable[str]) -> str:
    """Write a file part by part and return its SHA-256, hex."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for part in parts:
            file.write(part.encode())
            digest.update(part.encode())
    return digest.hexdigest()


# --- files of lines


def _closed(publication: Publication) -> Iterator[str]:
    rows = zip(publication.lines, publication.salts, publication.withheld.tolist(), strict=True)
    for line, salt, withheld in rows:
        yield f"{canonical.leaf(salt, line).hex()}\n" if withheld else f"{salt.hex()}\t{line}\n"


def _numbers(publication: Publication) -> Iterator[str]:
    shown = np.flatnonzero(~publication.withheld)
    words = np.ascontiguousarray(publication.numbers[shown]).view(">u8")
    order = shown[np.lexsort((shown, words[:, 3], words[:, 2], words[:, 1], words[:, 0]))]
    for row in order.tolist():
        yield f"{publication.numbers[row].tobytes().hex()}\t{publication.line_ids[row].tobytes().hex()}\n"


def _results(publication: Publication) -> Iterator[str]:
    answer, line_ids = publication.answer, publication.line_ids
    queue, dealt = answer.queue, answer.terms.policy is Policy.ITERATIONS
    for at in np.flatnonzero(~publication.withheld[queue.rows]).tolist():
        place = f"{queue.iteration[at]}\t{queue.k[at]}" if dealt else "\t"
        segment = answer.terms.segments[queue.segment[at]].id
        ident, outcome = line_ids[queue.rows[at]].tobytes().hex(), _outcome(answer, int(answer.kind[at]))
        yield f"{segment}\t{ident}\t{place}\t{outcome}\n"
    rejected = np.sort(np.concatenate((queue.duplicates, queue.unknown)))
    for row in rejected[~publication.withheld[rejected]].tolist():
        index = int(publication.arrays.segment[row])
        segment, reason = (
            ("", Outcome.UNKNOWN_SEGMENT) if index < 0 else (answer.terms.segments[index].id, Outcome.DUPLICATE_CHILD)
        )
        yield f"{segment}\t{line_ids[row].tobytes().hex()}\t\t\t{reason}\n"


def _outcome(answer: RoundAnswer, kind: int) -> str:
    if kind in (WAITING, OPEN):
        return "waiting" if kind == WAITING else "open"
    return f"reserve:{kind_name(answer.terms, kind)}"


# --- protocol.json


def _protocol(publication: Publication) -> dict[str, object]:
    drawn = publication.drawn
    return {
        "root": drawn.root.hex(),
        "beacon": drawn.beacon.hex(),
        "secrets": [secret.hex() for secret in drawn.secrets],
        "seed": drawn.seed.hex(),
        "rows": len(publication.withheld),
        "withheld": _withheld(publication),
        "cutoffs": _cutoffs(publication),
    }


def _withheld(publication: Publication) -> dict[str, object]:
    answer, queue = publication.answer, publication.answer.queue
    hidden = publication.withheld[queue.rows]
    pools = _pools(answer)
    segments: dict[str, object] = {}
    merged, rows, granted = [], int(publication.withheld.sum() - hidden.sum()), 0
    for i, segment in enumerate(answer.terms.segments):
        inside = slice(queue.starts[i], queue.starts[i + 1])
        here = np.flatnonzero(hidden[inside]) + queue.starts[i]
        if len(here) == queue.starts[i + 1] - queue.starts[i]:
            merged.append(segment.id)
            rows += len(here)
            granted += int((answer.kind[here] != WAITING).sum())
        elif here.size:
            counts = np.bincount(pools[here][pools[here] >= 0], minlength=_pool_count(answer, i))
            segments[segment.id] = {"rows": len(here), "taken": counts.tolist(), "ghosts": _ghosts(publication, here)}
    together = {"segments": merged, "rows": rows, "granted": None if rows < FEWEST else granted}
    return {"segments": segments, "merged": together, "budgets": _withheld_money(answer, hidden)}


def _ghosts(publication: Publication, here: Ints) -> dict[str, list[tuple[int | str, int]]]:
    """Return, by tier, the number and the place in the list of withheld lines whose tier is shown otherwise.

    Only under `iterations`, where they count in k. A number does not tell whose it is, nor what is claimed.
    """
    found: dict[str, list[tuple[int | str, int]]] = {}
    queue, arrays = publication.answer.queue, publication.arrays
    if publication.answer.terms.policy is not Policy.ITERATIONS:
        return found
    inside = queue.rows[queue.segment == queue.segment[here[0]]]
    shown = set(arrays.tier[inside[~publication.withheld[inside]]].tolist())
    for row in np.sort(queue.rows[here]).tolist():
        tier, number = _tier_and_number(arrays, row)
        if tier in shown:
            found.setdefault(str(tier), []).append((number, row))
    return found


def _withheld_money(answer: RoundAnswer, hidden: Bools) -> dict[str, int]:
    """Return what withheld lines take of each budget."""
    taken = np.bincount(
        answer.queue.segment[hidden & (answer.kind != WAITING)], minlength=len(answer.terms.segments)
    ).tolist()
    cost = {segment.id: segment.cost * count for segment, count in zip(answer.terms.segments, taken, strict=True)}
    return {budget.id: sum(cost[name] for name in set(budget.segments)) for budget in answer.terms.budgets}


def _pool_count(answer: RoundAnswer, segment: int) -> int:
    return len(answer.terms.segments[segment].reserves) + 1 + (answer.terms.rule is ReserveRule.SOFT_LAST)


def _pools(answer: RoundAnswer) -> Ints:
    """Return, per place in the queue, the index of the pool it was granted from, -1 for those who wait."""
    pools = np.full(len(answer.kind), -1, dtype=np.int64)
    names = answer.terms.categories()
    first = int(answer.terms.rule is ReserveRule.SOFT_LAST)
    for i, segment in enumerate(answer.terms.segments):
        start, end = answer.queue.starts[i], answer.queue.starts[i + 1]
        kind, here = answer.kind[start:end], pools[start:end]
        here[kind == OPEN] = first + len(segment.reserves)
        cut = segment.cut_reserves()
        if first:
            here[np.flatnonzero(kind == OPEN)[: segment.places - sum(places for _, places in cut)]] = 0
        for j, (name, places) in enumerate(cut):
            waiting_for_pool = np.flatnonzero((kind == names.index(name)) & (here == -1))
            here[waiting_for_pool[:places]] = first + j
    return pools


def _cutoffs(publication: Publication) -> dict[str, Sequence[object] | None]:
    """Return per segment [iteration, tier, number] of the last line shown that got an open place; None where there
    is none.
    """
    answer, queue = publication.answer, publication.answer.queue
    found: dict[str, Sequence[object] | None] = {}
    opened = (answer.kind == OPEN) & ~publication.withheld[queue.rows]
    for i, segment in enumerate(answer.terms.segments):
        last = np.flatnonzero(opened[queue.starts[i] : queue.starts[i + 1]])
        at = int(queue.starts[i] + last[-1]) if last.size else -1
        found[segment.id] = (
            None if at < 0 else [int(queue.iteration[at]), *_tier_and_number(publication.arrays, int(queue.rows[at]))]
        )
    return found


def _tier_and_number(arrays: RoundArrays, row: int) -> tuple[int, int | str]:
    number = arrays.number[row]
    return int(arrays.tier[row]), number.tobytes().hex() if arrays.number.ndim == 2 else int(number)

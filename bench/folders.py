"""Published rounds of any size for the benches: drawn, allocated by the engine and written as a city would."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation import announcement, canonical, draw, merkle, protocol
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_terms import Budget, RoundArrays, RoundTerms, Segment
from qosymsha.domain.allocation.small_classes import withheld_rows

CATEGORIES = ("orphan", "sen", "low_income")
SECRETS = (hashlib.sha256(b"akimat").digest(), hashlib.sha256(b"council").digest())


@dataclass(frozen=True, slots=True)
class ClosedList:
    """What is known at closing: the columns behind the lines, the canonical lines and their salts."""

    segment: NDArray[np.int32]
    tier: NDArray[np.int8]
    claims: NDArray[np.bool_]
    line_ids: NDArray[np.uint8]
    lines: list[str]
    salts: list[bytes]


def city_terms(rows: int, *, segments: int = 40, reserves: bool = True, budgets: bool = False) -> RoundTerms:
    """Return a round with places for half of the rows: 40 segments, three reserves each, a city and four districts."""
    places = max(1, rows // segments // 2)
    reserved = tuple((name, max(1, places // 20)) for name in CATEGORIES) if reserves else ()
    found = tuple(Segment(f"sport/{i:03}", places, reserved) for i in range(segments))
    names = [segment.id for segment in found]
    quarter = -(-segments // 4)
    districts = (
        Budget(f"district {i}", tuple(names[i * quarter : (i + 1) * quarter]), rows // 8 - rows // 40) for i in range(4)
    )
    return RoundTerms(found, budgets=(Budget("city", tuple(names), rows // 3), *districts) if budgets else ())


def closed_list(rows: int, segments: int, seed: int = 1) -> ClosedList:
    """Return a closed list with random ids, five tiers, and each category claimed by a tenth."""
    random = np.random.default_rng(seed)
    ids = np.sort(np.frombuffer(random.bytes(32 * rows), "S32")).view(np.uint8).reshape(-1, 32)
    segment = random.integers(0, segments, rows).astype(np.int32)
    tier = random.integers(1, 6, rows).astype(np.int8)
    claims = random.random((len(CATEGORIES), rows)) < 0.1
    named = [",".join(sorted(c for i, c in enumerate(CATEGORIES) if mask >> i & 1)) for mask in range(8)]
    masks = (claims * np.array([[1], [2], [4]])).sum(axis=0)
    lines = [
        f"{ident.hex()}\tsport/{s:03}\t{t}\t{named[m]}\t"
        for ident, s, t, m in zip(map(bytes, ids), segment.tolist(), tier.tolist(), masks.tolist(), strict=True)
    ]
    salts = random.bytes(16 * rows)
    return ClosedList(segment, tier, claims, ids, lines, [salts[i : i + 16] for i in range(0, len(salts), 16)])


def publish(folder: Path, terms: RoundTerms, closed: ClosedList) -> int:
    """Draw, allocate and publish a round; return how many lines are withheld."""
    announced = announcement.Announced(
        "bench", hashlib.sha256(b"rules").hexdigest(), tuple(map(draw.commitment, SECRETS)), {"name": "bench"}
    )
    text = announcement.terms_text(terms, announced)
    root = merkle.root(canonical.list_leaves(text, closed.lines, closed.salts))
    beacon = hashlib.sha256(b"beacon").digest()
    drawn = protocol.Drawn(text, root, beacon, SECRETS, announcement.seed_of(announced, root, beacon, SECRETS))
    numbers = draw.numbers(drawn.seed, closed.line_ids)
    arrays = RoundArrays(closed.segment, closed.tier, numbers, closed.claims if terms.categories() else None)
    answer = solve(terms, arrays)
    withheld = withheld_rows(arrays, answer)
    protocol.write(
        folder,
        protocol.Publication(drawn, closed.lines, closed.salts, closed.line_ids, numbers, arrays, answer, withheld),
    )
    return int(withheld.sum())

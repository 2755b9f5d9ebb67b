"""Rounds of problem A for tests: random instances in the exchange format, and a whole published folder from one."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qosymsha.domain.allocation import announcement, canonical, draw, merkle, protocol
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_terms import (
    Budget,
    OnShort,
    Policy,
    ReserveRule,
    RoundArrays,
    RoundTerms,
    Segment,
    Tie,
)
from qosymsha.domain.allocation.small_classes import withheld_rows

CATEGORIES = ("orphan", "disability", "sen")
SECRETS = (b"\x01" * 32, b"\x02" * 32)


def random_instance(seed: int) -> dict[str, object]:
    """Return a small instance that goes through every policy, rule, tie, budget shape and kind of rejection."""
    r = random.Random(seed)
    plain = r.random() < 0.4
    segments = [
        {
            "id": f"s{i}",
            "places": r.randint(0, 7),
            "reserves": [] if plain else [[r.choice(CATEGORIES), r.randint(0, 3)] for _ in range(r.randint(0, 3))],
            "cost": 1 if plain else r.choice([1, 1, 2, 3, 0]),
        }
        for i in range(r.randint(1, 4))
    ]
    return {
        "problem": "round",
        "policy": r.choice(["tiers", "iterations"]),
        "rule": r.choice(["soft_first", "soft_last", "hard", "max"]),
        "on_short": r.choice(["skip", "stop"]),
        "tie": r.choice(["lottery", "arrived"]),
        "coefficients": {"1": 3, "2": 2, "3": 1},
        "segments": segments,
        "budgets": _budgets(r, [str(segment["id"]) for segment in segments]),
        "applications": _applications(r, len(segments)),
    }


def _budgets(r: random.Random, names: list[str]) -> list[dict[str, object]]:
    if r.random() < 0.4:
        return []
    inner = [
        {"id": f"b{j}", "segments": r.sample(names, r.randint(0, len(names))), "limit": r.randint(0, 6)}
        for j in range(r.randint(0, 2))
    ]
    return [{"id": "city", "segments": names, "limit": r.randint(0, 12)}, *inner]


def _applications(r: random.Random, segments: int) -> list[dict[str, object]]:
    applications: list[dict[str, object]] = [
        {
            "id": f"x{i}",
            "child": f"c{r.randint(0, 25)}" if r.random() < 0.5 else f"d{i}",
            "segment": f"s{r.randint(0, segments - (r.random() < 0.9))}",
            "tier": r.randint(1, 3),
            "lottery": r.choice([r.randint(0, 5), r.getrandbits(256)]),
            "arrived": r.randint(0, 9),
            "categories": [category for category in CATEGORIES if r.random() < 0.35],
        }
        for i in range(r.randint(0, 22))
    ]
    r.shuffle(applications)
    return applications


@dataclass(frozen=True)
class Written:
    """A published folder with what went into it."""

    folder: Path
    terms: RoundTerms
    arrays: RoundArrays
    answer: RoundAnswer
    root: bytes
    withheld: int


def random_terms(r: random.Random, *, per_segment: int, plain: bool = False) -> RoundTerms:
    """Return terms for a published round of three segments."""
    names = [f"sport/{district}" for district in ("Есіл", "Алматы", "Нұра")]
    reserves = () if plain else tuple((category, per_segment // 12) for category in CATEGORIES[: r.randint(0, 3)])
    segments = tuple(Segment(name, per_segment // 3 + r.randint(0, 5), reserves, r.choice([1, 1, 2])) for name in names)
    city = Budget("city", tuple(names), r.randint(per_segment // 2, 2 * per_segment))
    return RoundTerms(
        segments=segments,
        policy=r.choice(list(Policy)),
        tie=r.choice([Tie.LOTTERY, Tie.LOTTERY, Tie.ARRIVED]),
        rule=r.choice(list(ReserveRule)),
        on_short=OnShort.SKIP,
        coefficients={1: 3, 2: 2, 3: 1},
        budgets=(city, Budget("two", tuple(names[:2]), per_segment // 2)) if r.random() < 0.5 else (),
    )


def write_round(
    folder: Path, seed: int, *, per_segment: int = 60, terms: RoundTerms | None = None, public: bool = True
) -> Written:
    """Draw, allocate and publish a random round."""
    r = random.Random(seed)
    terms = terms or random_terms(r, per_segment=per_segment)
    lines, salts = _lines(r, terms, per_segment * len(terms.segments))
    announced = announcement.Announced(
        round_id=f"test-{seed}",
        rules_hash=hashlib.sha256(b"rules").hexdigest(),
        commitments=tuple(draw.commitment(secret) for secret in SECRETS),
        beacon={"name": "drand quicknet", "round": 1000 + seed},
    )
    text = announcement.terms_text(terms, announced)
    root = merkle.root(canonical.list_leaves(text, lines, salts))
    beacon = hashlib.sha256(str(seed).encode()).digest()
    drawn = protocol.Drawn(text, root, beacon, SECRETS, announcement.seed_of(announced, root, beacon, SECRETS))
    arrays, line_ids, numbers = arrays_of(terms, lines, drawn.seed)
    answer = solve(terms, arrays)
    withheld = withheld_rows(arrays, answer) if public else np.zeros(len(lines), dtype=bool)
    protocol.write(folder, protocol.Publication(drawn, lines, salts, line_ids, numbers, arrays, answer, withheld))
    return Written(folder, terms, arrays, answer, root, int(withheld.sum()))


def _lines(r: random.Random, terms: RoundTerms, count: int) -> tuple[list[str], list[bytes]]:
    found = {}
    for _ in range(count):
        ticket = r.randbytes(16)
        for segment in r.sample(terms.segments, 2 if r.random() < 0.05 else 1):
            name = "nowhere" if r.random() < 0.01 else segment.id
            tier = r.choices([1, 2, 3], [1, 6, 12])[0]
            claims = tuple(category for category in terms.categories() if r.random() < 0.2)
            arrived = r.randint(0, 50) if terms.tie is Tie.ARRIVED else None
            line = canonical.Line(draw.line_id(ticket), name, tier, claims, arrived).text()
            found[line.split("\t")[0], name] = line, draw.salt(ticket)
    paired = sorted(found.values())
    return [line for line, _ in paired], [salt for _, salt in paired]


def arrays_of(terms: RoundTerms, lines: list[str], seed: bytes):  # type: ignore[no-untyped-def]
    """Return the solver's columns, line ids and numbers of canonical lines."""
    parsed = [canonical.parse_line(line) for line in lines]
    ids = np.frombuffer(b"".join(line.line_id for line in parsed), np.uint8).reshape(-1, 32)
    numbers = draw.numbers(seed, ids)
    index = {segment.id: i for i, segment in enumerate(terms.segments)}
    claims = [[category in line.categories for line in parsed] for category in terms.categories()]
    children = {line_id: i for i, line_id in enumerate(sorted({line.line_id for line in parsed}))}
    arrays = RoundArrays(
        segment=np.array([index.get(line.segment, -1) for line in parsed]),
        tier=np.array([line.tier for line in parsed]),
        number=np.array([line.arrived for line in parsed]) if terms.tie is Tie.ARRIVED else numbers,
        claims=np.array(claims, dtype=bool) if claims else None,
        child=np.array([children[line.line_id] for line in parsed]),
    )
    return arrays, ids, numbers

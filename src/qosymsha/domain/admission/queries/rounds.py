"""Rounds as their public pages show them: each step of the life, and results by the very classes the files show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import numpy as np
from django.db import connection

from qosymsha.domain.admission.models import DrawSecret, FrozenLine, Round
from qosymsha.domain.admission.queries.frozen import places_of, terms_for
from qosymsha.domain.admission.rules import AdmissionRefusal, tier_of
from qosymsha.domain.allocation.small_classes import FEWEST, withheld_classes
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel.errors import Refused

# Fields 2, 3 and 4 of a canonical line are segment, tier and claims: what a public line shows of a child.
_CLASSES = r"""
SELECT split_part(f.line, E'\t', 2), split_part(f.line, E'\t', 3)::int, split_part(f.line, E'\t', 4), count(*),
       count(*) FILTER (WHERE o.result = 'granted')
  FROM frozen_line f JOIN outcome o ON o.application_id = f.application_id WHERE f.round_id = %s GROUP BY 1, 2, 3"""


@dataclass(frozen=True, slots=True)
class RoundHead:
    """A round in a list."""

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Party:
    """A party of the draw: its commitment, and its secret once shown (hex)."""

    name: str
    commitment: str
    secret: str


@dataclass(frozen=True, slots=True)
class ClassResult:
    """A class of the closed list at the run: the categories of its tier, the reserves it claims, and counts.

    `tier` is what stands in its lines, 0 for several classes together.
    """

    categories: tuple[str, ...]
    claims: tuple[str, ...]
    applications: int
    granted: int
    tier: int = 0


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """A segment at the run; `merged` is what its small classes are together, None where all classes are shown."""

    segment: str
    places: int
    applications: int
    granted: int
    classes: tuple[ClassResult, ...]
    merged: ClassResult | None


@dataclass(frozen=True, slots=True)
class RoundResults:
    """Results by segment; segments of which nothing may be shown are counted together, in `hidden`.

    hidden: (their names, applications, granted; None where together they are fewer than ten).
    """

    segments: tuple[SegmentResult, ...]
    hidden: tuple[tuple[str, ...], int, int | None] | None


@dataclass(frozen=True, slots=True)
class RoundLife:
    """A round step by step; hashes and values in hex, empty before they are known.

    rows: lines of the closed list, None before it is closed.   results: None before the run.
    """

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime
    first_month: date
    last_month: date
    rule_set_hash: str
    beacon_name: str
    parties: tuple[Party, ...]
    closed_at: datetime | None
    rows: int | None
    root: str
    drawn_at: datetime | None
    beacon_value: str
    seed: str
    output_hash: str
    published_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str
    results: RoundResults | None


def round_heads() -> list[RoundHead]:
    """Every round of the installation, the latest first."""
    rows = Round.objects.order_by("-opens_at", "-id").values_list("uuid", "number", "state", "opens_at", "closes_at")
    return [RoundHead(*row) for row in rows]


def round_life(uuid: UUID) -> RoundLife:
    """The round's life so far; a constant number of statements.

    Raises:
        Refused: `unknown_round`.
    """
    found = Round.objects.filter(uuid=uuid).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, uuid=uuid)
    secrets = DrawSecret.objects.filter(round_id=found.id).order_by("id")
    return RoundLife(
        uuid=found.uuid,
        number=found.number,
        state=found.state,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        first_month=found.first_month,
        last_month=found.last_month,
        rule_set_hash=programmes.rules_of(found.rule_set_id).hash.hex(),
        beacon_name=found.beacon_name,
        parties=tuple(Party(s.party, _hex(s.commitment), _hex(s.secret)) for s in secrets),
        closed_at=found.closed_at,
        rows=_rows(found.id) if found.root else None,
        root=_hex(found.root),
        drawn_at=found.drawn_at,
        beacon_value=_hex(found.beacon_value),
        seed=_hex(found.seed),
        output_hash=_hex(found.output_hash),
        published_at=found.published_at,
        cancelled_at=found.cancelled_at,
        cancel_reason=found.cancel_reason,
        results=results_of(found),
    )


def _rows(round_id: int) -> int:
    """Lines of a closed list; their positions have no gap."""
    last = FrozenLine.objects.filter(round_id=round_id).order_by("-position").values_list("position", flat=True).first()
    return 0 if last is None else last + 1


def root_statement(uuid: UUID) -> str:
    """The closed list's root as a text for time-stamping outside: the same bytes for ever.

    Raises:
        Refused: `unknown_round`, or `window_still_open` before the list is closed.
    """
    found = Round.objects.filter(uuid=uuid).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, uuid=uuid)
    if not found.root:
        raise Refused(AdmissionRefusal.WINDOW_STILL_OPEN, uuid=uuid)
    return f"qosymsha root 1\nround {found.number}\nroot {_hex(found.root)}\n"


def results_of(the_round: Round) -> RoundResults | None:
    """Results by the classes that the round's files show; None before the run."""
    return _results(the_round.id, _hex(the_round.output_hash)) if the_round.output_hash else None


def categories_of_tiers(the_round: Round) -> dict[int, tuple[str, ...]]:
    """What stands in a line as tier → the categories it may be, in their order."""
    return _tiers(programmes.rules_of(the_round.rule_set_id).rules)


def _hex(value: bytes | memoryview | None) -> str:
    return bytes(value).hex() if value else ""


@lru_cache(maxsize=64)
def _results(round_id: int, _output_hash: str) -> RoundResults:
    """Counted once for a process: a run is never made otherwise (the hash of its answer is part of the question)."""
    the_round = Round.objects.get(pk=round_id)
    terms = terms_for(the_round, places_of(the_round))
    with connection.cursor() as cursor:
        cursor.execute(_CLASSES, [round_id])
        counted = [(s, tier, tuple(filter(None, claims.split(","))), n, g) for s, tier, claims, n, g in cursor]
    names = [segment.id for segment in terms.segments]
    reserves = terms.categories()
    counted.sort(key=lambda row: (names.index(row[0]), row[1], [category in row[2] for category in reserves]))
    segments = np.array([names.index(row[0]) for row in counted], np.int64)
    withheld = withheld_classes(segments, np.array([row[3] for row in counted], np.int64)) if counted else segments
    tiers = _tiers(programmes.rules_of(the_round.rule_set_id).rules)
    rows = [
        (segment, ClassResult(tiers.get(tier, ()), claims, n, granted, tier), bool(hides))
        for (segment, tier, claims, n, granted), hides in zip(counted, withheld, strict=True)
    ]
    return _shown([(s.id, s.places) for s in terms.segments], rows)


def _tiers(rules: Rules) -> dict[int, tuple[str, ...]]:
    """What stands in a line as tier → the categories it may be, in their order."""
    tiers: dict[int, tuple[str, ...]] = {}
    for category in sorted(rules.categories, key=lambda one: one.order):
        tier = tier_of(rules, category.code)
        tiers[tier] = (*tiers.get(tier, ()), category.code)
    return tiers


def _shown(segments: list[tuple[str, int]], rows: list[tuple[str, ClassResult, bool]]) -> RoundResults:
    shown, hidden = [], []
    for segment, places in segments:
        classes = [one for name, one, hides in rows if name == segment and not hides]
        small = [one for name, one, hides in rows if name == segment and hides]
        if not classes and small:
            hidden.append((segment, _together(small)))
            continue
        every = _together([*classes, *small])
        merged = _together(small) if small else None
        shown.append(SegmentResult(segment, places, every.applications, every.granted, tuple(classes), merged))
    if not hidden:
        return RoundResults(tuple(shown), None)
    together = _together([one for _, one in hidden])
    granted = None if together.applications < FEWEST else together.granted
    return RoundResults(tuple(shown), (tuple(name for name, _ in hidden), together.applications, granted))


def _together(classes: list[ClassResult]) -> ClassResult:
    return ClassResult((), (), sum(c.applications for c in classes), sum(c.granted for c in classes))

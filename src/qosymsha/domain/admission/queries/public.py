"""What everybody may see of rounds: counts, never a class of fewer than ten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries.facts import round_numbered
from qosymsha.domain.allocation.small_classes import FEWEST
from qosymsha.domain.programmes import queries as programmes

OTHER = "other"

_STATES = "SELECT segment, state, count(*) FROM application WHERE round_id = %s GROUP BY segment, state"
_CATEGORIES = """
SELECT category, count(*) FILTER (WHERE state = 'granted'), count(*) FROM application
 WHERE round_id = %s AND category <> '' AND state IN ('granted', 'waiting')
 GROUP BY segment, category ORDER BY segment"""


@dataclass(frozen=True, slots=True)
class SegmentSummary:
    """A segment in numbers: places fixed at close, who is granted now (refills counted), who waits now."""

    segment: str
    places: int
    applications: int
    granted: int
    waiting: int


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """A round for its public page and the command line; root and seed in hex, empty before they are known.

    granted_by_category: by the rule set's order; a category with fewer than ten applications is merged into `other`,
    and so is the next one where `other` itself would be smaller than ten.
    """

    number: str
    state: str
    opens_at: datetime
    closes_at: datetime
    beacon_name: str
    root: str
    seed: str
    output_hash: str
    rule_set_hash: str
    applications: int
    segments: tuple[SegmentSummary, ...]
    granted_by_category: dict[str, int]
    cancel_reason: str = ""


def round_summary(number: str) -> RoundSummary:
    """The round of a human number, in counts.

    Raises:
        Refused: `unknown_round`.
    """
    found = round_numbered(number)
    segments = _segments(found)
    return RoundSummary(
        number=found.number,
        state=found.state,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        beacon_name=found.beacon_name,
        root=_hex(found.root),
        seed=_hex(found.seed),
        output_hash=_hex(found.output_hash),
        rule_set_hash=programmes.rules_of(found.rule_set_id).hash.hex(),
        applications=sum(segment.applications for segment in segments),
        segments=segments,
        granted_by_category=_granted_by_category(found),
        cancel_reason=found.cancel_reason,
    )


def round_numbers(programme_id: int) -> list[str]:
    """The numbers of a programme's rounds, the latest first."""
    return list(Round.objects.filter(programme_id=programme_id).order_by("-opens_at").values_list("number", flat=True))


def _hex(value: bytes | memoryview | None) -> str:
    return bytes(value).hex() if value else ""


def _segments(found: Round) -> tuple[SegmentSummary, ...]:
    counts: dict[str, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [found.id])
        for segment, state, count in cursor.fetchall():
            counts.setdefault(segment, {})[state] = count
    places = found.places or {}
    return tuple(
        SegmentSummary(
            segment=segment,
            places=places.get(segment, {}).get("places", 0),
            applications=sum(counts.get(segment, {}).values()),
            granted=counts.get(segment, {}).get("granted", 0),
            waiting=counts.get(segment, {}).get("waiting", 0),
        )
        for segment in programmes.rules_of(found.rule_set_id).rules.kinds
    )


def _granted_by_category(found: Round) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_CATEGORIES, [found.id])
        cells: list[tuple[str, int, int]] = cursor.fetchall()
    order = {c.code: c.order for c in programmes.rules_of(found.rule_set_id).rules.categories}
    return merged_counts(sorted(cells, key=lambda cell: order[cell[0]]))


def merged_counts(cells: list[tuple[str, int, int]]) -> dict[str, int]:
    """(category, granted, applications) per segment → granted per category; cells below ten are merged into `other`.

    Judged cell by cell, not by category: a total over all segments, less the cells that the round's files show, would
    tell a small one. Nothing is told where even all merged cells together are fewer than ten.
    """
    merged = {at for at, (_, _, size) in enumerate(cells) if size < FEWEST}
    for at in sorted(range(len(cells)), key=lambda at: cells[at][2]):
        if not merged or sum(cells[at][2] for at in merged) >= FEWEST:
            break
        merged.add(at)
    shown: dict[str, int] = {}
    for at, (code, granted, _) in enumerate(cells):
        if at not in merged:
            shown[code] = shown.get(code, 0) + granted
    if merged and sum(cells[at][2] for at in merged) >= FEWEST:
        shown[OTHER] = sum(cells[at][1] for at in merged)
    return shown

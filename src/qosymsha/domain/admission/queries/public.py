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
 WHERE round_id = %s AND category <> '' AND state IN ('granted', 'waiting') GROUP BY category"""


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
        rows = {category: (granted, size) for category, granted, size in cursor.fetchall()}
    order = [c.code for c in sorted(programmes.rules_of(found.rule_set_id).rules.categories, key=lambda c: c.order)]
    return merged_counts([(code, *rows[code]) for code in order if code in rows])


def merged_counts(rows: list[tuple[str, int, int]]) -> dict[str, int]:
    """(category, granted, applications) in order → granted per category, classes below ten merged into `other`.

    Nothing is told where even all merged classes together are fewer than ten.
    """
    merged = {code for code, _, size in rows if size < FEWEST}
    for code, _, _ in sorted(rows, key=lambda row: row[2]):
        if not merged or sum(size for other, _, size in rows if other in merged) >= FEWEST:
            break
        merged.add(code)
    shown = {code: granted for code, granted, _ in rows if code not in merged}
    if merged and sum(size for code, _, size in rows if code in merged) >= FEWEST:
        shown[OTHER] = sum(granted for code, granted, _ in rows if code in merged)
    return shown

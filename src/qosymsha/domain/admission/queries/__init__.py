"""Reads of admission: `facts` for its verbs, `frozen` for the engine, `personal` for a family, `public` for all."""

from qosymsha.domain.admission.queries.facts import round_numbered, round_of
from qosymsha.domain.admission.queries.personal import (
    Explanation,
    Move,
    Receipt,
    explain,
    position,
    positions,
    receipt,
)
from qosymsha.domain.admission.queries.public import RoundSummary, SegmentSummary, round_summary, rounds

__all__ = [
    "Explanation",
    "Move",
    "Receipt",
    "RoundSummary",
    "SegmentSummary",
    "explain",
    "position",
    "positions",
    "receipt",
    "round_numbered",
    "round_of",
    "round_summary",
    "rounds",
]

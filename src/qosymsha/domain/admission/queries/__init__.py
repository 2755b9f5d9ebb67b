"""Reads of admission: `facts` for its verbs, `frozen` for the engine, `personal` for a family, the others for all."""

from qosymsha.domain.admission.queries.facts import round_numbered, round_of
from qosymsha.domain.admission.queries.personal import (
    Explanation,
    Move,
    Receipt,
    application_numbered,
    explain,
    position,
    positions,
    receipt,
)
from qosymsha.domain.admission.queries.public import RoundSummary, SegmentSummary, round_numbers, round_summary
from qosymsha.domain.admission.queries.rounds import (
    ClassResult,
    RoundHead,
    RoundLife,
    RoundResults,
    SegmentResult,
    root_statement,
    round_heads,
    round_life,
)

__all__ = [
    "ClassResult",
    "Explanation",
    "Move",
    "Receipt",
    "RoundHead",
    "RoundLife",
    "RoundResults",
    "RoundSummary",
    "SegmentResult",
    "SegmentSummary",
    "application_numbered",
    "explain",
    "position",
    "positions",
    "receipt",
    "root_statement",
    "round_heads",
    "round_life",
    "round_numbered",
    "round_numbers",
    "round_of",
    "round_summary",
]

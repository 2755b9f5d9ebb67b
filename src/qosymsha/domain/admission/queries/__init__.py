"""Reads of admission: `facts` for its verbs, `frozen` for the engine, `personal` for a family, the others for all."""

from qosymsha.domain.admission.queries.explaining import ClassBefore, Evidence, Explanation, Move, explain
from qosymsha.domain.admission.queries.facts import round_numbered, round_of
from qosymsha.domain.admission.queries.families import OwnApplication, own_applications
from qosymsha.domain.admission.queries.foresight import Queue, RoundSeen, programme_rounds, round_seen
from qosymsha.domain.admission.queries.moves import PublicMove, public_moves
from qosymsha.domain.admission.queries.openings import (
    Opening,
    Prospect,
    opening,
    openings,
    openings_left,
    prospects,
)
from qosymsha.domain.admission.queries.personal import Receipt, application_numbered, position, positions, receipt
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
from qosymsha.domain.admission.queries.trying import CategoryTried, Tried, tried

__all__ = [
    "CategoryTried",
    "Queue",
    "RoundSeen",
    "Tried",
    "programme_rounds",
    "round_seen",
    "tried",
    "OwnApplication",
    "own_applications",
    "ClassBefore",
    "ClassResult",
    "Evidence",
    "Explanation",
    "Move",
    "Opening",
    "Prospect",
    "PublicMove",
    "Receipt",
    "RoundHead",
    "RoundLife",
    "RoundResults",
    "RoundSummary",
    "SegmentResult",
    "SegmentSummary",
    "application_numbered",
    "explain",
    "opening",
    "openings",
    "openings_left",
    "position",
    "positions",
    "prospects",
    "public_moves",
    "receipt",
    "root_statement",
    "round_heads",
    "round_life",
    "round_numbered",
    "round_numbers",
    "round_of",
    "round_summary",
]

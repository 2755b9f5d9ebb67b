"""Reads of choice: `facts` for its verbs, `frozen` and `standing` for the engine, `personal` for a family."""

from qosymsha.domain.choice.queries.facts import last_round_id, round_of
from qosymsha.domain.choice.queries.personal import Explanation, Move, Receipt, Setback, WishStanding, explain, receipt

__all__ = [
    "Explanation",
    "Move",
    "Receipt",
    "Setback",
    "WishStanding",
    "explain",
    "last_round_id",
    "receipt",
    "round_of",
]

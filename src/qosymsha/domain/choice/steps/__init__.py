"""What verbs of this room do inside an open transaction with its rows."""

from qosymsha.domain.choice.steps.forgetting import forget_tickets
from qosymsha.domain.choice.steps.lists import Draft, Moved, file, move_lists
from qosymsha.domain.choice.steps.offers import OpenOffer, lock_offers, make_offers, move_offers
from qosymsha.domain.choice.steps.positions import store_setbacks
from qosymsha.domain.choice.steps.results import (
    CutoffRow,
    LineRow,
    OutcomeRow,
    store_cutoffs,
    store_entries,
    store_lines,
    store_outcomes,
)
from qosymsha.domain.choice.steps.rounds import (
    lock_round,
    move_round,
    next_number,
    plan,
    record,
    require_state,
    reveal,
    share_rounds,
)

__all__ = [
    "CutoffRow",
    "Draft",
    "LineRow",
    "Moved",
    "OpenOffer",
    "OutcomeRow",
    "file",
    "forget_tickets",
    "lock_offers",
    "lock_round",
    "make_offers",
    "move_lists",
    "move_offers",
    "move_round",
    "next_number",
    "plan",
    "record",
    "require_state",
    "reveal",
    "share_rounds",
    "store_cutoffs",
    "store_entries",
    "store_lines",
    "store_outcomes",
    "store_setbacks",
]

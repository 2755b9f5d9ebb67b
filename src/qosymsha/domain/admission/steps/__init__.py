"""What a verb does with this room's rows inside its transaction: any number of rows in one round trip."""

from qosymsha.domain.admission.steps.applications import Checked, Draft, check, file, move, settle
from qosymsha.domain.admission.steps.awards import award
from qosymsha.domain.admission.steps.filing import Deed as FilingDeed
from qosymsha.domain.admission.steps.filing import Filing, file_one
from qosymsha.domain.admission.steps.filing import Place as FilingPlace
from qosymsha.domain.admission.steps.forgetting import forget_tickets as forget_tickets
from qosymsha.domain.admission.steps.lists import FrozenRow, OutcomeRow, check_now, freeze, store_outcomes
from qosymsha.domain.admission.steps.rounds import (
    HasState,
    lock_round,
    move_round,
    next_numbers,
    plan,
    record,
    record_refill,
    require_state,
    reveal,
    share_round,
)

__all__ = [
    "Checked",
    "Draft",
    "Filing",
    "FilingDeed",
    "FilingPlace",
    "FrozenRow",
    "HasState",
    "OutcomeRow",
    "award",
    "check",
    "check_now",
    "file",
    "file_one",
    "freeze",
    "lock_round",
    "move",
    "move_round",
    "next_numbers",
    "plan",
    "record",
    "record_refill",
    "require_state",
    "reveal",
    "settle",
    "share_round",
    "store_outcomes",
]

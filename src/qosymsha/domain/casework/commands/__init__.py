"""Verbs of casework."""

from qosymsha.domain.casework.commands.endings import decide_ending, propose_ending, withdraw_ending
from qosymsha.domain.casework.commands.holds import assign_row, put_back_row, take_row
from qosymsha.domain.casework.commands.points import load_consultation_points

__all__ = [
    "assign_row",
    "decide_ending",
    "load_consultation_points",
    "propose_ending",
    "put_back_row",
    "take_row",
    "withdraw_ending",
]

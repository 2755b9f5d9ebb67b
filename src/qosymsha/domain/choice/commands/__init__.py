"""The verbs of choice, one file per stage of a round's life and of a place's after it."""

from qosymsha.domain.choice.commands.allocating import Placed, allocate_places
from qosymsha.domain.choice.commands.answering import answer_offers
from qosymsha.domain.choice.commands.cancelling import Cancelled, cancel_choice_round
from qosymsha.domain.choice.commands.closing import Closed, close_choice_round
from qosymsha.domain.choice.commands.drawing import draw_choice_round
from qosymsha.domain.choice.commands.filing import file_list, file_lists, withdraw_list
from qosymsha.domain.choice.commands.offering import Offered, offer_freed_places
from qosymsha.domain.choice.commands.planning import open_choice_round, plan_choice_round
from qosymsha.domain.choice.commands.publishing import publish_choice_round
from qosymsha.domain.choice.commands.rerunning import Rerun, rerun_places

__all__ = [
    "Cancelled",
    "Closed",
    "Offered",
    "Placed",
    "Rerun",
    "allocate_places",
    "answer_offers",
    "cancel_choice_round",
    "close_choice_round",
    "draw_choice_round",
    "file_list",
    "file_lists",
    "offer_freed_places",
    "open_choice_round",
    "plan_choice_round",
    "publish_choice_round",
    "rerun_places",
    "withdraw_list",
]

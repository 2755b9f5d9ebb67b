"""The verbs of admission, one file per stage of a round's life."""

from qosymsha.domain.admission.commands.allocating import Allocated, allocate_round
from qosymsha.domain.admission.commands.cancelling import Cancelled, cancel_round
from qosymsha.domain.admission.commands.closing import Closed, close_round
from qosymsha.domain.admission.commands.drawing import draw_round
from qosymsha.domain.admission.commands.filing import (
    ApplicationRow,
    submit_applications,
    withdraw_application,
)
from qosymsha.domain.admission.commands.filing_one import Filed, submit_application, submit_own_application
from qosymsha.domain.admission.commands.planning import open_round, plan_round
from qosymsha.domain.admission.commands.publishing import publish_round
from qosymsha.domain.admission.commands.refilling import Refilled, refill

__all__ = [
    "Allocated",
    "ApplicationRow",
    "Cancelled",
    "Closed",
    "Filed",
    "Refilled",
    "allocate_round",
    "cancel_round",
    "close_round",
    "draw_round",
    "open_round",
    "plan_round",
    "publish_round",
    "refill",
    "submit_application",
    "submit_applications",
    "submit_own_application",
    "withdraw_application",
]

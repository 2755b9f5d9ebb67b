"""The verbs of agreements."""

from qosymsha.domain.agreements.commands.contracts import (
    draw_contracts,
    remind_to_sign,
    sign_as_family,
    sign_as_provider,
)
from qosymsha.domain.agreements.commands.money import Payment, cancel_receipt, record_receipt, set_charge
from qosymsha.domain.agreements.commands.papers import PaperDraft, check_paper, give_paper, record_paper
from qosymsha.domain.agreements.commands.refusals import (
    answer_refusal,
    carry_out_refusals,
    decide_refusal,
    refuse_child,
    withdraw_refusal,
)
from qosymsha.domain.agreements.commands.renewal import Carry, answer_renewal, renew
from qosymsha.domain.agreements.commands.waiting import join_waiting, leave_waiting, offer_seats, take_seat

__all__ = [
    "Carry",
    "PaperDraft",
    "Payment",
    "answer_refusal",
    "answer_renewal",
    "cancel_receipt",
    "carry_out_refusals",
    "check_paper",
    "decide_refusal",
    "draw_contracts",
    "give_paper",
    "join_waiting",
    "leave_waiting",
    "offer_seats",
    "record_paper",
    "record_receipt",
    "refuse_child",
    "remind_to_sign",
    "renew",
    "set_charge",
    "sign_as_family",
    "sign_as_provider",
    "take_seat",
    "withdraw_refusal",
]

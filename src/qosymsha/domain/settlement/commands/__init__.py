"""The verbs of settlement, one module per stretch of the way: claims, signatures, files, replies, closes."""

from qosymsha.domain.settlement.commands.claims import draw_claims, reverse_claims
from qosymsha.domain.settlement.commands.closes import close_month, close_year
from qosymsha.domain.settlement.commands.files import draw_payment_file, keep_receipt, send_payment_file
from qosymsha.domain.settlement.commands.replies import apply_replies
from qosymsha.domain.settlement.commands.signatures import approve_claims, release_claims, return_claims

__all__ = [
    "apply_replies",
    "approve_claims",
    "close_month",
    "close_year",
    "draw_claims",
    "draw_payment_file",
    "keep_receipt",
    "release_claims",
    "return_claims",
    "reverse_claims",
    "send_payment_file",
]

"""The verbs of settlement, one module per stretch of the way: claims, signatures, files, replies, closes."""

from qosymsha.domain.settlement.commands.acts import draw_acts, refuse_act, register_signatory, sign_acts
from qosymsha.domain.settlement.commands.claims import draw_claims, reverse_claims
from qosymsha.domain.settlement.commands.closes import close_month, close_year
from qosymsha.domain.settlement.commands.corrections import (
    decide_recoveries,
    propose_recoveries,
    propose_recovery,
    support_recoveries,
)
from qosymsha.domain.settlement.commands.decisions import resolve_reply
from qosymsha.domain.settlement.commands.explain import explain_money
from qosymsha.domain.settlement.commands.files import draw_payment_file, keep_receipt, send_payment_file
from qosymsha.domain.settlement.commands.invoices import decide_einvoice, record_einvoice
from qosymsha.domain.settlement.commands.refunds import confirm_refund, cover_places, record_refund
from qosymsha.domain.settlement.commands.replies import apply_replies
from qosymsha.domain.settlement.commands.signatures import approve_claims, release_claims, return_claims

__all__ = [
    "apply_replies",
    "approve_claims",
    "close_month",
    "close_year",
    "confirm_refund",
    "cover_places",
    "decide_einvoice",
    "decide_recoveries",
    "draw_acts",
    "draw_claims",
    "draw_payment_file",
    "explain_money",
    "keep_receipt",
    "propose_recoveries",
    "propose_recovery",
    "record_einvoice",
    "record_refund",
    "refuse_act",
    "register_signatory",
    "release_claims",
    "resolve_reply",
    "return_claims",
    "reverse_claims",
    "send_payment_file",
    "sign_acts",
    "support_recoveries",
]

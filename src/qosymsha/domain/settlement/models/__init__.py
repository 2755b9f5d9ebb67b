"""The room's tables: claims and closes, payment files and replies, papers."""

from qosymsha.domain.settlement.models.claims import (
    Approval,
    CarriedLine,
    Claim,
    ClaimInput,
    ClaimRow,
    ClosedMonth,
    ClosedYear,
    MoneyDay,
)
from qosymsha.domain.settlement.models.corrections import ClaimOffset, PlaceCover, Recovery, RecoveryRow, Refund
from qosymsha.domain.settlement.models.files import BankReply, PaymentFile, PaymentLine, ReplyDecision
from qosymsha.domain.settlement.models.papers import ActSignature, EInvoice, ServiceAct, ServiceActHistory, Signatory

__all__ = [
    "ActSignature",
    "Approval",
    "BankReply",
    "CarriedLine",
    "Claim",
    "ClaimInput",
    "ClaimOffset",
    "ClaimRow",
    "ClosedMonth",
    "ClosedYear",
    "EInvoice",
    "MoneyDay",
    "PaymentFile",
    "PaymentLine",
    "PlaceCover",
    "Recovery",
    "RecoveryRow",
    "Refund",
    "ReplyDecision",
    "ServiceAct",
    "ServiceActHistory",
    "Signatory",
]

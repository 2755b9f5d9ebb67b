"""Contracts with families, papers, refusals, renewals, charges, waiting lists."""

from qosymsha.domain.agreements.models.contracts import EnrolmentPaper, FamilyContract, FamilyContractSignature
from qosymsha.domain.agreements.models.money import FamilyReceipt, GroupCharge
from qosymsha.domain.agreements.models.places import (
    ChildRefusal,
    ChildRefusalHistory,
    GroupWait,
    GroupWaitHistory,
    Renewal,
    RenewalWord,
)

__all__ = [
    "ChildRefusal",
    "ChildRefusalHistory",
    "EnrolmentPaper",
    "FamilyContract",
    "FamilyContractSignature",
    "FamilyReceipt",
    "GroupCharge",
    "GroupWait",
    "GroupWaitHistory",
    "Renewal",
    "RenewalWord",
]

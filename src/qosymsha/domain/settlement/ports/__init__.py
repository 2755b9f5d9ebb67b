"""What the outside must do for settlement: the treasury, and electronic signatures."""

from qosymsha.domain.settlement.ports.signing import (
    Certificate,
    SignatureFault,
    SignatureVerifier,
    Signer,
    SigningUnavailable,
    Verified,
    Writer,
)
from qosymsha.domain.settlement.ports.treasury import (
    CURRENCY,
    Reply,
    ReplyStatus,
    Treasury,
    TreasuryUnavailable,
)

__all__ = [
    "CURRENCY",
    "Certificate",
    "Reply",
    "ReplyStatus",
    "SignatureFault",
    "SignatureVerifier",
    "Signer",
    "SigningUnavailable",
    "Treasury",
    "TreasuryUnavailable",
    "Verified",
    "Writer",
]

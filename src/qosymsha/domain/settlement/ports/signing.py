"""What a signature service must do. A door talks to it before the transaction; commands get what was verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class SignatureFault(StrEnum):
    """Why bytes are no good signature of a document."""

    UNREADABLE = "signature_unreadable"
    SEVERAL_SIGNERS = "signature_several_signers"
    WEAK = "signature_weak_algorithm"
    OTHER_DOCUMENT = "signature_other_document"
    BROKEN = "signature_broken"
    UNTRUSTED = "signature_untrusted"
    EXPIRED = "certificate_expired"
    REVOKED = "certificate_revoked"
    NOT_FOR_SIGNING = "certificate_not_for_signing"


class SigningUnavailable(Exception):
    """The service can't be asked now: nothing is known about the signature; ask again."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whose certificate signed: the person's IIN, the organisation's BIN ("" where it names none), numbers, days."""

    iin: str
    bin: str
    serial: str
    issuer: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds: of which document (its SHA-256), by whom, and whether the law knows it.

    `is_legal` False: a demo signature, without legal force, whatever it looks like.
    """

    signature: bytes
    document_hash: bytes
    certificate: Certificate
    is_legal: bool


@dataclass(frozen=True, slots=True)
class Writer:
    """As whom to sign; a service that holds one key of its own signs as that key's owner."""

    iin: str
    bin: str
    name: str


class Signer(Protocol):
    """Makes signatures."""

    def sign(self, document: bytes, writer: Writer, at: datetime) -> bytes:
        """A detached CMS signature (DER) of the document.

        Raises:
            SigningUnavailable: no usable answer in time.
        """
        ...


class SignatureVerifier(Protocol):
    """Checks signatures: bytes, certificate, its chain, its days, its revocation."""

    def verify(self, document: bytes, signature: bytes, at: datetime) -> Verified:
        """What a detached CMS signature of these very bytes says.

        Raises:
            Refused: carries a SignatureFault.
            SigningUnavailable: no usable answer in time.
        """
        ...

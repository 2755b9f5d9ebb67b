"""A client for NCANode 3 (an open HTTP service around the national cryptography): `/cms/verify` and `/cms/sign`.

It checks the signature, the chain to the national roots and the revocation (OCSP); this client asks again what it can
see for itself: one signer, the days, whether the certificate is a person's. Field names: NCANode's own HTTP API.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qosymsha.domain.settlement.ports import Certificate, SignatureFault, SigningUnavailable, Verified, Writer
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from qosymsha.integrations.signing.cms import MOST_BYTES, refuse_weak_keys
from qosymsha.kernel.errors import Refused
from qosymsha.runtime import outside
from qosymsha.runtime.secrets import secret

ADDRESS, KEY_FILE, KEY_WORD = "QOSYMSHA_NCANODE_ADDRESS", "QOSYMSHA_NCANODE_KEY", "QOSYMSHA_NCANODE_KEY_PASSWORD"
_SIGN_USAGE = "SIGN"


class NcaNodeSigning:
    """Verifies anybody's signature; signs with the one key (PKCS#12) that the settings name, if they name one.

    Raises:
        ValueError: the address is not https (plain http is for this machine only).
    """

    def __init__(self, address: str | None = None, timeout_seconds: float = 15) -> None:
        try:
            where = os.environ.get(ADDRESS, "") if address is None else address
            self._place = Place(where, timeout_seconds, most_bytes=4 * 1024 * 1024)
        except ValueError as fault:
            raise ValueError(f"{ADDRESS}: {fault}") from fault

    def sign(self, document: bytes, writer: Writer, at: datetime) -> bytes:
        """As the port says. The key's owner signs, whoever `writer` is: the verification tells who that was."""
        path = os.environ.get(KEY_FILE, "")
        if not path:
            raise SigningUnavailable(f"{KEY_FILE} names no key: sign with NCALayer and bring the signature's file")
        try:
            key = Path(path).read_bytes()
        except OSError as fault:
            raise SigningUnavailable(f"the key that {KEY_FILE} names can't be read") from fault
        signer = {"key": _text(key), "password": secret(KEY_WORD)}
        body = {"data": _text(document), "signers": [signer], "withTsp": True, "detached": True}
        answer = self._ask("/cms/sign", body)
        try:
            return base64.b64decode(answer["cms"], validate=True)
        except (KeyError, TypeError, binascii.Error) as fault:
            raise SigningUnavailable(NoAnswer.UNREADABLE.value) from fault

    def verify(self, document: bytes, signature: bytes, at: datetime) -> Verified:
        """As the port says."""
        if not signature or len(signature) > MOST_BYTES:
            raise Refused(SignatureFault.UNREADABLE)
        refuse_weak_keys(signature)
        body = {"cms": _text(signature), "data": _text(document), "revocationCheck": ["OCSP"]}
        answer = self._ask("/cms/verify", body)
        try:
            certificate = _judged(answer, at)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
            raise SigningUnavailable(NoAnswer.UNREADABLE.value) from fault
        return Verified(signature, hashlib.sha256(document).digest(), certificate, is_legal=True)

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The service's answer; a 400 is its word that the bytes are no signature."""
        try:
            answer = outside.document(self._place.ask("POST", path, json.dumps(body).encode()))
        except Outside as fault:
            if fault.fault is NoAnswer.SAYS_NO:
                raise Refused(SignatureFault.UNREADABLE) from fault
            raise SigningUnavailable(fault.fault.value) from fault
        except ValueError as fault:
            raise SigningUnavailable(NoAnswer.UNREADABLE.value) from fault
        if not isinstance(answer, dict):
            raise SigningUnavailable(NoAnswer.UNREADABLE.value)
        return answer


def _judged(answer: dict[str, Any], at: datetime) -> Certificate:
    """The certificate of a valid answer's one signer; the most telling fault of an invalid one."""
    if answer.get("status", 200) != 200 or not isinstance(answer["valid"], bool):
        raise ValueError("no verdict")
    signers = answer["signers"]
    if len(signers) != 1:
        raise Refused(SignatureFault.SEVERAL_SIGNERS if signers else SignatureFault.BROKEN)
    held = signers[0]["certificates"][0]
    certificate = _told(held)
    if any(status.get("revoked") for status in held.get("revocations") or []):
        raise Refused(SignatureFault.REVOKED)
    if not certificate.valid_from <= at <= certificate.valid_until:
        raise Refused(SignatureFault.EXPIRED)
    if not held["valid"]:
        raise Refused(SignatureFault.UNTRUSTED)
    if not answer["valid"]:
        raise Refused(SignatureFault.BROKEN)
    if held.get("keyUsage") != _SIGN_USAGE:
        raise Refused(SignatureFault.NOT_FOR_SIGNING)
    return certificate


def _told(held: dict[str, Any]) -> Certificate:
    subject = held["subject"]
    return Certificate(
        iin=str(subject.get("iin") or ""),
        bin=str(subject.get("bin") or ""),
        serial=str(held["serialNumber"]),
        issuer=str(held["issuer"].get("dn") or held["issuer"].get("commonName") or ""),
        valid_from=_instant(held["notBefore"]),
        valid_until=_instant(held["notAfter"]),
    )


def _instant(value: str | int) -> datetime:
    """An instant as the service writes it: ISO 8601, or milliseconds."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC)
    found = datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()

"""Detached CMS signatures (CAdES-BES: RFC 5652, RFC 5126) written and read; ECDSA P-256 and RSA with SHA-2.

RSA counts from `settings.RSA_BITS` on (3072; 2048 where the operator allows it).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.conf import settings

from qosymsha.domain.settlement.ports import SignatureFault
from qosymsha.kernel.errors import Refused

MOST_BYTES = 256 * 1024
_HASHES: dict[str, Any] = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
_DATA = "data"
assert tsp, "importing asn1crypto.tsp teaches asn1crypto.cms the attribute signing_certificate_v2"


@dataclass(frozen=True, slots=True)
class Read:
    """A signature whose arithmetic holds: the signer's certificate, and when the signer claims to have signed."""

    certificate: x509.Certificate
    claimed_at: datetime | None


def write(document: bytes, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, at: datetime) -> bytes:
    """A detached signature of the document in DER; the same input gives the same bytes (RFC 6979)."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    known = asn1_x509.Certificate.load(der)
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": [_DATA]}),
            cms.CMSAttribute({"type": "signing_time", "values": [core.UTCTime(at)]}),
            cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(document).digest()]}),
            cms.CMSAttribute({"type": "signing_certificate_v2", "values": [_named(der)]}),
        ]
    )
    signed = key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                cms.IssuerAndSerialNumber({"issuer": known.issuer, "serial_number": known.serial_number}),
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": signed,
        }
    )
    content = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
            "encap_content_info": {"content_type": _DATA},
            "certificates": [known],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": content}).dump())


def _named(der: bytes) -> Any:
    return tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der).digest()}]})


def read(document: bytes, signature: bytes) -> Read:
    """Check a detached signature of these bytes: one signer, the document's digest, the certificate's key.

    Whether the certificate may be trusted is the caller's question.

    Raises:
        Refused: `signature_unreadable`, `signature_several_signers`, `signature_weak_algorithm`,
            `signature_other_document`, `signature_broken`.
    """
    try:
        return _read(document, signature)
    except Refused:
        raise
    except Exception as fault:  # noqa: BLE001 - a parser of foreign bytes raises whatever it meets
        raise Refused(SignatureFault.UNREADABLE) from fault


def refuse_weak_keys(signature: bytes) -> None:
    """Refuse a signature that brings a certificate with an RSA key too short; what can't be read is not judged here.

    For verifiers elsewhere, whose word on the signature says nothing of its strength.

    Raises:
        Refused: `signature_weak_algorithm`.
    """
    try:
        content = cms.ContentInfo.load(signature, strict=True)["content"]
        keys = [one.chosen.public_key for one in content["certificates"]]
        sizes = [key.bit_size for key in keys if key.algorithm in ("rsa", "rsassa_pss")]
    except Exception:  # noqa: BLE001 - a parser of foreign bytes raises whatever it meets
        return
    if any(size < settings.RSA_BITS for size in sizes):
        raise Refused(SignatureFault.WEAK)


def _read(document: bytes, signature: bytes) -> Read:
    if len(signature) > MOST_BYTES:
        raise Refused(SignatureFault.UNREADABLE)
    outer = cms.ContentInfo.load(signature, strict=True)
    if outer["content_type"].native != "signed_data":
        raise Refused(SignatureFault.UNREADABLE)
    content = outer["content"]
    signers = list(content["signer_infos"])
    if len(signers) != 1:
        raise Refused(SignatureFault.SEVERAL_SIGNERS)
    attached = content["encap_content_info"]["content"].native
    if attached is not None and attached != document:
        raise Refused(SignatureFault.OTHER_DOCUMENT)
    (signer,) = signers
    name = signer["digest_algorithm"]["algorithm"].native
    if name not in _HASHES:
        raise Refused(SignatureFault.WEAK)
    attributes = _attributes(signer)
    if attributes["message_digest"] != hashlib.new(name, document).digest():
        raise Refused(SignatureFault.OTHER_DOCUMENT)
    certificate = _certificate(content, signer)
    _check_named(attributes, certificate)
    _check_key(certificate, signer, name)
    return Read(certificate, attributes.get("signing_time"))


def _attributes(signer: Any) -> dict[str, Any]:
    """The signed attributes, each once; a signature without them proves too little."""
    found: dict[str, Any] = {}
    for attribute in signer["signed_attrs"]:
        kind, values = attribute["type"].native, attribute["values"]
        if kind in found or len(values) != 1:
            raise Refused(SignatureFault.UNREADABLE)
        found[kind] = values[0] if kind == "signing_certificate_v2" else values[0].native
    if found.get("content_type") != _DATA or "message_digest" not in found:
        raise Refused(SignatureFault.UNREADABLE)
    return found


def _certificate(content: Any, signer: Any) -> x509.Certificate:
    """The certificate the signer names among those that came along."""
    sid = signer["sid"]
    for choice in content["certificates"]:
        held = choice.chosen
        is_named = (
            (held.issuer == sid.chosen["issuer"] and held.serial_number == sid.chosen["serial_number"].native)
            if sid.name == "issuer_and_serial_number"
            else held.key_identifier == sid.chosen.native
        )
        if is_named:
            return x509.load_der_x509_certificate(held.dump())
    raise Refused(SignatureFault.UNREADABLE)


def _check_named(attributes: dict[str, Any], certificate: x509.Certificate) -> None:
    """Where the signature says which certificate it was made with (CAdES), it must be this one."""
    named = attributes.get("signing_certificate_v2")
    if named is None:
        return
    first = named["certs"][0]
    algorithm = first["hash_algorithm"]["algorithm"].native
    der = certificate.public_bytes(serialization.Encoding.DER)
    if algorithm not in _HASHES or first["cert_hash"].native != hashlib.new(algorithm, der).digest():
        raise Refused(SignatureFault.BROKEN)


def _check_key(certificate: x509.Certificate, signer: Any, digest_name: str) -> None:
    """The signature over the attributes, as a SET (their tag in the message is implicit)."""
    signed = signer["signed_attrs"].untag().dump()
    key, mark = certificate.public_key(), signer["signature"].native
    algorithm = signer["signature_algorithm"]
    if algorithm.signature_algo not in ("ecdsa", "rsassa_pkcs1v15"):
        raise Refused(SignatureFault.WEAK)
    if algorithm["algorithm"].native not in ("rsassa_pkcs1v15",) and algorithm.hash_algo != digest_name:
        raise Refused(SignatureFault.WEAK)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256:
            key.verify(mark, signed, ec.ECDSA(_HASHES[digest_name]()))
        elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= settings.RSA_BITS:
            key.verify(mark, signed, padding.PKCS1v15(), _HASHES[digest_name]())
        else:
            raise Refused(SignatureFault.WEAK)
    except InvalidSignature as fault:
        raise Refused(SignatureFault.BROKEN) from fault

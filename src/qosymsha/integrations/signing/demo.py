"""The demo signer: keys and certificates of its own, without legal force, and saying so in each certificate.

Nobody is asked who they are: whoever runs the installation can sign as anybody. It shows the way a paper goes, no more.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from qosymsha.domain.settlement.ports import Certificate, SignatureFault, Verified, Writer
from qosymsha.integrations.signing import cms
from qosymsha.kernel.errors import Refused

NO_FORCE = "DEMO - NO LEGAL FORCE"
_ISSUER = f"{NO_FORCE} (qosymsha demo CA)"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_CA_FROM, _CA_UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
_IIN, _BIN = "IIN", "BIN"


class DemoSigning:
    """Signs and verifies. The CA's key follows from the installation's own secret key: made at first use, kept nowhere.

    A person's certificate is good for the calendar year of the signature (UTC), in which the demo "issued" it.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret if secret is not None else settings.SECRET_KEY.encode()
        self._key = self._derived("certificate authority")
        self.authority = _signed_certificate(
            subject=_name(_ISSUER), issuer=_name(_ISSUER), key=self._key, public=self._key.public_key(),
            serial=1, days=(_CA_FROM, _CA_UNTIL), is_ca=True,
        )  # fmt: skip

    def sign(self, document: bytes, writer: Writer, at: datetime) -> bytes:
        """As the port says; the same document, writer and instant give the same bytes."""
        key = self._derived(f"{writer.iin} {writer.bin}")
        return cms.write(document, key, self._issued(writer, key, at), at)

    def verify(self, document: bytes, signature: bytes, at: datetime) -> Verified:
        """As the port says; only certificates of this installation's own demo CA are known."""
        read = cms.read(document, signature)
        certificate = read.certificate
        try:
            certificate.verify_directly_issued_by(self.authority)
        except (InvalidSignature, ValueError, TypeError) as fault:
            raise Refused(SignatureFault.UNTRUSTED) from fault
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise Refused(SignatureFault.EXPIRED)
        if not _is_for_signing(certificate):
            raise Refused(SignatureFault.NOT_FOR_SIGNING)
        return Verified(signature, hashlib.sha256(document).digest(), told(certificate), is_legal=False)

    def _derived(self, name: str) -> ec.EllipticCurvePrivateKey:
        digest = hmac.digest(self._secret, f"qosymsha demo signing: {name}".encode(), "sha512")
        return ec.derive_private_key(int.from_bytes(digest, "big") % (_ORDER - 1) + 1, ec.SECP256R1())

    def _issued(self, writer: Writer, key: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
        start = datetime(at.astimezone(UTC).year, 1, 1, tzinfo=UTC)
        end = datetime(start.year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
        named = hmac.digest(self._secret, f"{writer.iin} {writer.bin} {writer.name} {start.year}".encode(), "sha256")
        return _signed_certificate(
            subject=_name(writer.name, iin=writer.iin, bin_number=writer.bin), issuer=_name(_ISSUER), key=self._key,
            public=key.public_key(), serial=int.from_bytes(named[:16], "big") >> 1, days=(start, end), is_ca=False,
        )  # fmt: skip


def told(certificate: x509.Certificate) -> Certificate:
    """What a certificate of the national form says of its owner (DOMAIN.md 5): SERIALNUMBER=IIN…, OU=BIN…."""
    return Certificate(
        iin=_numbered(certificate, NameOID.SERIAL_NUMBER, _IIN),
        bin=_numbered(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME, _BIN),
        serial=f"{certificate.serial_number:x}",
        issuer=certificate.issuer.rfc4514_string(),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


def _numbered(certificate: x509.Certificate, oid: x509.ObjectIdentifier, prefix: str) -> str:
    values = [str(a.value) for a in certificate.subject.get_attributes_for_oid(oid)]
    found = [value.removeprefix(prefix) for value in values if value.startswith(prefix)]
    return found[0] if len(found) == 1 else ""


def _is_for_signing(certificate: x509.Certificate) -> bool:
    """True for a person's certificate whose key may sign what can't be denied later."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return usage.content_commitment and not basic.ca


def _name(common: str, *, iin: str = "", bin_number: str = "") -> x509.Name:
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "KZ"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, NO_FORCE),
        x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
    ]
    if iin:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, f"{_IIN}{iin}"))
    if bin_number:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{_BIN}{bin_number}"))
    return x509.Name(attributes)


def _signed_certificate(  # noqa: PLR0913 - a certificate has these parts
    *,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    serial: int,
    days: tuple[datetime, datetime],
    is_ca: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not is_ca, content_commitment=not is_ca, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=is_ca, crl_sign=is_ca, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(max(serial, 1))
        .not_valid_before(days[0])
        .not_valid_after(days[1])
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)

"""An authority of the tests' own making, and certificates of it: what an installation has in /etc/qosymsha."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs for the names it is told; `pem` is what others trust."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = self._signed(_named(name), self._key, [], is_authority=True)
        self.pem = folder / f"{name}.pem"
        self.pem.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def sign(self, *names: str) -> tuple[Path, Path, Path]:
        """(certificate, key as PKCS#8, both in one file) for hosts of these names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._signed(_named(names[0]), key, list(names))
        beside = self._folder / f"{self._name}-{names[0]}"
        paths = beside.with_suffix(".crt"), beside.with_suffix(".key"), beside.with_suffix(".both")
        shown = made.public_bytes(serialization.Encoding.PEM)
        kept = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for path, content in zip(paths, (shown, kept, shown + kept), strict=True):
            path.write_bytes(content)
            path.chmod(0o600)
        return paths

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[str], *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_named(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), False)
        return builder.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

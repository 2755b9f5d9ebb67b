"""What leaves the machine is encrypted, and to whom it says it is. ASVS V12; docs/security/tls.md."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qosymsha.domain.messages.ports import Mail
from qosymsha.domain.people.ports import IdentityFault, IdentityRefused
from qosymsha.integrations.identity import openid
from qosymsha.integrations.identity.openid import OpenIdConnect
from qosymsha.integrations.messages.letter import letter
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from qosymsha.interfaces.cli import doctor
from tests.architecture.house import ROOT
from tests.integrations.test_identity import provider

__all__ = ["provider"]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that no authority knows, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


class Answers(BaseHTTPRequestHandler):
    """Says yes to everybody."""

    def do_GET(self) -> None:
        """Yes."""
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"yes")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https server on this machine with a certificate of its own making."""
    pem, secret = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://localhost:{server.server_address[1]}", pem
        server.shutdown()
        thread.join()


def test_a_machine_with_a_strangers_certificate_is_not_asked(
    stranger: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, pem = stranger
    with pytest.raises(Outside) as refused:
        Place(address, timeout_seconds=10).ask("GET", "/")
    assert refused.value.fault is NoAnswer.UNREACHABLE
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert Place(address, timeout_seconds=10).ask("GET", "/") == b"yes", "the control: named as an authority it is"


def test_a_description_that_names_another_issuer_is_not_believed(provider: Any) -> None:
    """OpenID Connect discovery: the description must be of the issuer in the settings."""
    openid.forget()
    provider.description = {"issuer": "https://evil.example"}
    with pytest.raises(IdentityRefused) as refused:
        OpenIdConnect().ask("http://127.0.0.1/back/", anew=False)
    assert refused.value.fault is IdentityFault.NOT_BELIEVED
    provider.description = {}
    openid.forget()
    assert OpenIdConnect().ask("http://127.0.0.1/back/", anew=False).address, "the control: its own is"


@pytest.mark.django_db
def test_a_production_without_tls_is_told(settings: Any) -> None:
    settings.PRODUCTION = True
    for address, is_right in (("", False), ("http://vouchers.example", False), ("https://vouchers.example", True)):
        settings.PUBLIC_ADDRESS = address
        check = next(one for one in doctor.link_checks() if one.name == "address")
        assert check.ok is is_right
        assert "QOSYMSHA_ADDRESS" in check.advice


@pytest.mark.django_db
def test_a_database_beyond_this_machine_without_tls_is_told(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PRODUCTION = True
    for encrypted, local, is_right in ((False, False, False), (True, False, True), (False, True, True)):
        monkeypatch.setattr(doctor, "_LINK", f"SELECT {encrypted}, {local}")
        (check,) = [one for one in doctor.link_checks() if one.name == "database link"]
        assert check.ok is is_right
        assert "PGSSLMODE=verify-full" in check.advice
    monkeypatch.undo()
    (check,) = [one for one in doctor.link_checks() if one.name == "database link"]
    assert check.found in ("on this machine", "encrypted"), "the tests' own server"


def test_no_header_of_a_letter_is_written_by_a_name() -> None:
    good = Mail(uuid4(), "mother@example.kz", "A voucher", "text")
    assert "\r\nBcc:" not in letter(good, "house@example.kz").as_string()
    for mail in (
        Mail(uuid4(), "mother@example.kz\r\nBcc: all@example.kz", "A voucher", "text"),
        Mail(uuid4(), "mother@example.kz", "A voucher\r\nBcc: all@example.kz", "text"),
        Mail(uuid4(), "mother@example.kz", "A voucher\nBcc: all@example.kz", "text"),
    ):
        with pytest.raises(ValueError, match=r"(?i)linefeed|newline|line break|header"):
            letter(mail, "house@example.kz").as_string()
    body = letter(Mail(uuid4(), "a@example.kz", "s", "\r\n.\r\nMAIL FROM: x"), "house@example.kz")
    assert body.get_content().count("MAIL FROM") == 1


def test_what_the_operator_is_told_is_there() -> None:
    """The parts of TLS that live outside the program: the page names each, with a command that shows it."""
    told = (ROOT / "docs" / "security" / "tls.md").read_text("utf-8")
    for words in (
        *("ssl-min-ver TLSv1.2", "ECDHE+AESGCM", "-tls1_1", "Verification: OK", "verify-full", "PGSSLROOTCERT"),
        *("client-transport-security", "SSL_CERT_FILE", "public authority", "Outwards", "content-length"),
    ):
        assert words in told, words

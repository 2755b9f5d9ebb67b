"""Signatures: the demo signer and the NCANode client pass the same tests; OpenSSL, which shares no code, agrees."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.settlement.ports import SignatureFault, SigningUnavailable, Writer
from qosymsha.integrations.signing import cms, fake_ncanode
from qosymsha.integrations.signing.demo import NO_FORCE, DemoSigning
from qosymsha.integrations.signing.fake_ncanode import FakeNcaNode
from qosymsha.integrations.signing.ncanode import NcaNodeSigning
from qosymsha.kernel.errors import Refused
from tests.factories.papers import iin

AT = datetime(2026, 2, 10, 5, tzinfo=UTC)
WRITER = Writer(iin(1), "010140000008", "Қосымша Әуен")
DOCUMENT = '{"act":"S-000001-X","сома":12500}'.encode()


@dataclass
class Rig:
    """An adapter, and the signature of a document by a writer as somebody else's program would bring it."""

    service: Any
    brought: Callable[..., bytes]


@pytest.fixture(params=["demo", "ncanode"])
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    demo = DemoSigning()
    if request.param == "demo":
        yield Rig(demo, demo.sign)
        return
    (tmp_path / "key.p12").write_bytes(b"the institution's key")
    monkeypatch.setenv("QOSYMSHA_NCANODE_KEY", str(tmp_path / "key.p12"))
    with fake_ncanode.running(WRITER, AT) as server:
        yield Rig(NcaNodeSigning(server.address), demo.sign)


def reason(call: Callable[[], object]) -> Any:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


def test_what_it_signs_it_verifies_and_tells_whose_it_is(rig: Rig) -> None:
    signature = rig.service.sign(DOCUMENT, WRITER, AT)
    found = rig.service.verify(DOCUMENT, signature, AT)
    assert (found.certificate.iin, found.certificate.bin) == (WRITER.iin, WRITER.bin)
    assert found.signature == signature
    assert found.certificate.valid_from <= AT <= found.certificate.valid_until
    assert found.certificate.serial
    assert found.certificate.issuer


def test_another_document_an_edited_one_and_an_empty_one_are_refused(rig: Rig) -> None:
    signature = rig.brought(DOCUMENT, WRITER, AT)
    for other in (b"other", DOCUMENT.replace(b"12500", b"12501"), b""):
        assert reason(lambda: rig.service.verify(other, signature, AT)) in (  # noqa: B023 - called at once
            SignatureFault.OTHER_DOCUMENT, SignatureFault.BROKEN,
        )  # fmt: skip


def test_a_certificate_counts_in_its_days_only(rig: Rig) -> None:
    signature = rig.brought(DOCUMENT, WRITER, AT)
    for at in (AT + timedelta(days=400), AT - timedelta(days=400)):
        assert reason(lambda: rig.service.verify(DOCUMENT, signature, at)) is SignatureFault.EXPIRED  # noqa: B023


def test_another_authoritys_certificate_is_refused_whatever_it_says(rig: Rig) -> None:
    foreign = DemoSigning(b"another installation").sign(DOCUMENT, WRITER, AT)
    assert reason(lambda: rig.service.verify(DOCUMENT, foreign, AT)) is SignatureFault.UNTRUSTED


JUNK = [b"", b"abc", b"\x30\x80" + b"\0" * 50, b"\x30" * 5000, b"{}", b"-----BEGIN PKCS7-----"]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_signature(rig: Rig, junk: bytes) -> None:
    assert reason(lambda: rig.service.verify(DOCUMENT, junk, AT)) is SignatureFault.UNREADABLE


# --- the demo signer and its CMS ------------------------------------------------------------------------------------


def openssl(tmp_path: Path, document: bytes, signature: bytes) -> subprocess.CompletedProcess[bytes]:
    """OpenSSL's verdict on a detached signature against the demo's authority."""
    authority = DemoSigning().authority.public_bytes(serialization.Encoding.PEM)
    for name, content in (("document", document), ("signature", signature), ("authority", authority)):
        (tmp_path / name).write_bytes(content)
    command = [
        "openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "document",
        "-CAfile", "authority", "-purpose", "any", "-attime", str(int(AT.timestamp())), "-out", "signed",
    ]  # fmt: skip
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)


def test_openssl_verifies_the_demos_signature_and_refuses_an_edited_document(tmp_path: Path) -> None:
    signature = DemoSigning().sign(DOCUMENT, WRITER, AT)
    told = openssl(tmp_path, DOCUMENT, signature)
    assert told.returncode == 0, told.stderr
    assert openssl(tmp_path, DOCUMENT + b" ", signature).returncode != 0


def test_every_demo_certificate_says_that_it_has_no_legal_force() -> None:
    found = DemoSigning().verify(DOCUMENT, DemoSigning().sign(DOCUMENT, WRITER, AT), AT)
    assert not found.is_legal
    assert NO_FORCE in found.certificate.issuer
    certificate = cms.read(DOCUMENT, found.signature).certificate
    assert NO_FORCE in certificate.subject.rfc4514_string()


def test_the_demos_signature_is_the_same_each_time_and_anothers_differs() -> None:
    first = DemoSigning().sign(DOCUMENT, WRITER, AT)
    assert first == DemoSigning().sign(DOCUMENT, WRITER, AT)
    assert first != DemoSigning(b"another").sign(DOCUMENT, WRITER, AT)
    assert first != DemoSigning().sign(DOCUMENT, Writer(iin(2), WRITER.bin, "B"), AT)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_signature_with_one_byte_changed_is_never_another_persons(place: int, change: int) -> None:
    whole = bytearray(DemoSigning().sign(DOCUMENT, WRITER, AT))
    whole[place % len(whole)] ^= change
    with suppress(Refused):
        found = DemoSigning().verify(DOCUMENT, bytes(whole), AT)
        assert (found.certificate.iin, found.certificate.bin) == (WRITER.iin, WRITER.bin)


def rsa_signed(document: bytes, digest: Any, bits: int = 3072) -> tuple[bytes, x509.Certificate]:
    """A signature by another program (the `cryptography` library's own builder), self-signed RSA."""
    key = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    certificate = builder.serial_number(5).not_valid_before(AT).not_valid_after(AT + timedelta(days=1))
    signed = certificate.sign(key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    made = pkcs7.PKCS7SignatureBuilder().set_data(document)
    made = made.add_signer(signed, key, digest, rsa_padding=padding.PKCS1v15())
    return made.sign(serialization.Encoding.DER, options), signed


def test_another_programs_rsa_signature_is_read_and_a_weak_one_is_not() -> None:
    made, certificate = rsa_signed(DOCUMENT, hashes.SHA512())
    assert cms.read(DOCUMENT, made).certificate == certificate
    assert reason(lambda: DemoSigning().verify(DOCUMENT, made, AT)) is SignatureFault.UNTRUSTED
    weak, _ = rsa_signed(DOCUMENT, hashes.SHA256(), bits=1024)
    assert reason(lambda: cms.read(DOCUMENT, weak)) is SignatureFault.WEAK


def test_a_short_key_signs_nothing_unless_the_operator_allows_it(server: FakeNcaNode, settings: Any) -> None:
    """RSA of 2048 bits has the strength of 112 (ASVS 11.2.3: 128), whoever else calls the signature valid."""
    short, certificate = rsa_signed(DOCUMENT, hashes.SHA256(), bits=2048)
    client = NcaNodeSigning(server.address)
    assert reason(lambda: cms.read(DOCUMENT, short)) is SignatureFault.WEAK
    assert reason(lambda: client.verify(DOCUMENT, short, AT)) is SignatureFault.WEAK
    settings.RSA_BITS = 2048
    assert cms.read(DOCUMENT, short).certificate == certificate
    cms.refuse_weak_keys(short)


# --- NCANode --------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FakeNcaNode]:
    with fake_ncanode.running(WRITER, AT) as running:
        yield running


@pytest.mark.parametrize("mood", ["slow", "down", "garbage", "cut", "busy", "moved"])
def test_a_service_that_does_not_answer_well_has_said_nothing(server: FakeNcaNode, mood: str) -> None:
    client, signature = NcaNodeSigning(server.address, timeout_seconds=0.5), DemoSigning().sign(DOCUMENT, WRITER, AT)
    server.mood = mood
    started = time.monotonic()
    with pytest.raises(SigningUnavailable):
        client.verify(DOCUMENT, signature, AT)
    assert time.monotonic() - started < 2
    server.mood = ""
    assert client.verify(DOCUMENT, signature, AT).is_legal, "the national service's word"


@pytest.mark.parametrize(
    ("mood", "why"), [("revoked", SignatureFault.REVOKED), ("two", SignatureFault.SEVERAL_SIGNERS)]
)
def test_a_revoked_certificate_and_a_second_signer_are_refused(server: FakeNcaNode, mood: str, why: Any) -> None:
    server.mood = mood
    signature = DemoSigning().sign(DOCUMENT, WRITER, AT)
    assert reason(lambda: NcaNodeSigning(server.address).verify(DOCUMENT, signature, AT)) is why


def test_without_a_key_of_its_own_the_client_says_how_people_sign(
    server: FakeNcaNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QOSYMSHA_NCANODE_KEY", raising=False)
    with pytest.raises(SigningUnavailable, match="NCALayer"):
        NcaNodeSigning(server.address).sign(DOCUMENT, WRITER, AT)


def test_a_plain_address_outside_this_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="QOSYMSHA_NCANODE_ADDRESS"):
        NcaNodeSigning("http://ncanode.example:14579")

"""A payment file bears the house's own signature: made once, frozen with it, checked by programs that are not ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import DatabaseError, transaction

from qosymsha.domain.settlement.models import PaymentFile
from qosymsha.domain.settlement.rules.file_signature import is_signed
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.errors import Refused
from tests.factories.payments import claim_of, draw_file, release, send, sign
from tests.factories.settlement import City, city

PROGRAM = Path(__file__).parents[2] / "verify" / "payment.py"


def released() -> City:
    """A city with one claim ready to be paid."""
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    return home


def drawn(home: City) -> PaymentFile:
    return PaymentFile.objects.get(id=draw_file(home).file_id)


def put_down(folder: Path, file: PaymentFile) -> Path:
    """The file and its signature as they leave."""
    path = folder / "f.xml"
    path.write_bytes(bytes(file.content))
    (folder / "f.xml.sig").write_bytes(bytes(file.signature or b""))
    return path


def checked(path: Path, key: str) -> subprocess.CompletedProcess[str]:
    """The verdict of `verify/payment.py`."""
    command = [sys.executable, str(PROGRAM), str(path), "--key", key]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def by_openssl(path: Path, public: bytes) -> bool:
    """OpenSSL's verdict, which shares no code with us."""
    key = Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (path.parent / "key.pem").write_bytes(key)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", path.name,
               "-sigfile", f"{path.name}.sig"]  # fmt: skip
    return subprocess.run(command, cwd=path.parent, capture_output=True, check=False).returncode == 0


@pytest.mark.django_db
def test_a_file_leaves_signed_and_others_programs_agree(tmp_path: Path, settings: Any) -> None:
    home = released()
    file = drawn(home)
    content, mark, public = bytes(file.content), bytes(file.signature or b""), bytes(file.signed_by or b"")
    assert is_signed(content, mark, public)
    assert send(home, file.id).signature == mark, "what the treasury gets is what was frozen"
    path = put_down(tmp_path, file)
    fine = checked(path, public.hex())
    assert (fine.returncode, fine.stdout[:2]) == (0, "OK"), fine.stdout + fine.stderr
    assert by_openssl(path, public)
    for wrong in (content.replace(b"KZT", b"USD", 1), content + b" "):
        path.write_bytes(wrong)
        told = checked(path, public.hex())
        assert (told.returncode, "WRONG" in told.stderr) == (1, True)
        assert not by_openssl(path, public)
        assert not is_signed(wrong, mark, public)


@pytest.mark.django_db
def test_another_key_a_cut_signature_and_none_are_told_apart_from_ours(tmp_path: Path, settings: Any) -> None:
    """A file that somebody else signed is no file of this house: the verdict follows from the key alone."""
    settings.PAYMENT_KEY = b"\5" * 32
    file = drawn(released())
    path, public = put_down(tmp_path, file), bytes(file.signed_by or b"")
    assert checked(path, public.hex()).returncode == 0
    assert checked(path, "00" * 32).returncode == checked(path, "no hex").returncode == 1
    (tmp_path / "f.xml.sig").write_bytes(bytes(file.signature or b"")[:-1])
    assert "63 bytes" in checked(path, public.hex()).stderr
    (tmp_path / "f.xml.sig").unlink()
    told = checked(path, public.hex())
    assert (told.returncode, "Traceback" in told.stderr) == (1, False)


@pytest.mark.django_db
def test_without_a_key_no_file_is_drawn(settings: Any) -> None:
    settings.PAYMENT_KEY = b""
    home = released()
    with pytest.raises(Refused) as refused:
        draw_file(home)
    assert refused.value.reason is SettlementRefusal.PAYMENT_KEY_MISSING
    assert not PaymentFile.objects.exists()


@pytest.mark.django_db
def test_a_signature_is_frozen_with_its_file() -> None:
    file = drawn(released())
    for change in ({"signature": b"x" * 64}, {"signed_by": None}):
        with pytest.raises(DatabaseError, match="payment_file"), transaction.atomic():
            PaymentFile.objects.filter(id=file.id).update(**change)

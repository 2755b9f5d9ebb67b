"""The payment file: valid, hashed, sent once."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction

from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import (
    keep_receipt,
)
from qosymsha.domain.settlement.models import PaymentFile, PaymentLine
from qosymsha.domain.settlement.rules.payment_file import fault
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from tests.factories.payments import balance, claim_of, draw_file, release, send, sent_line, sign
from tests.factories.settlement import (
    AT,
    OTHER_IBAN,
    PAYER,
    SYSTEM,
    city,
)

pytestmark = pytest.mark.django_db


def test_the_file_is_valid_holds_every_released_claim_and_is_known_by_its_hash() -> None:
    home = city()
    claim = claim_of(home, 2)
    sign(home, claim)
    release(home, claim)
    key = uuid4()
    drawn = draw_file(home, key=key)
    file = PaymentFile.objects.get(id=drawn.file_id)
    assert fault(bytes(file.content)) is None
    assert bytes(file.content_hash) == hashlib.sha256(bytes(file.content)).digest()
    assert file.total_tiyn == claim.amount_tiyn
    assert draw_file(home, key=key) == drawn
    claim.refresh_from_db()
    assert claim.state == "in_file"
    assert balance("payable", home, claim.id) == claim.amount_tiyn


def test_a_file_against_the_schema_stores_nothing() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    with pytest.raises(Refused) as malformed:
        draw_file(home, payer=replace(PAYER, bic="no bank"))
    assert malformed.value.reason is SettlementRefusal.FILE_MALFORMED
    assert not PaymentFile.objects.exists()
    claim.refresh_from_db()
    assert claim.state == "approved"


def test_a_file_leaves_once_and_waits_for_its_receipt() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    file_id, key = draw_file(home).file_id, uuid4()
    first = send(home, file_id, key=key)
    assert send(home, file_id, key=key) == first
    line = PaymentLine.objects.get()
    assert (balance("payable", home, claim.id), balance("transit", home, line.id)) == (0, claim.amount_tiyn)
    with pytest.raises(Refused) as twice:
        send(home, file_id)
    assert twice.value.reason is SettlementRefusal.FILE_ALREADY_SENT
    assert [f.id for f in queries.files_to_deliver(home.programme.id)] == [file_id]
    for _ in range(2):
        keep_receipt(
            actor=SYSTEM, programme_id=home.programme.id, file_id=first.file_id, receipt="R-1", at=AT, key=uuid4()
        )
    assert queries.files_to_deliver(home.programme.id) == []
    with pytest.raises(Refused) as unknown:
        send(home, 0)
    assert unknown.value.reason is SettlementRefusal.UNKNOWN_FILE


def test_a_files_content_never_changes() -> None:
    home = city()
    sent_line(home)
    for change in ({"content": b"other"}, {"total_tiyn": 5}):
        with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
            PaymentFile.objects.update(**change)
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        PaymentLine.objects.update(iban=OTHER_IBAN)

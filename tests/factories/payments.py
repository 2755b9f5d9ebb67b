"""A claim on its way to the bank, step by step, for the tests of signatures, files and replies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.settlement.commands import (
    apply_replies,
    approve_claims,
    draw_claims,
    draw_payment_file,
    release_claims,
    send_payment_file,
)
from qosymsha.domain.settlement.commands.files import FileDrawn
from qosymsha.domain.settlement.models import Claim, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import RowOutcome
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    PAYER,
    PAYER_OFFICIAL,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    confirmed_month,
)

FULL = TARIFF * UNITS


def claim_of(home: City, children: int = 1) -> Claim:
    """A claim over a confirmed month of these children."""
    with transaction.atomic():
        confirmed_month(home, children)
    (outcome,) = draw_claims(
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=JANUARY, at=AT, key=uuid4()
    )
    return Claim.objects.get(id=outcome.id)


def sign(home: City, *claims: Claim, verb: Any = approve_claims, actor: Any = APPROVER) -> list[RowOutcome]:
    return verb(actor=actor, programme_id=home.programme.id, claim_ids=[c.id for c in claims], at=AT, key=uuid4())  # type: ignore[no-any-return]


def release(home: City, *claims: Claim, actor: Any = PAYER_OFFICIAL) -> list[RowOutcome]:
    return sign(home, *claims, verb=release_claims, actor=actor)


def draw_file(home: City, **changes: Any) -> FileDrawn:
    given = {"actor": PAYER_OFFICIAL, "payer": PAYER, "pay_on": AT.date(), "at": AT, "key": uuid4()} | changes
    return draw_payment_file(programme_id=home.programme.id, **given)


def send(home: City, file_id: int | None, **changes: Any) -> Any:
    given = {"actor": PAYER_OFFICIAL, "at": AT, "key": uuid4()} | changes
    return send_payment_file(programme_id=home.programme.id, file_id=file_id or 0, **given)


def sent_line(home: City) -> PaymentLine:
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    send(home, draw_file(home).file_id)
    return PaymentLine.objects.get(claim=claim)


def say(line: PaymentLine, status: str = "accepted", **changes: Any) -> Reply:
    reply = Reply(f"{status}-{line.end_to_end_id}", line.end_to_end_id, ReplyStatus(status), line.amount_tiyn, "AC04")
    return replace(reply, **changes)


def hear(*replies: Reply, key: Any = None) -> list[RowOutcome]:
    return apply_replies(actor=SYSTEM, replies=replies, at=AT, key=key or uuid4())


def balance(kind: str, home: City, subject: int) -> int:
    key = AccountKey(AccountKind(kind), home.line.id, subject)
    return ledger.balances([key])[key]

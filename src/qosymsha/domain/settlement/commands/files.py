"""The payment file: drawn from released claims, checked and hashed before it is stored, sent once, its receipt kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import file_number, outcomes
from qosymsha.domain.settlement.models import PaymentFile, PaymentLine
from qosymsha.domain.settlement.queries import Release
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.rules.file_signature import signed
from qosymsha.domain.settlement.rules.payment_file import FileDraft, Payer, Payment, fault, write
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState, FileState, LineState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome

CAUSE_SENT = "payment_sent"


@dataclass(frozen=True, slots=True)
class FileDrawn:
    """What became of the released claims: the file (None where every claim was refused) and an outcome per claim."""

    file_id: int | None
    rows: list[RowOutcome]


@dataclass(frozen=True, slots=True)
class FileToSend:
    """What the door hands to the treasury after the commit."""

    file_id: int
    content: bytes
    content_hash: bytes
    signature: bytes


@transaction.atomic(durable=True)
def draw_payment_file(  # noqa: PLR0913 - who, where, who pays, which day, when, once
    *, actor: Actor, programme_id: int, payer: Payer, pay_on: date, at: datetime, key: UUID
) -> FileDrawn:
    """Draw one pain.001 file over every released claim of the programme, where the payer's right
    is bound to a department: of its lines; its hash is recorded before it can leave.

    A claim whose provider changed its account since the approval stays out with `account_changed` until it is given
    back and signed anew. The file is checked against the standard's schema; nothing is stored where it fails.

    Raises:
        Forbidden: the actor is no payer here.
        Refused: `unknown_programme`, `nothing_to_pay`, `pay_day_past`, `file_malformed` with the schema's first
            complaint; `payment_key_missing` — the house has no key to sign files with.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.DRAW_PAYMENT_FILE, ALLOWED, territory_id=programme.territory_id)
    released = queries.lock_released_claims(programme_id)
    roles = ALLOWED[Action.DRAW_PAYMENT_FILE]
    mine = of_department(actor, roles, "claim", [one.claim_id for one in released])
    released = [one for one in released if one.claim_id in mine]
    body = [programme_id, payer.iban, pay_on.isoformat()]
    seen = idempotency.repeat(actor=actor, verb="draw_payment_file", key=key, body=body, at=at)
    if seen is not None:
        return FileDrawn(seen["file"], outcomes(seen["rows"]))
    if not released:
        raise Refused(SettlementRefusal.NOTHING_TO_PAY)
    if pay_on < local_day(at):
        raise Refused(SettlementRefusal.PAY_DAY_PAST)
    rows = [_refusal(row, claim) for row, claim in enumerate(released)]
    good = [claim for claim, refusal in zip(released, rows, strict=True) if refusal is None]
    stored = _store(programme, good, FileTerms(payer, pay_on, at)) if good else None
    result = FileDrawn(
        stored, [r or RowOutcome(n, released[n].claim_id, None, released[n].number) for n, r in enumerate(rows)]
    )
    audit.record(
        actor=actor,
        at=at,
        action=Action.DRAW_PAYMENT_FILE,
        subject_kind="payment_file",
        subject_ids=[stored] if stored else [],
        territory_id=programme.territory_id,
        detail={"claims": [claim.claim_id for claim in good]},
    )
    outcome = {"file": result.file_id, "rows": idempotency.outcome_rows(result.rows)}
    idempotency.keep(actor=actor, verb="draw_payment_file", key=key, outcome=outcome)
    return result


@dataclass(frozen=True, slots=True)
class FileTerms:
    """Who pays, on which day, and when the file was drawn."""

    payer: Payer
    pay_on: date
    at: datetime


def _refusal(row: int, claim: Release) -> RowOutcome | None:
    if claim.iban == claim.account_now:
        return None
    return steps.refused_claim(row, claim.claim_id, SettlementRefusal.ACCOUNT_CHANGED)


def _store(programme: Programme, claims: Sequence[Release], terms: FileTerms) -> int:
    """Write, check, sign and store the file with its lines; the claims are in it from now on."""
    payments = [_payment(claim) for claim in claims]
    draft = FileDraft(file_number(), terms.at, terms.pay_on, terms.payer, payments)
    content = write(draft)
    complaint = fault(content)
    if complaint is not None:
        raise Refused(SettlementRefusal.FILE_MALFORMED, fault=complaint)
    if not settings.PAYMENT_KEY:
        raise Refused(SettlementRefusal.PAYMENT_KEY_MISSING)
    mark = signed(content, settings.PAYMENT_KEY)
    stored = PaymentFile.objects.create(
        number=draft.number,
        territory_id=programme.territory_id,
        programme_id=programme.id,
        state=FileState.DRAWN,
        content=content,
        content_hash=hashlib.sha256(content).digest(),
        signature=mark.signature,
        signed_by=mark.public,
        total_tiyn=draft.total_tiyn,
        drawn_at=terms.at,
    )
    PaymentLine.objects.bulk_create(
        PaymentLine(
            territory_id=programme.territory_id,
            programme_id=programme.id,
            file=stored,
            claim_id=claim.claim_id,
            end_to_end_id=payment.end_to_end_id,
            iban=payment.iban,
            amount_tiyn=payment.amount_tiyn,
            state=LineState.DRAWN,
        )
        for claim, payment in zip(claims, payments, strict=True)
    )
    ids = [claim.claim_id for claim in claims]
    moved = steps.move_claims(programme.id, ids, [ClaimState.APPROVED], ClaimState.IN_FILE)
    assert len(moved) == len(claims), "the claims were locked as approved"
    return stored.id


def _payment(claim: Release) -> Payment:
    purpose = f"{claim.contract_number}; {claim.month:%m.%Y}; {claim.number}"
    return Payment(
        end_to_end_id=f"{claim.number}-{claim.earlier_lines + 1}",
        creditor=claim.provider_name,
        creditor_bin=claim.provider_bin,
        iban=claim.iban,
        amount_tiyn=claim.amount_tiyn,
        purpose=purpose[:140],
    )


@transaction.atomic(durable=True)
def send_payment_file(*, actor: Actor, programme_id: int, file_id: int, at: datetime, key: UUID) -> FileToSend:
    """Send a drawn file, once: its money goes payable → transit; then the door hands the bytes to the treasury.

    A file without a receipt is handed over again by the job (`queries.files_to_deliver`): its hash says it is the same.

    Raises:
        Forbidden: the actor is no payer here.
        Refused: `unknown_programme`, `unknown_file`, `file_already_sent`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.SEND_PAYMENT_FILE, ALLOWED, territory_id=programme.territory_id)
    file = _locked_file(programme_id, file_id)
    body = [programme_id, file_id]
    seen = idempotency.repeat(actor=actor, verb="send_payment_file", key=key, body=body, at=at)
    to_send = FileToSend(file.id, bytes(file.content), bytes(file.content_hash), bytes(file.signature or b""))
    if seen is not None:
        return to_send
    if file.state != FileState.DRAWN:
        raise Refused(SettlementRefusal.FILE_ALREADY_SENT, number=file.number)
    lines = list(PaymentLine.objects.filter(file_id=file_id).select_related("claim").order_by("id"))
    PaymentLine.objects.filter(file_id=file_id).update(state=LineState.SENT)
    PaymentFile.objects.filter(id=file_id).update(state=FileState.SENT, sent_at=at)
    ledger_steps.post([_sent(line) for line in lines], at=at)
    audit.record(
        actor=actor,
        at=at,
        action=Action.SEND_PAYMENT_FILE,
        subject_kind="payment_file",
        subject_ids=[file_id],
        territory_id=programme.territory_id,
        detail={"hash": to_send.content_hash.hex()},
    )
    outbox.tell(topic=Topic.FILE_SENT, subject_kind="payment_file", subject_ids=[file_id], at=at)
    idempotency.keep(actor=actor, verb="send_payment_file", key=key, outcome=file_id)
    return to_send


def _sent(line: PaymentLine) -> Draft:
    payable = AccountKey(AccountKind.PAYABLE, line.claim.line_id, line.claim_id)
    transit = AccountKey(AccountKind.TRANSIT, line.claim.line_id, line.id)
    return Draft(CAUSE_SENT, line.end_to_end_id, ((payable, -line.amount_tiyn), (transit, line.amount_tiyn)))


@transaction.atomic(durable=True)
def keep_receipt(  # noqa: PLR0913 - who, where, which, what, when, once
    *, actor: Actor, programme_id: int, file_id: int, receipt: str, at: datetime, key: UUID
) -> None:
    """Store the treasury's receipt of a sent file; the first one stays.

    Raises:
        Forbidden: the actor is neither payer nor the system.
        Refused: `unknown_programme`, `unknown_file`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.KEEP_RECEIPT, ALLOWED, territory_id=programme.territory_id)
    file = _locked_file(programme_id, file_id)
    body = [programme_id, file_id, receipt]
    if idempotency.repeat(actor=actor, verb="keep_receipt", key=key, body=body, at=at) is not None:
        return
    if not file.receipt:
        PaymentFile.objects.filter(id=file_id).update(receipt=receipt)
    audit.record(
        actor=actor,
        at=at,
        action=Action.KEEP_RECEIPT,
        subject_kind="payment_file",
        subject_ids=[file_id],
        territory_id=programme.territory_id,
        detail={"receipt": receipt},
    )
    idempotency.keep(actor=actor, verb="keep_receipt", key=key, outcome=file_id)


def _locked_file(programme_id: int, file_id: int) -> PaymentFile:
    files = PaymentFile.objects.select_for_update(no_key=True)
    found = files.filter(programme_id=programme_id, id=file_id).first()
    if found is None:
        raise Refused(SettlementRefusal.UNKNOWN_FILE)
    return found

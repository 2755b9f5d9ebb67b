"""Payment files and replies: what is ready to be paid, what waits for the treasury, what it said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from qosymsha.domain.settlement.models import BankReply, PaymentFile, PaymentLine
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.states import FileState


@dataclass(frozen=True, slots=True)
class Release:
    """A claim that two officials signed and no file holds yet; `account_now` is the provider's IBAN today."""

    claim_id: int
    number: str
    line_id: int
    month: date
    amount_tiyn: int
    iban: str
    account_now: str
    provider_name: str
    provider_bin: str
    contract_number: str
    earlier_lines: int


_RELEASED = """
SELECT c.id, c.number, c.line_id, c.month, c.amount_tiyn - c.offset_tiyn, c.iban, p.iban, p.name, coalesce(p.bin, ''),
       k.number,
       (SELECT count(*) FROM payment_line l WHERE l.claim_id = c.id)
  FROM claim c JOIN provider p ON p.id = c.provider_id JOIN contract k ON k.id = c.contract_id
 WHERE c.programme_id = %s AND c.state = 'approved'
   AND EXISTS (SELECT FROM claim_approval a WHERE a.claim_id = c.id AND a.turn = c.turn AND a.step = 'release')
 ORDER BY c.id FOR NO KEY UPDATE OF c"""


def lock_released_claims(programme_id: int) -> list[Release]:
    """Claims ready for a payment file, locked, in the order of their ids."""
    return [Release(*row) for row in rows(_RELEASED, [programme_id])]


def files_to_deliver(programme_id: int) -> list[PaymentFile]:
    """Files that left the ledger but have no receipt of the treasury yet: the job delivers them, again if need be."""
    return list(PaymentFile.objects.filter(programme_id=programme_id, state=FileState.SENT, receipt="").order_by("id"))


def payments_by_state(programme_id: int) -> dict[str, int]:
    """How many payment lines stand in each state."""
    statement = "SELECT state, count(*) FROM payment_line WHERE programme_id = %s GROUP BY 1 ORDER BY 1"
    return dict(rows(statement, [programme_id]))


def held_replies() -> list[BankReply]:
    """Replies that nobody understands and no official has decided on yet, named one by one (LEDGER.md, suspense)."""
    held = BankReply.objects.filter(outcome__startswith="held_", replydecision__isnull=True)
    return list(held.order_by("id"))


def lines_spoken_of(end_to_end_ids: Sequence[str], file_ids: Sequence[int]) -> list[PaymentLine]:
    """The payment lines that words name, one by one or by their file, locked in the order of their ids."""
    lines = PaymentLine.objects.filter(Q(end_to_end_id__in=end_to_end_ids) | Q(file_id__in=file_ids)).order_by("id")
    return list(lines.select_related("claim", "file").select_for_update(of=("self",), no_key=True))


def file_number_of(file_id: int) -> str:
    """The number of a payment file that exists, as people call it."""
    return str(PaymentFile.objects.values_list("number", flat=True).get(id=file_id))


def files_by_number(numbers: Sequence[str]) -> dict[str, PaymentFile]:
    """The payment files that words about whole files name, without their content."""
    files = PaymentFile.objects.filter(number__in=set(numbers) - {""}).defer("content")
    return {file.number: file for file in files}

"""Which entries a claim, and what is kept back of it, make in the ledger. Pure. Source: LEDGER.md 5, 10, 11."""

from __future__ import annotations

from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.settlement.rules.frozen import Drawn

Entries = tuple[tuple[AccountKey, int], ...]


def claim_entries(drawn: Drawn, claim_id: int) -> Entries:
    """place → payable for what was earned; the rest to held, or in one sum to released (lapsed after the close)."""
    line_id, is_over = drawn.input.line_id, drawn.input.is_over
    entries: list[tuple[AccountKey, int]] = []
    ended = 0
    for item in drawn.settlement.settled:
        row, rest = item.row, item.rest_tiyn
        if item.due.amount_tiyn + rest:
            place = AccountKey(AccountKind.PLACE, line_id, row.enrolment_id, row.month)
            entries.append((place, -item.due.amount_tiyn - rest))
        if rest and row.is_voucher_live and not is_over:
            entries.append((AccountKey(AccountKind.HELD, line_id, row.voucher_id), rest))
        else:
            ended += rest
    if ended:
        entries.append((AccountKey(AccountKind.LAPSED if is_over else AccountKind.RELEASED, line_id), ended))
    if drawn.settlement.amount_tiyn:
        entries.append((AccountKey(AccountKind.PAYABLE, line_id, claim_id), drawn.settlement.amount_tiyn))
    return tuple(entries)


def offset_entries(line_id: int, provider_id: int, claim_id: int, tiyn: int, is_over: bool) -> Entries:
    """What is kept back: the claim counts as paid by money sent before, and that money's first cause gets it back.

    payable → paid for the claim; receivable → released, or refunds where the line's year is over (LEDGER.md 10).
    """
    back = AccountKind.REFUNDS if is_over else AccountKind.RELEASED
    return (
        (AccountKey(AccountKind.PAYABLE, line_id, claim_id), -tiyn),
        (AccountKey(AccountKind.PAID, line_id), tiyn),
        (AccountKey(AccountKind.RECEIVABLE, line_id, provider_id), -tiyn),
        (AccountKey(back, line_id), tiyn),
    )

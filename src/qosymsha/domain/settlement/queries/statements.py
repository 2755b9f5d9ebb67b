"""What a provider sees of its claims (H7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.settlement.queries.asked import rows


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What a provider sees of a claim: what is due, why, and where it stands; `paid_at` is the treasury's word."""

    number: str
    month: date
    state: str
    reason: str
    units: int
    amount_tiyn: int
    formula: dict[str, Any]
    paid_at: datetime | None


def provider_statement(provider_id: int) -> list[StatementLine]:
    """A provider's claims, newest month first (H7)."""
    found = rows(
        "SELECT c.number, c.month, c.state, c.reason, c.units, c.amount_tiyn, c.id,"
        " (SELECT max(b.at) FROM payment_line l JOIN bank_reply b ON b.end_to_end_id = l.end_to_end_id"
        " WHERE b.outcome = 'paid' AND l.claim_id = c.id AND l.state = 'accepted')"
        " FROM claim c WHERE c.provider_id = %s ORDER BY c.month DESC, c.id",
        [provider_id],
    )
    formulas = dict(Claim.objects.filter(id__in=[row[6] for row in found]).values_list("id", "formula"))
    return [
        StatementLine(number, month, state, reason, units, amount, formulas[claim_id], paid_at)
        for number, month, state, reason, units, amount, claim_id, paid_at in found
    ]

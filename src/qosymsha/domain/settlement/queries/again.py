"""A month drawn again from its frozen inputs, and compared byte by byte with what is stored (H6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.settlement.models import Claim, ClaimInput, ClaimRow, ClosedMonth
from qosymsha.domain.settlement.rules.frozen import digest, draw, hashed_row, thawed
from qosymsha.domain.settlement.rules.postings import claim_entries
from qosymsha.domain.settlement.rules.totals import claims_digest

CAUSE = "claim"


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A month drawn again: how many claims, which differ and in what, whether the closed month's hash still holds.

    `is_sealed` is None for a month that is not closed.
    """

    claims: int
    faults: tuple[str, ...]
    is_sealed: bool | None


def redraw(programme_id: int, month: date) -> Redrawn:
    """Draw every live claim of a month again from its frozen input, one at a time, and compare."""
    claims = Claim.objects.filter(programme_id=programme_id, month=month).exclude(state="reversed").order_by("number")
    faults: list[str] = []
    count = 0
    for claim in claims.iterator(chunk_size=100):
        count += 1
        faults += [f"{claim.number}: {fault}" for fault in _faults(claim)]
    hashes = [(number, bytes(hash_)) for number, hash_ in claims.values_list("number", "hash")]
    closed = ClosedMonth.objects.filter(programme_id=programme_id, month=month).first()
    sealed = None if closed is None else closed.summary["claims_digest"] == claims_digest(hashes)
    return Redrawn(count, tuple(faults), sealed)


def _faults(claim: Claim) -> list[str]:
    stored = ClaimInput.objects.filter(claim=claim).first()
    if stored is None:
        return ["has no frozen input"]
    content = bytes(stored.content)
    if digest(content) != bytes(stored.hash):
        return ["the frozen input is not what was hashed"]
    again = draw(thawed(content))
    found = []
    if again.input.number != claim.number:
        found.append("the frozen input is another claim's")
    if (again.settlement.amount_tiyn, again.settlement.units) != (claim.amount_tiyn, claim.units):
        found.append(f"amount {claim.amount_tiyn}, drawn again {again.settlement.amount_tiyn}")
    if again.hash != bytes(claim.hash) or again.formula != claim.formula:
        found.append("hash or formula differ")
    if [hashed_row(item) for item in again.settlement.settled] != _rows(claim):
        found.append("rows differ")
    posting_id = ledger.posting_id(CAUSE, claim.number)
    posted = ledger.entries_of(posting_id) if posting_id is not None else []
    if sorted(posted, key=str) != sorted(claim_entries(again, claim.id), key=str):
        found.append("the posting differs")
    return found


def _rows(claim: Claim) -> list[tuple[int, ...]]:
    rows = ClaimRow.objects.filter(claim=claim).order_by("id")
    return list(rows.values_list("sheet_row_id", "part", "units", "unit_tariff_tiyn", "amount_tiyn", "kept_tiyn"))

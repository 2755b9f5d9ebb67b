"""What was claimed beyond what is due, claim by claim. Pure. Source: LEDGER.md 10, 11; docs/rules/pay.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qosymsha.domain.settlement.rules.pay import Due


@dataclass(frozen=True, slots=True)
class Excess:
    """Units and tiyn of a sheet row that a claim holds too much."""

    claim_id: int
    sheet_row_id: int
    units: int
    amount_tiyn: int


def excess(sheet_row_id: int, now: Due, clawed: Due, parts: Sequence[tuple[int, int, int]]) -> list[Excess]:
    """What the row's parts (claim, units, tiyn; the last first) hold beyond what is due now and clawed back already.

    The last part gives first: it was the last to be added.
    """
    over = sum(tiyn for _, _, tiyn in parts) - clawed.amount_tiyn - now.amount_tiyn
    units = max(0, sum(units for _, units, _ in parts) - clawed.units - now.units)
    found = []
    for claim_id, part_units, part_tiyn in parts:
        tiyn = min(over, part_tiyn)
        if tiyn > 0:
            taken = min(units, part_units)
            found.append(Excess(claim_id, sheet_row_id, taken, tiyn))
            over, units = over - tiyn, units - taken
    return found

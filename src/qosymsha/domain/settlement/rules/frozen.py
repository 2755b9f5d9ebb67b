"""A claim's frozen input, and the pure drawing of a claim from it: run again, it gives the same bytes (H6). Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.compact import compact
from qosymsha.domain.settlement.rules.formula import MonthRule, claim_formula, claim_hash
from qosymsha.domain.settlement.rules.pay import Attended, Due, Payable, Settled, Settlement, settle

SCHEMA = "qosymsha.claim_input/1"


@dataclass(frozen=True, slots=True)
class ClaimInput:
    """All that a claim depends on: its number, contract, line and month, the volume left (tiyn), rules, rows in order.

    `is_over`: the line's year is closed, so that what comes back lapses.
    """

    number: str
    contract_id: int
    line_id: int
    month: date
    volume_left_tiyn: int
    is_over: bool
    rules: Mapping[date, MonthRule]
    rows: tuple[Payable, ...]


@dataclass(frozen=True)
class Drawn:
    """A claim as its input gives it: what each row is paid, the formula, the hash over both."""

    input: ClaimInput
    settlement: Settlement

    @cached_property
    def formula(self) -> dict[str, Any]:
        """The formula in numbers and words."""
        return claim_formula(self.settlement, self.input.rules)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 over number, formula and rows."""
        return claim_hash(self.input.number, self.formula, [hashed_row(item) for item in self.settlement.settled])


def hashed_row(item: Settled) -> tuple[int, ...]:
    """A row as a claim's hash covers it: sheet row, part, units, tariff, amount and kept in tiyn."""
    row = item.row
    return (
        row.sheet_row_id,
        row.part,
        item.due.units,
        row.attended.unit_tariff_tiyn,
        item.due.amount_tiyn,
        item.keep_tiyn,
    )


def draw(given: ClaimInput) -> Drawn:
    """Draw the claim: the same input gives the same bytes, today and in ten years."""
    pay = {month: rule.pay for month, rule in given.rules.items()}
    return Drawn(given, settle(given.rows, pay, given.volume_left_tiyn))


def frozen(given: ClaimInput) -> bytes:
    """The input's canonical bytes: what is stored and hashed beside the claim."""
    months = sorted({row.month for row in given.rows} | set(given.rules))
    places = {month: place for place, month in enumerate(months)}
    return compact(
        {
            "schema": SCHEMA,
            "number": given.number,
            "contract": given.contract_id,
            "line": given.line_id,
            "month": given.month.isoformat(),
            "volume_left_tiyn": given.volume_left_tiyn,
            "is_over": given.is_over,
            "months": [month.isoformat() for month in months],
            "rules": {
                month.isoformat(): {"pay": _plain(rule.pay), "hash": rule.rules_hash, "unit": rule.unit}
                for month, rule in given.rules.items()
            },
            "rows": [
                [
                    r[0],
                    r[1],
                    r[2],
                    places[r.month],
                    *r.attended,
                    int(r[5]),
                    int(r[6]),
                    r[7],
                    r[8],
                    *r.claimed,
                    r[10],
                    r[11],
                ]
                for r in given.rows
            ],
        }
    )


def thawed(content: bytes) -> ClaimInput:
    """The input of its frozen bytes."""
    found = json.loads(content)
    assert found["schema"] == SCHEMA, "an input of another version"
    months = [date.fromisoformat(month) for month in found["months"]]
    rules = {
        date.fromisoformat(month): MonthRule(
            Pay(**{**rule["pay"], "paid_reasons": tuple(rule["pay"]["paid_reasons"])}), rule["hash"], rule["unit"]
        )
        for month, rule in found["rules"].items()
    }
    return ClaimInput(
        number=found["number"],
        contract_id=found["contract"],
        line_id=found["line"],
        month=date.fromisoformat(found["month"]),
        volume_left_tiyn=found["volume_left_tiyn"],
        is_over=found["is_over"],
        rules=rules,
        rows=tuple(_row(values, months) for values in found["rows"]),
    )


def digest(content: bytes) -> bytes:
    """SHA-256 of frozen bytes."""
    return hashlib.sha256(content).digest()


def _plain(pay: Pay) -> dict[str, Any]:
    return {**asdict(pay), "paid_reasons": list(pay.paid_reasons)}


def _row(values: list[Any], months: list[date]) -> Payable:
    is_payable, is_live, place, line_id, units, tiyn, part, waits = values[14:]
    return Payable(
        values[0],
        values[1],
        values[2],
        months[values[3]],
        Attended(*values[4:14]),
        bool(is_payable),
        bool(is_live),
        place,
        line_id,
        Due(units, tiyn),
        part,
        waits,
    )

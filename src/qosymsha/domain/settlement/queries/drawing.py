"""What a month's claims come to by today's facts: the reading that a draw stores, and that a page shows before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from qosymsha.domain.flags.queries import screened
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.claims import (
    ContractFacts,
    claimable_months,
    claimed_contracts,
    contracts,
    incomplete_rows,
    payable_rows,
)
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.queries.month_rules import RuleInForce, month_rules
from qosymsha.domain.settlement.rules.frozen import ClaimInput, Drawn, draw
from qosymsha.domain.settlement.rules.pay import Payable
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.actor import Actor, require

DRAWERS = ALLOWED[Action.DRAW_CLAIMS] - {Role.PROVIDER_MANAGER, Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class Foresight:
    """Contracts that have their claim already; what each of the others would claim; the month rules that say so."""

    done: tuple[ContractFacts, ...]
    drawn: tuple[tuple[ContractFacts, Drawn], ...]
    rules: Mapping[date, RuleInForce]


@dataclass(frozen=True, slots=True)
class ProviderDraw:
    """What a draw would bring one provider: claims, rows, units, tiyn; rows that wait, by reason; claims there already.

    `owed_tiyn` is what it still owes back, of which a part is kept from its claims.
    """

    provider_id: int
    number: str
    name: str
    claims: int
    rows: int
    units: int
    tiyn: int
    waiting: Mapping[SettlementRefusal, int]
    done: int
    owed_tiyn: int


def foresee(programme_id: int, of: Sequence[ContractFacts], month: date) -> Foresight:
    """What these contracts would claim for a month, from every row up to it that has something to claim."""
    done = claimed_contracts([c.id for c in of], month)
    open_ones = [c for c in of if c.id not in done]
    ids = [c.id for c in open_ones]
    rules = month_rules(programme_id, {month} | claimable_months(ids, month))
    paper_months = [m for m, rule in rules.items() if rule.asks_papers]
    by_contract: Mapping[int, Sequence[Payable]] = payable_rows(ids, month, paper_months)
    by_contract = _mark_waiting(open_ones, by_contract, {m: rule.month_rule.pay for m, rule in rules.items()})
    drawn = tuple((c, draw(_input(c, by_contract.get(c.id, ()), rules, month))) for c in open_ones)
    return Foresight(tuple(c for c in of if c.id in done), drawn, rules)


def _mark_waiting(
    of: Sequence[ContractFacts], by_contract: Mapping[int, Sequence[Payable]], pay: Mapping[date, Pay]
) -> dict[int, Sequence[Payable]]:
    """Say of rows that wait whatever their sum: the sheet is not screened, or claimed whole only and not whole yet."""
    whole = {month for month, rule in pay.items() if not rule.partial_sheets}
    incomplete = incomplete_rows([c.id for c in of], whole)
    watched = {month for month, rule in pay.items() if rule.screened}
    providers = [c.provider_id for c in of]
    seen = {month: screened(providers, month) for month in sorted(watched)}
    if not incomplete and not seen:
        return dict(by_contract)

    def marked(row: Payable, provider_id: int) -> Payable:
        if row.month in seen and provider_id not in seen[row.month]:
            return row._replace(waits=SettlementRefusal.NOT_SCREENED.value)
        return row._replace(waits=SettlementRefusal.SHEET_INCOMPLETE.value) if row.sheet_row_id in incomplete else row

    return {c.id: [marked(row, c.provider_id) for row in by_contract.get(c.id, ())] for c in of}


def _input(
    contract: ContractFacts, of: Sequence[Payable], rules: Mapping[date, RuleInForce], month: date
) -> ClaimInput:
    """What the claim is drawn from; its number comes when it is known that there is a claim."""
    months = {row.month for row in of}
    return ClaimInput(
        number="",
        contract_id=contract.id,
        line_id=contract.line_id,
        month=month,
        volume_left_tiyn=contract.volume_left_tiyn,
        is_over=contract.is_over,
        rules={m: rule.month_rule for m, rule in rules.items() if m in months},
        rows=tuple(of),
    )


_PROVIDERS = """
WITH owed AS (
    SELECT o.provider_id, sum(o.amount_tiyn - coalesce(f.tiyn, 0) - coalesce(b.tiyn, 0)) AS tiyn FROM recovery o
      LEFT JOIN (SELECT recovery_id, sum(amount_tiyn) AS tiyn FROM claim_offset WHERE live GROUP BY 1) f
             ON f.recovery_id = o.id
      LEFT JOIN (SELECT recovery_id, sum(amount_tiyn) AS tiyn FROM refund GROUP BY 1) b ON b.recovery_id = o.id
     WHERE o.provider_id = ANY (%(providers)s::bigint[]) AND o.state = 'decided' GROUP BY 1)
SELECT p.id, p.number, p.name, coalesce(owed.tiyn, 0)::bigint
  FROM provider p LEFT JOIN owed ON owed.provider_id = p.id
 WHERE p.id = ANY (%(providers)s::bigint[]) ORDER BY p.name, p.id"""


def provider_draws(
    *, actor: Actor, programme_id: int, territory_id: int, month: date, provider_ids: Sequence[int]
) -> list[ProviderDraw]:
    """What a draw of the month would bring each of these providers, by name; figures alone, nothing is locked.

    Raises:
        Forbidden: the actor may not draw there.
    """
    require(actor, Action.DRAW_CLAIMS, ALLOWED, territory_id=territory_id)
    whole = {c.id: c for c in contracts(programme_id, provider_ids)}
    of = [whole[i] for i in of_department(actor, ALLOWED[Action.DRAW_CLAIMS], "contract", whole)]
    seen = foresee(programme_id, of, month)
    found = rows(_PROVIDERS, {"providers": sorted({c.provider_id for c in of})})
    drawn: dict[int, list[Drawn]] = {}
    for contract, one in seen.drawn:
        drawn.setdefault(contract.provider_id, []).append(one)
    done = Counter(contract.provider_id for contract in seen.done)
    return [_provider_draw(row, drawn.get(row[0], []), done[row[0]]) for row in found]


def _provider_draw(row: tuple[Any, ...], mine: Sequence[Drawn], done: int) -> ProviderDraw:
    provider_id, number, name, owed = row
    waiting = Counter(held.reason for drawn in mine for held in drawn.settlement.held)
    return ProviderDraw(
        provider_id,
        number,
        name,
        sum(bool(drawn.settlement.settled) for drawn in mine),
        sum(len(drawn.settlement.settled) for drawn in mine),
        sum(drawn.settlement.units for drawn in mine),
        sum(drawn.settlement.amount_tiyn for drawn in mine),
        waiting,
        done,
        owed,
    )

"""Drawing claims from confirmed rows, and taking a claim back before it is paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger_queries
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import claim_numbers, outcomes
from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.settlement.queries import ContractFacts
from qosymsha.domain.settlement.rules.formula import MonthRule, claim_formula, claim_hash
from qosymsha.domain.settlement.rules.pay import Payable, Settled, Settlement, settle
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import Refused, RowOutcome

CAUSE = "claim"
CAUSE_REVERSED = "claim_reversed"


@dataclass(frozen=True, slots=True)
class _Rule:
    """The rule set in force on a month's last day."""

    rule_set_id: int
    month_rule: MonthRule


@dataclass(frozen=True, slots=True)
class _Drawing:
    """One contract's claim to be: not stored yet."""

    claim: Claim
    settlement: Settlement


@transaction.atomic(durable=True)
def draw_claims(  # noqa: PLR0913 - the envelope of a bulk verb: who, where, whose, which month, when, once
    *, actor: Actor, programme_id: int, provider_ids: Sequence[int], month: date, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Draw one claim per contract of these providers for a month, from every spoken row up to it that no claim has yet.

    Earned money goes place → payable; what a taken row's place still holds goes back to the voucher, or to `released`
    where the voucher is closed, or lapses where the year is. An outcome per claim (`row` is the provider's place in
    `provider_ids`) and one per row that waits, with its reason and its id in `detail`; a waiting row comes again with
    the next month's claim.

    Raises:
        Forbidden: the actor may not draw for one of the providers.
        Refused: `unknown_programme`, `month_closed`, `no_rules_in_force`; `not_covered` where a place moved meanwhile.
    """
    programme = queries.programme_of(programme_id)
    for provider_id in provider_ids:
        require(actor, Action.DRAW_CLAIMS, ALLOWED, territory_id=programme.territory_id, provider_id=provider_id)
    contracts = queries.lock_contracts(programme_id, provider_ids)
    body = [programme_id, sorted(provider_ids), month.isoformat()]
    seen = idempotency.repeat(actor=actor, verb="draw_claims", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    if queries.is_month_closed(programme_id, month):
        raise Refused(SettlementRefusal.MONTH_CLOSED, month=month.isoformat())
    rows_of = {provider_id: row for row, provider_id in enumerate(provider_ids)}
    result, drawings = _decide(programme, contracts, rows_of, month, at)
    stored = steps.store_claims([(d.claim, d.settlement.settled) for d in drawings])
    is_over = queries.is_year_closed(programme_id, month.year)
    drafts = [_draft(d, is_over) for d in drawings]
    ledger_steps.post([draft for draft in drafts if draft.entries], at=at)
    result += [RowOutcome(rows_of[claim.provider_id], claim.id, None, claim.number) for claim in stored]
    audit.record(
        actor=actor,
        at=at,
        action=Action.DRAW_CLAIMS,
        subject_kind="claim",
        subject_ids=[claim.id for claim in stored],
        territory_id=programme.territory_id,
        detail={"month": month.isoformat(), "held": dict(Counter(r.reason.value for r in result if r.reason))},
    )
    outbox.tell(topic=Topic.CLAIM_DRAWN, subject_kind="claim", subject_ids=[claim.id for claim in stored], at=at)
    idempotency.keep(actor=actor, verb="draw_claims", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _decide(
    programme: Programme, contracts: list[ContractFacts], rows_of: dict[int, int], month: date, at: datetime
) -> tuple[list[RowOutcome], list[_Drawing]]:
    """The claims to be stored, and the outcomes of what is not."""
    done = queries.claimed_contracts([c.id for c in contracts], month)
    by_contract = queries.payable_rows([c.id for c in contracts if c.id not in done], month)
    result = [
        RowOutcome(rows_of[c.provider_id], None, SettlementRefusal.CLAIM_ALREADY_DRAWN, f"contract {c.id}")
        for c in contracts
        if c.id in done
    ]
    rules = _rules_by_month(programme.id, {month, *(r.month for rows in by_contract.values() for r in rows)})
    settlements: list[tuple[ContractFacts, Settlement]] = []
    for contract in contracts:
        settlement = _settle(contract, by_contract.get(contract.id, []), rules)
        result += [
            RowOutcome(rows_of[contract.provider_id], None, held.reason, f"sheet_row {held.row.sheet_row_id}")
            for held in settlement.held
        ]
        if settlement.settled:
            settlements.append((contract, settlement))
    if settlements and month not in rules:
        raise Refused(SettlementRefusal.NO_RULES_IN_FORCE, month=month.isoformat())
    numbers = claim_numbers(len(settlements))
    drawings = [
        _drawing(programme, contract, settlement, rules, (month, number, at))
        for (contract, settlement), number in zip(settlements, numbers, strict=True)
    ]
    return result, drawings


def _rules_by_month(programme_id: int, months: set[date]) -> dict[date, _Rule]:
    """The rule sets by month; a month without one is left out."""
    found: dict[date, _Rule] = {}
    for month in sorted(months):
        try:
            in_force = programme_queries.rules_in_force(programme_id, next_month(month) - timedelta(days=1))
        except Refused:
            continue
        found[month] = _Rule(in_force.id, MonthRule(in_force.rules.pay, in_force.hash.hex()))
    return found


def _settle(contract: ContractFacts, rows: list[Payable], rules: dict[date, _Rule]) -> Settlement:
    pay = {month: rule.month_rule.pay for month, rule in rules.items()}
    return settle(rows, pay, contract.volume_left_tiyn)


def _drawing(
    programme: Programme,
    contract: ContractFacts,
    settlement: Settlement,
    rules: dict[date, _Rule],
    named: tuple[date, str, datetime],
) -> _Drawing:
    month, number, at = named
    formula = claim_formula(settlement, {m: rule.month_rule for m, rule in rules.items()})
    claim = Claim(
        number=number,
        territory_id=programme.territory_id,
        programme_id=programme.id,
        provider_id=contract.provider_id,
        contract_id=contract.id,
        line_id=contract.line_id,
        rule_set_id=rules[month].rule_set_id,
        month=month,
        units=settlement.units,
        amount_tiyn=settlement.amount_tiyn,
        formula=formula,
        hash=claim_hash(number, formula, [steps.hashed_row(item) for item in settlement.settled]),
        state=ClaimState.DRAWN if settlement.amount_tiyn else ClaimState.NOTHING_DUE,
        drawn_at=at,
    )
    return _Drawing(claim, settlement)


def _draft(drawing: _Drawing, is_over: bool) -> Draft:
    """One posting for a stored claim: each place emptied, the earned part to `payable`, each rest back.

    After the year's close (`is_over`) there is nothing to go back to: rests lapse with the rest of the year's money.
    """
    line_id = drawing.claim.line_id
    entries: list[tuple[AccountKey, int]] = []
    ended = 0
    for item in drawing.settlement.settled:
        if item.row.place_tiyn:
            entries.append((_place(item, line_id), -item.row.place_tiyn))
        if item.rest_tiyn and item.row.is_voucher_live and not is_over:
            entries.append((AccountKey(AccountKind.HELD, line_id, item.row.voucher_id), item.rest_tiyn))
        elif item.rest_tiyn:
            ended += item.rest_tiyn
    if ended:
        entries.append((AccountKey(AccountKind.LAPSED if is_over else AccountKind.RELEASED, line_id), ended))
    if drawing.claim.amount_tiyn:
        entries.append((AccountKey(AccountKind.PAYABLE, line_id, drawing.claim.id), drawing.claim.amount_tiyn))
    return Draft(CAUSE, drawing.claim.number, tuple(entries))


def _place(item: Settled, line_id: int) -> AccountKey:
    return AccountKey(AccountKind.PLACE, line_id, item.row.enrolment_id, item.row.month)


@transaction.atomic(durable=True)
def reverse_claims(  # noqa: PLR0913 - who, where, which, why, when, once
    *, actor: Actor, programme_id: int, claim_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Take claims back before they are paid: the posting is reversed, the rows may be claimed anew (LEDGER.md 10).

    Only claims that no official has approved; an approved one is first given back by `return_claims`.

    Raises:
        Refused: `unknown_programme`; `not_covered` where a voucher's money has moved on since.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.REVERSE_CLAIMS, ALLOWED, territory_id=programme.territory_id)
    queries.lock_contracts(programme_id, None)
    body = [programme_id, list(claim_ids), reason]
    seen = idempotency.repeat(actor=actor, verb="reverse_claims", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    before = [ClaimState.DRAWN, ClaimState.NOTHING_DUE]
    moved = steps.move_claims(programme_id, claim_ids, before, ClaimState.REVERSED, reason=reason)
    steps.free_rows(moved)
    for number in Claim.objects.filter(id__in=moved).order_by("id").values_list("number", flat=True):
        posting_id = ledger_queries.posting_id(CAUSE, number)
        if posting_id is not None:  # a claim of rows whose places were empty moved nothing
            ledger_steps.reverse(posting_id, cause_kind=CAUSE_REVERSED, cause_key=number, at=at)
    result = steps.moved_outcomes(claim_ids, moved)
    audit.record(
        actor=actor,
        at=at,
        action=Action.REVERSE_CLAIMS,
        subject_kind="claim",
        subject_ids=sorted(moved),
        territory_id=programme.territory_id,
    )
    outbox.tell(topic=Topic.CLAIM_REVERSED, subject_kind="claim", subject_ids=sorted(moved), at=at)
    idempotency.keep(actor=actor, verb="reverse_claims", key=key, outcome=idempotency.outcome_rows(result))
    return result

"""Drawing claims from confirmed rows, and taking a claim back before it is paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger_queries
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import Draft
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import claim_numbers, outcomes
from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.settlement.queries import ContractFacts
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.rules.frozen import Drawn
from qosymsha.domain.settlement.rules.pay import offsets
from qosymsha.domain.settlement.rules.postings import claim_entries, offset_entries
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome

CAUSE = "claim"
CAUSE_REVERSED = "claim_reversed"
CAUSE_OFFSET = "claim_offset"
CAUSE_OFFSET_REVERSED = "claim_offset_reversed"


@dataclass(frozen=True, slots=True)
class _Drawing:
    """One contract's claim to be: not stored yet. `offsets`: (recovery, tiyn kept back)."""

    claim: Claim
    drawn: Drawn
    offsets: Sequence[tuple[int, int]]


@transaction.atomic(durable=True)
def draw_claims(  # noqa: PLR0913 - the envelope of a bulk verb: who, where, whose, which month, when, once
    *, actor: Actor, programme_id: int, provider_ids: Sequence[int], month: date, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Draw one claim per contract of these providers for a month, from every row up to it that has something to claim.

    Earned money goes place → payable. What a row's waiting days may still need stays on the place; the rest goes back
    to the voucher, to `released` where the voucher is closed, or lapses where the year is. What a provider owes is
    kept back by its plan. An outcome per claim (`row` is the provider's place in `provider_ids`) and one per row that
    waits, with its reason and its id in `detail`; a waiting row comes again with the next month's claim.

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
    mine = set(of_department(actor, ALLOWED[Action.DRAW_CLAIMS], "contract", [c.id for c in contracts]))
    result, drawings = _decide(programme, [c for c in contracts if c.id in mine], rows_of, month, at)
    stored = steps.store_claims([(d.claim, d.drawn) for d in drawings])
    steps.store_offsets([(d.claim, d.offsets) for d in drawings])
    ledger_steps.post([draft for d in drawings for draft in _drafts(d)], at=at)
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
    seen = queries.foresee(programme.id, contracts, month)
    result = [
        RowOutcome(rows_of[c.provider_id], None, SettlementRefusal.CLAIM_ALREADY_DRAWN, f"contract {c.id}")
        for c in seen.done
    ]
    result += [
        RowOutcome(rows_of[contract.provider_id], None, held.reason, f"sheet_row {held.row.sheet_row_id}")
        for contract, one in seen.drawn
        for held in one.settlement.held
    ]
    drawn = [(contract, one) for contract, one in seen.drawn if one.settlement.settled]
    if drawn and month not in seen.rules:
        raise Refused(SettlementRefusal.NO_RULES_IN_FORCE, month=month.isoformat())
    return result, _drawings(programme, drawn, seen.rules[month].rule_set_id if drawn else 0, at)


def _drawings(
    programme: Programme, drawn: Sequence[tuple[ContractFacts, Drawn]], rule_set_id: int, at: datetime
) -> list[_Drawing]:
    numbers = claim_numbers(len(drawn))
    owed = queries.lock_owed([contract.provider_id for contract, _ in drawn]) if drawn else {}
    found = []
    for (contract, one), number in zip(drawn, numbers, strict=True):
        named = Drawn(replace(one.input, number=number), one.settlement)
        debts = owed.get((contract.provider_id, contract.line_id), [])
        kept = offsets([(o.recovery_id, o.left_tiyn, o.plan_permille) for o in debts], one.settlement.amount_tiyn)
        found.append(_Drawing(_claim(programme, contract, named, rule_set_id, at, kept), named, kept))
    return found


def _claim(  # noqa: PLR0913 - the columns of a claim come from six places
    programme: Programme,
    contract: ContractFacts,
    one: Drawn,
    rule_set_id: int,
    at: datetime,
    kept: Sequence[tuple[int, int]],
) -> Claim:
    amount = one.settlement.amount_tiyn
    return Claim(
        number=one.input.number,
        territory_id=programme.territory_id,
        programme_id=programme.id,
        provider_id=contract.provider_id,
        contract_id=contract.id,
        line_id=contract.line_id,
        rule_set_id=rule_set_id,
        month=one.input.month,
        units=one.settlement.units,
        amount_tiyn=amount,
        offset_tiyn=sum(tiyn for _, tiyn in kept),
        formula=one.formula,
        hash=one.hash,
        state=ClaimState.DRAWN if amount else ClaimState.NOTHING_DUE,
        drawn_at=at,
    )


def _drafts(drawing: _Drawing) -> list[Draft]:
    """The postings of a stored claim: each place gives what was earned and what goes back; then what is kept back.

    After the year's close there is nothing to go back to: rests lapse, and what was owed goes to `refunds`.
    """
    claim, is_over = drawing.claim, drawing.drawn.input.is_over
    entries = claim_entries(drawing.drawn, claim.id)
    drafts = [Draft(CAUSE, claim.number, entries)] if entries else []
    if claim.offset_tiyn:
        drafts.append(
            Draft(
                CAUSE_OFFSET,
                claim.number,
                offset_entries(claim.line_id, claim.provider_id, claim.id, claim.offset_tiyn, is_over),
            )
        )
    return drafts


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
    mine = of_department(actor, ALLOWED[Action.REVERSE_CLAIMS], "claim", claim_ids)
    moved = steps.move_claims(programme_id, mine, before, ClaimState.REVERSED, reason=reason)
    steps.free_rows(moved)
    for number in Claim.objects.filter(id__in=moved).order_by("id").values_list("number", flat=True):
        for cause, reversed_cause in ((CAUSE_OFFSET, CAUSE_OFFSET_REVERSED), (CAUSE, CAUSE_REVERSED)):
            posting_id = ledger_queries.posting_id(cause, number)
            if posting_id is not None:  # a claim of rows whose places were empty moved nothing
                ledger_steps.reverse(posting_id, cause_kind=reversed_cause, cause_key=number, at=at)
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

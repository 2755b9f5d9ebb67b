"""Two officials' signatures: approve (by band, freezing the bank details), then release; and giving a claim back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import F

from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.rules import Papers
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.outcomes import outcomes
from qosymsha.domain.settlement.models import Approval, Claim
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.rules.acts import refuse_approval
from qosymsha.domain.settlement.rules.pay import RELEASE, approvals_needed, approve_step
from qosymsha.domain.settlement.rules.payment_file import is_iban
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

MORE_NEEDED = "more approvals needed"


@dataclass(frozen=True, slots=True)
class _Signing:
    """A claim asked for, or why its signature is refused, with who signed in this turn already."""

    claim: Claim | None
    signed_by: tuple[int, ...] = ()
    reason: StrEnum | None = None


@transaction.atomic(durable=True)
def approve_claims(
    *, actor: Actor, programme_id: int, claim_ids: Sequence[int], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Approve drawn claims. The first approval freezes the provider's account; the band says how many are needed.

    An outcome's `detail` is `approved`, or says that the band asks for more approvals, by others.

    Raises:
        Forbidden: the actor is no approver here.
        Refused: `unknown_programme`. Rows: `claim_in_other_state`, `same_official`, `no_account`, `account_malformed`,
            `account_changed` (since the first approval), `act_not_signed`, `einvoice_missing` where the rules ask.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.APPROVE_CLAIMS, ALLOWED, territory_id=programme.territory_id)
    asked = _lock(programme_id, of_department(actor, ALLOWED[Action.APPROVE_CLAIMS], "claim", claim_ids))
    body = [programme_id, list(claim_ids)]
    seen = idempotency.repeat(actor=actor, verb="approve_claims", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    signings = [_judge(asked.get(claim_id), ClaimState.DRAWN, actor.user_id) for claim_id in claim_ids]
    signings = _with_papers(signings)
    result = _sign(signings, claim_ids, at=at, user_id=actor.user_id)
    fresh = [s for s in signings if s.reason is None and s.claim is not None]
    approved = [s.claim.id for s in fresh if s.claim is not None and _is_enough(s.claim, len(s.signed_by) + 1)]
    for signing in fresh:
        assert signing.claim is not None
        signing.claim.iban = signing.claim.provider.iban
    Claim.objects.bulk_update([s.claim for s in fresh if s.claim is not None], ["iban"])
    steps.move_claims(programme_id, approved, [ClaimState.DRAWN], ClaimState.APPROVED)
    result = [replace(r, detail="approved" if r.id in approved else MORE_NEEDED) if r.id else r for r in result]
    _record(actor, Action.APPROVE_CLAIMS, result, at=at, territory_id=programme.territory_id)
    outbox.tell(topic=Topic.CLAIM_APPROVED, subject_kind="claim", subject_ids=approved, at=at)
    idempotency.keep(actor=actor, verb="approve_claims", key=key, outcome=idempotency.outcome_rows(result))
    return result


@transaction.atomic(durable=True)
def release_claims(
    *, actor: Actor, programme_id: int, claim_ids: Sequence[int], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Release approved claims for payment: the last signature, by somebody who has not signed this turn.

    Raises:
        Forbidden: the actor is no payer here.
        Refused: `unknown_programme`. Rows: `claim_in_other_state`, `same_official`, `already_released`,
            `account_changed`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.RELEASE_CLAIMS, ALLOWED, territory_id=programme.territory_id)
    asked = _lock(programme_id, of_department(actor, ALLOWED[Action.RELEASE_CLAIMS], "claim", claim_ids))
    body = [programme_id, list(claim_ids)]
    seen = idempotency.repeat(actor=actor, verb="release_claims", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    signings = [_judge(asked.get(claim_id), ClaimState.APPROVED, actor.user_id) for claim_id in claim_ids]
    result = _sign(signings, claim_ids, at=at, user_id=actor.user_id)
    released = _record(actor, Action.RELEASE_CLAIMS, result, at=at, territory_id=programme.territory_id)
    outbox.tell(topic=Topic.CLAIM_RELEASED, subject_kind="claim", subject_ids=released, at=at)
    idempotency.keep(actor=actor, verb="release_claims", key=key, outcome=idempotency.outcome_rows(result))
    return result


@transaction.atomic(durable=True)
def return_claims(  # noqa: PLR0913 - who, where, which, why, when, once
    *, actor: Actor, programme_id: int, claim_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Give approved or held claims back: a new turn, with new signatures over today's bank details (LEDGER.md 7).

    Raises:
        Forbidden: the actor signs nothing here.
        Refused: `unknown_programme`. Rows: `claim_in_other_state`, `unknown_claim`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.RETURN_CLAIMS, ALLOWED, territory_id=programme.territory_id)
    body = [programme_id, list(claim_ids), reason]
    seen = idempotency.repeat(actor=actor, verb="return_claims", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    before = [ClaimState.APPROVED, ClaimState.HELD]
    mine = of_department(actor, ALLOWED[Action.RETURN_CLAIMS], "claim", claim_ids)
    moved = steps.move_claims(programme_id, mine, before, ClaimState.DRAWN, turn=F("turn") + 1, iban="", reason=reason)
    result = steps.moved_outcomes(claim_ids, moved)
    returned = _record(actor, Action.RETURN_CLAIMS, result, at=at, territory_id=programme.territory_id)
    outbox.tell(topic=Topic.CLAIM_RETURNED, subject_kind="claim", subject_ids=returned, at=at)
    idempotency.keep(actor=actor, verb="return_claims", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _lock(programme_id: int, claim_ids: Sequence[int]) -> dict[int, _Signing]:
    """The claims asked for, locked in the order of their ids, each with who signed it in its turn."""
    claims = Claim.objects.filter(programme_id=programme_id, id__in=claim_ids).select_related("provider").order_by("id")
    found = {claim.id: claim for claim in claims.select_for_update(of=("self",), no_key=True)}
    signed: dict[int, list[int]] = {claim_id: [] for claim_id in found}
    for approval in Approval.objects.filter(claim_id__in=found).order_by("id"):
        if approval.turn == found[approval.claim_id].turn:
            signed[approval.claim_id].append(approval.user_id)
            if approval.step == RELEASE:
                signed[approval.claim_id].append(0)  # nobody's id: marks the turn as complete
    return {claim_id: _Signing(claim, tuple(signed[claim_id])) for claim_id, claim in found.items()}


def _judge(signing: _Signing | None, state: ClaimState, user_id: int) -> _Signing:
    """The signing, or the first reason against it."""
    if signing is None or signing.claim is None:
        return _Signing(None, (), SettlementRefusal.UNKNOWN_CLAIM)
    claim = signing.claim
    frozen = claim.iban if signing.signed_by else claim.provider.iban
    checks = (
        (claim.state != state, SettlementRefusal.CLAIM_IN_OTHER_STATE),
        (0 in signing.signed_by, SettlementRefusal.ALREADY_RELEASED),
        (user_id in signing.signed_by, SettlementRefusal.SAME_OFFICIAL),
        (not claim.provider.iban, SettlementRefusal.NO_ACCOUNT),
        (not is_iban(claim.provider.iban), SettlementRefusal.ACCOUNT_MALFORMED),
        (claim.provider.iban != frozen, SettlementRefusal.ACCOUNT_CHANGED),
    )
    reason = next((reason for is_true, reason in checks if is_true), None)
    return _Signing(claim, signing.signed_by, reason)


def _with_papers(signings: Sequence[_Signing]) -> list[_Signing]:
    """The same, refused where the rule set asks for a signed act or its e-invoice and there is none."""
    states = queries.act_states([s.claim.id for s in signings if s.claim is not None])
    return [
        replace(s, reason=refuse_approval(_papers(s.claim), states.get(s.claim.id)))
        if s.reason is None and s.claim is not None
        else s
        for s in signings
    ]


def _papers(claim: Claim) -> Papers:
    return programme_queries.rules_of(claim.rule_set_id).rules.papers


def _sign(signings: list[_Signing], claim_ids: Sequence[int], *, at: datetime, user_id: int) -> list[RowOutcome]:
    """Store the signatures that nothing speaks against."""
    approvals = [
        Approval(claim=s.claim, turn=s.claim.turn, step=_step(s), user_id=user_id, at=at)
        for s in signings
        if s.reason is None and s.claim is not None
    ]
    Approval.objects.bulk_create(approvals)
    return [
        RowOutcome(row, claim_id) if s.reason is None else steps.refused_claim(row, claim_id, s.reason)
        for row, (s, claim_id) in enumerate(zip(signings, claim_ids, strict=True))
    ]


def _step(signing: _Signing) -> str:
    assert signing.claim is not None
    return RELEASE if signing.claim.state == ClaimState.APPROVED else approve_step(len(signing.signed_by) + 1)


def _is_enough(claim: Claim, approvals: int) -> bool:
    """True where only the release is missing."""
    bands = programme_queries.rules_of(claim.rule_set_id).rules.approval_bands
    return approvals >= approvals_needed(bands, claim.amount_tiyn)


def _record(actor: Actor, action: Action, result: list[RowOutcome], *, at: datetime, territory_id: int) -> list[int]:
    """Record the claims that were touched; return their ids."""
    touched = [r.id for r in result if r.id is not None]
    audit.record(
        actor=actor, at=at, action=action, subject_kind="claim", subject_ids=touched, territory_id=territory_id
    )
    return touched

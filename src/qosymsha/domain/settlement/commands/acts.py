"""The act of services: drawn from a claim, signed by both sides, refused with a reason; who may sign is registered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.steps import SecretRow
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.commands.act_moves import move_acts, tell_acts
from qosymsha.domain.settlement.commands.outcomes import act_numbers, outcomes
from qosymsha.domain.settlement.models import ActSignature, Claim, ServiceAct, Signatory
from qosymsha.domain.settlement.ports import SignatureFault, Verified
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.queries.papers import ACT_SIGNATURE, SIGNATORY
from qosymsha.domain.settlement.rules.acts import (
    ActFacts,
    PaperRefusal,
    Party,
    SigningFacts,
    act_content,
    after_signing,
    is_in_days,
    refuse_signature,
)
from qosymsha.domain.settlement.states import ActState, ClaimState, Side
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import canonical_json
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome
from qosymsha.kernel.iin import NumberError, person

_SIGN_ACTION = {Side.PROVIDER: Action.SIGN_AS_PROVIDER, Side.CUSTOMER: Action.SIGN_AS_CUSTOMER}


@dataclass(frozen=True, slots=True)
class Signing:
    """A verified signature of one act: the door verified it before the transaction."""

    act_id: int
    word: Verified


@transaction.atomic(durable=True)
def register_signatory(  # noqa: PLR0913 - who, whom, by what right, when, once
    *, actor: Actor, user_id: int, iin: str, basis: str, at: datetime, key: UUID
) -> int:
    """Say whose electronic signature a user's is; told again, it is changed. `basis` is the paper that gives the right.

    Raises:
        Forbidden: the actor registers nobody.
        Refused: `not_a_number_of_a_person`.
    """
    require(actor, Action.REGISTER_SIGNATORY, ALLOWED)
    try:
        number = person(iin, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    except NumberError as fault:
        raise Refused(PaperRefusal.NOT_A_NUMBER_OF_A_PERSON, fault=fault.fault.value) from None
    lookup = people.iin_lookup(SIGNATORY, number)
    body = [user_id, lookup.hex(), basis]
    seen = idempotency.repeat(actor=actor, verb="register_signatory", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if people.by_lookup(SIGNATORY, [lookup]).get(lookup, user_id) != user_id:
        raise Refused(PaperRefusal.SIGNER_OTHER_PERSON)
    stored, _ = Signatory.objects.update_or_create(
        user_id=user_id, defaults={"basis": basis, "registered_by": actor.user_id, "at": at}
    )
    people_steps.seal(SIGNATORY, [SecretRow(user_id, b"{}", lookup)])
    audit.record(
        actor=actor, at=at, action=Action.REGISTER_SIGNATORY, subject_kind="user", subject_ids=[user_id],
        detail={"basis": basis},
    )  # fmt: skip
    idempotency.keep(actor=actor, verb="register_signatory", key=key, outcome=stored.pk)
    return int(stored.pk)


@transaction.atomic(durable=True)
def draw_acts(  # noqa: PLR0913 - who, where, which, for whom, when, once
    *, actor: Actor, programme_id: int, claim_ids: Sequence[int], customer: Party, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Draw the act of each drawn claim: numbered, its content frozen and hashed. An outcome per claim; `id` is the act.

    Raises:
        Forbidden: the actor may not draw for one of the providers.
        Refused: `unknown_programme`. Rows: `claim_not_for_act`, `act_exists`.
    """
    programme = queries.programme_of(programme_id)
    mine = of_department(actor, ALLOWED[Action.DRAW_ACTS], "claim", claim_ids)
    claims = {c.id: c for c in _drawn_claims(programme_id, mine)}
    for provider_id in sorted({c.provider_id for c in claims.values()}):
        require(actor, Action.DRAW_ACTS, ALLOWED, territory_id=programme.territory_id, provider_id=provider_id)
    require(actor, Action.DRAW_ACTS, ALLOWED, territory_id=programme.territory_id)
    body = [programme_id, list(claim_ids), customer.bin]
    seen = idempotency.repeat(actor=actor, verb="draw_acts", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    existing = queries.act_states(claim_ids)
    wanted = [c for c in dict.fromkeys(claim_ids) if c in claims and c not in existing]
    numbers = act_numbers(len(wanted))
    acts = [_act(programme, claims[c], customer, number, at) for c, number in zip(wanted, numbers, strict=True)]
    made = {act.claim_id: act for act in ServiceAct.objects.bulk_create(acts)}
    tell_acts(actor, [(act, "", "") for act in made.values()], at)
    result = [_drawn(row, claim_id, made, existing) for row, claim_id in enumerate(claim_ids)]
    _record(actor, Action.DRAW_ACTS, programme, [act.id for act in made.values()], at)
    outbox.tell(topic=Topic.ACT_DRAWN, subject_kind="service_act", subject_ids=[a.id for a in made.values()], at=at)
    idempotency.keep(actor=actor, verb="draw_acts", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _drawn_claims(programme_id: int, claim_ids: Sequence[int]) -> list[Claim]:
    claims = Claim.objects.filter(programme_id=programme_id, id__in=claim_ids, state=ClaimState.DRAWN).order_by("id")
    return list(claims.select_related("provider", "contract").select_for_update(of=("self",), no_key=True))


def _act(programme: Programme, claim: Claim, customer: Party, number: str, at: datetime) -> ServiceAct:
    facts = ActFacts(
        number=number,
        drawn_on=local_day(at),
        programme=(programme.name_kk, programme.name_ru),
        customer=customer,
        provider=Party(claim.provider.name, claim.provider.bin or ""),
        provider_number=claim.provider.number,
        contract=claim.contract.number,
        claim=claim.number,
        claim_hash=bytes(claim.hash).hex(),
        month=claim.month,
        amount_tiyn=claim.amount_tiyn,
        formula=claim.formula,
    )
    content = canonical_json(act_content(facts))
    return ServiceAct(
        number=number,
        territory_id=programme.territory_id,
        programme_id=programme.id,
        provider_id=claim.provider_id,
        claim_id=claim.id,
        customer_bin=customer.bin,
        amount_tiyn=claim.amount_tiyn,
        content=content,
        hash=hashlib.sha256(content).digest(),
        state=ActState.SIGNING,
        drawn_at=at,
    )


def _drawn(row: int, claim_id: int, made: dict[int, ServiceAct], existing: dict[int, str]) -> RowOutcome:
    if claim_id in made:
        return RowOutcome(row, made[claim_id].id, None, made[claim_id].number)
    reason = PaperRefusal.ACT_EXISTS if claim_id in existing else PaperRefusal.CLAIM_NOT_FOR_ACT
    return RowOutcome(row, None, reason, f"claim {claim_id}")


@transaction.atomic(durable=True)
def sign_acts(  # noqa: PLR0913 - who, where, for whom, what, when, once
    *, actor: Actor, programme_id: int, side: Side, signings: Sequence[Signing], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Store verified signatures of one side; with both, an act waits for its e-invoice or is done, as the rules ask.

    The certificate must be the actor's own (registered by `register_signatory`) and the side's organisation's.

    Raises:
        Forbidden: the actor may not sign for the side.
        Refused: `unknown_programme`. Rows: a SignatureFault or a PaperRefusal; good rows are not stopped by bad ones.
    """
    programme = queries.programme_of(programme_id)
    require(actor, _SIGN_ACTION[side], ALLOWED, territory_id=programme.territory_id)
    mine = of_department(actor, ALLOWED[_SIGN_ACTION[side]], "service_act", [s.act_id for s in signings])
    acts = {a.id: a for a in _locked(programme_id, mine)}
    if side is Side.PROVIDER:
        for provider_id in sorted({a.provider_id for a in acts.values()}):
            require(actor, _SIGN_ACTION[side], ALLOWED, territory_id=programme.territory_id, provider_id=provider_id)
    body = [programme_id, side.value, [[s.act_id, hashlib.sha256(s.word.signature).hexdigest()] for s in signings]]
    seen = idempotency.repeat(actor=actor, verb="sign_acts", key=key, body=body, at=at)
    if seen is not None:
        return outcomes(seen)
    result = _Judge(actor, side, acts, signings, at).outcomes()
    good = [s for s, outcome in zip(signings, result, strict=True) if outcome.reason is None]
    _store_signatures(actor, side, acts, good, at)
    _move_signed(actor, acts, [s.act_id for s in good], at)
    _record(actor, _SIGN_ACTION[side], programme, [s.act_id for s in good], at)
    outbox.tell(topic=Topic.ACT_SIGNED, subject_kind="service_act", subject_ids=[s.act_id for s in good], at=at)
    idempotency.keep(actor=actor, verb="sign_acts", key=key, outcome=idempotency.outcome_rows(result))
    return result


def _locked(programme_id: int, act_ids: Sequence[int]) -> list[ServiceAct]:
    acts = ServiceAct.objects.filter(programme_id=programme_id, id__in=act_ids).order_by("id")
    return list(acts.select_related("provider", "claim").select_for_update(of=("self",), no_key=True))


class _Judge:
    """What speaks against each signature of a batch; two statements more than the acts, whatever the batch's size."""

    def __init__(
        self, actor: Actor, side: Side, acts: dict[int, ServiceAct], signings: Sequence[Signing], at: datetime
    ) -> None:
        self._actor, self._side, self._acts, self._signings, self._at = actor, side, acts, signings, at
        self._signed = queries.signed_sides(list(acts))
        hashes = [hashlib.sha256(s.word.signature).digest() for s in signings]
        known = ActSignature.objects.filter(signature_hash__in=hashes).values_list("signature_hash", flat=True)
        self._known = {bytes(found) for found in known}
        self._is_registered = queries.is_signatory(actor.user_id)
        iins = {s.word.certificate.iin for s in signings}
        self._people = people.by_iin(SIGNATORY, sorted(iins))
        self._traders = people.by_iin("provider", sorted(iins))

    def outcomes(self) -> list[RowOutcome]:
        """One outcome per signature; an act named twice is signed once."""
        result: list[RowOutcome] = []
        for row, signing in enumerate(self._signings):
            reason = self._reason(signing)
            if reason is None:
                self._signed.setdefault(signing.act_id, {})[self._side.value] = self._actor.user_id
                self._known.add(hashlib.sha256(signing.word.signature).digest())
            detail = self._acts[signing.act_id].number if signing.act_id in self._acts else ""
            result.append(RowOutcome(row, None if reason else signing.act_id, reason, detail))
        return result

    def _reason(self, signing: Signing) -> StrEnum | None:
        act, word = self._acts.get(signing.act_id), signing.word
        if act is None:
            return PaperRefusal.UNKNOWN_ACT
        if not is_in_days(word, self._at):
            return SignatureFault.EXPIRED
        signed = self._signed.get(act.id, {})
        facts = SigningFacts(
            state=ActState(act.state),
            hash=bytes(act.hash),
            signed=[Side(side) for side in signed],
            signed_by=[user for side, user in signed.items() if side != self._side],
            organisation=act.customer_bin if self._side is Side.CUSTOMER else act.provider.bin or "",
            is_registered=self._is_registered,
            is_same_person=self._people.get(word.certificate.iin) == self._actor.user_id,
            is_own_trader=self._traders.get(word.certificate.iin) == act.provider_id,
            is_replay=hashlib.sha256(word.signature).digest() in self._known,
        )
        legal_only = not settings.SYNTHETIC_PEOPLE_ALLOWED
        return refuse_signature(facts, self._side, self._actor.user_id, word, legal_only=legal_only)


def _store_signatures(
    actor: Actor, side: Side, acts: dict[int, ServiceAct], good: Sequence[Signing], at: datetime
) -> None:
    stored = ActSignature.objects.bulk_create(
        ActSignature(
            service_act_id=s.act_id,
            side=side,
            user_id=actor.user_id,
            content_hash=bytes(acts[s.act_id].hash),
            signature_hash=hashlib.sha256(s.word.signature).digest(),
            certificate=s.word.certificate.serial,
            issuer=s.word.certificate.issuer,
            is_legal=s.word.is_legal,
            at=at,
        )
        for s in good
    )
    secrets = [SecretRow(row.id, s.word.signature) for row, s in zip(stored, good, strict=True)]
    people_steps.seal(ACT_SIGNATURE, secrets)


def _move_signed(actor: Actor, acts: dict[int, ServiceAct], act_ids: Sequence[int], at: datetime) -> None:
    """Acts with both signatures go on, by the rule set of their claim."""
    signed = queries.signed_sides(act_ids)
    moves: list[tuple[ServiceAct, ActState, str]] = []
    for act_id in act_ids:
        papers = programme_queries.rules_of(acts[act_id].claim.rule_set_id).rules.papers
        after = after_signing([Side(side) for side in signed[act_id]], papers)
        if after is not ActState.SIGNING:
            moves.append((acts[act_id], after, ""))
    move_acts(actor, moves, at)


@transaction.atomic(durable=True)
def refuse_act(  # noqa: PLR0913 - who, where, which, why, when, once
    *, actor: Actor, programme_id: int, act_id: int, reason: str, at: datetime, key: UUID
) -> None:
    """Refuse an act, by either side, before its claim is approved: another may be drawn after what is wrong was mended.

    Raises:
        Forbidden: the actor is of neither side.
        Refused: `unknown_programme`, `unknown_act`, `act_in_other_state`.
    """
    programme = queries.programme_of(programme_id)
    mine = of_department(actor, ALLOWED[Action.REFUSE_ACT], "service_act", [act_id])
    act = next(iter(_locked(programme_id, mine)), None)
    if act is None:
        raise Refused(PaperRefusal.UNKNOWN_ACT)
    require(actor, Action.REFUSE_ACT, ALLOWED, territory_id=programme.territory_id, provider_id=act.provider_id)
    body = [programme_id, act_id, reason]
    if idempotency.repeat(actor=actor, verb="refuse_act", key=key, body=body, at=at) is not None:
        return
    if act.state in (ActState.DONE, ActState.REFUSED):
        raise Refused(PaperRefusal.ACT_IN_OTHER_STATE)
    move_acts(actor, [(act, ActState.REFUSED, reason)], at)
    _record(actor, Action.REFUSE_ACT, programme, [act_id], at)
    outbox.tell(topic=Topic.ACT_REFUSED, subject_kind="service_act", subject_ids=[act_id], at=at)
    idempotency.keep(actor=actor, verb="refuse_act", key=key, outcome=act_id)


def _record(actor: Actor, action: Action, programme: Programme, act_ids: Sequence[int], at: datetime) -> None:
    audit.record(
        actor=actor, at=at, action=action, subject_kind="service_act", subject_ids=act_ids,
        territory_id=programme.territory_id,
    )  # fmt: skip

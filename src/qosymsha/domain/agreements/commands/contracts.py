"""Contracts of families with providers: drawn for each place, signed by both, reminded of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.agreements import queries, steps, texts
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import FamilyContract, FamilyContractSignature
from qosymsha.domain.agreements.queries.drawing import Undrawn
from qosymsha.domain.agreements.rules import LOOKAHEAD, AgreementRefusal
from qosymsha.domain.agreements.states import AgreementState, Side, Topic
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Calendar, Rules
from qosymsha.domain.providers import queries as providers
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import canonical_json
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused, RowOutcome
from qosymsha.kernel.numbers import human_number

FORMAT = "family contract 1"
AT_ONCE = 5_000
_KIND = "family_contract"


@transaction.atomic(durable=True)
def draw_contracts(*, actor: Actor, programme_id: int, at: datetime, key: UUID, provider_id: int | None = None) -> int:
    """Draw the contract of each live place that has none, at most `AT_ONCE` a call; how many were drawn.

    A constant number of statements. Where the voucher's rule set asks for no contract, none is drawn.

    Raises:
        Forbidden: the actor is neither a job nor the provider's manager.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.DRAW_CONTRACTS, ALLOWED, territory_id=territory_id, provider_id=provider_id)
    if provider_id is None:
        require(actor, Action.REMIND_TO_SIGN, ALLOWED)  # for every provider at once: a job
    locks.exclusive(f"agreements.draw:{programme_id}")  # the clock and a manager's button may come at once
    seen = idempotency.repeat(actor=actor, verb="draw_contracts", key=key, body=[programme_id, provider_id], at=at)
    if seen is not None:
        return int(seen)
    found = queries.undrawn(programme_id, provider_id, AT_ONCE)
    rules = {i: programmes.rules_of(i).rules for i in sorted({one.rule_set_id for one in found})}
    wanted = [one for one in found if rules[one.rule_set_id].agreements.contract.mode != "off"]
    made = FamilyContract.objects.bulk_create(_drafts(wanted, rules, territory_id, at))
    steps.told(actor, Action.DRAW_CONTRACTS, Topic.CONTRACT_DRAWN, _KIND, [c.pk for c in made], at, territory_id)
    idempotency.keep(actor=actor, verb="draw_contracts", key=key, outcome=len(made))
    return len(made)


def _drafts(
    found: Sequence[Undrawn], rules: Mapping[int, Rules], territory_id: int, at: datetime
) -> list[FamilyContract]:
    if not found:
        return []
    today = local_day(at)
    calendar = programmes.calendar(territory_id, today, today + LOOKAHEAD)
    hours = queries.hours_of({one.group_id for one in found}, today)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('family_contract_serial') FROM generate_series(1, %s)", [len(found)])
        numbers = [human_number("F", serial) for (serial,) in cursor.fetchall()]
    return [
        _draft(one, number, rules[one.rule_set_id], hours.get(one.group_id, []), calendar, at)
        for one, number in zip(found, numbers, strict=True)
    ]


def _draft(  # noqa: PLR0913 - the place, its number, the rules, the hours, the calendar, the instant
    one: Undrawn, number: str, rules: Rules, hours: list[list[Any]], calendar: Calendar, at: datetime
) -> FamilyContract:
    terms = rules.agreements.contract
    content = canonical_json(_content(one, number, rules, hours, local_day(at)))
    return FamilyContract(
        number=number,
        territory_id=one.territory_id,
        programme_id=one.programme_id,
        enrolment_id=one.enrolment_id,
        child_id=one.child_id,
        provider_id=one.provider_id,
        rule_set_id=one.rule_set_id,
        template=terms.template,
        template_hash=texts.template_hash(terms.template),
        content=content,
        hash=hashlib.sha256(content).digest(),
        charge_tiyn=one.charge_tiyn,
        state=AgreementState.OPEN,
        drawn_at=at,
        sign_by=calendar.add_working_days(local_day(at), terms.sign_working_days),
    )


def _content(one: Undrawn, number: str, rules: Rules, hours: list[list[Any]], today: date) -> dict[str, Any]:
    terms = rules.agreements
    return {
        "format": FORMAT,
        "number": number,
        "drawn_on": today.isoformat(),
        "template": terms.contract.template,
        "template_hash": texts.template_hash(terms.contract.template).hex(),
        "programme": {"kk": one.programme_kk, "ru": one.programme_ru},
        "voucher": one.voucher,
        "child": str(one.child_uuid),
        "provider": {"name": one.provider, "number": one.provider_number, "bin": one.bin},
        "group": {
            "code": one.code,
            "activity_kk": one.activity_kk,
            "activity_ru": one.activity_ru,
            "address_kk": one.address_kk,
            "address_ru": one.address_ru,
            "language": one.language,
            "hours": hours,
        },
        "starts_on": one.starts_on.isoformat(),
        "until": one.until.isoformat(),
        "unit_tariff_tiyn": one.unit_tariff_tiyn,
        "units_per_month": one.units_per_month,
        "charge_tiyn": one.charge_tiyn,
        "papers": [paper.code for paper in terms.papers_for(one.kind)],
        "refusal_days": terms.refusal.working_days,
        "warn_after": rules.absences.warn_after,
        "release_after": rules.absences.release_after,
    }


@transaction.atomic(durable=True)
def sign_as_family(  # noqa: PLR0913 - who, what, which text, by which proof, when, once
    *, actor: Actor, contract_id: int, content_hash: bytes, proof: Proof, at: datetime, key: UUID
) -> None:
    """A guardian's signature, after a proof of who they are, over the very content shown to them.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: place_ended; signed_before — a guardian has signed; other_content — another text than was shown.
    """
    require(actor, Action.SIGN_AS_FAMILY, ALLOWED)
    contract = _lock([contract_id]).get(contract_id)
    if contract is None or not steps.speaks_for(actor, contract.child_id, at):
        raise Forbidden(Action.SIGN_AS_FAMILY)
    body = [contract_id, content_hash.hex()]
    if idempotency.repeat(actor=actor, verb="sign_as_family", key=key, body=body, at=at) is not None:
        return
    reason = _refuse(contract, Side.FAMILY, content_hash)
    if reason is not None:
        raise Refused(reason)
    _sign(actor, Side.FAMILY, [contract], proof, at)
    idempotency.keep(actor=actor, verb="sign_as_family", key=key, outcome=True)


@transaction.atomic(durable=True)
def sign_as_provider(  # noqa: PLR0913 - who, for whom, what, by which proof, when, once
    *, actor: Actor, provider_id: int, contract_ids: Sequence[int], proof: Proof, at: datetime, key: UUID
) -> list[RowOutcome]:
    """A manager's signatures of contracts of this provider, after a proof of who they are; an outcome each.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    facts = providers.provider_facts([provider_id]).get(provider_id)
    territory_id = facts.territory_id if facts else None
    require(actor, Action.SIGN_AS_PROVIDER, ALLOWED, territory_id=territory_id, provider_id=provider_id)
    contracts = {i: c for i, c in _lock(contract_ids).items() if c.provider_id == provider_id}
    body = [provider_id, list(contract_ids)]
    seen = idempotency.repeat(actor=actor, verb="sign_as_provider", key=key, body=body, at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, AgreementRefusal)
    outcomes, good = [], {}
    for row, contract_id in enumerate(contract_ids):
        contract = contracts.get(contract_id)
        reason: StrEnum | None = AgreementRefusal.UNKNOWN_PLACE
        if contract is not None:
            repeated = contract_id in good
            reason = AgreementRefusal.SIGNED_BEFORE if repeated else _refuse(contract, Side.PROVIDER, None)
        if reason is None and contract is not None:
            good[contract_id] = contract
        outcomes.append(RowOutcome(row, None if reason else contract_id, reason, contract.number if contract else ""))
    _sign(actor, Side.PROVIDER, list(good.values()), proof, at)
    idempotency.keep(actor=actor, verb="sign_as_provider", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


def _lock(contract_ids: Sequence[int]) -> dict[int, FamilyContract]:
    locked = FamilyContract.objects.select_for_update(of=("self",), no_key=True).select_related("enrolment")
    return {
        c.pk: c
        for c in locked.filter(id__in=contract_ids).order_by("id").prefetch_related("familycontractsignature_set")
    }


def _refuse(contract: FamilyContract, side: Side, content_hash: bytes | None) -> AgreementRefusal | None:
    if contract.enrolment.state == "ended":
        return AgreementRefusal.PLACE_ENDED
    if any(one.side == side for one in contract.familycontractsignature_set.all()):
        return AgreementRefusal.SIGNED_BEFORE
    is_other = content_hash is not None and content_hash != bytes(contract.hash)
    return AgreementRefusal.OTHER_CONTENT if is_other else None


def _sign(actor: Actor, side: Side, contracts: Sequence[FamilyContract], proof: Proof, at: datetime) -> None:
    FamilyContractSignature.objects.bulk_create(
        FamilyContractSignature(
            contract=contract,
            side=side,
            user_id=actor.user_id,
            guardian_id=actor.guardian_id if side is Side.FAMILY else None,
            content_hash=bytes(contract.hash),
            proof_at=proof.at,
            proof_way=proof.way,
            at=at,
        )
        for contract in contracts
    )
    whole = [c.pk for c in contracts if any(one.side != side for one in c.familycontractsignature_set.all())]
    FamilyContract.objects.filter(id__in=whole).update(state=AgreementState.SIGNED)
    action = Action.SIGN_AS_FAMILY if side is Side.FAMILY else Action.SIGN_AS_PROVIDER
    territories = {c.territory_id for c in contracts}
    territory_id = territories.pop() if len(territories) == 1 else None
    ids = [c.pk for c in contracts]
    by = {"by": actor.guardian_id} if side is Side.FAMILY else {}
    steps.told(actor, action, Topic.CONTRACT_SIGNED, _KIND, ids, at, territory_id, side=side.value, **by)


@transaction.atomic(durable=True)
def remind_to_sign(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> int:
    """Tell once of contracts that a side has not signed on the last day for it; how many.

    Raises:
        Forbidden: the actor is no job.
    """
    require(actor, Action.REMIND_TO_SIGN, ALLOWED)
    seen = idempotency.repeat(actor=actor, verb="remind_to_sign", key=key, body=[programme_id], at=at)
    if seen is not None:
        return int(seen)
    due = FamilyContract.objects.filter(
        programme_id=programme_id, state=AgreementState.OPEN, reminded_at=None, sign_by__lte=local_day(at)
    ).exclude(enrolment__state="ended")
    ids = list(due.order_by("id").select_for_update(of=("self",), no_key=True).values_list("id", flat=True)[:AT_ONCE])
    FamilyContract.objects.filter(id__in=ids).update(reminded_at=at)
    steps.told(actor, Action.REMIND_TO_SIGN, Topic.CONTRACT_UNSIGNED, _KIND, ids, at)
    idempotency.keep(actor=actor, verb="remind_to_sign", key=key, outcome=len(ids))
    return len(ids)
